"""What the load sends, as a pure function of a seed: groups of three entities, most succeed, some
fail, some time out; with early, duplicate, late and unexpected Dones, and payloads with every
oddity that re-formatting would show."""

import random
from dataclasses import dataclass

ENTITIES = ("alpha", "order/7", "z\u00fcrich")
# Numbers that no double holds, escapes that have a shorter form, spaces, the same key twice.
_ODD = (
    r'"\u00e9\ud83d\ude00 \/ \t"', "\"\u00e9 \U0001f600\"", "123456789012345678901234567890",
    "-0.10e+05", "0.1000", "1E400", '{"k":1,"k":2}', "[ ]", "{ }", "[1 , 2,3 ]", "true", "null",
    '{ "b" : 1 ,\t"a" : [ null ]\n}', r'"\"\\\b\f\n\r"', '""', "18446744073709551616",
)
# kind -> share. prompt: all Dones follow the Create at once, under a ttl that ends in a downtime;
# such a group that times out all the same is a false timeout.
MIX = (("success", 0.80), ("error", 0.10), ("timeout", 0.05), ("prompt", 0.05))
PROMPT_TTL = "5"
LASTING_TTL = "3600"
TIMEOUT_TTLS = ("1", "1.5", "2", "3")


@dataclass(frozen=True)
class GroupPlan:
    """`soon` goes out right after the Create, `closing` when the group leaves the window of open
    ones, `late` when its deadline has passed for certain."""

    id: str
    kind: str
    ttl: float
    early: tuple
    create: str
    soon: tuple
    closing: tuple
    late: tuple

    @property
    def lasting(self) -> bool:
        return self.kind in ("success", "error")

    def records(self) -> tuple:
        return (*self.early, self.create, *self.soon, *self.closing, *self.late)


def plans(seed: int, groups: int, prefix: str = "g", timeout_ttls=TIMEOUT_TTLS):
    """The groups one after the other. The same arguments yield the same bytes."""
    dice = random.Random(seed)
    for number in range(groups):
        kind = dice.choices([name for name, _ in MIX], [share for _, share in MIX])[0]
        yield _plan(dice, f"{prefix}-{number:06d}", kind, timeout_ttls)


def _plan(dice: random.Random, group: str, kind: str, timeout_ttls) -> GroupPlan:
    ttl = {"timeout": dice.choice(timeout_ttls), "prompt": PROMPT_TTL}.get(kind, LASTING_TTL)
    order = dice.sample(ENTITIES, len(ENTITIES))
    fails = dice.randrange(3) if kind == "error" else None
    dones = [_done(dice, group, entity, number == fails) for number, entity in enumerate(order)]
    early, soon, closing, late = _spread(dice, kind, dones, fails)
    if soon and dice.random() < 0.10:
        soon.insert(dice.randint(1, len(soon)), _again(dice, group, order[len(early)]))
    if dice.random() < 0.01:
        soon.append(_done(dice, group, "nobody", dice.random() < 0.5))
    if closing and dice.random() < 0.05:
        closing.append(_again(dice, group, order[0]))
    create = _create(dice, group, ttl)
    if dice.random() < 0.01:
        soon.append(create)
    return GroupPlan(group, kind, float(ttl), tuple(early), create, tuple(soon), tuple(closing),
                     tuple(late))


def _spread(dice: random.Random, kind: str, dones: list, fails) -> tuple:
    """When each Done goes out: (early, soon, closing, late)."""
    early_count = dice.choice((1, 1, 2, 3)) if dice.random() < 0.08 else 0
    if kind == "timeout":
        early_count = min(early_count, 2)
        given = max(early_count, dice.randint(0, 2))
        late = dones[given:] if dice.random() < 0.5 else []
        return dones[:early_count], dones[early_count:given], [], late
    if kind == "prompt":
        return dones[:early_count], dones[early_count:], [], []
    # A group that would be closed by its early Dones or its first ones never lasts: some do that.
    given = max(early_count, dice.randint(0, 2 if fails is None else fails))
    return dones[:early_count], dones[early_count:given], dones[given:], []


def _create(dice: random.Random, group: str, ttl: str) -> str:
    expected = ",".join(f'"{entity}"' for entity in ENTITIES)
    fields = ['"type":"EventGroupCollectorCreate"', f'"id":"{group}"', f'"expected":[{expected}]',
              f'"ttl":{ttl}']
    if dice.random() < 0.95:
        fields.append(f'"payload":{_payload(dice)}')
    return _object(dice, fields)


def _done(dice: random.Random, group: str, entity: str, fails: bool) -> str:
    fields = ['"type":"EventGroupCollectorEntityDone"', f'"id":"{entity}"', f'"group":"{group}"']
    if fails:
        fields.append(r'"error":"%s \"broke\" \u00fc"' % entity)
    if not fails or dice.random() < 0.3:  # an error beats a result
        if dice.random() < 0.95:
            fields.append(f'"result":{dice.choice(_ODD)}')
    return _object(dice, fields)


def _again(dice: random.Random, group: str, entity: str) -> str:
    """A second word of an entity, other than the first: it must change nothing."""
    if dice.random() < 0.5:
        return _object(dice, ['"type":"EventGroupCollectorEntityDone"', f'"id":"{entity}"',
                              f'"group":"{group}"', '"error":"changed its mind"'])
    return _object(dice, ['"type":"EventGroupCollectorEntityDone"', f'"id":"{entity}"',
                          f'"group":"{group}"', f'"result":"again {dice.random()}"'])


def _object(dice: random.Random, fields: list) -> str:
    """Producers order and space their fields as they like."""
    if dice.random() < 0.2:
        dice.shuffle(fields)
    comma = " ,\n " if dice.random() < 0.1 else ","
    return "{" + comma.join(fields) + "}"


def _payload(dice: random.Random) -> str:
    """About 200 bytes of JSON."""
    text, number = "{", 0
    while len(text) < 180:
        text += f'{"," if number else ""}"f{number}":{" " * dice.randrange(3)}{dice.choice(_ODD)}'
        number += 1
    return text + "}"
