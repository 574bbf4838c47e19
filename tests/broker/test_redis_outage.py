"""Redis is hurt in one way after the other while the collector runs, and the collector is killed
and started again meanwhile. Outcomes go on all the time, each of them right, and once Redis is well
again a whole checkpoint is there. No time is asserted: groups begin and end while it is hurt.

One collector for all of it, which reaches Redis through a proxy.
"""

from dataclasses import dataclass, field

import pytest
from conftest import make_world
from events import create, done
from redis_server import RedisServer
from scene import Scene, covered, judge, renewed
from tcp_proxy import TcpProxy

_GROUPS = 100  # that begin and end while Redis is hurt
_USED = "from a checkpoint and"
_GONE = "going on without it"
_REFUSED = "takes no checkpoints: "


@dataclass
class Stage:
    world: object
    redis: RedisServer
    proxy: TcpProxy
    collector: object
    sender: object
    tail: object
    scenes: list = field(default_factory=list)

    def groups_pass(self, name: str) -> None:
        """They begin and end in one go, and that is waited for."""
        names = [f"{name}.{number}" for number in range(_GROUPS)]
        for group in names:
            self.sender.send(create(group, '["a"]'), group)
            self.sender.send(done(group, "a", result="1"), group)
        self.sender.flush()
        self.tail.outcomes(*names)

    def kill_and_start(self) -> list[str]:
        """What it has said until it was ready."""
        self.collector.kill()
        self.collector.start().ready()
        return self.collector.lines()

    def heal(self) -> None:
        self.proxy.heal()
        self.redis.resume()
        if self.redis.process is None:
            self.redis.start()
        self.redis.command("REPLICAOF", "NO", "ONE")
        self.redis.config("maxmemory", 0)


@pytest.fixture(scope="module")
def stage(brokers, tmp_path_factory):
    folder = tmp_path_factory.mktemp("outage")
    world = make_world(brokers, folder, 1).make()
    with (RedisServer(folder / "redis") as redis, TcpProxy(f"127.0.0.1:{redis.port}") as proxy,
          world.tail() as tail):
        try:
            collector = world.with_redis(f"redis://{proxy.address}").start().ready()
            yield Stage(world, redis, proxy, collector, world.sender(), tail)
        finally:
            world.close()


# name -> (what is done, what the running collector says of it, whether a recovery has a checkpoint)
_HURTS = {
    "dead": (lambda stage: stage.redis.kill(), _GONE, False),
    "stopped": (lambda stage: stage.redis.pause(), _GONE, False),
    "cut off": (lambda stage: stage.proxy.cut(), _GONE, False),
    "silent": (lambda stage: stage.proxy.blackhole(), _GONE, False),
    "read-only": (lambda stage: stage.redis.command("REPLICAOF", "127.0.0.1", "1"),
                  _REFUSED + "READONLY", True),
    "out of memory": (lambda stage: stage.redis.config("maxmemory", 1), _REFUSED + "OOM", True),
    "200 ms away": (lambda stage: stage.proxy.delay(0.1), None, True),  # 100 ms each way
}


@pytest.mark.parametrize("name", _HURTS)
def test_outcomes_go_on_while_redis_is_hurt_and_checkpoints_when_it_is_well(stage, name):
    hurt, said, readable = _HURTS[name]
    stage.heal()
    scene = Scene(stage.sender, name.replace(" ", "-"))
    stage.scenes.append(scene)
    checkpoint = stage.world.checkpoint(stage.redis)
    scene.begin()
    before = covered(checkpoint, scene)
    hurt(stage)
    stage.groups_pass(f"{name}-while-it-runs")
    scene.go_on()
    if said:
        stage.collector.says(said)
    lines = stage.kill_and_start()
    assert any(_USED in line for line in lines) == readable, lines
    void = [line for line in lines if "recovering from Kafka alone" in line]
    assert len(void) == (not readable), void
    scene.end()
    stage.groups_pass(f"{name}-after-a-restart")
    if said:
        stage.collector.says(said)
    stage.heal()
    scene.answered(stage.tail)
    renewed(checkpoint, scene, before)
    covered(checkpoint, scene)


def test_after_all_that_the_checkpoint_is_used_and_every_group_has_one_outcome(stage):
    lines = stage.kill_and_start()
    assert any(_USED in line for line in lines), lines
    assert not any("no checkpoint" in line for line in lines), lines
    for scene in stage.scenes:
        scene.again()
        scene.answered(stage.tail)
    assert stage.collector.stop() == 0, stage.collector.why("exit status")
    judge(stage.world, stage.sender.sent)
