"""Cut files into records: a stream enters, blocks of records with their places leave.

Every archive and bar file passes through here, so that a record that cannot be read has a line and
a byte offset, and so that memory does not grow with the file.
"""

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.io import json_damage

BLOCK_BYTES = 4 << 20
MOST_RECORD_BYTES = 16 << 20
RAW_CHARACTERS = 2_000
REASON_CHARACTERS = 200  # polars may quote a record of megabytes
MOST_INDENT = 16  # blanks before a record that are stepped over one by one, all records at once
BLANKS = bytes(range(33))
BOM = codecs.BOM_UTF8
REJECTS_SCHEMA = pl.Schema(
    {"line": pl.Int64, "byte_offset": pl.Int64, "reason": pl.String, "raw": pl.String}
)
Positions = npt.NDArray[np.int64]
Octets = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Records:
    """Whole records in one block of bytes.

    ``data[bounds[i]:bounds[i + 1]]`` is record i; in the file it begins at byte ``offsets[i]``
    (from 0), in line ``lines[i]`` (from 1).
    """

    data: bytes
    bounds: Positions  # (records + 1,)
    offsets: Positions  # (records,)
    lines: Positions  # (records,)
    marks: json_damage.Marks | None = None  # by which alone they were cut

    def __len__(self) -> int:
        return len(self.offsets)

    def part(self, start: int, stop: int) -> "Records":
        """Return records start to stop."""
        low, high = int(self.bounds[start]), int(self.bounds[stop])
        return Records(
            self.data[low:high],
            self.bounds[start : stop + 1] - low,
            self.offsets[start:stop],
            self.lines[start:stop],
            self.marks,
        )


def joined(parts: Sequence[Records]) -> Records:
    """Return the records of several blocks as one, in their order; there is at least one block."""
    lengths = np.concatenate([np.diff(part.bounds) for part in parts])
    return Records(
        b"".join(part.data for part in parts),
        np.concatenate(([0], np.cumsum(lengths))),
        np.concatenate([part.offsets for part in parts]),
        np.concatenate([part.lines for part in parts]),
    )


Parser = Callable[[bytes], pl.DataFrame]


def parse(records: Records, parser: Parser) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Parse a block at once; where the parser refuses, halve it until the bad records are alone.

    Bytes that are not UTF-8 become U+FFFD, so that no record is lost for them.

    Returns:
        The rows, in order, with their ``line`` and ``byte_offset``; a reject for each bad record.
    """
    frames, rejects = _halved(records, parser)
    if not frames:
        frames = [_placed(parser(b""), records.part(0, 0))]
    return pl.concat(frames), pl.DataFrame(rejects, schema=REJECTS_SCHEMA)


def _halved(records: Records, parser: Parser) -> tuple[list[pl.DataFrame], list[dict[str, object]]]:
    if not len(records):
        return [], []
    reason = "the record is not exactly one row"
    try:
        frame = parser(records.data)
    except pl.exceptions.PolarsError as error:
        fact = str(error).strip().partition("\n")[0]
        reason = f"cannot be parsed: {fact[:REASON_CHARACTERS]}"
    else:
        if frame.height == len(records):
            return [_placed(frame, records)], []
    if (readable := _readable(records)) is not records:
        return _halved(readable, parser)
    if len(records) == 1 and records.marks and len(several := _recut(records, records.marks)) > 1:
        return _halved(several, parser)
    if len(records) == 1 and len(several := _unglued(records)) > 1:
        return _halved(several, parser)
    if len(records) == 1:
        raw = records.data.decode().strip()[:RAW_CHARACTERS]
        line, offset = int(records.lines[0]), int(records.offsets[0])
        return [], [{"line": line, "byte_offset": offset, "reason": reason, "raw": raw}]
    middle = len(records) // 2
    frames, rejects = _halved(records.part(0, middle), parser)
    more_frames, more_rejects = _halved(records.part(middle, len(records)), parser)
    return frames + more_frames, rejects + more_rejects


def _recut(record: Records, marks: json_damage.Marks) -> Records:
    """Cut a record again that may be several: only marks at the break of a line were looked for."""
    ends, _ = json_damage.values(record.data, 0, marks, at_end=True)
    cuts = np.array(ends, np.int64)
    bounds = np.unique(np.concatenate(([0], cuts + 1, [len(record.data)])))
    data = np.frombuffer(record.data, np.uint8).copy()
    data[cuts] = 10
    count = len(bounds) - 1
    return Records(
        data.tobytes(), bounds, record.offsets[0] + bounds[:-1], np.repeat(record.lines, count)
    )


def _unglued(record: Records) -> Records:
    """Cut a line that is several objects of JSON, as where files without a last break are joined.

    Where it is not, the same record is returned.
    """
    text, ends = record.data.decode("latin-1"), [0]  # every byte keeps its place
    try:
        while text.startswith("{", ends[-1]):
            ends.append(json_damage.end_of_value(text, ends[-1]))
    except (ValueError, RecursionError):
        return record
    if ends[-1] < len(text):
        return record
    pieces = [text[low:high].encode("latin-1") + b"\n" for low, high in pairwise(ends)]
    starts = np.array(ends[:-1], np.int64)
    return Records(
        b"".join(pieces),
        np.cumsum([0, *map(len, pieces)]),
        record.offsets[0] + starts,
        np.repeat(record.lines, len(pieces)),
    )


def _readable(records: Records) -> Records:
    """Return the records with U+FFFD for bytes that are not UTF-8; the same object if all are.

    A byte order mark before a record, as where files are joined, becomes blanks.
    """
    if BOM in records.data:
        pieces = [records.data[low:high] for low, high in pairwise(records.bounds.tolist())]
        bare = [b"   " + each[3:] if each.startswith(BOM) else each for each in pieces]
        if bare != pieces:
            return replace(records, data=b"".join(bare))
    try:
        records.data.decode()
    except UnicodeDecodeError:
        pieces = [
            records.data[low:high].decode("utf-8", "replace").encode()
            for low, high in pairwise(records.bounds.tolist())
        ]
        bounds = np.concatenate(([0], np.cumsum([len(piece) for piece in pieces])))
        return replace(records, data=b"".join(pieces), bounds=bounds)
    return records


def _placed(frame: pl.DataFrame, records: Records) -> pl.DataFrame:
    # Frames of many pieces, as the parser of JSON makes them, would slow down all that follows.
    return frame.rechunk().hstack(
        [pl.Series("line", records.lines), pl.Series("byte_offset", records.offsets)]
    )


def line_records(
    stream: BinaryIO,
    *,
    quote: bool,
    block_bytes: int = BLOCK_BYTES,
    most_bytes: int = MOST_RECORD_BYTES,
) -> Iterator[Records]:
    """Cut lines into blocks.

    Args:
        stream: the file.
        quote: a line break inside double quotes ends no line.
        block_bytes: how many bytes are read at once.
        most_bytes: a record that is longer is cut off.
    """

    def cut(data: bytes, breaks: Positions, *_: bool) -> tuple[Octets, Positions, None]:
        octets = np.frombuffer(data, np.uint8)
        return octets, (_outside_quotes(octets, breaks) if quote else breaks) + 1, None

    yield from _blocks(stream, cut, block_bytes, most_bytes)


def json_array_records(
    stream: BinaryIO, *, block_bytes: int = BLOCK_BYTES, most_bytes: int = MOST_RECORD_BYTES
) -> Iterator[Records]:
    """Cut a JSON array into blocks of one value a line, in any layout.

    Line breaks outside strings become blanks, and the end of a value becomes one: every byte
    keeps its place, and a parser for JSON lines reads the result.

    Args:
        stream: the file.
        block_bytes: how many bytes are read at once.
        most_bytes: a value that is longer is cut off.
    """
    yield from _blocks(stream, _ArrayCutter().cut, block_bytes, most_bytes)


Cutter = Callable[
    [bytes, Positions, bool, bool], tuple[Octets, Positions, json_damage.Marks | None]
]


def _blocks(stream: BinaryIO, cut: Cutter, block_bytes: int, most_bytes: int) -> Iterator[Records]:
    """Read, cut and number.

    ``cut`` takes bytes, where their lines break, and whether they are the first and the last ones
    of the file; it returns the bytes to parse, the end of each whole record, and the marks of
    records, if they alone showed the ends.
    """
    pending, offset, line, first = stream.read(len(BOM)), 0, 1, True
    if pending == BOM:
        pending, offset = b"", len(BOM)
    while True:
        fresh = stream.read(block_bytes)
        data, at_end = pending + fresh, len(fresh) < block_bytes
        breaks = np.flatnonzero(np.frombuffer(data, np.uint8) == 10)
        octets, ends, marks = cut(data, breaks, first, at_end)
        # What is left at the end is a record, too. One that reaches the limit is cut, and rejected.
        if at_end or (not len(ends) and len(data) > most_bytes):
            ends = np.union1d(ends, [len(data)])
        if data and len(ends):
            stop = int(ends[-1])
            yield from _numbered(octets[:stop], breaks, ends, offset, line, marks)
            line += int(np.searchsorted(breaks, stop))
            offset += stop
            first = False
            data = data[stop:]
        pending = data
        if at_end:
            return


def _numbered(
    octets: Octets,
    breaks: Positions,
    ends: Positions,
    offset: int,
    line: int,
    marks: json_damage.Marks | None,
) -> Iterator[Records]:
    """Leave out blank records, and number the others by where they begin."""
    starts = np.concatenate(([0], ends[:-1]))
    data = octets.tobytes()
    opening = _openings(octets, data, starts, ends)
    filled = opening < ends
    opening = opening[filled]
    lines = line + np.searchsorted(breaks, opening)
    if not filled.all():
        pieces = zip(starts[filled].tolist(), ends[filled].tolist(), strict=True)
        data = b"".join([data[low:high] for low, high in pieces])
    bounds = np.concatenate(([0], np.cumsum((ends - starts)[filled])))
    if len(opening):
        yield Records(data, bounds, offset + opening, lines, marks)


def _openings(octets: Octets, data: bytes, starts: Positions, ends: Positions) -> Positions:
    """Return where each record has its first byte that is not blank; its end if there is none."""
    opening = starts.copy()
    for _ in range(MOST_INDENT):
        blank = opening < ends
        blank[blank] = octets[opening[blank]] <= 32
        if not blank.any():
            return opening
        opening += blank
    for record in np.flatnonzero(blank):
        rest = data[opening[record] : ends[record]]
        opening[record] = ends[record] - len(rest.lstrip(BLANKS))
    return opening


def _outside_quotes(octets: Octets, places: Positions) -> Positions:
    outside: npt.NDArray[np.bool_] = np.cumsum(octets == 34, dtype=np.uint8) & 1 == 0
    return places[outside[places]]


_STRUCTURE = bytes(octet in b'"{}[],' for octet in range(256))  # what ``json_tokens`` looks for
DEPTH = np.zeros(256, np.int8)  # by how much an octet changes it
DEPTH[list(b"{[")] = 1
DEPTH[list(b"}]")] = -1


class _ArrayCutter:
    """Cuts an array, and knows how its records begin once it has seen the first block."""

    def __init__(self) -> None:
        self._marks: json_damage.Marks | None = None

    def cut(
        self, data: bytes, breaks: Positions, first: bool, at_end: bool
    ) -> tuple[Octets, Positions, json_damage.Marks | None]:
        """Return the bytes with a line break behind each value, and the end of each whole value.

        The marks are returned, too, where they alone showed the ends.
        """
        if first:
            data = data.replace(b"[", b" ", 1)
        self._marks = marks = self._marks or json_damage.learned(data)
        cuts = None
        if marks and marks.line and not at_end:
            cuts = json_damage.next_lines(data, breaks, marks.line)
        by_marks = marks if cuts is not None else None
        if cuts is None:
            cuts, torn = _commas(data)
            if marks and _is_damaged(data, cuts, torn, marks):
                ends, rest = json_damage.values(data, 0, marks, at_end=at_end)
                cuts = np.array(ends, np.int64)
                if data[rest : rest + 1] == b"]":
                    cuts = np.concatenate((cuts, _commas(data[rest:])[0] + rest))
        lines = np.frombuffer(data, np.uint8).copy()
        lines[breaks] = 32
        lines[cuts] = 10
        return lines, cuts + 1, by_marks


def _is_damaged(data: bytes, cuts: Positions, torn: int, marks: json_damage.Marks) -> bool:
    """Return whether a record begins inside a value that is not whole, or behind a brace too many.

    Args:
        data: the block.
        cuts: where its values end.
        torn: where the first brace is that closes nothing.
        marks: how records begin.
    """
    begun = np.fromiter(marks.places(data), np.int64)
    if len(begun) and begun[-1] > torn:
        return True
    inside = begun[~np.isin(begun, cuts)]
    bounds = np.concatenate(([0], cuts + 1, [len(data) + 1]))
    for number in np.unique(np.searchsorted(bounds, inside, "right")).tolist():
        low, high = bounds[number - 1 : number + 1].tolist()
        if high > len(data) or not json_damage.is_whole(data[low : high - 1]):
            return True
    return False


def _commas(data: bytes) -> tuple[Positions, int]:
    """Return where the values of an array end, and where a brace closes nothing for the first time.

    The latter is behind the end if none does.
    """
    places, kinds = json_tokens(data)
    depths = np.cumsum(DEPTH[kinds], dtype=np.int32)
    # A bracket too many lowers the level of all values after it, so that only its own is lost.
    level = np.minimum.accumulate(np.minimum(depths, 0))
    lowered = np.diff(level, prepend=0) < 0
    cuts = places[((kinds == 93) & lowered) | ((kinds == 44) & (depths == level))]
    torn = places[lowered & (kinds == 125)]
    return cuts, int(torn[0]) if len(torn) else len(data)


def json_tokens(data: bytes) -> tuple[Positions, Octets]:
    """Return where brackets and commas stand outside strings, and which they are."""
    # Without escaped backslashes, a backslash before a quote escapes it.
    bare = data.replace(rb"\\", b"  ") if rb"\\" in data else data
    octets = np.frombuffer(bare, np.uint8)
    places = np.flatnonzero(np.frombuffer(bare.translate(_STRUCTURE), np.bool_))
    kinds = octets[places]
    quotes = (kinds == 34) & ~((places > 0) & (octets[places - 1] == 92))
    outside = (np.cumsum(quotes, dtype=np.uint8) & 1 == 0) & (kinds != 34)
    return places[outside], kinds[outside]
