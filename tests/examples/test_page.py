"""What doc/integration.md shows is so: its code is the examples' code, its session happens."""

import json
import re
import textwrap

import pytest
from page import PAGE, blocks, objects, quotations
from programs import EXAMPLES, PROGRAMS
from waits import eventually

_TIMES = re.compile(r'"(created|resolved)":"[^"]*"')


def _is_quoted(text: str, source: str) -> bool:
    """Whole lines in one piece, indented as in the source or less."""
    wanted = textwrap.dedent(text).splitlines()
    lines = source.splitlines()
    return any(textwrap.dedent("\n".join(lines[at:at + len(wanted)])).splitlines() == wanted
               for at in range(len(lines) - len(wanted) + 1))


@pytest.mark.parametrize("block", quotations(), ids=lambda block: block.title)
def test_a_code_block_is_quoted_from_an_example(block):
    path = EXAMPLES.parent / block.title
    assert block.title.startswith("examples/") and path.is_file(), f"not a file: {block.title!r}"
    assert _is_quoted(block.text, path.read_text()), f"not in {block.title}:\n{block.text}"


def test_every_language_is_quoted():
    folders = {block.title.split("/")[1] for block in quotations()}
    assert folders == set(PROGRAMS)


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", PAGE.read_text())
    assert len(links) > 5
    assert [link for link in links if not (PAGE.parent / link).exists()] == []


def test_a_quotation_is_word_for_word():
    source = "a:\n    b\n    c\n\nd\n"
    assert _is_quoted("b\nc\n", source) and _is_quoted("a:\n    b\n", source)
    assert not _is_quoted("b\nd\n", source) and not _is_quoted("c \n", source)
    assert not _is_quoted("a:\nb\n", source)


def _own_topics(world, text: str) -> str:
    return re.sub(r'"topic":"(\w+)"', rf'"topic":"{world.topic}-\1"', text)


def test_the_pages_session_happens(world):
    """Events go in as they stand there; outcomes come back as they stand there, but for the
    times."""
    session = [block for block in blocks() if block.language == "json"]
    assert sum(block.title.startswith("came back") for block in session) >= 3
    text = "".join(_own_topics(world, block.text) for block in session)
    told = sorted(set(re.findall(r'"topic":"([^"]*)"', text)))
    world.make()
    for topic in told:
        world.topics.create(topic)
    world.collector().start().ready()
    sender = world.sender()
    with world.tail(world.topic, *told) as tail:
        for block in session:
            for event in objects(_own_topics(world, block.text)):
                if block.title == "sent":
                    sender.put(event, json.loads(event).get("group", json.loads(event)["id"]))
                else:
                    assert block.title.startswith("came back"), block.title
                    topic = block.title.removeprefix("came back").strip()
                    _comes_back(tail, event, f"{world.topic}-{topic}" if topic else world.topic)
    assert world.read(world.dead_letters) == []


def _comes_back(tail, wanted: str, topic: str) -> None:
    key = json.loads(wanted)["id"].encode()

    def found() -> list[str]:
        return [record.value.decode() for record in tail.records
                if (record.topic, record.key) == (topic, key) and b'"resolved"' in record.value]

    eventually(found, f"{key} comes back to {topic}")
    assert [_TIMES.sub("", one) for one in found()] == [_TIMES.sub("", wanted)]
