"""What a chaos run takes place on: a broker, Redis where the collector knows it, instances of the
collector, and between each instance and each server a way of its own that can be hurt."""

import os
import re
import signal
import subprocess
import threading
from pathlib import Path

from cluster import Broker, Collector, Topics, run_once
from confluent_kafka.admin import AdminClient
from plan import BROKER, FOURTH, INSTANCES, REDIS, way
from redis_server import RedisServer
from tcp_proxy import TcpProxy

TOPIC, GROUP = "chaos", "chaos-group"
PARTITIONS = 6
# So that a run of minutes sees what else takes hours: entries carried on, closed groups forgotten.
EARLY_TTL_SECONDS = 30
_OPTIONS = ("--carry-after", 30, "--closed-ttl", 120, "--early-ttl", EARLY_TTL_SECONDS)
# As a supervisor does it.
_STOP_SECONDS_MAX = 30


def knows_redis() -> bool:
    return "--redis" in run_once(["--help"]).stdout


class ChaosBroker(Broker):
    """Reached directly, and by as many ways as there are instances: a listener for each, which
    tells its clients to come back by the same proxy."""

    def __init__(self, state: Path, names):
        self._state = state
        self._script = Path(__file__).resolve().parents[2] / "scripts" / "kafka"
        direct, controller, *behind = (self._run("port").strip() for _ in range(2 + len(names)))
        self.ways = {name: TcpProxy(f"127.0.0.1:{port}").start()
                     for name, port in zip(names, behind)}
        listeners = {"PLAINTEXT": direct} | {f"WAY{at}": port for at, port in enumerate(behind)}
        told = {"PLAINTEXT": f"127.0.0.1:{direct}"} | {
            f"WAY{at}": proxy.address for at, proxy in enumerate(self.ways.values())}
        self._properties = (
            "listeners=" + ",".join(f"{name}://127.0.0.1:{port}" for name, port in
                                    (listeners | {"CONTROLLER": controller}).items()),
            "advertised.listeners=" + ",".join(f"{name}://{to}" for name, to in told.items()),
            "listener.security.protocol.map=" + ",".join(f"{name}:PLAINTEXT" for name in
                                                         (*listeners, "CONTROLLER")),
            f"controller.quorum.voters=1@127.0.0.1:{controller}")
        self._port = direct
        self.address = self._run("up", direct, *self._properties).split()[-1]

    def start(self) -> None:
        self.up(*self._properties)

    def stand_still(self) -> None:
        os.kill(self._pid(), signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._pid(), signal.SIGCONT)

    def down(self) -> None:
        """Its data is kept."""
        self._run("down", self._port)

    def _pid(self) -> int:
        return int((self._state / self._port / "pid").read_text())


class ChaosRedis(RedisServer):
    """Without persistence of its own: what it has after a kill is what a fault lets it have."""

    def stand_still(self) -> None:
        self.pause()

    def go_on(self) -> None:
        self.resume()

    def kill_and_forget(self) -> None:
        self.kill()
        self._dump.unlink(missing_ok=True)

    def kill_and_keep(self) -> None:
        self.command("SAVE")
        self.kill()

    def remember(self) -> None:
        self.dump(self._old_dump)

    def set_back(self) -> None:
        self.restore(self._old_dump)

    def fill(self, policy: str) -> None:
        """From now on there is less room than it has taken."""
        info = self.command("INFO", "memory").decode()
        used = int(re.search(r"used_memory:(\d+)", info)[1])
        self.config("maxmemory-policy", policy)
        self.config("maxmemory", used * 9 // 10)

    def make_room(self) -> None:
        self.config("maxmemory", 0)

    @property
    def _dump(self) -> Path:
        return self.folder / "dump.rdb"

    @property
    def _old_dump(self) -> Path:
        return self.folder / "old.rdb"


class Member:
    """An instance under a supervisor: when it ends by itself, that is noted, and it is started
    again. Its faults are one thread's; `look` may come from another."""

    def __init__(self, name: str, folder: Path, arguments: list):
        self.name = name
        self.deaths: list[str] = []  # what it said when it ended by itself
        self.slow_stops = 0
        self.kills_at_work = 0
        own = folder / f"instance-{name}"
        own.mkdir()
        self._collector = Collector(own, arguments)
        self._log = own / "collector.log"
        self._lock = threading.Lock()
        self._is_wanted = False

    def start(self) -> None:
        with self._lock:
            self._collector.start()
            self._is_wanted = True

    def kill(self) -> None:
        with self._lock:
            self._revive()
            self._is_wanted = False
            self.kills_at_work += self.at_work()
            self._collector.end()

    def stop(self) -> None:
        """SIGTERM, as a supervisor does it: who takes too long is killed."""
        with self._lock:
            self._revive()
            self._is_wanted = False
            process = self._collector.process
            process.terminate()
            try:
                # It may be too young to know the signal.
                if process.wait(_STOP_SECONDS_MAX) != 0 and self._collector.lines():
                    self._note_death("was told to stop")
            except subprocess.TimeoutExpired:
                self.slow_stops += 1
                self._collector.end()

    def stand_still(self) -> None:
        with self._lock:
            self._revive()
            self._collector.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._collector.process.send_signal(signal.SIGCONT)

    def ready(self) -> None:
        self._collector.ready()

    def at_work(self) -> bool:
        """As it said last."""
        states = [line for line in self._collector.lines()
                  if " ready: consuming " in line or " waiting: " in line]
        return bool(states) and " ready: consuming " in states[-1]

    def look(self) -> None:
        """Not while a fault has it in hand."""
        if self._lock.acquire(blocking=False):
            self._revive()
            self._lock.release()

    def end(self) -> None:
        with self._lock:
            self._is_wanted = False
            self._collector.end()

    def recoveries(self) -> list[str]:
        """What it said of each partition that it has recovered, over all its lives."""
        with open(self._log, encoding="utf-8", errors="replace") as lines:
            return [line for line in lines if "recovered " in line]

    def _revive(self) -> None:
        if self._is_wanted and not self._collector.running():
            self._note_death("should go on")
            self._collector.start()

    def _note_death(self, though: str) -> None:
        self.deaths.append(self._collector.why(f"{self.name} ended by itself though it {though}"))


class Stage:
    """`targets`: whatever a fault of a plan names. `members`: who is there from the beginning."""

    def __init__(self, folder: Path, with_redis: bool, with_stranger: bool):
        everybody = (*INSTANCES, FOURTH)
        self.broker = ChaosBroker(folder, everybody)
        self.redis = ChaosRedis(folder / "redis").start() if with_redis else None
        self._redis_ways = {name: TcpProxy(f"127.0.0.1:{self.redis.port}").start()
                            for name in everybody if with_redis}
        Topics(self.broker.address).create(TOPIC, PARTITIONS)
        self._admin = AdminClient({"bootstrap.servers": self.broker.address})
        self.members = [self._member(folder, name, "--instance", name) for name in INSTANCES]
        if with_stranger:
            self.members.append(self._stranger(folder))
        # Without a name it leaves at once, and is missed at once.
        self._fourth = self._member(folder, FOURTH)
        self.targets = {BROKER: self.broker, REDIS: self.redis,
                        **{member.name: member for member in self._everybody},
                        **{way(name, BROKER): proxy for name, proxy in self.broker.ways.items()},
                        **{way(name, REDIS): proxy for name, proxy in self._redis_ways.items()}}

    @property
    def _everybody(self) -> list[Member]:
        return [*self.members, self._fourth]

    def _member(self, folder: Path, name: str, *more) -> Member:
        arguments = ["--brokerlist", self.broker.ways[name].address, "--event-topic", TOPIC,
                     "--consumer-group", GROUP, *_OPTIONS, *more]
        if self.redis:
            arguments += ["--redis", f"redis://{self._redis_ways[name].address}"]
        return Member(name, folder, arguments)

    def _stranger(self, folder: Path) -> Member:
        return Member("stranger", folder, ["--brokerlist", self.broker.address, "--event-topic",
                                           TOPIC, "--consumer-group", "strangers"])

    def start(self) -> None:
        for member in self.members:
            member.start()
        for member in self.members:
            member.ready()

    def look(self) -> None:
        for member in self._everybody:
            member.look()

    def idle(self) -> set[str]:
        """Who has nothing to do: after a while of calm everybody has partitions."""
        asked = self._admin.describe_consumer_groups([GROUP])[GROUP]
        return set(INSTANCES) - {member.group_instance_id for member in asked.result(60).members
                                 if member.assignment.topic_partitions}

    def stop(self) -> None:
        """In order."""
        for member in self.members:
            member.stop()

    def recoveries(self) -> tuple[int, int]:
        """Of partitions: with a checkpoint, from Kafka alone."""
        said = [line for member in self._everybody for line in member.recoveries()]
        with_checkpoint = sum("a checkpoint and" in line for line in said)
        return with_checkpoint, len(said) - with_checkpoint

    def deaths(self) -> list[str]:
        return [death for member in self._everybody for death in member.deaths]

    def kills_at_work(self) -> int:
        return sum(member.kills_at_work for member in self._everybody)

    def slow_stops(self) -> int:
        return sum(member.slow_stops for member in self._everybody)

    def end(self) -> None:
        """Whatever its state; what lies in the folder is kept."""
        for member in self._everybody:
            member.end()
        for proxy in (*self.broker.ways.values(), *self._redis_ways.values()):
            proxy.stop()
        if self.redis:
            self.redis.kill()
        self.broker.down()
