"""Mend records of CSV whose quotes are not doubled, as in "he said "buy" loudly".

Blocks of records enter as strict reading cuts them, and leave with every quote doubled. An odd
number of such quotes makes a record swallow the rows behind it: those are found again.
"""

import csv
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from io import StringIO
from itertools import pairwise

import numpy as np

from tweetscore.io.records import Records, opening

_QUOTE, _NEWLINE = b'"\n'
_ESCAPE = re.compile(rb'\\[\\"]')
_DOUBLED = re.compile(rb'(?:[^"]|"")*')
_ONE_OR_TWO = re.compile(rb'""?')


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
    for first, stop in _runs(records, doubtful):
        low, high = bounds[first], bounds[stop]
        rows = [Row(0, width, records.data[low:high])]
        if first in doubtful:
            rows = _rows_of(records.part(first, stop), separator, width)
        for row in rows:
            start = low + row.start
            place = bisect_right(bounds, start) - 1
            before, opens = records.opening(place), start + opening(row.data)
            pieces.append(row.data)
            offsets.append(int(records.offsets[place]) + opens - before)
            breaks = records.data.count(b"\n", before, opens)
            lines.append(int(records.lines[place]) + breaks)
    return replace(
        records,
        data=b"".join(pieces),
        bounds=np.cumsum([0, *map(len, pieces)]),
        offsets=np.array(offsets, np.int64),
        lines=np.array(lines, np.int64),
    )


def _runs(records: Records, doubtful: set[int]) -> Iterator[tuple[int, int]]:
    """Yield the bounds of runs of doubtful records that follow each other, and of each other one.

    Behind an odd quote, strict reading cuts a text of several lines at their breaks.
    """
    first = 0
    for place in range(len(records)):
        if not (place in doubtful and place + 1 in doubtful and _is_next(records, place)):
            yield first, place + 1
            first = place + 1


def _is_next(records: Records, place: int) -> bool:
    """Return whether the next record begins where this one ends, without a blank line between."""
    low, high = records.bounds[place : place + 2]
    breaks = records.data.count(b"\n", int(low), int(high))
    return bool(records.lines[place] + breaks == records.lines[place + 1])


def _rows_of(records: Records, separator: str, width: int) -> list[Row]:
    """Return the rows in doubtful records that follow each other: of each alone, or of all."""
    alone = []
    for low, high in pairwise(records.bounds.tolist()):
        data = records.data[low:high]
        rows = _best_rows(data, separator, width)
        if _misfits(rows, width) == len(rows):
            rows = [Row(0, 0, data)]
        alone += [replace(row, start=low + row.start) for row in rows]
    if not _misfits(alone, width) or len(records) == 1:
        return alone
    together = _best_rows(records.data, separator, width)
    return min(alone, together, key=lambda rows: _misfits(rows, width))


def _best_rows(data: bytes, separator: str, width: int) -> list[Row]:
    """Return the rows as read loosely, with the fewest of another width.

    Where both ways fit as well, a quote before a separator ends its field, unless backslashes stand
    before others.
    """
    readings = [list(loose_rows(data, separator))]
    escaped = b'\\"' in data
    if escaped or b'""' in data:
        pairs = list(loose_rows(doubled(data), separator, pairs=True))
        readings.insert(0 if escaped else 1, pairs)
    return min(readings, key=lambda rows: _misfits(rows, width))


def _misfits(rows: Sequence[Row], width: int) -> int:
    return sum(row.width != width for row in rows)


def loose_rows(data: bytes, separator: str, *, pairs: bool = False) -> Iterator[Row]:
    """Yield rows whose fields end with a quote only where a separator or a line break follows.

    With ``pairs``, two quotes within a field are one that is part of it, whatever follows.
    """
    closing, ending, paired = _patterns(separator)
    closings = [match.start() for match in closing.finditer(data)]
    mark, place = separator.encode(), 0
    while place < len(data):
        start, fields = place, []
        while True:
            end = None
            if data[place : place + 1] != b'"':
                pass
            elif pairs:
                field = paired.match(data, place)
                end = field.end() if field else None
                pairs = field is not None  # else all that follows would be looked through again
            elif (following := bisect_right(closings, place)) < len(closings):
                end = closings[following] + 1
            if end is not None:
                fields.append(b'"%b"' % _doubled(data[place + 1 : end - 1], pairs=pairs))
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


def _doubled(inner: bytes, *, pairs: bool) -> bytes:
    if pairs:
        return _ONE_OR_TWO.sub(b'""', inner)
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
def _patterns(separator: str) -> tuple[re.Pattern[bytes], ...]:
    """Return patterns of a closing quote, of the end of a field, and of a field with pairs."""
    mark = re.escape(separator.encode())
    closing = rb'"(?=%b|\r?\n|\r?\Z)' % mark
    within = rb'(?:[^"]|""|(?!%b)")*+' % closing
    ending = rb"%b|\r?\n" % mark
    return re.compile(closing), re.compile(ending), re.compile(rb'"%b%b' % (within, closing))
