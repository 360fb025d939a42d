"""Tables of lines: CSV with commas, semicolons, tabs or bars, with or without a header."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

import polars as pl

from tweetscore.io import csv_rows
from tweetscore.io.data_file import HEAD_BYTES
from tweetscore.io.loose_quotes import doubled, mended
from tweetscore.io.records import MOST_RECORD_BYTES, parse
from tweetscore.io.source import Source
from tweetscore.io.tables.table import Rows, Table

_SEPARATORS = ",;\t|"
_NAMED_SEPARATOR = re.compile(rb"\"?sep=([,;\t|])\"?[ \t]*\r?\n", re.IGNORECASE)
_SCANNED_BYTES = 1 << 20
_BLANK_LINES = re.compile(rb"(?:[ \t]*[\r\n])*")


def csv_table(source: Source) -> Table:
    """Take the first line as the header; the separator is the one that gives most names."""
    named, head = _from_header(source)
    separator = _separator(named, head)
    names = csv_rows.column_names(head, separator)
    return lines_table(source, names, separator, skip=2 if named else 1)


@dataclass(frozen=True, slots=True)
class Reading:
    """What decides how the rows of a file of lines are read; two files may share it."""

    columns: tuple[str, ...]
    separator: str
    skip: int  # lines before the rows
    quoted: bool


def csv_reading(source: Source) -> Reading | None:
    """Return how a small file is read by ``csv_table``; None where it has to be read alone.

    That is where it has a header and no row, or quotes with backslashes.
    """
    named, head = _from_header(source)
    header, _, rows = head.partition(b"\n")
    if not rows.strip():
        return None
    separator = _separator(named, header)
    names = tuple(csv_rows.column_names(header, separator))
    quoted, escaped = _quoting(head, separator)
    return None if escaped else Reading(names, separator, 2 if named else 1, quoted)


def _separator(named: str | None, head: bytes) -> str:
    return named or max(_SEPARATORS, key=lambda it: len(csv_rows.column_names(head, it)))


def lines_table(
    source: Source, names: Sequence[str], separator: str, *, skip: int, quote: bool | None = None
) -> Table:
    """Return the table of a file whose columns are known.

    Args:
        source: the file.
        names: its columns; the first of two with one name counts.
        separator: between fields.
        skip: how many lines there are before the rows.
        quote: whether quotes enclose fields; None: decide by the first bytes.
    """
    stripped = [name.strip() for name in names]

    @cache
    def quoting(*, anywhere: bool) -> tuple[bool, bool]:
        lines = _telling_lines(source) if anywhere else _from_header(source)[1]
        return _quoting(lines, separator)

    def rows(columns: Mapping[str, str], most: int | None, whole: bool) -> Iterator[Rows]:
        # Only texts may hold a quote that the first lines do not show.
        quoted, escaped = quoting(anywhere="text" in columns) if quote is None else (quote, False)
        parser = partial(
            _parse,
            separator=separator,
            width=len(names),
            places={ours: stripped.index(theirs) for ours, theirs in columns.items()},
            quote=quoted,
            whole=whole,
        )
        left = skip
        for cut in source.lines(quote=quoted, escaped=escaped, whole=most is None):
            loose = quoted and not cut.cut_at
            records = mended(cut, separator, len(names)) if loose else cut
            start = min(left, len(records))
            left -= start
            stop = len(records) if most is None else min(len(records), start + most)
            yield parse(records.part(start, stop), parser)

    return Table(source, "csv", tuple(dict.fromkeys(stripped)), rows)


def _quoting(lines: bytes, separator: str) -> tuple[bool, bool]:
    """Return whether quotes enclose fields, and whether those within have backslashes."""
    escaped = csv_rows.has_escapes(lines)
    quoted = csv_rows.is_quoted(doubled(lines) if escaped else lines, separator)
    return quoted, quoted and escaped


def _from_header(source: Source) -> tuple[str | None, bytes]:
    """Return the separator that a line before the header names, and what begins with the header."""
    head = _BLANK_LINES.sub(b"", source.head, count=1)
    named = _NAMED_SEPARATOR.match(head)  # for spreadsheets
    return (named[1].decode(), head[named.end() :]) if named else (None, head)


def _telling_lines(source: Source) -> bytes:
    """Return lines that show whether quotes enclose fields: the first of the file with a quote.

    The header stands before them.
    """
    _, head = _from_header(source)
    if b'"' in head or source.is_small:
        return head
    header, rest = head[: head.find(b"\n") + 1], b""
    with source.open() as stream:
        while data := stream.read(_SCANNED_BYTES):
            block = rest + data
            if (place := block.find(b'"')) >= 0:
                telling = block[block.rfind(b"\n", 0, place) + 1 :] + stream.read(HEAD_BYTES)
                return header + telling[:HEAD_BYTES]
            rest = block[block.rfind(b"\n") + 1 :]
            if len(rest) > MOST_RECORD_BYTES:
                break
    return head


def _parse(
    data: bytes,
    *,
    separator: str,
    width: int,
    places: Mapping[str, int],
    quote: bool,
    whole: bool,
) -> pl.DataFrame:
    frame = csv_rows.numbered_columns(data, width, separator, quote=quote, whole=whole)
    # An empty text is "" where the file quotes; elsewhere it is an empty field.
    empty = {"text": pl.col("text").fill_null("")} if "text" in places else {}
    return frame.select(
        **{ours: pl.col(str(place)) for ours, place in places.items()}
    ).with_columns(**empty)
