"""The bad worlds of one record each: what goes wrong, the bytes, and the code that the dead letter
must carry. Every record is keyed by, and is about, a group of its own."""

from dataclasses import dataclass

from events import create, done


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
_DONE = '{"type":"EventGroupCollectorEntityDone"'


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
    _bad("utf-16", "json", create("g", '["a"]').encode("utf-16")),
    # Only passed through, yet an outcome must be JSON: a parser that skips it sees none of these.
    _bad("bad word in payload", "json", _payload('{"a":tru}')),
    _bad("bad number in payload", "json", _payload('{"a":01}')),
    _bad("no comma in payload", "json", _payload('{"a":[1 2]}')),
    _bad("bad escape in payload", "json", _payload(r'"\x41"')),
    _bad("nan in payload", "json", _payload("NaN")),
    _bad("bad word in result", "json", done("g", "a", result="[nul]")),
    _bad("bad json of an unknown type", "json", '{"type":"SomebodyElses","x":tru}'),
]

WRONG_SHAPE = [
    _bad("tombstone", "tombstone", None),
    _bad("no type", "type", '{"id":"g","expected":["a"]}'),
    _bad("empty object", "type", "{}"),
    _bad("type is a number", "type", '{"type":1}'),
    _bad("type is null", "type", '{"type":null}'),
    _bad("create without id", "field", _CREATE + ',"expected":["a"]}'),
    _bad("create without expected", "field", _CREATE + ',"id":"g"}'),
    _bad("id is a number", "field", _CREATE + ',"id":1,"expected":["a"]}'),
    _bad("id is null", "field", _CREATE + ',"id":null,"expected":["a"]}'),
    _bad("expected is an object", "field", create("g", '{"a":1}')),
    _bad("expected is a string", "field", create("g", '"a"')),
    _bad("expected holds a number", "field", create("g", '["a",1]')),
    _bad("expected holds null", "field", create("g", '["a",null]')),
    _bad("ttl is a string", "field", create("g", '["a"]', ttl='"10"')),
    _bad("ttl is an array", "field", create("g", '["a"]', ttl="[10]")),
    _bad("done without id", "field", _DONE + ',"group":"g","result":1}'),
    _bad("done without group", "field", _DONE + ',"id":"a","result":1}'),
    _bad("group is a number", "field", _DONE + ',"id":"a","group":1}'),
    _bad("error is a number", "field", done("g", "a", error="1")),
    _bad("error is an object", "field", done("g", "a", error='{"text":"x"}')),
    _bad("id twice", "field", _CREATE + ',"id":"g","expected":["a"],"id":"h"}'),
    _bad("id twice by an escape", "field", _CREATE + r',"id":"g","expected":["a"],"\u0069d":"h"}'),
    _bad("payload twice", "field", create("g", '["a"]', payload="1")[:-1] + ',"payload":1}'),
    _bad("result twice", "field", done("g", "a", result="1")[:-1] + ',"result":2}'),
    _bad("expected id twice", "field", create("g", '["a","b","a"]')),
    _bad("expected id twice by an escape", "field", create("g", r'["a","b","\u0061"]')),
    _bad("ttl over the maximum", "ttl", create("g", '["a"]', ttl="604801")),
    _bad("ttl beyond numbers", "ttl", create("g", '["a"]', ttl="1e300")),
]


def _deep(depth: int) -> str:
    return "[" * depth + "]" * depth


BEYOND_LIMITS = [
    _bad("nesting of 10000", "limit", _payload(_deep(10_000))),
    _bad("nesting of 10000 objects", "limit", _payload('{"a":' * 10_000 + "1" + "}" * 10_000)),
    _bad("nesting of 70 in a result", "limit", done("g", "a", result=_deep(70))),
    _bad("ids over max-expected", "limit",
         create("g", "[" + ",".join(f'"{n}"' for n in range(10_001)) + "]")),
    _bad("a million ids", "limit",
         create("g", "[" + ",".join(f'"{n:07d}"' for n in range(1_000_000)) + "]")),
    _bad("ten megabytes of no json", "json", "[" + "1 " * 5_000_000 + "]"),
]

AGAINST_THE_STATE = [
    _bad("done of nobody expected", "unexpected", done("bad-done-of-nobody-expected", "x"),
         create("bad-done-of-nobody-expected", '["a"]', ttl="600")),
    _bad("error of nobody expected", "unexpected",
         done("bad-error-of-nobody-expected", "x", error='"no"'),
         create("bad-error-of-nobody-expected", '["a"]', ttl="600")),
    _bad("create with other ids", "conflict", create("bad-create-with-other-ids", '["a","b"]'),
         create("bad-create-with-other-ids", '["a"]', ttl="600")),
    _bad("create with another payload", "conflict",
         create("bad-create-with-another-payload", '["a"]', ttl="600", payload="2"),
         create("bad-create-with-another-payload", '["a"]', ttl="600", payload="1")),
    _bad("orphan", "orphan", done("bad-orphan", "a", result="[ 1 ]")),
]

ALL = NOT_JSON + WRONG_SHAPE + BEYOND_LIMITS + AGAINST_THE_STATE
