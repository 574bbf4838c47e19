"""The events of PROTOCOL 1 as text, for tests that write them by hand. Values are raw JSON."""


def create(group: str, expected: str, **fields: str) -> str:
    return _object("EventGroupCollectorCreate", id=f'"{group}"', expected=expected, **fields)


def done(group: str, entity: str, **fields: str) -> str:
    return _object("EventGroupCollectorEntityDone", id=f'"{entity}"', group=f'"{group}"', **fields)


def update(group: str, **fields: str) -> str:
    return _object("EventGroupCollectorUpdate", id=f'"{group}"', **fields)


def cancel(group: str, **fields: str) -> str:
    return _object("EventGroupCollectorCancel", id=f'"{group}"', **fields)


def _object(kind: str, **fields: str) -> str:
    return "{" + ",".join([f'"type":"{kind}"', *(f'"{name}":{raw}'
                                                 for name, raw in fields.items())]) + "}"
