"""Read Parquet part by part: a file leaves as parts of some row groups, each on this machine.

Of a file that lies elsewhere only the columns that are needed are fetched, by ranges of bytes, into
files with holes: footer and columns get the places that they have in the whole, so that whatever
reads and checks files on this machine reads and checks them. A file is begun before all of it is
there, and never lies here as a whole.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from tweetscore.io.parquet import MOST_FOOTER_BYTES, opened
from tweetscore.io.parquet_pages import is_among
from tweetscore.io.remote import Read
from tweetscore.io.scratch import scratch

PART_BYTES = 64 << 20  # of the columns that are needed: those of about a million posts
TAIL_BYTES = 1 << 14  # the footer of most files
PIECE_BYTES = 8 << 20
_AT_ONCE = 4
_END_BYTES = 8  # the length of the footer, and the mark again
# An old writer left the header of the dictionary out of the size of a column; pyarrow looks there.
_PADDING_BYTES = 100
Span = tuple[int, int]
Chosen = Callable[[pq.ParquetFile], Sequence[str]]  # the columns that are read


@dataclass(frozen=True, slots=True)
class Part:
    """Some row groups of a file, and a file on this machine from which they can be read."""

    groups: Sequence[int]
    path: Path
    kept: ExitStack  # removes the file, if it is a copy

    @contextmanager
    def opened(self) -> Iterator[Path]:
        """Return the file; a copy is gone afterwards."""
        with self.kept:
            yield self.path


def parts_of(path: Path, chosen: Chosen, part_bytes: int = PART_BYTES) -> Iterator[Part]:
    """Yield the parts of a file on this machine, cut as ``fetch_parts`` does.

    Raises:
        InputError: it is damaged.
    """
    with opened(path, str(path), "write it again") as parquet:
        cut = _cut(parquet, chosen, part_bytes)
    yield from (Part(groups, path, ExitStack()) for groups, _ in cut)


def fetch_parts(
    read: Read, size: int, chosen: Chosen, part_bytes: int = PART_BYTES
) -> Iterator[Part]:
    """Fetch the parts of a file, each when it is asked for; in all at most the whole.

    Args:
        read: returns bytes, given a place and a length; from any thread.
        size: of the whole file.
        chosen: returns the columns, given a file of which only the footer can be read.
        part_bytes: how much of the columns makes a part, if they are of more than one row group.

    Raises:
        OSError: too little arrived.
    """
    tail = _tail(read, size)
    before = size - len(tail)
    try:
        with pq.ParquetFile(pa.BufferReader(tail)) as footer:
            cut = _cut(footer, chosen, part_bytes)
    except (pa.ArrowException, OSError, KeyError, UnicodeError):
        cut = [([], [])]  # it is damaged: whoever reads the copy says how
    for groups, spans in cut:
        with ExitStack() as kept:
            path = kept.enter_context(scratch()) / "part.parquet"
            with path.open("wb") as out:
                out.seek(before)
                out.write(tail)
                _fetch(read, out, _within(spans, before))
            yield Part(groups, path, kept.pop_all())


def _tail(read: Read, size: int) -> bytes:
    """Fetch the footer, and a little before it."""
    start = max(0, size - TAIL_BYTES)
    tail = _whole(read, start, size - start)
    footer = _END_BYTES + int.from_bytes(tail[-_END_BYTES:-4], "little")
    if len(tail) < footer <= min(size, MOST_FOOTER_BYTES):
        tail = _whole(read, size - footer, start - (size - footer)) + tail
    return tail


def _whole(read: Read, start: int, length: int) -> bytes:
    """Read a range.

    Raises:
        OSError: too little arrived.
    """
    data = read(start, length)
    if len(data) != length:
        raise OSError(f"{len(data)} bytes arrived of {length} from byte {start}")
    return data


def _fetch(read: Read, out: BinaryIO, spans: Iterable[Span]) -> None:
    """Copy ranges, a few pieces at once."""
    one_at_a_time = Lock()

    def copy(start: int, length: int) -> None:
        data = _whole(read, start, length)
        with one_at_a_time:
            out.seek(start)
            out.write(data)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        copies = [
            pool.submit(copy, start, min(PIECE_BYTES, end - start))
            for first, end in spans
            for start in range(first, end, PIECE_BYTES)
        ]
        try:
            for each in copies:
                each.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _cut(
    parquet: pq.ParquetFile, chosen: Chosen, part_bytes: int
) -> list[tuple[list[int], list[Span]]]:
    """Return the row groups of each part, and where its columns lie."""
    columns, taken = chosen(parquet), 0
    parts: list[tuple[list[int], list[Span]]] = [([], [])]
    for group in range(parquet.metadata.num_row_groups):
        spans = list(_spans(parquet.metadata, group, columns))
        length = sum(end - start for start, end in spans)
        if taken and taken + length > part_bytes:
            parts.append(([], []))
            taken = 0
        taken += length
        parts[-1][0].append(group)
        parts[-1][1].extend(spans)
    return parts


def _spans(metadata: pq.FileMetaData, number: int, columns: Sequence[str]) -> Iterator[Span]:
    """Yield where the columns of a row group lie."""
    group = metadata.row_group(number)
    for place in range(metadata.num_columns):
        if not is_among(metadata.schema.column(place).path, columns):
            continue
        chunk = group.column(place)
        start = chunk.data_page_offset
        if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < start:
            start = chunk.dictionary_page_offset
        yield start, start + max(0, chunk.total_compressed_size) + _PADDING_BYTES


def _within(spans: Iterable[Span], size: int) -> Iterator[Span]:
    """Yield what of the spans lies among the first bytes, in order and without overlap."""
    last: Span | None = None
    inside = ((start, min(size, end)) for start, end in spans if start >= 0)
    for start, end in sorted(it for it in inside if it[0] < it[1]):
        if last is None:
            last = start, end
        elif start <= last[1]:
            last = last[0], max(end, last[1])
        else:
            yield last
            last = start, end
    if last is not None:
        yield last
