"""muster groups and muster partitions on real collectors."""

import json

import pytest
from cluster import free_port
from events import create
from operator_command import Muster
from partitioner import home
from waits import eventually

_TOKEN = "a-token-of-this-test"


@pytest.mark.parametrize("partitions", [2])
def test_groups_of_two_collectors_are_seen_and_steered_from_one_address(world):
    world.make()
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    for name, address in zip(("one", "two"), addresses, strict=True):
        world.collector("--admin", address, "--admin-token", _TOKEN, instance=name).start()
    muster = Muster.anywhere()
    first = ("--admin", addresses[0], "--admin-token", _TOKEN)

    def settled():
        there = muster.run("partitions", *first, "-o", "json", status=None)
        if there.returncode != 0:
            return False
        seats = json.loads(there.stdout)["partitions"]
        return (sorted(seat["partition"] for seat in seats) == [0, 1]
                and len({seat["instance"] for seat in seats}) == 2
                and all(seat["state"] == "live" for seat in seats))

    eventually(settled, "each has one partition")
    names = [next(f"g{n}" for n in range(100) if home(f"g{n}".encode(), 2) == p) for p in (0, 1)]
    sender = world.sender()
    for name in names:
        sender.put(create(name, '["a","b"]', ttl="600"), name)
    with world.tail() as tail:
        eventually(lambda: len(muster.json("groups list", *first)["groups"]) == 2, "both are open")
        for name in names:
            group = muster.json("groups get", *first, "--group", name)
            assert group["missing"] == ["a", "b"]
            muster.run("groups extend", *first, "--group", name, "--ttl", 3600)
            eventually(lambda g=name: muster.json("groups get", *first, "--group", g)["remaining"]
                       > 3000, f"{name} is extended")
            muster.run("groups cancel", *first, "--group", name, "--reason", "by hand")
        for outcome in tail.outcomes(*names):
            assert json.loads(outcome)["error"] == "by hand"
    assert muster.run("groups get", *first, "--group", "unknown", status=1)
