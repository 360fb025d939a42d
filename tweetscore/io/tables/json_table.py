"""Tables in JSON: an array of objects, or one object a line."""

import json
import re
from collections.abc import Iterator, Mapping
from io import BytesIO

import polars as pl

from tweetscore.io.json_text import repaired
from tweetscore.io.records import Parser, parse
from tweetscore.io.source import Source
from tweetscore.io.tables.table import Rows, Table

_GAP = re.compile(r"[\s,]*")


def json_table(source: Source) -> Table | None:
    """Recognise the objects in the head; a value that is nested in one of them is not a column."""
    text = source.head.decode("utf-8", "replace").lstrip()
    nested: dict[str, bool] = {}
    for value in _objects(text):
        for name, content in value.items():
            nested[name] = nested.get(name, False) or isinstance(content, dict | list)
    if not nested:
        return None

    def rows(columns: Mapping[str, str], most: int | None, _whole: bool) -> Iterator[Rows]:
        parser = _parser(columns)
        for records in source.json(whole=most is None):
            stop = len(records) if most is None else min(len(records), most)
            yield parse(records.part(0, stop), parser)

    return Table(source, "json", tuple(name for name in nested if not nested[name]), rows)


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


def _parser(columns: Mapping[str, str]) -> Parser:
    # Everything is read as a string: an id that is a number keeps all its digits, and one that
    # is a float is not taken for a whole number.
    schema = {theirs: pl.String() for theirs in columns.values()}
    key = re.escape(json.dumps(columns.get("tweet_id", "id"), ensure_ascii=False).encode())
    float_id = re.compile(rb"(%b\s*:\s*)(-?\d+[.eE][^\s,}]*)" % key)

    def parser(data: bytes) -> pl.DataFrame:
        data = float_id.sub(rb'\1"\2"', repaired(data))
        return pl.read_ndjson(BytesIO(data), schema=schema).select(**columns)

    return parser
