"""Recognise how the values of a file of JSON lie: its first bytes enter, shapes leave.

A shape says where the records are, whatever they mean: one a line, in an array, one after the other
in any layout, under a key, keyed by their ids, or column by column. Several shapes may be possible,
because only the meaning tells records from what stands around them: the outermost comes first.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from tweetscore.io.json_values import (
    load,
    objects_within,
    python_value,
    values_at,
    without_types,
)
from tweetscore.io.json_walk import EACH, EACH_KEYED

CONTEXT = ("id", "name", "type")  # of what stands around records, as of the channel of messages
_MOST_DOCUMENTS = 50
_MOST_DEPTH = 5
_MOST_OBJECTS = 20
_GAP = re.compile(r"[\s,\x1e]*")
_BETWEEN = re.compile(r'\}(?:[ \t\r]*\n|(?=\{\s*"[^"\\\n]{0,200}"\s*:))(?=\{)')
_TYPES = re.compile(
    rb'\{\s*"\$(?:numberLong|numberInt|oid|date)"\s*:|:\s*(?:NumberLong|ObjectId|ISODate)\('
)
_STRING = re.compile(r'\[?\s*"\s*[\[{]\s*(?:\\"|\\n|[\]}])')
_PYTHON = re.compile(r"(?:\[\s*)?\{\s*u?'")
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],]', re.DOTALL)
# What stands beside posts, or inside one, and holds no posts of the archive.
_ASIDE = {
    "includes", "users", "errors", "entities", "extended_entities", "user", "author", "account",
    "quoted_status", "retweeted_status", "referenced_tweets", "quotedTweet", "retweetedTweet",
    "quoted_tweet", "reblog", "reply", "inReplyToTweet", "place", "media", "meta", "__twarc",
}  # fmt: skip
_PROFILE = {"screen_name", "followers_count", "username", "userName", "created_at", "text", "body"}
_ID = re.compile(r"\d{5,19}$")
_IDS = ("id", "id_str", "tweet_id", "tweetId", "rest_id")


Cut = Literal["lines", "array", "stream", "walk", "columns"]


@dataclass(frozen=True, slots=True)
class Shape:
    """Where the records of a file are."""

    cut: Cut
    steps: tuple[str, ...] = ()  # to a container, for ``walk``
    inside: tuple[str, ...] = ()  # from a value that is cut to the records in it
    writing: Literal["json", "string", "mongo", "python"] = "json"
    key: str = ""  # under which the key of a record goes into it
    names: tuple[str, ...] = ()  # dotted; records are all objects with these, at any depth

    @property
    def is_plain(self) -> bool:
        """Whether the file holds one value a line or an array of them, and nothing else."""
        return self in (Shape("lines"), Shape("array"))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A shape that a file may have, and its first records in that case."""

    shape: Shape
    objects: list[dict[str, Any]]


def candidates(head: bytes) -> list[Candidate]:
    """Return the shapes that a file may have; none where it holds no JSON.

    ``head`` is its first bytes.
    """
    text = head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    writing: Literal["json", "string", "mongo", "python"] = "json"
    if _STRING.match(text):
        writing = "string"
    elif _PYTHON.match(text):
        writing = "python"
    elif _TYPES.search(head):
        writing = "mongo"
        text = without_types(head).decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    found, cut = _documents(text, writing)
    if not found:
        return []
    if cut != "one":
        base = Shape(cut, writing=writing)
        return [
            Candidate(replace(base, inside=steps, key=key), objects)
            for steps, key, objects in _ways(found)
        ]
    return [_of_one(steps, key, objects, writing) for steps, key, objects in _ways(found)]


def scattered(
    head: bytes, reached: Shape, names: Sequence[str], *, always: bool = False
) -> Candidate | None:
    """Return the shape of records that lie in several places, as replies within comments.

    None where one shape reaches all of them, as far as the first bytes show.

    Args:
        head: the first bytes.
        reached: the shape that was found.
        names: dotted, of what each record has.
        always: others may come later.
    """
    if reached.cut == "columns" or reached.writing == "python":
        return None
    text = head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if reached.writing == "mongo":
        text = without_types(head).decode("utf-8", "replace")
    found, cut = _documents(text, reached.writing)
    path = (*reached.steps, *reached.inside)
    count = sum(
        bool(objects_within(value, names)[0]) for each in found for value in values_at(each, path)
    )
    objects = [value for each in found for value in objects_within(each, names)[0]]
    if len(objects) <= count and not (always and objects):
        return None
    way: Cut = "stream" if cut == "one" else cut
    return Candidate(Shape(way, writing=reached.writing, names=tuple(names)), objects)


def _of_one(
    steps: tuple[str, ...], key: str, objects: list[dict[str, Any]], writing: Any
) -> Candidate:
    """Return the candidate of a file that is one document."""
    if steps and steps[-1] == "columns":
        return Candidate(Shape("columns", writing=writing), objects)
    containers = [place for place, step in enumerate(steps) if step in (EACH, EACH_KEYED)]
    end = containers[-1] + 1 if containers else 0
    if end:
        return Candidate(Shape("walk", steps[:end], steps[end:], writing, key), objects)
    return Candidate(Shape("stream", (), steps, writing), objects)


def _documents(text: str, writing: str) -> tuple[list[Any], Any]:
    """Return the first values of a file, and how they are separated."""
    if writing == "python":
        return _python_documents(text)
    if text.startswith("["):
        values = list(_values(text, 1))
        # An array of anything but objects or strings is read as one document.
        values = [_unquoted(value) for value in values]
        if any(isinstance(value, dict) for value in values):
            return values, "array"
        document = _completed(text)
        return ([document] if document is not None else []), "one"
    spans = list(_spans(text, 0))
    values = [_unquoted(value) for value, _, _ in spans]
    if not spans:
        if values := list(_salvaged(text)):
            return values, "stream"
        document = _completed(text)
        return ([document] if isinstance(document, dict) and document else []), "one"
    first, second = spans[0], spans[1] if len(spans) > 1 else None
    broken = "\n" in text[first[1] : first[2]]
    if second:
        apart = "\n" in text[first[2] : second[1]]
        return values, "stream" if broken or not apart else "lines"
    if not broken and isinstance(values[0], dict):
        return values, "lines" if not _is_nested(values[0]) else "one"
    return values, "one"


def _is_nested(document: dict[str, Any]) -> bool:
    """Return whether one document on one line may hold the records of the whole file."""
    return any(isinstance(value, dict | list) for value in document.values())


def _unquoted(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return load(value)
    except (ValueError, RecursionError):
        return value


def _values(text: str, place: int) -> Iterator[Any]:
    for value, _, _ in _spans(text, place):
        yield value


def _spans(text: str, place: int) -> Iterator[tuple[Any, int, int]]:
    """Yield whole values with where they begin and end; what cannot be read is passed over."""
    decoder, count, tries = json.JSONDecoder(parse_float=str, parse_constant=str), 0, 0
    while (gap := _GAP.match(text, place)) and gap.end() < len(text) and count < _MOST_DOCUMENTS:
        try:
            value, end = decoder.raw_decode(text, gap.end())
        except (ValueError, RecursionError):
            following = re.compile(r"\n(?=[{\[])|,\s*(?=\{)").search(text, gap.end() + 1)
            tries += 1
            if not following or tries > _MOST_DOCUMENTS or not count:
                return
            place = following.end()
            continue
        yield value, gap.end(), end
        place, count = end, count + 1


def _salvaged(text: str) -> Iterator[Any]:
    """Yield what can be read behind a first value that is damaged."""
    for start in _BETWEEN.finditer(text):
        values = [value for value, _, _ in _spans(text, start.end())]
        if values:
            yield from values
            return


def _python_documents(text: str) -> tuple[list[Any], Any]:
    if text.startswith("["):
        inner = re.split(r"(?<=\})\s*,\s*(?=\{)", text[1:])
        values = list(_python_values(part.rstrip().rstrip("]") for part in inner))
        return [values], "one"
    return list(_python_values(text.splitlines())), "lines"


def _python_values(parts: Any) -> Iterator[Any]:
    for count, part in enumerate(parts):
        if count == _MOST_OBJECTS:
            return
        try:
            yield python_value(part)
        except ValueError:
            continue


def _completed(text: str) -> Any:
    """Read a document whose end is not there: up to its last member that is whole."""
    stack: list[str] = []
    stop = 0
    for token in _TOKENS.finditer(text):
        kind = token[0]
        if kind in "{[":
            stack.append("}" if kind == "{" else "]")
        elif kind in "}]":
            if not stack:
                break
            stack.pop()
        elif kind != ",":
            continue
        stop = token.start() if kind == "," else token.end()
    closing = "".join(reversed(stack))
    try:
        return load(text[:stop] + closing) if stop else None
    except json.JSONDecodeError as error:
        # Up to the first damage, if that is not where it was cut already.
        return _completed(text[: error.pos]) if error.pos < stop else None
    except (ValueError, RecursionError):
        return None


Way = tuple[tuple[str, ...], str, list[dict[str, Any]]]


def _ways(documents: list[Any]) -> Iterator[Way]:
    """Yield where objects lie in documents, from the outside in: steps, key and the objects."""
    waiting: list[tuple[str, ...]] = [()]
    for steps in waiting:
        if steps == ("columns",):
            yield steps, "", column_rows(documents[0])
            continue
        values = [value for document in documents for value in values_at(document, steps)][
            :_MOST_OBJECTS
        ]
        objects = [value for value in values if isinstance(value, dict) and value]
        if objects and not _is_includes(objects[0]):
            if steps and steps[-1] == EACH_KEYED:
                yield steps, *_keyed(documents, steps, objects)
            else:
                yield steps, "", objects
        if len(steps) < _MOST_DEPTH:
            waiting += _deeper(steps, values)


def _is_includes(value: dict[str, Any]) -> bool:
    """Return whether an object is what the API v2 adds to tweets: users, and tweets referred to."""
    return isinstance(value.get("users"), list) and value.keys() <= {
        "users",
        "tweets",
        "media",
        "places",
        "polls",
        "topics",
    }


def _deeper(steps: tuple[str, ...], values: list[Any]) -> Iterator[tuple[str, ...]]:
    if any(isinstance(value, list) for value in values):
        yield (*steps, EACH)
    objects = [value for value in values if isinstance(value, dict)]
    if not objects or _is_includes(objects[0]):
        return
    if not steps and len(objects) == 1 and _is_columns(objects[0]):
        yield ("columns",)
        return
    if all(map(_is_keyed, objects)):
        yield (*steps, EACH_KEYED)
        return
    names = dict.fromkeys(name for value in objects for name in value)
    for name in names:
        inner = [value[name] for value in objects if name in value]
        if name in _ASIDE or not any(isinstance(each, dict | list) and each for each in inner):
            continue
        if any(isinstance(each, dict) for each in inner) and any(
            _PROFILE & value.keys() for value in objects
        ):
            continue
        yield (*steps, name)


def _is_keyed(value: dict[str, Any]) -> bool:
    inner = list(value.values())[:_MOST_OBJECTS]
    keys = list(value)[:_MOST_OBJECTS]
    alike = all(isinstance(each, dict) for each in inner)
    return bool(inner) and alike and all(re.search(r"\d", key) for key in keys)


def _keyed(
    documents: list[Any], steps: tuple[str, ...], objects: list[dict[str, Any]]
) -> tuple[str, list[dict[str, Any]]]:
    """Return under which name keys go into objects, and the objects with them."""
    around = [each for each in documents for each in values_at(each, steps[:-1])]
    keys = [key for each in around if isinstance(each, dict) for key in each]
    if any(name in objects[0] for name in _IDS) or not all(map(_ID.match, keys[:_MOST_OBJECTS])):
        return "", objects
    pairs = zip(keys, objects, strict=False)
    return "id", [{"id": key, **value} for key, value in pairs]


def _is_columns(value: dict[str, Any]) -> bool:
    """Return whether an object holds columns, as pandas and polars write them."""
    first = next(iter(value.values()), None)
    if isinstance(first, list):
        columns = [each for each in value.values() if isinstance(each, list)]
        plain_names = {"columns", "index", "data"} <= value.keys()
        flat = not any(isinstance(cell, dict | list) for cell in first[:_MOST_OBJECTS])
        return plain_names or (len(columns) == len(value) and flat and len(first) > 0)
    if not isinstance(first, dict) or not first:
        return False
    digits = all(key.lstrip("-").isdigit() for key in list(first)[:_MOST_OBJECTS])
    return digits and not any(
        isinstance(cell, dict) for cell in list(first.values())[:_MOST_OBJECTS]
    )


def column_rows(document: Any) -> list[dict[str, Any]]:
    """Turn columns into rows: of name to position to value, lists, or pandas' ``split``."""
    if not isinstance(document, dict):
        return []
    if {"columns", "data"} <= document.keys():
        return [dict(zip(document["columns"], row, strict=False)) for row in document["data"]]
    columns = {name: column for name, column in document.items() if isinstance(column, dict | list)}
    places: dict[Any, None] = {}
    for column in columns.values():
        places.update(dict.fromkeys(column if isinstance(column, dict) else range(len(column))))
    return [{name: _cell(column, place) for name, column in columns.items()} for place in places]


def _cell(column: Any, place: Any) -> Any:
    if isinstance(column, dict):
        return column.get(place)
    return column[place] if isinstance(place, int) and place < len(column) else None
