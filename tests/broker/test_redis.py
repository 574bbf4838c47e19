"""Redis beside a running collector: it is absent at first, flushed, restored from a backup, left
with half a checkpoint, written by a zombie, asked for as little as possible. What it holds while
the collector is dead is damaged in test_redis_damage.py; in test_redis_outage.py it is out of
reach, or refuses."""

import asyncio
import re
import signal
from collections import Counter

from events import create, done
from redis_server import RedisServer
from scene import Scene, covered, judge
from tcp_proxy import ANSWERS, REQUESTS, TcpProxy
from waits import eventually

_USED = "from a checkpoint and"
_ANEW = "is not the one that was written last: writing all anew"


def _open(sender, *groups: str) -> None:
    for group in groups:
        sender.put(create(group, '["a","b"]', ttl="3600"), group)
        sender.put(done(group, "a", result="1"), group)


def _end(sender, tail, *groups: str) -> None:
    for group in groups:
        sender.put(done(group, "b", result="2"), group)
    tail.outcomes(*groups)


def _restart(collector) -> list[str]:
    """What it says until it is ready."""
    collector.kill()
    collector.start().ready()
    return collector.lines()


def test_without_redis_at_the_start_the_collector_works_and_writes_all_when_it_comes(world, redis):
    world.make()
    redis.kill()
    collector = world.with_redis(redis.url).start().ready()
    sender = world.sender()
    scene = Scene(sender, "dead-at-start")
    with world.tail() as tail:
        scene.begin()
        _open(sender, "other")
        _end(sender, tail, "other")
        collector.says("going on without it")
        redis.start()
        covered(world.checkpoint(redis), scene)
        assert len([line for line in collector.lines() if "going on without it" in line]) == 1
        lines = _restart(collector)
        assert any(_USED in line for line in lines), lines
        scene.end()
        scene.answered(tail)
    judge(world, sender.sent)


def test_a_flush_while_running_is_seen_and_all_is_written_anew(world, redis):
    world.make()
    collector = world.with_redis(redis.url).start().ready()
    sender = world.sender()
    scene = Scene(sender, "flushed")
    checkpoint = world.checkpoint(redis)
    with world.tail() as tail:
        scene.begin()
        covered(checkpoint, scene)
        redis.flush()
        scene.go_on()
        covered(checkpoint, scene)
        collector.says(_ANEW)
        lines = _restart(collector)
        assert any(_USED in line for line in lines), lines
        scene.end()
        scene.answered(tail)
        scene.again()
        scene.answered(tail)
    judge(world, sender.sent)


def test_a_backup_is_written_over_and_one_that_is_too_old_is_not_believed(world, redis):
    """The first while the collector runs, the second while it is dead: since the backup the open
    group was written into the journal again, and closed ones were forgotten."""
    world.make()
    ttls = ("--carry-after", "0.1", "--early-ttl", "1", "--closed-ttl", "1")
    collector = world.with_redis(redis.url, *ttls).start().ready()
    sender = world.sender()
    scene = Scene(sender, "nobody")
    checkpoint = world.checkpoint(redis)
    with world.tail() as tail:
        _open(sender, "first", "closed")
        _end(sender, tail, "closed")
        old = covered(checkpoint, scene)
        backup = redis.dump(world.folder / "backup.rdb")
        _open(sender, "second")
        later = covered(checkpoint, scene)
        redis.restore(backup)
        _open(sender, "third")
        covered(checkpoint, scene)
        collector.says(_ANEW)
        _wait_until_needed_only_behind(checkpoint, scene, later)
        collector.kill()
        redis.restore(backup)
        assert checkpoint.whole() == old
        collector.start().ready()
        assert [line for line in collector.lines() if "no checkpoint (it is older than what "
                "recovery needs): recovering from Kafka alone" in line], collector.tail()
        _end(sender, tail, "first", "second", "third")
        covered(checkpoint, scene)
        lines = _restart(collector)
        assert any(_USED in line for line in lines), lines
    judge(world, sender.sent, early_ttl=1)


def _wait_until_needed_only_behind(checkpoint, scene, before) -> None:
    """Until recovery needs only batches that are later than that checkpoint."""
    def look():
        scene.nudge()
        head = checkpoint.whole()
        return head and head.numbers("needed")[0] > before.numbers("journal")[0]
    eventually(look, lambda: f"the journal behind {before} is enough: {checkpoint.head()}")


class LateWrites(TcpProxy):
    """Holds back the ends of transactions, if asked to: release() lets so many of them pass. Keeps
    what Redis has answered since."""

    def __init__(self, target: str):
        super().__init__(target)
        self.holds = False
        self.held = 0
        self.answers = b""
        self._permits = asyncio.Semaphore(0)

    async def may_pass(self, link, way, piece) -> bool:
        if way == ANSWERS:
            self.answers += piece
        elif self.holds and b"EXEC" in piece:
            self.held += 1
            await self._permits.acquire()
        return True

    def release(self, count: int = 1) -> None:
        self.answers = b""
        self.call(lambda: [self._permits.release() for _ in range(count)])


def test_a_zombie_does_not_spoil_its_successors_checkpoint(world, redis):
    """It stands still in the midst of a write for longer than its session; what it has sent by then
    arrives when its successor has written, and then it wakes up."""
    world.make()
    sender = world.sender()
    scene = Scene(sender, "zombie")
    checkpoint = world.checkpoint(redis)
    with LateWrites(f"127.0.0.1:{redis.port}") as proxy, world.tail() as tail:
        zombie = world.with_redis(f"redis://{proxy.address}", instance="").start().ready()
        scene.begin()
        covered(checkpoint, scene)
        proxy.holds = True
        scene.go_on()
        eventually(lambda: proxy.held, "the zombie is writing")
        zombie.process.send_signal(signal.SIGSTOP)
        heir = world.with_redis(redis.url, instance="").start()
        heir.says("partition 0: recovered")
        scene.end()
        head = covered(checkpoint, scene)
        proxy.release()
        eventually(lambda: b"*-1\r\n" in proxy.answers, "Redis has refused the zombie's EXEC")
        said = len(zombie.lines())
        zombie.process.send_signal(signal.SIGCONT)
        eventually(lambda: len(zombie.lines()) > said, "the zombie knows that it is one")
        scene.answered(tail)
        seen = covered(checkpoint, scene)
        assert seen.epoch == head.epoch and seen.n >= head.n, (head, seen)
        for one in (zombie, heir):
            assert one.stop() == 0, one.why("exit status")
        heir.start().says(_USED)
        scene.again()
        scene.answered(tail)
    judge(world, sender.sent)


def test_a_kill_between_the_parts_of_a_checkpoint_leaves_one_that_is_not_believed(world, redis):
    world.make()
    sender = world.sender()
    scene = Scene(sender, "nobody")
    checkpoint = world.checkpoint(redis)
    groups = [f"large-{number}" for number in range(1_500)]  # of 2 KiB: a part holds 1 MiB
    with LateWrites(f"127.0.0.1:{redis.port}") as proxy, world.tail() as tail:
        collector = world.collector().start().ready()
        for group in groups:
            sender.send(create(group, '["a"]', ttl="3600", payload=f'"{"p" * 2_000}"'), group)
        scene.passes(tail)
        collector.kill()
        proxy.holds = True
        proxy.release()
        collector = world.with_redis(f"redis://{proxy.address}").start()
        eventually(lambda: proxy.held == 2, "the second part of its checkpoint")
        head = checkpoint.head()
        assert (head["finished"], head["part"]) == ("0", "0"), head
        collector.kill()
        proxy.holds = False
        collector.start().ready()
        collector.says("no checkpoint (it is unfinished, or of other input logs): recovering from")
        head = covered(checkpoint, scene)
        assert int(head["entries"]) == len(groups) and int(head["part"]) > 1, head
        lines = _restart(collector)
        assert any(_USED in line for line in lines), lines
        for group in groups:
            sender.send(done(group, "a"), group)
        sender.flush()
        tail.outcomes(*groups)
    judge(world, sender.sent)


def test_groups_that_live_shorter_than_the_interval_cost_no_commands_of_their_own(world, redis):
    world.make()
    interval, groups = 0.5, 5_000
    collector = world.collector("--redis", redis.url, "--checkpoint-interval", interval)
    collector.start().ready()
    sender = world.sender()
    scene = Scene(sender, "nobody")
    checkpoint = world.checkpoint(redis)
    with world.tail() as tail:
        sender.put(create("first", "[]"), "first")
        tail.outcomes("first")
        covered(checkpoint, scene)
        before, began = _calls(redis), redis.command("TIME")
        names = [f"short-{number}" for number in range(groups)]
        for number, name in enumerate(names):
            sender.send(create(name, '["a"]'), name)
            sender.send(done(name, "a"), name)
            if number % 25 == 0:  # many batches, not a few large ones
                sender.flush()
        sender.flush()
        tail.outcomes(*names)
        assert collector.stop() == 0, collector.why("exit status")  # and writes what is left
        calls, ended = _calls(redis) - before, redis.command("TIME")
        covered(checkpoint, scene)
    intervals = (int(ended[0]) - int(began[0]) + 1) / interval
    written = calls["exec"]
    assert 0 < written <= intervals + 2, (calls, intervals)
    # WATCH, GET, HLEN twice, MULTI, SET, EXEC; then HDEL and HSET of either hash, 500 fields each.
    assert calls.total() <= 12 * written + 4 * groups / 500 < groups / 10, (calls, intervals)


def _calls(redis: RedisServer) -> Counter:
    """How often each command was given, without ours."""
    stats = redis.command("INFO", "commandstats").decode()
    calls = {name: int(count) for name, count in re.findall(r"cmdstat_(\S+?):calls=(\d+)", stats)}
    return Counter({name: count for name, count in calls.items()
                    if name not in ("info", "time", "ping")})


def test_the_password_is_in_no_log(world, redis):
    """Neither when it is right nor when it is not any more, as it is and as the URL has it."""
    world.make()
    redis.command("ACL", "SETUSER", "muster", "on", ">hunter/2", "~*", "+@all")
    url = world.folder / "url"
    url.write_text(f"redis://muster:hunter%2F2@127.0.0.1:{redis.port}/1\n")
    collector = world.collector("--checkpoint-interval", "0.05", "--log-level", "debug",
                                environment={"COLLECTOR_REDIS_FILE": str(url)}).start().ready()
    sender = world.sender()
    with world.tail() as tail:
        _open(sender, "one", "two")
        key = world.checkpoint(redis).head_key
        eventually(lambda: redis.command("GET", key, db=1), "a checkpoint in that database")
        redis.command("ACL", "SETUSER", "muster", "resetpass", ">changed")
        redis.command("CLIENT", "KILL", "USER", "muster")
        _end(sender, tail, "one")
        collector.says("wrong user or password")
        collector.kill()
        collector.start().ready()
        collector.says("recovering from Kafka alone")
        _end(sender, tail, "two")
    assert collector.stop() == 0, collector.why("exit status")
    log = collector.tail(1_000_000)
    assert "is connected" in log and "hunter" not in log, log
    judge(world, sender.sent)
