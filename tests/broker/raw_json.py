"""JSON objects as (key, raw text of the value) pairs: the checker compares payloads byte for byte,
so nothing may be decoded and encoded again on the way."""

import json
import re
from json.decoder import scanstring

_SPACE = re.compile(r"[ \t\n\r]*")


def _no_constant(name: str):
    raise ValueError(f"{name} is not JSON")


# Numbers stay text: big ones keep every digit and cost nothing.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_no_constant)


def value(raw: str):
    """The decoded value of a raw one (strings, arrays of strings, null; numbers come as text)."""
    return _DECODER.decode(raw)


def members(text: str, spaces: bool = True) -> list[tuple[str, str]]:
    """The members of the object that `text` is, in order. ValueError where it is not one, and, if
    not `spaces`, where there is a space between its tokens (not inside of its values)."""
    found = []
    _walk(text, "{}", spaces, lambda at: _member(text, at, spaces, found))
    return found


def strings(text: str) -> list[str]:
    """The elements of a compact array of strings; ValueError where it is not one."""
    found = []

    def element(at: int) -> int:
        one, at = _string(text, at)
        found.append(one)
        return at

    _walk(text, "[]", False, element)
    return found


def _walk(text: str, brackets: str, spaces: bool, read) -> None:
    """The commas and brackets around what `read(at)` reads, which answers where it ended."""
    at = _expect(text, _skip(text, 0, spaces), brackets[0])
    at = _skip(text, at, spaces)
    if text[at:at + 1] != brackets[1]:
        at = _skip(text, read(at), spaces)
        while text[at:at + 1] == ",":
            at = _skip(text, read(_skip(text, at + 1, spaces)), spaces)
    at = _expect(text, at, brackets[1])
    if _skip(text, at, spaces) != len(text):
        raise ValueError(f"more than one value, at character {at}")


def _member(text: str, at: int, spaces: bool, found: list) -> int:
    key, at = _string(text, at)
    at = _expect(text, _skip(text, at, spaces), ":")
    begin = _skip(text, at, spaces)
    try:
        _, end = _DECODER.raw_decode(text, begin)
    except StopIteration:
        raise ValueError(f"no value at character {begin}") from None
    found.append((key, text[begin:end]))
    return end


def _string(text: str, at: int) -> tuple[str, int]:
    return scanstring(text, _expect(text, at, '"'), True)


def _expect(text: str, at: int, token: str) -> int:
    if text[at:at + 1] != token:
        raise ValueError(f"no {token} at character {at}")
    return at + 1


def _skip(text: str, at: int, spaces: bool) -> int:
    return _SPACE.match(text, at).end() if spaces else at
