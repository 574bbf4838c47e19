"""Events that make the collector say everything that it can say: each kind of outcome, copies for
handlers, answers for a parent, dead letters of each code."""

from dataclasses import dataclass

from events import cancel, create, done, update

# Small, so that little is too large.
OUTPUT_BYTES_MAX = 20_000
EVENT_BYTES_MAX = 10_000
LETTER_BYTES_MAX = 9_000
HANDLER_BYTES_MAX = 400
OPTIONS = ("--max-message-bytes", EVENT_BYTES_MAX, "--early-ttl", "1", "--max-ttl", "60")

TRACE = [("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
         ("mine", b"1"), ("tracestate", b"shop=1")]


@dataclass(frozen=True)
class Group:
    """`end`: a Failure's code, or success. `traced`: the closing record has a trace context."""

    end: str
    records: list
    traced: bool = False


def _text(size: int) -> str:
    return '"' + "x" * size + '"'


# Two bytes each in an event and in an outcome, but one byte as a text.
_LINES = '"' + "\\n" * 4_500 + '"'


def _plain() -> dict[str, Group]:
    return {
        "plain": Group("success", [create("plain", '["a","b"]', payload="[ 1 ]"),
                                   done("plain", "b", result="1e999"), done("plain", "a")], True),
        "nobody": Group("success", [create("nobody", "[]")]),
        "settled": Group("error", [
            create("settled", '["a","b"]', policy='"all-settled"'),
            done("settled", "b", error='"no"'), done("settled", "a", result="[]")]),
        "quorum": Group("success", [create("quorum", '["a","b"]', policy='{"quorum":1}'),
                                    done("quorum", "b", result="{}")]),
        "tolerate": Group("success", [
            create("tolerate", '["a","b"]', policy='{"tolerate":1}', payload="{}"),
            done("tolerate", "a", error='"bad"'), done("tolerate", "b", result="1")], True),
        "error": Group("error", [create("error", '["a","b"]', payload='"p"'),
                                 done("error", "a", result="1", error=r'"\u0000 \" 😀"')], True),
        "entity-ttl": Group("error", [create("entity-ttl", '[{"id":"a","ttl":0.5},"b"]')]),
        "timeout": Group("timeout", [create("timeout", '["a","b"]', ttl="1.0"),
                                     done("timeout", "b")]),
        "cancelled": Group("cancelled", [create("cancelled", '["a"]'),
                                         cancel("cancelled", reason=r'"not \"needed\""')], True),
        "cancelled-in-silence": Group("cancelled", [create("cancelled-in-silence", '["a"]'),
                                                    cancel("cancelled-in-silence")]),
        "unreachable": Group("unreachable", [
            create("unreachable", '["a","b"]', policy='{"quorum":2}'),
            done("unreachable", "b", error='"no"')]),
        "unreachable-by-update": Group("unreachable", [
            create("unreachable-by-update", '["a","b"]', policy='{"quorum":2}'),
            update("unreachable-by-update", remove='["b"]')], True),
    }


def _large() -> dict[str, Group]:
    """By results; by payload and results; by payload and errors; by errors alone."""
    return {
        "large": Group("too-large", [create("large", '["a","b","c"]'), *(
            done("large", entity, result=_text(8_000)) for entity in "abc")], True),
        "large-with-payload": Group("too-large", [
            create("large-with-payload", '["a","b"]', payload=_text(9_000)), *(
                done("large-with-payload", entity, result=_text(6_000)) for entity in "ab")]),
        "large-without-payload": Group("too-large", [
            create("large-without-payload", '["a","b"]', policy='"all-settled"',
                   payload=_text(9_000)), *(
                done("large-without-payload", entity, error=_LINES) for entity in "ab")]),
        "large-without-lists": Group("too-large", [
            create("large-without-lists", '["a","b","c"]', policy='"all-settled"'), *(
                done("large-without-lists", entity, error=_LINES) for entity in "abc")]),
    }


def _told(told: str) -> dict[str, Group]:
    """Copies for a handler's topic."""
    def handler(end: str, payload: str = "null") -> str:
        return f'{{"{end}":{{"topic":"{told}","payload":{payload}}}}}'

    return {
        "told": Group("success", [
            create("told", '["a"]', payload="1", handler=handler("onsuccess", '{ "to": "you" }')),
            done("told", "a")], True),
        "told-of-a-quorum": Group("success", [
            create("told-of-a-quorum", '["a","b"]', policy='{"quorum":1}', payload="[1]",
                   handler=handler("onsuccess")), done("told-of-a-quorum", "a")]),
        "told-of-a-cancel": Group("cancelled", [
            create("told-of-a-cancel", '["a"]', handler=handler("onfailure", '"x"')),
            cancel("told-of-a-cancel")], True),
        "told-of-a-timeout": Group("timeout", [
            create("told-of-a-timeout", '["a"]', ttl="1", handler=handler("onfailure"))]),
        "told-that-it-is-large": Group("too-large", [
            create("told-that-it-is-large", '["a","b","c"]', handler=handler("onfailure", "7")), *(
                done("told-that-it-is-large", entity, result=_text(8_000)) for entity in "abc")]),
    }


def _lost(nowhere: str, small: str) -> dict[str, Group]:
    """Copies that no topic takes: by a record, and by the clock."""
    def both(end: str, topic: str) -> str:
        return f'{{"{end}":{{"topic":"{topic}","payload":{_text(HANDLER_BYTES_MAX)}}}}}'

    return {
        "told-nowhere": Group("success", [
            create("told-nowhere", "[]", handler=both("onsuccess", nowhere))], True),
        "told-nowhere-by-the-clock": Group("timeout", [
            create("told-nowhere-by-the-clock", '["a"]', ttl="1",
                   handler=both("onfailure", nowhere))]),
        "told-too-much": Group("success", [
            create("told-too-much", "[]", handler=both("onsuccess", small))], True),
        "told-too-much-by-the-clock": Group("timeout", [
            create("told-too-much-by-the-clock", '["a"]', ttl="1",
                   handler=both("onfailure", small))]),
    }


def _family() -> dict[str, Group]:
    """A parent that waits for five groups."""
    def child(name: str, expected: str, **fields: str) -> str:
        return create(name, expected, parent=f'{{"group":"parent","id":"{name}"}}', **fields)

    deep = "[" * 63 + "]" * 63
    children = {
        "child": Group("success", [child("child", '["a"]'), done("child", "a", result="[1 ]")],
                       True),
        "child-cancelled": Group("cancelled", [child("child-cancelled", '["a"]'),
                                               cancel("child-cancelled")], True),
        "child-late": Group("timeout", [child("child-late", '["a"]', ttl="1")]),
        "child-deep": Group("success", [child("child-deep", '["a"]'),
                                        done("child-deep", "a", result=deep)]),
        "child-large": Group("success", [child("child-large", '["a","b"]'), *(
            done("child-large", entity, result=_text(6_000)) for entity in "ab")]),
    }
    expected = "[" + ",".join(f'"{name}"' for name in children) + "]"
    return {"parent": Group("error", [create("parent", expected, policy='"all-settled"')]),
            **children}


def groups(told: str, nowhere: str, small: str) -> dict[str, Group]:
    """`told`, `small`: topics that are there; `small` takes HANDLER_BYTES_MAX only."""
    return {**_plain(), **_large(), **_told(told), **_lost(nowhere, small), **_family()}


# Bad records: (key, value, headers), and the code. The state that some need is made by `parent`,
# which is open long enough.
LETTERS = [
    ("parent", "{", TRACE, "json"),
    (None, "[]", [], "json"),
    ("parent", None, TRACE, "tombstone"),
    (None, "{}", [("none", None), ("twice", b"1"), ("twice", b"2")], "type"),
    ("parent", create("g", "null"), TRACE, "field"),
    ("parent", create("g", "[]", payload=_text(EVENT_BYTES_MAX)), [], "limit"),
    ("parent", create("g", "[]", ttl="61"), [], "ttl"),
    ("parent", create("parent", '["else"]'), [], "conflict"),
    ("parent", done("parent", "else"), TRACE, "unexpected"),
    ("orphan", done("orphan", "a"), TRACE, "orphan"),
    # It does not fit; without its value it does.
    ("parent", "x" * 30_000, TRACE, "json"),
    # Nor with its headers alone.
    ("k" * 6_000, "x" * 30_000, [("large", b"x" * 20_000)], "json"),
]
