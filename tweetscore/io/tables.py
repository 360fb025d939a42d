"""Find the table in a file: CSV, TSV, JSON or Parquet enters, its columns leave as strings.

Only plain columns count: what is nested in JSON or Parquet is left alone. What the columns mean is
not judged here.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO

import polars as pl
import pyarrow as pa

from tweetscore.io import csv_rows
from tweetscore.io.data_file import DataFile
from tweetscore.io.json_text import repaired
from tweetscore.io.parquet import MAGIC, open_parquet, parquet_rows
from tweetscore.io.pipeline import prefetch
from tweetscore.io.records import Parser, json_records, line_records, parse

_SHOWN_COLUMNS = 30
_GAP = re.compile(r"[\s,]*")
_PARQUET_ROWS = 1 << 14

Rows = tuple[pl.DataFrame, pl.DataFrame]  # string columns with their places; rejects


@dataclass(frozen=True, slots=True)
class Table:
    """The plain columns of a file, and how to read some of them as strings, under our names."""

    file: DataFile
    format: str
    columns: Sequence[str]
    rows: Callable[[Mapping[str, str]], Iterator[Rows]]  # ours: theirs

    @property
    def plain(self) -> dict[str, str]:
        """Each column by its name in small letters, without blanks, underscores and dashes."""
        return {re.sub(r"[\s_-]", "", name).lower(): name for name in reversed(self.columns)}

    @property
    def has(self) -> str:
        """The columns, in words."""
        shown = ", ".join(map(repr, self.columns[:_SHOWN_COLUMNS]))
        return f"it has {shown}{', …' if len(self.columns) > _SHOWN_COLUMNS else ''}"


def find_table(file: DataFile) -> Table | None:
    """Recognise the layout of a file by content.

    Raises:
        InputError: unreadable Parquet, or Parquet in a zip or another packed file.
    """
    head = file.head().lstrip(b"\r\n")
    if head.startswith(MAGIC):
        return _parquet_table(file)
    if head.lstrip().startswith((b"{", b"[")):
        return _json_table(file, head)
    return _csv_table(file, head)


def _csv_table(file: DataFile, head: bytes) -> Table:
    separator = max(",;\t", key=lambda mark: len(csv_rows.column_names(head, mark)))
    names, quote = csv_rows.column_names(head, separator), csv_rows.is_quoted(head, separator)

    def rows(columns: Mapping[str, str]) -> Iterator[Rows]:
        places = {ours: stripped.index(theirs) for ours, theirs in columns.items()}
        parser = partial(
            _parse_csv, separator=separator, width=len(names), places=places, quote=quote
        )
        skip = 1
        with file.open() as stream:
            for records in prefetch(line_records(stream, quote=quote)):
                yield parse(records.part(skip, len(records)), parser)
                skip = 0

    stripped = [name.strip() for name in names]
    return Table(file, "csv-tweets", stripped, rows)


def _parse_csv(
    data: bytes, *, separator: str, width: int, places: Mapping[str, int], quote: bool
) -> pl.DataFrame:
    frame = csv_rows.numbered_columns(data, width, separator, quote=quote)
    # An empty text stands as "" where the file quotes; unquoted, it is an empty field.
    empty = {"text": pl.col("text").fill_null("")} if "text" in places else {}
    return frame.select(
        **{ours: pl.col(str(place)) for ours, place in places.items()}
    ).with_columns(**empty)


def _json_table(file: DataFile, head: bytes) -> Table | None:
    """Recognise an array of objects, or one object a line, by the objects in the head."""
    text = head.decode("utf-8", "replace").lstrip()
    nested: dict[str, bool] = {}
    for value in _objects(text):
        for name, content in value.items():
            nested[name] = nested.get(name, False) or isinstance(content, dict | list)
    if not nested:
        return None

    def rows(columns: Mapping[str, str]) -> Iterator[Rows]:
        parser = _json_parser(columns)
        with file.open() as stream:
            for records in prefetch(json_records(stream, head)):
                yield parse(records, parser)

    return Table(file, "json-tweets", [name for name in nested if not nested[name]], rows)


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


def _json_parser(columns: Mapping[str, str]) -> Parser:
    # Everything is read as a string: an id that is a number keeps all its digits, and one that
    # is a float is told from a whole number.
    schema = {theirs: pl.String() for theirs in columns.values()}
    key = re.escape(json.dumps(columns.get("tweet_id", "id"), ensure_ascii=False).encode())
    float_id = re.compile(rb"(%b\s*:\s*)(-?\d+[.eE][^\s,}]*)" % key)

    def parser(data: bytes) -> pl.DataFrame:
        data = float_id.sub(rb'\1"\2"', repaired(data))
        return pl.read_ndjson(BytesIO(data), schema=schema).select(**columns)

    return parser


def _parquet_table(file: DataFile) -> Table:
    with open_parquet(file) as parquet:
        schema = parquet.schema_arrow
        columns = [kind.name for kind in schema if not pa.types.is_nested(kind.type)]
    # Posts in Parquet then meet the very checks of CSV.
    rows = partial(parquet_rows, file, batch_rows=_PARQUET_ROWS, text=_texts)
    return Table(file, "parquet-tweets", columns, rows)


def _texts(column: pa.Array) -> pl.Series:
    """Write values as text: times as ISO 8601, and floats, unlike Arrow, always as such."""
    if pa.types.is_floating(column.type):
        return pl.Series(column).cast(pl.String)
    # Polars panics where a damaged time has no date.
    return pl.Series(column.cast(pa.large_string()))
