"""Mend records of CSV whose quotes are not doubled, as in "he said "buy" loudly".

Blocks of records enter as strict reading cuts them, and leave with every quote doubled. An odd
number of such quotes makes a record swallow the rows behind it: those are found again.
"""

import csv
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from io import StringIO
from itertools import pairwise

import numpy as np

from tweetscore.io.records import Records

_QUOTE, _NEWLINE = b'"\n'
_ESCAPE = re.compile(rb'\\[\\"]')
_DOUBLED = re.compile(rb'(?:[^"]|"")*')


@dataclass(frozen=True, slots=True)
class Row:
    """A row as loose reading finds it."""

    start: int  # its first byte
    width: int  # how many fields it has
    data: bytes  # its line, with doubled quotes


def mended(records: Records, separator: str, width: int) -> Records:
    """Return records that strict reading understands as loose reading does.

    Only what strict reading does not understand is touched, and only where loose reading finds a
    row as wide as the table in it.

    Args:
        records: whole rows, as quotes cut them.
        separator: between fields.
        width: how many columns there are.
    """
    doubtful = _doubtful(records, separator, width)
    if not doubtful:
        return records
    pieces, offsets, lines = [], [], []
    bounds = records.bounds.tolist()
    for place in range(len(records)):
        data = records.data[bounds[place] : bounds[place + 1]]
        rows = _rows_of(data, separator, width) if place in doubtful else []
        if not any(row.width == width for row in rows):
            rows = [Row(0, width, data)]
        for row in rows:
            pieces.append(row.data)
            offsets.append(int(records.offsets[place]) + row.start)
            lines.append(int(records.lines[place]) + data.count(b"\n", 0, row.start))
    return replace(
        records,
        data=b"".join(pieces),
        bounds=np.cumsum([0, *map(len, pieces)]),
        offsets=np.array(offsets, np.int64),
        lines=np.array(lines, np.int64),
    )


def _rows_of(data: bytes, separator: str, width: int) -> list[Row]:
    """Return the rows in a doubtful record: with backslashes before quotes, or as read loosely."""
    rows = _escaped_rows(data, width) if b'\\"' in data else []
    sound = bool(rows) and all(_is_row(row.data, separator, width) for row in rows)
    return rows if sound else list(loose_rows(data, separator))


def _escaped_rows(data: bytes, width: int) -> list[Row]:
    """Cut a record whose quotes have backslashes at the breaks outside them; ``width`` each."""
    data = doubled(data)
    octets = np.frombuffer(data, np.uint8)
    outside = np.cumsum(octets == _QUOTE, dtype=np.uint8) & 1 == 0
    ends = [*(np.flatnonzero((octets == _NEWLINE) & outside) + 1).tolist(), len(data)]
    spans = [(low, high) for low, high in pairwise([0, *ends]) if data[low:high].strip()]
    return [Row(low, width, data[low:high]) for low, high in spans]


def loose_rows(data: bytes, separator: str) -> Iterator[Row]:
    """Yield rows whose fields end with a quote only where a separator or a line break follows."""
    closing, ending = _patterns(separator)
    closings = [match.start() for match in closing.finditer(data)]
    mark, place = separator.encode(), 0
    while place < len(data):
        start, fields = place, []
        while True:
            following = bisect_right(closings, place) if data[place : place + 1] == b'"' else None
            if following is not None and following < len(closings):
                end = closings[following] + 1
                fields.append(b'"%b"' % _doubled(data[place + 1 : end - 1]))
            else:
                match = ending.search(data, place)
                end = match.start() if match else len(data)
                fields.append(data[place:end])
            if data[end : end + 1] != mark:
                break
            place = end + 1
        place = min(end + 1 + (data[end : end + 2] == b"\r\n"), len(data))
        if fields != [b""]:
            yield Row(start, len(fields), mark.join(fields) + b"\n")


def _doubled(inner: bytes) -> bytes:
    return inner if _DOUBLED.fullmatch(inner) else inner.replace(b'"', b'""')


def doubled(data: bytes) -> bytes:
    """Return lines whose quotes have another quote before them instead of a backslash."""
    return _ESCAPE.sub(lambda found: b'""' if found[0] == b'\\"' else found[0], data)


def _doubtful(records: Records, separator: str, width: int) -> set[int]:
    """Return the places of records that strict reading does not understand.

    Strictly, quotes open and close in turn: an opening one stands at the beginning of a field, a
    closing one at its end, and both at once are a quote within.
    """
    octets = np.frombuffer(records.data, np.uint8)
    quotes = np.flatnonzero(octets == _QUOTE)
    if not len(quotes):
        return set()
    around = np.full(len(octets) + 2, _NEWLINE, np.uint8)
    around[1:-1] = octets
    bordering = np.zeros(256, bool)
    bordering[[*separator.encode(), *b'"\r\n']] = True
    of_record = np.searchsorted(records.bounds, quotes, side="right") - 1
    before = np.searchsorted(quotes, records.bounds)  # (records + 1,): quotes before each record
    opens = (np.arange(len(quotes)) - before[of_record]) % 2 == 0
    proper = bordering[np.where(opens, around[quotes], around[quotes + 2])]
    never_closed = np.flatnonzero(np.diff(before) % 2)
    found = {*of_record[~proper].tolist(), *never_closed.tolist()}
    return {place for place in found if not _is_sound(records, place, separator, width)}


def _is_sound(records: Records, place: int, separator: str, width: int) -> bool:
    return _is_row(records.part(place, place + 1).data, separator, width)


def _is_row(data: bytes, separator: str, width: int) -> bool:
    text = data.decode("utf-8", "replace")
    try:
        rows = list(csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error:
        return False
    return [len(row) for row in rows if row] == [width]


@lru_cache
def _patterns(separator: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return what a closing quote and the end of a field look like."""
    mark = re.escape(separator.encode())
    return re.compile(rb'"(?=%b|\r?\n|\r?\Z)' % mark), re.compile(rb"%b|\r?\n" % mark)
