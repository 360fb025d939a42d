"""Cut files, zipped or not, into records: a path enters, blocks of records with their places leave.

Every archive and bar file passes through here, so that a record that cannot be read has a line and
a byte offset, and so that memory does not grow with the file.
"""

import hashlib
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.errors import InputError

BLOCK_BYTES = 4 << 20
MAX_RECORD_BYTES = 16 << 20
HEAD_BYTES = 1 << 16
RAW_CHARACTERS = 2_000
MOST_INDENT = 16  # blanks before a record that are stepped over one by one, all records at once
BLANKS = bytes(range(33))
# What zipfile raises on damage; damaged sizes make it seek to where no file can be.
UNREADABLE = (
    OSError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error, lzma.LZMAError
)  # fmt: skip
ZIPPED = (b"PK\x03\x04", b"PK\x05\x06")
BOM = b"\xef\xbb\xbf"
REJECTS_SCHEMA = pl.Schema(
    {"line": pl.Int64, "byte_offset": pl.Int64, "reason": pl.String, "raw": pl.String}
)
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file to read: a path, or one entry of a zip."""

    path: Path
    entry: str | None = None
    alone: bool = True

    @property
    def name(self) -> str:
        """The path, with the entry where the zip holds several."""
        return str(self.path) if self.alone else f"{self.path}!{self.entry}"

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the content, decompressed, from its first byte.

        Raises:
            InputError: also later, when what is read turns out to be damaged.
        """
        try:
            if self.entry is None:
                with self.path.open("rb") as stream:
                    yield stream
                return
            with zipfile.ZipFile(self.path) as archive:
                if archive.getinfo(self.entry).flag_bits & 1:
                    raise InputError(f"{self.name}: is encrypted; unzip it with its password first")
                with archive.open(self.entry) as entry:
                    yield cast(BinaryIO, entry)
        except UNREADABLE as error:
            raise _unreadable(self.name, error) from error

    def head(self) -> bytes:
        """Return the first bytes of the content, without a byte order mark."""
        with self.open() as stream:
            return stream.read(HEAD_BYTES).removeprefix(BOM)

    def digest(self) -> tuple[str, int]:
        """Return the sha256 and the size in bytes of the content, decompressed."""
        digest, size = hashlib.sha256(), 0
        with self.open() as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
                size += len(block)
        return digest.hexdigest(), size


def data_files(path: Path) -> list[DataFile]:
    """List the files behind a path: itself, or the entries of a zip.

    Raises:
        InputError: the path does not exist, is a folder, is empty, or is a damaged or empty zip.
    """
    try:
        if not path.exists():
            raise InputError(f"{path}: no such file; check the path")
        if path.is_dir():
            raise InputError(f"{path}: is a folder; name the files in it, as in {path}/*.json")
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty (0 bytes); download the file again")
        with path.open("rb") as stream:
            if not stream.read(4).startswith(ZIPPED):
                return [DataFile(path)]
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except UNREADABLE as error:
        raise _unreadable(str(path), error) from error
    names = [
        info.filename
        for info in infos
        if not info.is_dir() and info.file_size and not info.filename.startswith("__MACOSX/")
    ]
    if not names:
        raise InputError(f"{path}: the zip holds no file; name one with an archive or bars in it")
    return [DataFile(path, name, alone=len(names) == 1) for name in names]


def _unreadable(name: str, error: Exception) -> InputError:
    return InputError(f"{name}: cannot be read ({error}); unzip it yourself, or download it again")


@dataclass(frozen=True, slots=True)
class Records:
    """Whole records in one block of bytes.

    ``data[bounds[i]:bounds[i + 1]]`` is record i; ``offsets[i]`` and ``lines[i]`` say where it
    begins in the file (bytes from 0, lines from 1).
    """

    data: bytes
    bounds: Positions  # (records + 1,)
    offsets: Positions  # (records,)
    lines: Positions  # (records,)

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
        )


Parser = Callable[[bytes], pl.DataFrame]


def parse(records: Records, parser: Parser) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Parse a block at once; where the parser refuses, halve until the bad records stand alone.

    Returns:
        The rows, in order, with their ``line`` and ``byte_offset``, and a reject per bad record.
    """
    none = _placed(parser(b""), records.part(0, 0))
    frames, rejects = _halved(records, parser)
    return pl.concat([none, *frames]), pl.DataFrame(rejects, schema=REJECTS_SCHEMA)


def _halved(records: Records, parser: Parser) -> tuple[list[pl.DataFrame], list[dict[str, object]]]:
    if not len(records):
        return [], []
    reason = "the record holds no or several rows"
    try:
        frame = parser(records.data)
    except pl.exceptions.PolarsError as error:
        reason = f"cannot be parsed: {str(error).strip().splitlines()[0]}"
    else:
        if frame.height == len(records):
            return [_placed(frame, records)], []
    if len(records) == 1:
        raw = records.data.decode("utf-8", "replace").strip()[:RAW_CHARACTERS]
        line, offset = int(records.lines[0]), int(records.offsets[0])
        return [], [{"line": line, "byte_offset": offset, "reason": reason, "raw": raw}]
    middle = len(records) // 2
    frames, rejects = _halved(records.part(0, middle), parser)
    more_frames, more_rejects = _halved(records.part(middle, len(records)), parser)
    return frames + more_frames, rejects + more_rejects


def _placed(frame: pl.DataFrame, records: Records) -> pl.DataFrame:
    return frame.with_columns(
        pl.Series("line", records.lines), pl.Series("byte_offset", records.offsets)
    )


def line_records(stream: BinaryIO, *, quote: bool) -> Iterator[Records]:
    """Cut lines into blocks; with ``quote``, a line break inside double quotes ends none."""
    yield from _blocks(stream, lambda data, _: _line_ends(data, quote=quote))


def json_array_records(stream: BinaryIO) -> Iterator[Records]:
    """Cut a JSON array into blocks of one value a line, whatever its layout was.

    Line breaks outside strings become blanks, what ends a value becomes a line break: every byte
    keeps its place, and a parser for JSON lines reads the result.
    """
    yield from _blocks(stream, _array_ends)


Cutter = Callable[[bytes, bool], tuple[bytes, Positions]]


def _blocks(stream: BinaryIO, cut: Cutter) -> Iterator[Records]:
    """Read, cut and number; ``cut`` returns the bytes to parse and the end of each whole record."""
    pending, offset, line, first = stream.read(len(BOM)), 0, 1, True
    if pending == BOM:
        pending, offset = b"", len(BOM)
    while True:
        fresh = stream.read(BLOCK_BYTES)
        data, at_end = pending + fresh, len(fresh) < BLOCK_BYTES
        lines_data, ends = cut(data, first)
        # What is left at the end is a record, too. No record is as long as the cap: it is rejected.
        if at_end or (not len(ends) and len(data) > MAX_RECORD_BYTES):
            ends = np.union1d(ends, [len(data)])
        if data and len(ends):
            stop = int(ends[-1])
            yield from _numbered(data[:stop], lines_data[:stop], ends, offset, line)
            line += data.count(b"\n", 0, stop)
            offset += stop
            first = False
            data = data[stop:]
        pending = data
        if at_end:
            return


def _numbered(
    data: bytes, lines_data: bytes, ends: Positions, offset: int, line: int
) -> Iterator[Records]:
    """Leave out blank records and say where the others begin."""
    starts = np.concatenate(([0], ends[:-1]))
    opening = _openings(lines_data, starts, ends)
    filled = opening < ends
    opening = opening[filled]
    breaks = np.flatnonzero(np.frombuffer(data, np.uint8) == 10)
    lines = line + np.searchsorted(breaks, opening)
    if not filled.all():
        pieces = zip(starts[filled].tolist(), ends[filled].tolist(), strict=True)
        lines_data = b"".join([lines_data[low:high] for low, high in pieces])
    bounds = np.concatenate(([0], np.cumsum((ends - starts)[filled])))
    if len(opening):
        yield Records(lines_data, bounds, offset + opening, lines)


def _openings(data: bytes, starts: Positions, ends: Positions) -> Positions:
    """Return the first byte above a blank in each record; its end where there is none."""
    octets = np.frombuffer(data, np.uint8)
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


def _line_ends(data: bytes, *, quote: bool) -> tuple[bytes, Positions]:
    octets = np.frombuffer(data, np.uint8)
    breaks = octets == 10
    if quote:
        breaks &= np.cumsum(octets == 34, dtype=np.uint8) & 1 == 0
    return data, np.flatnonzero(breaks) + 1


_STRUCTURE = bytes(octet in b'"{}[],\n' for octet in range(256))
_DEPTH = np.zeros(256, np.int8)
_DEPTH[list(b"{[")] = 1
_DEPTH[list(b"}]")] = -1


def _array_ends(data: bytes, first: bool) -> tuple[bytes, Positions]:
    if first:
        data = data.replace(b"[", b" ", 1)
    bare = data.replace(rb"\\", b"  ")  # now a backslash before a quote escapes it
    octets = np.frombuffer(bare, np.uint8)
    places = np.flatnonzero(np.frombuffer(bare.translate(_STRUCTURE), np.bool_))
    kinds = octets[places]
    quotes = (kinds == 34) & ~((places > 0) & (octets[places - 1] == 92))
    outside = (np.cumsum(quotes, dtype=np.uint8) & 1 == 0) & (kinds != 34)
    places, kinds = places[outside], kinds[outside]
    depths = np.cumsum(_DEPTH[kinds], dtype=np.int32)
    # A bracket too many lowers the level of all values after it, so that only its own is lost.
    level = np.minimum.accumulate(np.minimum(depths, 0))
    closing = (kinds == 93) & (np.diff(level, prepend=0) < 0)
    cuts = places[closing | ((kinds == 44) & (depths == level))]
    lines = np.frombuffer(data, np.uint8).copy()
    lines[places[kinds == 10]] = 32
    lines[cuts] = 10
    return lines.tobytes(), cuts + 1
