"""The reference itself, without a broker: schemas, AsyncAPI document and doc/collector.md are
valid, say the same, and say what the program says."""

import copy
import json
import re

import pytest
from asyncapi_rules import violations
from cluster import REPO, run_once
from jsonschema import Draft202012Validator
from reference import DOC, INPUT, OUTPUT, AsyncApi, schema, schema_names

# Keywords that JSON Schema 2020-12 and draft 7 read in the same way ($defs is only pointed at).
_KEYWORDS = {"$schema", "$id", "$ref", "$defs", "$comment", "title", "description", "examples",
             "type", "const", "enum", "required", "properties", "propertyNames",
             "additionalProperties", "minProperties", "maxProperties", "items", "minItems",
             "maxItems", "uniqueItems", "minLength", "pattern", "format", "minimum", "maximum",
             "anyOf", "oneOf", "allOf", "if", "then"}
_REFERENCE = (DOC / "collector.md").read_text("utf-8")


def _subschemas(node, path="#"):
    """All schemas in a schema. What lies in `examples` and `enum` is none."""
    if not isinstance(node, dict):
        return
    yield path, node
    for keyword, value in node.items():
        if keyword in ("properties", "$defs"):
            for name, child in value.items():
                yield from _subschemas(child, f"{path}/{keyword}/{name}")
        elif keyword in ("anyOf", "oneOf", "allOf"):
            for number, child in enumerate(value):
                yield from _subschemas(child, f"{path}/{keyword}/{number}")
        elif keyword in ("items", "additionalProperties", "propertyNames", "if", "then", "not"):
            yield from _subschemas(value, f"{path}/{keyword}")


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_valid_and_stands_alone(name):
    document = schema(name).document
    Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"] == f"urn:muster:collector:{name}"
    assert document["title"] and document["description"]
    for path, node in _subschemas(document):
        assert set(node) <= _KEYWORDS, f"{path}: {set(node) - _KEYWORDS}"
        if "$ref" in node:
            assert len(node) == 1 and node["$ref"].startswith("#/$defs/"), path
    fields = {**document["properties"], **document.get("$defs", {})}
    silent = [field for field, node in fields.items()
              if not {"description", "const", "$ref"} & set(node)]
    assert not silent, "a field without a word on it"


@pytest.mark.parametrize("name", schema_names())
def test_its_examples_are_valid(name):
    examples = schema(name).document["examples"]
    assert examples
    for example in examples:
        assert schema(name).refusal(example) is None
        assert list(example) == schema(name).order(example) or name not in OUTPUT


@pytest.mark.parametrize("name", schema_names())
def test_what_is_required_is_required(name):
    document = schema(name).document
    for field in document["required"]:
        example = {key: value for key, value in document["examples"][0].items() if key != field}
        assert schema(name).refusal(example) is not None, field


@pytest.mark.parametrize("name", schema_names())
def test_unknown_fields_may_come_in_but_do_not_go_out(name):
    refusal = schema(name).refusal({**schema(name).document["examples"][0], "else": 1})
    assert (refusal is not None) == (name in OUTPUT), refusal


def test_the_asyncapi_document_keeps_the_rules():
    assert violations(AsyncApi()) == []


def _planted(change) -> list[str]:
    api = AsyncApi()
    api.document = copy.deepcopy(api.document)
    change(api.document)
    return violations(api)


_PLANTED = {
    "nothing is at": lambda d: d["channels"]["events"]["messages"]["create"].update(
        {"$ref": "#/components/messages/creates"}),
    "nothing is at schemas/no.json": lambda d: d["components"]["messages"]["create"].update(
        {"payload": {"$ref": "schemas/no.json"}}),
    "fields beside a $ref": lambda d: d["operations"]["sendOutcome"]["channel"].update(title="x"),
    "components/messages/more: nobody": lambda d: d["components"]["messages"].update(
        more={"name": "x", "payload": {}}),
    "update.json: no message": lambda d: d["components"]["messages"]["update"].update(payload={}),
    "is not 3.0.0": lambda d: d.update(asyncapi="2.6.0"),
    "operation sendOutcome: has no action": lambda d: d["operations"]["sendOutcome"].pop("action"),
    "message success: adress is unknown": lambda d: d["components"]["messages"]["success"].update(
        adress=1),
    "bindings: keys is unknown": lambda d: d["components"]["messageTraits"]["event"]["bindings"][
        "kafka"].update(keys=1),
    "parameters than ['event']": lambda d: d["channels"]["deadLetters"].update(
        parameters={"event": {}}),
    "receives or sends": lambda d: d["operations"]["sendOutcome"].update(action="publish"),
    "is no message of its channel": lambda d: d["operations"]["sendOutcome"].update(
        messages=d["operations"]["sendToHandler"]["messages"]),
    "no operation has cancel": lambda d: d["operations"]["receiveEvents"]["messages"].pop(3),
    "with the type EventGroupCollectorCancel": lambda d: d["components"]["messages"][
        "cancel"].update(name="Cancel"),
}


@pytest.mark.parametrize("what", _PLANTED)
def test_a_mistake_in_the_asyncapi_document_is_found(what):
    def change(document):
        try:
            _PLANTED[what](document)
        except KeyError as error:
            raise AssertionError(f"the document is built in another way: {error}") from error
    assert any(what in one for one in _planted(change)), what


# --- the words and the program

def _section(begin: str, end: str) -> str:
    assert _REFERENCE.count(begin) == 1, begin
    return _REFERENCE.split(begin)[1].split(end)[0]


def _rows(text: str) -> list[list[str]]:
    """The cells of the first table in the text, without its head."""
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines()
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[2:]]


def _names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("kind", INPUT)
def test_the_reference_has_the_fields_of_each_event(kind):
    told = [name for row in _rows(_section(f"\n`{kind}`", "\n## ")) for name in _names(row[0])]
    assert {*told, "type"} == set(schema(INPUT[kind]).document["properties"])


def test_the_reference_has_the_fields_of_the_outcomes_in_their_order():
    rows = _rows(_section("\n## Outcomes", "\n## "))
    for column, name in enumerate(("success", "failure")):
        told = [one for row in rows for one in _names(row[column])]
        assert told == list(schema(name).document["properties"])


def test_the_reference_has_the_codes():
    codes = schema("failure").document["properties"]["code"]["enum"]
    told = {row[1]: row[2] for row in _rows(_section("\n## Outcomes", "\n## "))}
    assert _names(told["`code`"]) == codes
    codes = schema("dead-letter-headers").document["properties"]["muster.error.code"]["enum"]
    letters = _section("\n## Dead letters", "\n## ")
    assert [_names(row[0])[0] for row in _rows(letters)] == codes
    for header in schema("dead-letter-headers").document["properties"]:
        assert f"`{header}`" in letters


def _help() -> dict[str, str | None]:
    """Each option's default, or None; --help is made of the table that the options are read by."""
    lines = re.findall(r"^  (?:-h, )?(--[a-z-]+|-X)\b.*?(?:\[(\S+)\])?$",
                       run_once(["--help"]).stdout, re.MULTILINE)
    assert len(lines) > 20
    # What stands in brackets in the line on --config is the name of a table.
    return {name: default if default and name != "--config" else None for name, default in lines}


def test_the_reference_has_the_options_with_their_defaults():
    given = _help()
    told = {_names(row[0])[0].split()[0]: row[1].strip("`")
            for row in _rows(_section("\n## Options", "\n## "))}
    assert set(told) == set(given)
    assert {name: told[name] for name in given if given[name]} == \
        {name: default for name, default in given.items() if default}


def test_the_asyncapi_document_has_the_programs_version_and_defaults():
    document = AsyncApi().document
    assert run_once(["--version"]).stdout.split()[1] == document["info"]["version"]
    defaults = _help()
    parameters = document["components"]["parameters"]
    assert parameters["eventTopic"]["default"] == defaults["--event-topic"]
    assert parameters["consumerGroup"]["default"] == defaults["--consumer-group"]
    group = document["operations"]["receiveEvents"]["bindings"]["kafka"]["groupId"]
    assert group["default"] == defaults["--consumer-group"]
    host = document["servers"]["kafka"]["variables"]["brokerlist"]
    assert host["default"] == defaults["--brokerlist"]
    output = document["channels"]["outcomes"]["parameters"]["outputTopic"]
    assert output["default"] == defaults["--event-topic"]


def test_the_readme_shows_what_the_schemas_say():
    """Its session is what comes back in fact, or was."""
    text = (REPO / "README.md").read_text("utf-8")
    shown = re.findall(r"^ *(sent|came back) +(\{.*?\}\n)(?=\n|      (?:sent|came back) )", text,
                       re.MULTILINE | re.DOTALL)
    assert len(shown) >= 11
    names = INPUT | {"EventGroupCollectorSuccess": "success",
                     "EventGroupCollectorFailure": "failure"}
    for way, event in shown:
        value = json.loads(re.sub(r"\n *", "", event))
        assert schema(names[value["type"]]).refusal(value) is None, event
        assert (value["type"] in INPUT) == (way == "sent")
