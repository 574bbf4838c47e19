"""What went into a topic and what came out of it, as plain values; and their form in a file."""

import json
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sent:
    """A record that the broker acknowledged. `acked` is the wall clock when we heard of it: the
    record was in the log by then, which bounds the moment of its append from above."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    acked: int
    key: bytes | None
    value: bytes | None
    headers: tuple = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A record as a consumer read it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple = ()

    def header(self, name: str) -> str | None:
        """The last value of a header as text; None where there is none."""
        found = [value for key, value in self.headers if key == name]
        return (found[-1] or b"").decode("utf-8", "replace") if found else None


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def rfc3339(ms: int) -> str:
    """UTC with milliseconds, as PROTOCOL 1 writes times: 2020-07-17T23:38:21.000Z."""
    seconds, millis = divmod(ms, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{millis:03d}Z"


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("latin-1")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("latin-1")


def write_sent(out, sent: Sent) -> None:
    """One line of JSON; bytes as latin-1, which keeps every byte as it is. Headers stay out: no
    outcome depends on them."""
    out.write(json.dumps([sent.topic, sent.partition, sent.offset, sent.timestamp, sent.acked,
                          _text(sent.key), _text(sent.value)]) + "\n")


def read_sent(path) -> list[Sent]:
    with open(path, encoding="ascii") as lines:
        rows = [json.loads(line) for line in lines]
    return [Sent(*row[:5], _bytes(row[5]), _bytes(row[6])) for row in rows]
