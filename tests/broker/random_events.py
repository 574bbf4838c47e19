"""Events put together at random from good and bad parts: most are nearly right. Nothing in them is
beyond what a schema can say (no field twice, no half characters, a quorum that is there)."""

import json
import random

_ANY = ["null", "true", "0", "-1.5", "1e2", '""', '"x"', "[]", '["x"]', "{}", '{"id":"x"}']
_TTL = ["null", "0", "-7", "0.001", "5", "6e1", "604800"]
_IDS = ["[]", '["x"]', '["x","y"]', '["x",{"id":"y"}]', '[{"id":"x","ttl":null}]',
        '[{"id":"x","ttl":0.5,"more":[]},"y"]']
_NO_IDS = ['["x","x"]', '["x",""]', '["x",1]', "[null]", '[["x"]]', "[{}]", '[{"ttl":1}]',
           '[{"id":""}]', '[{"id":1}]', '[{"id":"x","ttl":"1"}]', '[{"id":"x","ttl":[]}]']
_TARGETS = ["null", "{}", '{"onsuccess":null}', '{"onsuccess":{"topic":"t"},"more":1}',
            '{"onfailure":{"topic":"t","payload":[]},"onsuccess":{"topic":"t","payload":null}}']
_NO_TARGETS = ['{"onsuccess":{}}', '{"onsuccess":"t"}', '{"onfailure":{"topic":null}}',
               '{"onfailure":{"topic":""}}', '{"onfailure":[]}', '{"onsuccess":{"payload":1}}']
_POLICIES = ["null", '"fail-fast"', '"all-settled"', '{"tolerate":0}', '{"tolerate":4294967295}']
_NO_POLICIES = ['"other"', "{}", '{"quorum":0}', '{"quorum":-1}', '{"quorum":1.5}',
                '{"quorum":"1"}', '{"quorum":null}', '{"quorum":1,"tolerate":1}',
                '{"tolerate":-1}', '{"tolerate":4294967296}', '{"tolerate":1,"more":1}',
                '{"tolerate":true}', '{"other":1}']
_PARENTS = ["null", '{"group":"p","id":"x"}', '{"id":"x","group":"p","more":{}}']
_NO_PARENTS = ["{}", '{"group":"p"}', '{"id":"x"}', '{"group":"","id":"x"}',
               '{"group":"p","id":""}', '{"group":1,"id":"x"}', '{"group":"p","id":null}']
_TEXTS = ["null", '""', '"x"']

# Of each field what is right, and what is wrong beside what is drawn from _ANY. `id` and `group`
# are made for the event.
_FIELDS = {
    "expected": (_IDS, _NO_IDS), "add": (["null", *_IDS], _NO_IDS),
    "remove": (["null", "[]", '["x"]', '["x","y"]'], [*_NO_IDS, '["x",{"id":"y"}]']),
    "ttl": (_TTL, ['"5"', "[5]"]), "payload": (_ANY, _ANY), "result": (_ANY, _ANY),
    "handler": (_TARGETS, _NO_TARGETS), "policy": (_POLICIES, _NO_POLICIES),
    "parent": (_PARENTS, _NO_PARENTS), "sender": (_TEXTS, ["1"]), "description": (_TEXTS, ["{}"]),
    "error": (_TEXTS, ["1"]), "reason": (_TEXTS, ["[]"]), "more": (_ANY, _ANY),
}
_EVENTS = {
    "EventGroupCollectorCreate": ["id", "expected", "ttl", "payload", "handler", "sender",
                                  "description", "policy", "parent", "more"],
    "EventGroupCollectorEntityDone": ["id", "group", "result", "error", "sender", "more"],
    "EventGroupCollectorUpdate": ["id", "add", "remove", "ttl", "sender", "more"],
    "EventGroupCollectorCancel": ["id", "reason", "sender", "more"],
}
_REQUIRED = {"id", "group", "expected"}


def random_events(seed: int, count: int) -> list[str]:
    dice = random.Random(seed)
    return [_event(dice, f"random-{number}") for number in range(count)]


def _event(dice: random.Random, group: str) -> str:
    """About a group of its own. One field in ten is drawn from what is wrong."""
    kind = dice.choice(list(_EVENTS))
    members = [("type", json.dumps(kind))]
    for field in _EVENTS[kind]:
        if dice.random() < (0.97 if field in _REQUIRED else 0.4):
            members.append((field, _value(dice, field, json.dumps(group))))
    dice.shuffle(members)
    return "{" + ",".join(f'"{name}":{raw}' for name, raw in members) + "}"


def _value(dice: random.Random, field: str, group: str) -> str:
    right, wrong = _FIELDS.get(field, ([group], ['""', "null", "1", "[]"]))
    if dice.random() < 0.9:
        return dice.choice(right)
    return dice.choice([*wrong, *_ANY])
