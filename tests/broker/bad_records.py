"""The bad worlds of one record each: what goes wrong, the bytes, and the code that the dead letter
must carry. Every record is keyed by, and is about, a group of its own."""

from dataclasses import dataclass

import bad_fields
from events import cancel, create, done, update


@dataclass(frozen=True)
class Bad:
    name: str
    code: str
    value: bytes | None
    # Good records that set the scene, sent before it under the same key.
    before: tuple = ()

    @property
    def key(self) -> str:
        return "bad-" + self.name.replace(" ", "-")


def _bad(name: str, code: str, value, *before: str) -> Bad:
    raw = value.encode() if isinstance(value, str) else value
    return Bad(name, code, raw, before)


_CREATE = '{"type":"EventGroupCollectorCreate"'
MESSAGE_BYTES_MAX = 11 << 20  # the largest event of the collector that reads them


def _payload(raw: str) -> str:
    return create("passed-through", '["a"]', payload=raw)


NOT_JSON = [
    _bad("empty", "json", b""),
    _bad("blank", "json", "  "),
    _bad("plain text", "json", "hello"),
    _bad("array", "json", '["type"]'),
    _bad("string", "json", '"EventGroupCollectorCreate"'),
    _bad("number", "json", "7"),
    _bad("null", "json", "null"),
    _bad("cut off", "json", create("g", '["a"]')[:-1]),
    _bad("two objects", "json", create("g", '["a"]') * 2),
    _bad("trailing comma", "json", _CREATE + ',"id":"g","expected":["a"],}'),
    _bad("single quotes", "json", "{'type':'EventGroupCollectorCreate'}"),
    _bad("control character", "json", _payload('"a\nb"')),
    _bad("invalid utf-8", "json", _payload('"@"').encode().replace(b"@", b"\xff\xfe")),
    _bad("overlong utf-8", "json", _payload('"@"').encode().replace(b"@", b"\xc0\xaf")),
    _bad("surrogate in utf-8", "json", _payload('"@"').encode().replace(b"@", b"\xed\xa0\x80")),
    _bad("utf-8 cut off", "json", _payload('"@"').encode().replace(b"@", b"\xf0\x9f\x98")),
    _bad("utf-16", "json", create("g", '["a"]').encode("utf-16")),
    _bad("byte order mark", "json", b"\xef\xbb\xbf" + create("g", '["a"]').encode()),
    _bad("nul behind the end", "json", create("g", '["a"]') + "\0"),
    _bad("comment", "json", _CREATE + ',"id":"g",/* all */"expected":["a"]}'),
    _bad("name without quotes", "json", _CREATE + ',id:"g","expected":["a"]}'),
    _bad("string without end", "json", _CREATE + ',"id":"g","expected":["a'),
    _bad("wrong bracket", "json", _CREATE + ',"id":"g","expected":["a"}'),
    # Only passed through, yet an outcome must be JSON: a parser that skips it sees none of these.
    _bad("bad word in payload", "json", _payload('{"a":tru}')),
    _bad("bad number in payload", "json", _payload('{"a":01}')),
    _bad("no comma in payload", "json", _payload('{"a":[1 2]}')),
    _bad("bad escape in payload", "json", _payload(r'"\x41"')),
    _bad("half an escape in payload", "json", _payload(r'"\u00e"')),
    _bad("nan in payload", "json", _payload("NaN")),
    _bad("infinity in payload", "json", _payload("[-Infinity]")),
    _bad("plus in payload", "json", _payload("+1")),
    _bad("hexadecimal in payload", "json", _payload("0x10")),
    _bad("dot without digits in payload", "json", _payload("1.")),
    _bad("bad word in result", "json", done("g", "a", result="[nul]")),
    _bad("bad json of an unknown type", "json", '{"type":"SomebodyElses","x":tru}'),
]

WRONG_SHAPE = [_bad("tombstone", "tombstone", None), *(_bad(*row) for row in bad_fields.ALL)]


def deep(depth: int) -> str:
    return "[" * depth + "]" * depth


BEYOND_LIMITS = [
    _bad("nesting of one too many", "limit", _payload(deep(64))),
    _bad("nesting of 10000", "limit", _payload(deep(10_000))),
    _bad("nesting of 10000 objects", "limit", _payload('{"a":' * 10_000 + "1" + "}" * 10_000)),
    _bad("nesting of 70 in a result", "limit", done("g", "a", result=deep(70))),
    _bad("nesting of 70 in a handler", "limit",
         create("g", '["a"]', handler='{"onsuccess":{"topic":"t","payload":' + deep(70) + "}}")),
    _bad("nesting of 70 in what is ignored", "limit", cancel("g", other=deep(70))),
    _bad("ids over max-expected", "limit",
         create("g", "[" + ",".join(f'"{n}"' for n in range(10_001)) + "]")),
    _bad("entities over max-expected", "limit",
         create("g", "[" + ",".join(f'{{"id":"{n}","ttl":1}}' for n in range(10_001)) + "]")),
    _bad("a million ids", "limit",
         create("g", "[" + ",".join(f'"{n:07d}"' for n in range(1_000_000)) + "]")),
    _bad("ten megabytes of no json", "json", "[" + "1 " * 5_000_000 + "]"),
    _bad("value over max-message-bytes", "limit", _payload('"' + "x" * MESSAGE_BYTES_MAX + '"')),
    # It stands three times in an outcome, and the topics of the test take 32 MiB.
    _bad("id too long for any outcome", "limit", create("i" * ((32 << 20) // 3), '["a"]')),
]


def _other(what: str, raw: str, **before: str) -> Bad:
    """A Create again that differs in this field only; its name is the first word."""
    name = f"create with another {what}"
    field = what.split()[0]
    group = "bad-" + name.replace(" ", "-")
    first = {"expected": '["a","b"]', "ttl": "600"} | before
    return _bad(name, "conflict", create(group, **(first | {field: raw})), create(group, **first))


AGAINST_THE_STATE = [
    _bad("done of nobody expected", "unexpected", done("bad-done-of-nobody-expected", "x"),
         create("bad-done-of-nobody-expected", '["a"]', ttl="600")),
    _bad("error of nobody expected", "unexpected",
         done("bad-error-of-nobody-expected", "x", error='"no"'),
         create("bad-error-of-nobody-expected", '["a"]', ttl="600")),
    _other("expected", '["a","b","c"]'),
    _other("expected order", '["b","a"]'),
    _other("expected ttl", '["a",{"id":"b","ttl":600}]'),
    _other("ttl", "601"),
    _other("ttl text", "600.0"),
    _other("payload", "2", payload="1"),
    _other("payload space", "[1, 2]", payload="[1,2]"),
    _other("policy", '"all-settled"'),
    _other("parent", '{"group":"nobody","id":"x"}'),
    _other("handler", '{"onsuccess":{"topic":"nowhere"}}'),
    _other("sender", '"you"', sender='"me"'),
    _other("description", '"again"'),
    _bad("update to more than max-expected", "limit",
         update("bad-update-to-more-than-max-expected",
                add="[" + ",".join(f'"{n}"' for n in range(10_000)) + "]"),
         create("bad-update-to-more-than-max-expected", '["a"]', ttl="600")),
    _bad("orphan", "orphan", done("bad-orphan", "a", result="[ 1 ]")),
    _bad("orphan update", "orphan", update("bad-orphan-update", add='[{"id":"a","ttl":1}]')),
    _bad("orphan cancel", "orphan", cancel("bad-orphan-cancel", reason='"too soon"')),
]

ALL = NOT_JSON + WRONG_SHAPE + BEYOND_LIMITS + AGAINST_THE_STATE
