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
    breaks: Positions | None = None  # in the file, of the lines of the block; with marks alone
    cut_at: int = 0  # the only record is longer than so many bytes; data is its start

    def __len__(self) -> int:
        return len(self.offsets)

    def opening(self, number: int) -> int:
        """Return where in ``data`` a record has its first byte that is not blank."""
        low, high = self.bounds[number : number + 2].tolist()
        return opening(self.data[low:high]) + int(low)

    def part(self, start: int, stop: int) -> "Records":
        """Return records start to stop."""
        low, high = int(self.bounds[start]), int(self.bounds[stop])
        return replace(
            self,
            data=self.data[low:high],
            bounds=self.bounds[start : stop + 1] - low,
            offsets=self.offsets[start:stop],
            lines=self.lines[start:stop],
        )


def opening(data: bytes) -> int:
    """Return the place of the first byte that is not blank; 0 if there is none."""
    begun = data.lstrip(BLANKS)
    return len(data) - len(begun) if begun else 0


def cut_off(data: bytes, offset: int, line: int, most_bytes: int) -> Records:
    """Return the beginning of a record that is too long to be one, for a reject."""
    start = data.lstrip(BLANKS)
    blank = len(data) - len(start)
    start, line = start[:RAW_CHARACTERS], line + data.count(b"\n", 0, blank)
    places = np.array([offset + blank]), np.array([line])
    return Records(start, np.array([0, len(start)]), *places, cut_at=most_bytes)


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
    if records.cut_at:
        return [], [_reject(records, f"the record is longer than {records.cut_at:,} bytes")]
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
        return [], [_reject(records, reason)]
    middle = len(records) // 2
    frames, rejects = _halved(records.part(0, middle), parser)
    more_frames, more_rejects = _halved(records.part(middle, len(records)), parser)
    return frames + more_frames, rejects + more_rejects


def _reject(record: Records, reason: str) -> dict[str, object]:
    raw = record.data.decode("utf-8", "replace").strip()[:RAW_CHARACTERS]
    line, offset = int(record.lines[0]), int(record.offsets[0])
    return {"line": line, "byte_offset": offset, "reason": reason, "raw": raw}


def _recut(record: Records, marks: json_damage.Marks) -> Records:
    """Cut a record again that may be several: only marks at the break of a line were looked for."""
    assert record.breaks is not None  # as of all that were cut by marks
    ends, _ = json_damage.values(record.data, 0, marks, at_end=True)
    cuts = np.array(ends, np.int64)
    bounds = np.unique(np.concatenate(([0], cuts + 1, [len(record.data)])))
    octets = np.frombuffer(record.data, np.uint8).copy()
    octets[cuts] = 10
    data, first = octets.tobytes(), int(record.offsets[0])
    opens = [low + opening(data[low:high]) for low, high in pairwise(bounds.tolist())]
    offsets = first - record.opening(0) + np.array(opens, np.int64)
    passed = np.searchsorted(record.breaks, [first, *offsets.tolist()])
    return Records(data, bounds, offsets, record.lines[0] + passed[1:] - passed[0])


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
        most_bytes: a record that is longer is cut off, and the rest of its line passed over.
    """

    def cut(data: bytes, breaks: Positions, *_: bool) -> tuple[Octets, Positions, None]:
        octets = np.frombuffer(data, np.uint8)
        return octets, (_outside_quotes(octets, breaks) if quote else breaks) + 1, None

    def resume(data: bytes) -> int | None:
        return data.find(b"\n") + 1 or None

    yield from blocks(stream, cut, resume, block_bytes, most_bytes)


Cutter = Callable[
    [bytes, Positions, bool, bool], tuple[Octets, Positions, json_damage.Marks | None]
]
Resume = Callable[[bytes], int | None]


def blocks(
    stream: BinaryIO, cut: Cutter, resume: Resume, block_bytes: int, most_bytes: int
) -> Iterator[Records]:
    """Read, cut and number; what is longer than ``most_bytes`` is cut off and passed over.

    ``cut`` takes bytes, where their lines break, and whether they are the first and the last ones
    of the file; it returns the bytes to parse, the end of each whole record, and the marks of
    records, if they alone showed the ends. ``resume`` takes bytes within a record that was cut off,
    and returns where the next one begins.
    """
    pending, offset, line, first = stream.read(len(BOM)), 0, 1, True
    if pending == BOM:
        pending, offset = b"", len(BOM)
    while True:
        fresh = stream.read(block_bytes)
        data, at_end = pending + fresh, len(fresh) < block_bytes
        breaks = np.flatnonzero(np.frombuffer(data, np.uint8) == 10)
        octets, ends, marks = cut(data, breaks, first, at_end)
        if at_end:  # what is left is a record, too
            ends = np.union1d(ends, [len(data)])
        elif not len(ends) and len(data) > most_bytes:
            yield cut_off(data, offset, line, most_bytes)
            pending, passed, lines = _passed(stream, data, resume, block_bytes)
            offset, line, first = offset + passed, line + lines, False
            continue
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


def _passed(
    stream: BinaryIO, data: bytes, resume: Resume, block_bytes: int
) -> tuple[bytes, int, int]:
    """Pass over a record; return what is read behind it, and the bytes and lines passed over."""
    passed = lines = 0
    while (place := resume(data)) is None:
        kept = data[-json_damage.MOST_MARK_BYTES :]  # a mark may be cut
        fresh = stream.read(block_bytes)
        if not fresh:
            place = len(data)
            break
        passed += len(data) - len(kept)
        lines += data.count(b"\n", 0, len(data) - len(kept))
        data = kept + fresh
    return data[place:], passed + place, lines + data.count(b"\n", 0, place)


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
        yield Records(
            data, bounds, offset + opening, lines, marks, offset + breaks if marks else None
        )


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
