"""Fetch the columns that are needed: ranges of a Parquet file enter, a file with holes leaves.

Footer and columns get the places that they have in the whole, so that whatever reads and checks
files on this machine reads and checks it. Never more is fetched than the whole is large.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from tweetscore.io.parquet import MOST_FOOTER_BYTES
from tweetscore.io.parquet_pages import is_among

TAIL_BYTES = 1 << 14  # the footer of most files
PIECE_BYTES = 8 << 20
_AT_ONCE = 4
_END_BYTES = 8  # the length of the footer, and the mark again
# An old writer left the header of the dictionary out of the size of a column; pyarrow looks there.
_PADDING_BYTES = 100
Span = tuple[int, int]
Read = Callable[[int, int], bytes]


def fetch_columns(
    read: Read,
    size: int,
    path: Path,
    chosen: Callable[[pq.ParquetFile], Sequence[str]],
) -> None:
    """Write a file of which the footer and some columns can be read.

    Args:
        read: returns bytes, given a place and a length; from any thread.
        size: of the whole file.
        path: of the new file.
        chosen: returns the columns, given the file of which only the footer can be read yet.

    Raises:
        OSError: too little arrived.
    """
    with path.open("w+b") as out:
        out.truncate(size)
        tail = max(0, size - TAIL_BYTES)
        _fetch(read, out, [(tail, size)])
        out.seek(max(0, size - _END_BYTES))
        footer = int.from_bytes(out.read(4), "little")
        if footer > min(size, MOST_FOOTER_BYTES):
            return  # it is damaged: whoever reads the copy says how
        if (start := max(0, size - _END_BYTES - footer)) < tail:
            _fetch(read, out, [(start, tail)])
        out.flush()
        try:
            with pq.ParquetFile(path) as file:
                spans = _spans(file.metadata, chosen(file), size)
        except (pa.ArrowException, OSError, KeyError, UnicodeError):
            return
        _fetch(read, out, spans)


def _fetch(read: Read, out: BinaryIO, spans: Sequence[Span]) -> None:
    """Copy ranges, a few pieces at once."""
    pieces = [
        (start, min(PIECE_BYTES, end - start))
        for first, end in spans
        for start in range(first, end, PIECE_BYTES)
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for few in range(0, len(pieces), _AT_ONCE):
            some = pieces[few : few + _AT_ONCE]
            arrived = pool.map(lambda piece: read(*piece), some)
            for (start, length), data in zip(some, arrived, strict=True):
                if len(data) != length:
                    raise OSError(f"{len(data)} bytes arrived of {length} from byte {start}")
                out.seek(start)
                out.write(data)


def _spans(metadata: pq.FileMetaData, columns: Sequence[str], size: int) -> list[Span]:
    """Return where the columns lie, in order and without overlap."""
    spans = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for place in range(metadata.num_columns):
            if not is_among(metadata.schema.column(place).path, columns):
                continue
            chunk = group.column(place)
            start = chunk.data_page_offset
            if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < start:
                start = chunk.dictionary_page_offset
            end = min(size, start + chunk.total_compressed_size + _PADDING_BYTES)
            if 0 <= start < end:
                spans.append((start, end))
    return list(_joined(sorted(spans)))


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    last: Span | None = None
    for start, end in spans:
        if last is None:
            last = start, end
        elif start <= last[1]:
            last = last[0], max(end, last[1])
        else:
            yield last
            last = start, end
    if last is not None:
        yield last
