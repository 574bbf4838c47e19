"""The machine-readable reference, doc/schemas and doc/asyncapi.yaml, as tests ask it: what a record
has to look like on its channel. AsyncAPI's own rules are in asyncapi_rules.py."""

import json
from functools import cache
from pathlib import Path

import raw_json
import yaml
from cluster import REPO
from jsonschema import Draft7Validator, Draft202012Validator
from records import Record

DOC = REPO / "doc"
SCHEMAS = DOC / "schemas"
INPUT = {"EventGroupCollectorCreate": "create", "EventGroupCollectorEntityDone": "entity-done",
         "EventGroupCollectorUpdate": "update", "EventGroupCollectorCancel": "cancel"}
OUTPUT = ("success", "failure", "parent-entity-done", "outcome-headers")


def _no_constant(name: str):
    raise ValueError(f"{name} is not JSON")


def parse(value: bytes):
    """The JSON value that these bytes are; ValueError where they are none."""
    return json.loads(value.decode("utf-8"), parse_constant=_no_constant)


class Schema:
    """A schema as its readers take it: by JSON Schema 2020-12, which it says it is, and by draft 7,
    which AsyncAPI 3.0 takes it for. One that the two read differently is an error."""

    def __init__(self, document):
        self.document = document
        self._validators = [Draft202012Validator(document), Draft7Validator(document)]

    def refusal(self, value) -> str | None:
        """Why `value` does not fit; None where it does."""
        first = [next(validator.iter_errors(value), None) for validator in self._validators]
        assert (first[0] is None) == (first[1] is None), f"2020-12 and draft 7 differ: {first}"
        return first[0] and f"{first[0].json_path}: {first[0].message[:300]}"

    def order(self, names) -> list[str]:
        """These fields in the order in which the schema lists them."""
        return [name for name in self.document["properties"] if name in names]


@cache
def schema(name: str) -> Schema:
    return Schema(json.loads((SCHEMAS / f"{name}.json").read_text("utf-8")))


def schema_names() -> list[str]:
    return sorted(path.stem for path in SCHEMAS.iterdir())


def input_refusal(value: bytes) -> str | None:
    """What a producer that checks its events by the schemas hears of this one."""
    event = parse(value)
    kind = event.get("type") if isinstance(event, dict) else None
    if not isinstance(kind, str) or kind not in INPUT:
        return "it is none of the four events"
    return schema(INPUT[kind]).refusal(event)


class AsyncApi:
    """The document with what it refers to."""

    def __init__(self, path: Path = DOC / "asyncapi.yaml"):
        self._path = path
        self.document = yaml.safe_load(path.read_text("utf-8"))

    def resolve(self, node):
        """What a {"$ref"} points at, and anything else as it is. KeyError: at nothing."""
        while isinstance(node, dict) and "$ref" in node:
            file, _, pointer = node["$ref"].partition("#")
            node = self.document
            if file:
                node = json.loads((self._path.parent / file).read_text("utf-8"))
            for step in filter(None, pointer.split("/")):
                node = node[step]
        return node

    def address(self, channel: str, **parameters: str) -> str:
        """The topic, with the parameters (camelCase) filled in."""
        return self.document["channels"][channel]["address"].format(**parameters)

    def sent(self, operation: str, record: Record) -> str | None:
        """Why the record is not what this operation sends; None where it is."""
        found = [message for message in self._messages(operation)
                 if message["name"] in ("DeadLetter", _type_of(record))]
        if len(found) != 1:
            return f"{len(found)} messages fit {record.value[:100]!r}"
        message = found[0]
        return (self._wrong_headers(message, record) or self._wrong_key(message, record)
                or self._wrong_payload(message, record))

    def _messages(self, operation: str) -> list[dict]:
        spec = self.document["operations"][operation]
        return [self._with_traits(self.resolve(message)) for message in spec["messages"]]

    def _with_traits(self, message: dict) -> dict:
        merged = {}
        for part in [*map(self.resolve, message.get("traits", [])), message]:
            merged |= part
        return merged

    def _wrong_headers(self, message: dict, record: Record) -> str | None:
        wanted = Schema(self.resolve(message["headers"]))
        names = [name for name, _ in record.headers]
        if wanted.document["additionalProperties"] is False and len(set(names)) < len(names):
            return f"a header twice: {names}"
        given = {name: record.header(name) for name in names}
        content_type = message.get("contentType", self.document["defaultContentType"])
        if given.get("content-type") != content_type and "type" in self.resolve(message["payload"]):
            return f"content-type {given.get('content-type')} instead of {content_type}"
        return wanted.refusal(given)

    def _wrong_key(self, message: dict, record: Record) -> str | None:
        key = message["bindings"]["kafka"]["key"]
        if record.key is None:
            return "no key" if "minLength" in key else None
        return Schema(key).refusal(record.key.decode("utf-8"))

    def _wrong_payload(self, message: dict, record: Record) -> str | None:
        wanted = Schema(self.resolve(message["payload"]))
        if "type" not in wanted.document:
            return None  # any bytes
        # Compact, or ValueError.
        names = [name for name, _ in raw_json.members(record.value.decode("utf-8"), spaces=False)]
        if names != wanted.order(names):
            return f"fields {names} instead of {wanted.order(names)}"
        return wanted.refusal(parse(record.value))


def _type_of(record: Record) -> str | None:
    try:
        value = parse(record.value or b"")
    except ValueError:
        return None
    return value.get("type") if isinstance(value, dict) else None
