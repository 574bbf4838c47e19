"""What befalls whom, when, and for how long: a pure function of a seed, known before anything
starts. Each target has a stream of its own: faults of one never meet, and those of several do."""

import random
from dataclasses import dataclass

INSTANCES = ("one", "two", "three")
FOURTH = "four"  # joins and leaves; the others are there from the beginning to the end
SESSION_SECONDS = 6

KILL, STILL, STOP = "kill -9", "stands still", "SIGTERM and back"
JOIN_STOP, JOIN_KILL = "joins, leaves by SIGTERM", "joins, is killed"
CUT, RESET, PAUSE, DELAY = "cut", "all connections reset", "nothing passes", "slow"
BLACKHOLE, DEAF, MUTE = "blackhole", "answers vanish", "requests vanish"
KILL_EMPTY, KILL_KEPT = "kill -9, back empty", "kill -9, back with its data"
FLUSH, OLD = "FLUSHALL", "an older dump restored"
FULL, EVICTS = "over maxmemory, writes refused", "over maxmemory, keys evicted"

BROKER, REDIS = "broker", "redis"
_CALM_AT_FIRST_SECONDS = 5.0
USUAL_KILLS_PER_MINUTE = 12.0
_PAUSE_SECONDS_MIN = 0.2
# So many of an instance's faults may fall into its recovery from the last one.
_INTO_RECOVERY_SHARE = 0.25


@dataclass(frozen=True)
class Fault:
    at: float  # seconds after the load began, if the faults of the target last as planned
    pause: float  # from the end of the target's last one, which holds in any case
    target: str
    kind: str
    seconds: float
    # The pause begins when the target has recovered from its last fault, else when that ended.
    spares_recovery: bool = False

    def __str__(self) -> str:
        spared = ", recovered" if self.spares_recovery else ""
        return f"{self.at:8.1f} s  {self.target:<16} {self.kind}, {self.seconds:.1f} s{spared}"


@dataclass(frozen=True)
class Card:
    """A kind of fault, so many of them in a deck, and how long one lasts: (share, from, to)."""

    kind: str
    count: int
    lasts: tuple[tuple[float, float, float], ...]

    def seconds(self, dice: random.Random) -> float:
        _, low, high = dice.choices(self.lasts, [share for share, _, _ in self.lasts])[0]
        return dice.uniform(low, high)

    def mean(self) -> float:
        total = sum(share for share, _, _ in self.lasts)
        return sum(share * (low + high) / 2 for share, low, high in self.lasts) / total


# Short for a session, and longer than one: others have the partitions when it is over.
_SHORT_OR_LONG = ((0.7, 0.2, 3), (0.3, SESSION_SECONDS + 1, SESSION_SECONDS + 6))
_WAY = (Card(CUT, 2, _SHORT_OR_LONG), Card(RESET, 2, ((1, 0, 0),)),
        Card(PAUSE, 1, _SHORT_OR_LONG), Card(DELAY, 1, ((1, 2, 10),)),
        Card(BLACKHOLE, 2, _SHORT_OR_LONG), Card(DEAF, 1, _SHORT_OR_LONG),
        Card(MUTE, 1, _SHORT_OR_LONG))
_BROKER = (Card(KILL, 1, ((0.6, 0, 0), (0.4, 0.5, 4))), Card(STILL, 1, ((1, 0.5, 8),)))
_FOURTH = (Card(JOIN_STOP, 1, ((1, 3, 25),)), Card(JOIN_KILL, 1, ((1, 3, 25),)))
_REDIS = (Card(KILL_EMPTY, 1, ((0.6, 0, 0), (0.4, 0.5, 5))),
          Card(KILL_KEPT, 1, ((0.6, 0, 0), (0.4, 0.5, 5))), Card(FLUSH, 1, ((1, 0, 0),)),
          Card(STILL, 1, ((1, 0.5, 12),)), Card(FULL, 1, ((1, 2, 10),)),
          Card(EVICTS, 1, ((1, 2, 10),)), Card(OLD, 1, ((1, 3, 20),)))


def _instance_cards(kills_per_minute: float) -> tuple[Card, ...]:
    """The more kills, the shorter what lies between a kill and the restart."""
    scale = min(1.0, USUAL_KILLS_PER_MINUTE / kills_per_minute)
    downtimes = ((0.5, 0, 0), (0.35, 0, 3 * scale), (0.15, 3 * scale, 20 * scale))
    return (Card(KILL, max(1, round(kills_per_minute / 2)), downtimes),
            Card(STILL, 2, _SHORT_OR_LONG), Card(STOP, 2, ((0.5, 0, 0), (0.5, 0, 5))))


def way(instance: str, to: str) -> str:
    return f"{instance} to {to}"


def make_plan(seed: int, minutes: float, kills_per_minute: float = USUAL_KILLS_PER_MINUTE,
              redis: bool = True) -> list[Fault]:
    cards = _instance_cards(kills_per_minute)
    per_instance = kills_per_minute / len(INSTANCES)
    kills_share = cards[0].count / sum(card.count for card in cards)
    # (target, cards, seconds from one fault's begin to the next one's, on average)
    streams = [(name, cards, 60 * kills_share / per_instance) for name in INSTANCES]
    streams += [(way(name, BROKER), _WAY, 25) for name in INSTANCES]
    streams += [(FOURTH, _FOURTH, 35), (BROKER, _BROKER, 35)]
    if redis:
        streams += [(REDIS, _REDIS, 15), *((way(name, REDIS), _WAY, 40) for name in INSTANCES)]
    plan = [fault for target, deck, cycle in streams
            for fault in _stream(random.Random(f"{seed} {target}"), target, deck, cycle,
                                 minutes * 60)]
    return sorted(plan, key=lambda fault: (fault.at, fault.target))


def _stream(dice: random.Random, target: str, cards, cycle: float, until: float):
    """Cards are dealt, not drawn: after each deck every kind has had its share."""
    mean = sum(card.count * card.mean() for card in cards) / sum(card.count for card in cards)
    deck: list[Card] = []
    at = 0.0
    while True:
        pause = _PAUSE_SECONDS_MIN + dice.expovariate(1 / max(0.1, cycle - mean))
        pause += 0 if at else _CALM_AT_FIRST_SECONDS
        at += pause
        if not deck:
            deck = [card for card in cards for _ in range(card.count)]
            dice.shuffle(deck)
        card = deck.pop()
        seconds = card.seconds(dice)
        if at > until:
            return
        yield Fault(at, pause, target, card.kind, seconds,
                    target in INSTANCES and dice.random() > _INTO_RECOVERY_SHARE)
        at += seconds


def is_kill(fault: Fault) -> bool:
    return fault.kind in (KILL, KILL_EMPTY, KILL_KEPT, OLD, JOIN_KILL)


def class_of(target: str) -> str:
    """What targets of a kind have in common, for totals."""
    if target in INSTANCES:
        return "instance"
    if target == FOURTH:
        return "a fourth instance"
    if target.endswith((BROKER, REDIS)):
        return target if target in (BROKER, REDIS) else "way " + target.partition(" ")[2]
    return target
