"""Tables in JSON: an array of objects, or one object a line."""

import json
import re
from collections.abc import Iterator, Mapping
from io import BytesIO

import polars as pl

from tweetscore.io.json_paths import at, schema_of
from tweetscore.io.json_text import repaired
from tweetscore.io.records import Parser, parse
from tweetscore.io.source import Source
from tweetscore.io.tables.table import Rows, Table

_MOST_DEPTH = 3
_GAP = re.compile(r"[\s,]*")


def json_table(source: Source) -> Table | None:
    """Recognise the objects in the head; values of nested objects are columns, as ``user.name``."""
    text = source.head.decode("utf-8", "replace").lstrip()
    nested: dict[tuple[str, ...], bool] = {}
    filled: set[tuple[str, ...]] = set()
    for value in _objects(text):
        for path, content in _leaves(value):
            nested[path] = nested.get(path, False) or isinstance(content, dict | list)
            filled.update([path] if content is not None else [])
    if not nested:
        return None
    mixed = {path[:end] for path in nested for end in range(1, len(path))}
    paths: dict[str, tuple[str, ...]] = {}
    for path in nested:
        # A column cannot be plain in one record and an object in another.
        below = any(path[:end] in filled for end in range(1, len(path)))
        if not nested[path] and path not in mixed and not below:
            paths.setdefault(".".join(path), path)

    def rows(columns: Mapping[str, str], most: int | None, _whole: bool) -> Iterator[Rows]:
        parser = _parser(columns, paths)
        for records in source.json(whole=most is None):
            stop = len(records) if most is None else min(len(records), most)
            yield parse(records.part(0, stop), parser)

    return Table(source, "json", tuple(paths), rows)


def _objects(text: str) -> Iterator[dict[str, object]]:
    """Yield the whole objects at the beginning of an array, or of lines."""
    decoder, place = json.JSONDecoder(), int(text.startswith("["))
    while gap := _GAP.match(text, place):
        try:
            value, place = decoder.raw_decode(text, gap.end())
        except (ValueError, RecursionError):
            return
        if not isinstance(value, dict):
            return
        yield value


def _leaves(value: dict[str, object], *before: str) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, content in value.items():
        if isinstance(content, dict) and content and len(before) < _MOST_DEPTH:
            yield from _leaves(content, *before, name)
        else:
            yield (*before, name), content


def _parser(columns: Mapping[str, str], paths: Mapping[str, tuple[str, ...]]) -> Parser:
    # Everything is read as a string: an id that is a number keeps all its digits, and one that
    # is a float is not taken for a whole number.
    places = {ours: paths.get(theirs, (theirs,)) for ours, theirs in columns.items()}
    schema = schema_of(places.values())
    id_key = places.get("tweet_id", ("id",))[-1]
    key = re.escape(json.dumps(id_key, ensure_ascii=False).encode())
    float_id = re.compile(rb"(%b\s*:\s*)(-?\d+[.eE][^\s,}]*)" % key)

    def parser(data: bytes) -> pl.DataFrame:
        data = float_id.sub(rb'\1"\2"', repaired(data))
        return pl.read_ndjson(BytesIO(data), schema=schema).select(
            **{ours: at(place) for ours, place in places.items()}
        )

    return parser
