"""Tables in JSON: an array of objects, or one object a line."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from itertools import chain
from typing import Any

import numpy as np
import polars as pl

from tweetscore.io.json_paths import Path, at, element_path, schema_of
from tweetscore.io.json_text import repaired
from tweetscore.io.json_values import load
from tweetscore.io.records import Parser, Records, parse
from tweetscore.io.source import Source
from tweetscore.io.tables.table import Rows, Table

_MOST_DEPTH = 3
_LOOKED_AT = 32  # records of a block
_GAP = re.compile(r"[\s,]*")


def json_table(source: Source, late: Sequence[dict[str, Any]] = ()) -> Table | None:
    """Recognise the objects in the head; values of nested objects are columns, as ``user.name``.

    Args:
        source: the file.
        late: records behind the head with further columns; see ``late_records``.
    """
    text = source.head.decode("utf-8", "replace").lstrip()
    first = list(_objects(text))
    paths = _plain_paths(first)
    for path in _plain_paths(late).values():
        if not any(path[: len(own)] == own[: len(path)] for own in paths.values()):
            paths[".".join(path)] = path
    if not first:
        return None

    def element(name: str) -> Path | None:
        paths = (element_path(value, name) for value in chain(first, late))
        return next(filter(None, paths), None)

    found: list[dict[str, Any]] = []
    known = {path for value in chain(first, late) for path, _ in _leaves(value)}

    def rows(columns: Mapping[str, str], most: int | None, _whole: bool) -> Iterator[Rows]:
        places = {ours: paths.get(it) or element(it) or (it,) for ours, it in columns.items()}
        parser = _parser(places)
        for records in source.json(whole=most is None):
            stop = len(records) if most is None else min(len(records), most)
            yield parse(records.part(0, stop), parser)
            if most is None and not source.is_small:
                found.extend(_with_other_columns(records, known))

    return Table(source, "json", tuple(paths), rows, found, lambda name: element(name) is not None)


def _plain_paths(values: Sequence[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Return the paths of the columns that objects have: with plain values, in all of them."""
    nested: dict[tuple[str, ...], bool] = {}
    filled: set[tuple[str, ...]] = set()
    for value in values:
        for path, content in _leaves(value):
            nested[path] = nested.get(path, False) or isinstance(content, dict | list)
            filled.update([path] if content is not None else [])
    mixed = {path[:end] for path in nested for end in range(1, len(path))}
    paths: dict[str, tuple[str, ...]] = {}
    for path in nested:
        # A column cannot be plain in one record and an object in another.
        below = any(path[:end] in filled for end in range(1, len(path)))
        if not nested[path] and path not in mixed and not below:
            paths.setdefault(".".join(path), path)
    return paths


def late_records(source: Source) -> list[dict[str, Any]]:
    """Return records with columns that the head does not show; the file is read for them."""
    text = source.head.decode("utf-8", "replace").lstrip()
    known = {path for value in _objects(text) for path, _ in _leaves(value)}
    return [each for records in source.json() for each in _with_other_columns(records, known)]


def _with_other_columns(records: Records, known: set[tuple[str, ...]]) -> Iterator[dict[str, Any]]:
    """Yield those of some records of a block that have columns which are not known; they are then.

    To look at all would cost more than to read them.
    """
    for place in np.unique(np.linspace(0, len(records) - 1, _LOOKED_AT).astype(int)).tolist():
        low, high = records.bounds[place : place + 2].tolist()
        try:
            value = load(records.data[low:high].decode())
        except (ValueError, RecursionError):
            continue
        paths = {path for path, _ in _leaves(value)} if isinstance(value, dict) else set()
        if paths - known:
            known |= paths
            yield value


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


def _parser(places: Mapping[str, Path]) -> Parser:
    # Everything is read as a string: an id that is a number keeps all its digits, and one that
    # is a float is not taken for a whole number.
    schema = schema_of(places.values())
    id_key = str(places.get("tweet_id", ("id",))[-1])
    key = re.escape(json.dumps(id_key, ensure_ascii=False).encode())
    float_id = re.compile(rb"(%b\s*:\s*)(-?\d+[.eE][^\s,}]*)" % key)

    def parser(data: bytes) -> pl.DataFrame:
        data = float_id.sub(rb'\1"\2"', repaired(data))
        return pl.read_ndjson(BytesIO(data), schema=schema).select(
            **{ours: at(place) for ours, place in places.items()}
        )

    return parser
