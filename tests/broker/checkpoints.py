"""A partition's checkpoint as it lies in Redis: read, copied, and damaged. Its form is written down
here a second time, so that a head that says something else still has the right checksum."""

from dataclasses import dataclass, replace

_VERSION = "muster1"
_MASK = (1 << 64) - 1
_MULTIPLIER = 0xC6A4A7935BD1E995


@dataclass(frozen=True)
class Head:
    """`words` in their order, without the checksum."""

    version: str
    epoch: str
    words: tuple

    @staticmethod
    def of(text: bytes) -> "Head":
        version, epoch, *words = text.decode("ascii").split(" ")
        *words, check = words
        head = Head(version, epoch, tuple(tuple(word.split("=", 1)) for word in words))
        assert version == _VERSION and check.startswith("check="), f"not a head: {text!r}"
        assert head.text() == text, f"not its checksum: {text!r}, but {head.text()!r}"
        return head

    def text(self) -> bytes:
        words = [self.version, self.epoch, *(f"{name}={value}" for name, value in self.words)]
        text = " ".join(words).encode("ascii")
        return text + b" check=%016x" % hash64(text)

    def __getitem__(self, name: str) -> str:
        return dict(self.words)[name]

    def numbers(self, name: str) -> list[int]:
        return [int(number) for number in self[name].split(",") if number]

    @property
    def n(self) -> int:
        return int(self["n"])

    def but(self, **words) -> "Head":
        return replace(self, words=tuple((name, str(words.get(name, value)))
                                         for name, value in self.words))


class Checkpoint:
    """Of one partition. Nothing is remembered here: each call asks Redis."""

    def __init__(self, redis, group: str, topic: str, partition: int = 0):
        shard = f"muster:{{{group}/{topic}/{partition}}}:"
        self.redis = redis
        self.keys = [shard + name for name in ("head", "entries", "closed")]
        self.head_key, self.entries_key, self.closed_key = self.keys

    def head(self) -> Head | None:
        text = self.redis.command("GET", self.head_key)
        return Head.of(text) if text else None

    def whole(self) -> Head | None:
        """Its head, if it is finished and all that it names is there."""
        head = self.head()
        if head is None or head["finished"] != "1":
            return None
        entries = self.redis.command("HLEN", self.entries_key)
        numbers = {int(number) for number in self.redis.command("HKEYS", self.closed_key)}
        if self.head() != head:
            return None  # it was written meanwhile: another look
        complete = entries == int(head["entries"]) and numbers >= set(head.numbers("closed"))
        return head if complete else None

    def covers(self, offset: int) -> Head | None:
        """Its head, if it is whole and holds what this record of the input has changed."""
        head = self.whole()
        return head if head and head.numbers("next")[0] > offset else None

    def copy(self) -> list:
        return [self.redis.command("DUMP", key) for key in self.keys]

    def put(self, copy: list) -> None:
        """What was copied, from wherever, takes the place of what is here."""
        for key, value in zip(self.keys, copy):
            if value is None:
                self.redis.command("DEL", key)
            else:
                self.redis.command("RESTORE", key, 0, value, "REPLACE")

    def delete(self, *keys: str) -> None:
        assert self.redis.command("DEL", *keys) == len(keys), f"not all there: {keys}"

    def set_head(self, text: bytes) -> None:
        self.redis.command("SET", self.head_key, text)

    def fields(self, key: str) -> dict:
        flat = self.redis.command("HGETALL", key)
        return dict(zip(flat[::2], flat[1::2]))

    def set_field(self, key: str, field: bytes, value: bytes) -> None:
        self.redis.command("HSET", key, field, value)


def hash64(data: bytes, seed: int = 0) -> int:
    """MurmurHash64A."""
    h = (seed ^ len(data) * _MULTIPLIER) & _MASK
    whole = len(data) & ~7
    for at in range(0, whole, 8):
        word = int.from_bytes(data[at:at + 8], "little") * _MULTIPLIER & _MASK
        word = (word ^ word >> 47) * _MULTIPLIER & _MASK
        h = (h ^ word) * _MULTIPLIER & _MASK
    if whole != len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _MASK
    h = (h ^ h >> 47) * _MULTIPLIER & _MASK
    return h ^ h >> 47
