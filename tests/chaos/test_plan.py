"""The plan of a chaos run: the same for the same seed, of every kind of fault, and dense enough."""

from collections import Counter

import pytest
from faults import DEEDS
from plan import INSTANCES, KILL, REDIS, SESSION_SECONDS, STILL, class_of, make_plan


def test_a_seed_makes_a_plan_and_another_seed_another():
    assert make_plan(7, 5) == make_plan(7, 5)
    assert make_plan(7, 5) != make_plan(8, 5)


def test_without_redis_all_else_happens_as_it_does_with_it():
    assert make_plan(7, 5, redis=False) == [fault for fault in make_plan(7, 5)
                                            if REDIS not in fault.target]


def test_faults_of_one_target_do_not_meet_and_those_of_several_do():
    plan = make_plan(7, 20)
    ends, met = {}, 0
    for fault in plan:
        assert fault.at >= ends.get(fault.target, 0), str(fault)
        met += any(end > fault.at for target, end in ends.items() if target != fault.target)
        ends[fault.target] = fault.at + fault.seconds
    assert met > len(plan) / 4


@pytest.mark.parametrize("seed", range(5))
def test_five_minutes_see_every_kind_of_fault_and_an_instance_that_misses_its_session(seed):
    plan = make_plan(seed, 5)
    assert {fault.kind for fault in plan} == set(DEEDS)
    assert any(fault.kind == STILL and fault.target in INSTANCES
               and fault.seconds > SESSION_SECONDS for fault in plan)


@pytest.mark.parametrize("per_minute", [6, 12, 60, 120])
def test_there_are_about_as_many_kills_as_were_asked_for(per_minute):
    minutes = 60
    counts = Counter((class_of(fault.target), fault.kind)
                     for fault in make_plan(3, minutes, per_minute))
    assert 0.8 < counts["instance", KILL] / (minutes * per_minute) < 1.2
