"""The code blocks of doc/integration.md: what kind each is, and what it says."""

import json
import re
from dataclasses import dataclass

from cluster import REPO

PAGE = REPO / "doc" / "integration.md"
_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    language: str
    title: str  # `sent`, `came back`, `came back TOPIC`, `migration`; else the file that it quotes
    text: str


def blocks() -> list[Block]:
    found = []
    for head, text in _BLOCK.findall(PAGE.read_text()):
        language, _, title = head.partition(" ")
        found.append(Block(language, title, text))
    return found


def quotations() -> list[Block]:
    """All that is neither JSON nor the command of the migration quotes a file, or is wrong."""
    return [block for block in blocks() if block.language != "json" and block.title != "migration"]


def migration_command() -> list[str]:
    """The words of the page's one command for the migration."""
    [block] = [block for block in blocks() if block.title == "migration"]
    return block.text.replace("\\\n", " ").split()


def objects(text: str) -> list[str]:
    """The JSON objects of a block, each without the line breaks that only the page has."""
    decoder, rest, found = json.JSONDecoder(), text.strip(), []
    while rest:
        _, end = decoder.raw_decode(rest)
        found.append(re.sub(r"\n\s*", "", rest[:end]))
        rest = rest[end:].lstrip()
    return found
