"""Bring each record to one plain JSON object: records enter, the same places with plain JSON leave.

A record may be a string that holds JSON, the ``repr`` of a Python dict, MongoDB's extended JSON, or
a document with the values inside.
"""

import ast
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tweetscore.errors import InputError
from tweetscore.io.json_walk import EACH, EACH_KEYED
from tweetscore.io.records import Records

MOST_DOCUMENT_BYTES = 64 << 20  # ten times as much in memory, and of lists and objects more:
MOST_CONTAINERS = 4 << 20
Writing = str  # one of WRITINGS
_EXTENDED = re.compile(
    rb'\{\s*"\$(?:numberLong|numberInt|numberDouble|numberDecimal|oid|date|uuid)"\s*:\s*'
    rb'("(?:[^"\\]|\\.)*"|-?\d+|\{\s*"\$numberLong"\s*:\s*"(?P<ms>-?\d+)"\s*\})\s*\}'
)
_SHELL = re.compile(
    rb"(:\s*|[\[,]\s*)(?:NumberLong|NumberInt|NumberDecimal|ObjectId|ISODate)\(\s*"
    rb'(?:"([^"\\]*)"|(-?\d+))\s*\)'
)
_DATETIME = re.compile(
    r"datetime\.datetime\((\d+(?:, \d+){2,6})(?:, tzinfo=[^()]*(?:\([^()]*\))?)?\)"
)
# Keys of what an object quotes, passes on or answers, and of what is said about it.
_CONTEXT = re.compile(
    r"(?i)quot|retweet|repost|reblog|reshar|crosspost|copy_history|embed|refer|reply_?to|replied|"
    r"in_?reply|^(?:reply|object|includes|user|author|account|errors|entities|media|place|trail|"
    r"pinned\w*|original\w*|attachments|meta|extended_\w+)$"
)
_OBJECT_ID = re.compile(r"(?:ObjectId|Decimal|UUID)\(('[^']*')\)")


def load(text: str) -> Any:
    """Read JSON; a float stays as it is written, so that an id is not rounded."""
    return json.loads(text, parse_float=str, parse_constant=str)


def python_value(text: str) -> Any:
    """Read the ``repr`` of a Python value.

    Raises:
        ValueError: it is none.
    """
    text = _OBJECT_ID.sub(r"\1", _DATETIME.sub(_written_time, text))
    try:
        return ast.literal_eval(text.strip())
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _written_time(match: re.Match[str]) -> str:
    year, month, day, *rest = [int(part) for part in match[1].split(", ")]
    hour, minute, second = [*rest, 0, 0, 0][:3]
    return f"'{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z'"


def without_types(data: bytes) -> bytes:
    """Replace MongoDB's wrappers of numbers, ids and times by plain values."""
    data = _EXTENDED.sub(lambda m: b'"%b"' % m["ms"] if m["ms"] else m[1], data)
    return _SHELL.sub(lambda m: m[1] + b'"%b"' % (m[2] or m[3]), data)


def values_at(document: Any, steps: Sequence[str]) -> Iterator[Any]:
    """Yield what the steps lead to."""
    if not steps:
        yield document
    elif steps[0] == EACH:
        for each in document if isinstance(document, list) else ():
            yield from values_at(each, steps[1:])
    elif steps[0] == EACH_KEYED:
        for each in document.values() if isinstance(document, dict) else ():
            yield from values_at(each, steps[1:])
    elif isinstance(document, dict) and steps[0] in document:
        yield from values_at(document[steps[0]], steps[1:])


def objects_within(value: Any, names: Sequence[str]) -> tuple[list[Any], Any]:
    """Return the objects that have all of these names, at any depth, and what is left of the value.

    An object is without those that are nested in it. What an object quotes, passes on or answers is
    part of it, and no other object.

    Args:
        value: any JSON.
        names: dotted.
    """
    found: list[Any] = []
    if isinstance(value, list):
        left_of = [objects_within(each, names) for each in value]
        inner = [each for several, _ in left_of for each in several]
        return inner, [left for _, left in left_of] if not inner else None
    if not isinstance(value, dict):
        return found, value
    own = {}
    for name, content in value.items():
        if not isinstance(content, dict | list) or _CONTEXT.search(name):
            own[name] = content
            continue
        inner, left = objects_within(content, names)
        found += inner
        if left is not None:
            own[name] = left
    if all(_has(own, name.split(".")) for name in names):
        return [own, *found], None
    return found, own


def _has(value: Any, path: Sequence[str]) -> bool:
    return any(True for _ in values_at(value, path))


def check_document(data: bytes, name: str, fact: str, step: str) -> None:
    """Refuse a document that would take far more memory than its bytes.

    Args:
        data: all of it.
        name: the file's, for messages.
        fact: what it is, for the refusal: ``one JSON document``.
        step: what to do about it.

    Raises:
        InputError: it has too many lists and objects.
    """
    containers = data.count(b"[") + data.count(b"{")
    if containers > MOST_CONTAINERS:
        raise InputError(
            f"{name}: is {fact} with {containers:,} lists and objects, more than "
            f"{MOST_CONTAINERS:,}; {step}"
        )


def plain(
    records: Records, writing: Writing, steps: Sequence[str], names: Sequence[str] = ()
) -> Records:
    """Rewrite each record; one that cannot be read stays as it is.

    Args:
        records: the block.
        writing: ``json``, ``string``, ``mongo`` or ``python``.
        steps: from a record to the values inside it; several have the place of the record.
        names: records are all objects inside that have these names; see ``objects_within``.
    """
    if writing == "mongo":
        records = _each(records, lambda data: [without_types(data).strip()])
    elif writing == "string":
        records = _each(records, _unquoted)
    elif writing == "python":
        records = _each(records, lambda data: [_dumped(python_value(data.decode()))])
    if steps:
        records = _each(records, lambda data: _inside(data, steps))
    if names:
        records = _each(records, lambda data: _within(data, names))
    return records


def unfolded(records: Records, keys: Sequence[str]) -> Records:
    """Part each record from those that are nested in it, as the replies to a comment.

    Args:
        records: the block.
        keys: under which others are nested, at any depth: objects with an id. Each has the place of
            the outermost; one without an id is no record where others are nested in it.
    """
    nested = re.compile(rb'"(?:%b)"\s*:\s*[\[{]' % b"|".join(key.encode() for key in keys))
    if not nested.search(records.data):
        return records
    return _each(
        records,
        lambda data: (
            [_dumped(each) for each in _unfolded(load(data.decode()), keys)]
            if nested.search(data)
            else [data.strip()]
        ),
    )


def _unfolded(value: Any, keys: Sequence[str]) -> list[Any]:
    own = {name: each for name, each in value.items() if name not in keys}
    inner = list(_nested([value.get(key) for key in keys], keys))
    is_record = isinstance(own.get("id"), str | int) or not inner
    return [own] * is_record + inner


def _nested(values: Iterable[Any], keys: Sequence[str]) -> Iterator[Any]:
    """Yield the objects with an id, through whatever is around them."""
    for value in values:
        if isinstance(value, list):
            yield from _nested(value, keys)
        elif isinstance(value, dict) and isinstance(value.get("id"), str | int):
            yield from _unfolded(value, keys)
        elif isinstance(value, dict):
            yield from _nested(value.values(), keys)


def _unquoted(data: bytes) -> list[bytes]:
    value = load(data.decode())
    if not isinstance(value, str):
        return [data.strip()]
    inner = load(value)
    return [_dumped(each) for each in (inner if isinstance(inner, list) else [inner])]


def _inside(data: bytes, steps: Sequence[str]) -> list[bytes]:
    values = list(values_at(load(data.decode()), steps))
    return [_dumped(each) for each in values] or [data.strip()]


def _within(data: bytes, names: Sequence[str]) -> list[bytes]:
    found, _ = objects_within(load(data.decode()), names)
    return [*map(_dumped, found)] or [data.strip()]


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace")


def _each(records: Records, rewrite: Callable[[bytes], list[bytes]]) -> Records:
    if records.cut_at:
        return records
    pieces, origins = [], []
    bounds = records.bounds.tolist()
    for place in range(len(records)):
        data = records.data[bounds[place] : bounds[place + 1]]
        try:
            values = rewrite(data)
        except (ValueError, RecursionError):
            values = [data.strip()]
        pieces += [value.replace(b"\n", b" ") + b"\n" for value in values]
        origins += [place] * len(values)
    return Records(
        b"".join(pieces),
        np.cumsum([0, *map(len, pieces)]),
        records.offsets[origins],
        records.lines[origins],
    )
