"""What looks wrong and is right: the other side of each line that bad_records.py draws. A collector
that is too strict loses groups."""

from bad_records import deep
from events import cancel, create, done, update

_MANY = "[" + ",".join(f'"{number}"' for number in range(10_000)) + "]"

# Of each group its Create; it succeeds, or times out after a second, as the checker knows.
CREATES = {
    "deep": create("deep", "[]", payload=deep(50)),
    "deepest": create("deepest", "[]", payload=deep(63)),
    "many": create("many", _MANY, ttl="1"),
    "longest": create("longest", "[]", ttl="604800"),
    "unknown-field": create("unknown-field", "[]", other="[1]", another="2"),
    "unknown-twice": create("unknown-twice", "[]", x="1")[:-1] + ',"x":2}',
    "fields-of-others": create("fields-of-others", "[]", result="1", add="2", reason="[]"),
    "names-in-capitals": create("names-in-capitals", "[]", TTL='"x"', Policy="7"),
    "escapes": create("escapes", "[]").replace('"expected"', r'"\u0065xpected"'),
    "escaped-type": create("escaped-type", "[]").replace("EventGroup", r"\u0045ventGroup"),
    "spaces": " \r\n\t" + create("spaces", "[]").replace(",", " ,\n") + "\n",
    "numbers": create("numbers", "[]", payload="[1e999,-0,123456789012345678901234567890]"),
    "no-character": create("no-character", "[]", payload=r'"\u0000"'),
    "half-a-character": create("half-a-character", "[]", payload=r'"\ud83d"'),
    "nulls": create("nulls", "[]", ttl="null", payload="null", handler="null", parent="null",
                    sender="null", description="null"),
    "far-below-zero": create("far-below-zero", "[]", ttl="-1e999"),
    "sender-half-a-character": create("sender-half-a-character", "[]", sender=r'"\ud83d"'),
}

# Of each group all its records, and how it ends.
GROUPS = {
    "policy-null": ("success", [create("policy-null", "[]", policy="null")]),
    "policy-by-escape": ("success", [create("policy-by-escape", "[]",
                                            policy=r'"fail\u002dfast"')]),
    "quorum-of-all": ("success", [create("quorum-of-all", '["a"]', policy='{ "quorum" : 1 }'),
                                  done("quorum-of-all", "a")]),
    "tolerate-none": ("success", [create("tolerate-none", "[]", policy='{"tolerate":0}')]),
    "tolerate-32-bits": ("success", [create("tolerate-32-bits", "[]",
                                            policy='{"tolerate":4294967295}')]),
    "handler-empty": ("success", [create("handler-empty", "[]", handler="{}")]),
    "handler-nulls": ("success", [create("handler-nulls", "[]",
                                         handler='{"onsuccess":null,"onfailure":null,"x":1,'
                                                 '"x":2}')]),
    "handler-of-the-other-end": ("success", [
        create("handler-of-the-other-end", "[]",
               handler='{"onfailure":{"topic":"\\u0000 no topic","payload":null,"x":[],"x":{}}}')]),
    "parent-and-more": ("success", [
        create("parent-and-more", "[]",
               parent='{"group":"policy-null","id":"x","more":1,"more":2}')]),
    "entity-ttl-null": ("success", [create("entity-ttl-null", '[{"id":"a","ttl":null}]'),
                                    done("entity-ttl-null", "a")]),
    "entity-ttl-zero": ("success", [create("entity-ttl-zero", '[{"id":"a","ttl":0},"b"]'),
                                    done("entity-ttl-zero", "a"), done("entity-ttl-zero", "b")]),
    "entity-and-more": ("success", [
        create("entity-and-more", '[{"more":1,"id":"a","more":2,"ttl":-1}]'),
        done("entity-and-more", "a", error="null", sender="null", id2="1")]),
    "done-of-text-null": ("success", [create("done-of-text-null", '["null"]'),
                                      done("done-of-text-null", "null", error='""')]),
    "update-with-nulls": ("success", [
        create("update-with-nulls", '["a"]'),
        update("update-with-nulls", add="null", remove='["a","never there"]', ttl="null")]),
    "update-empty-lists": ("success", [
        create("update-empty-lists", '["a"]'), update("update-empty-lists", add="[]", sender="1"),
        update("update-empty-lists", remove="[]"), done("update-empty-lists", "a")]),
    "update-both": ("success", [
        create("update-both", '["a"]'),
        update("update-both", add='["b",{"id":"a","ttl":1}]', remove='["b"]', ttl="0"),
        done("update-both", "a")]),
    "update-early": ("success", [update("update-early", remove='["a"]'),
                                 create("update-early", '["a"]')]),
    "cancel-without-reason": ("failure", [create("cancel-without-reason", '["a"]'),
                                          cancel("cancel-without-reason", reason="null")]),
    "cancel-with-all-else": ("failure", [
        create("cancel-with-all-else", '["a"]'),
        cancel("cancel-with-all-else", reason='""', sender="[]", expected="1", x="1")]),
}
