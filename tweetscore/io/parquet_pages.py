"""What pages of Parquet unpack to: a file enters, the rows that may be decoded at once leave.

A page of kilobytes may unpack to gigabytes, and a long word of a dictionary may stand in every row.
Headers of pages say both before anything is unpacked; the footer alone does not, and may lie.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tweetscore.errors import InputError
from tweetscore.io.packing import MOST_DECODED_BYTES, MOST_UNPACKED_BYTES

_HEADER_BYTES = 1 << 10
_MOST_HEADER_BYTES = 16 << 20  # with the least and the greatest value of its page
_MOST_DEPTH = 8
_DICTIONARY_PAGE = 2
_OF_DICTIONARY = (2, 8)  # PLAIN_DICTIONARY and RLE_DICTIONARY
_SHARING_PREFIXES = 7  # DELTA_BYTE_ARRAY
_FIXED_BYTES = 16  # of a value of any other type


class DamagedPageError(ValueError):
    """The header of a page is not one."""


@dataclass(frozen=True, slots=True)
class _Page:
    """The header of a page."""

    of_dictionary: bool
    values: int
    encoding: int
    bytes: int  # unpacked


@dataclass(slots=True)
class _Column:
    """What a column of a row group may unpack to."""

    page_bytes: int = 0  # of its largest page, with the dictionary
    value_bytes: int = 0  # the most that a value takes on the average of a page
    words: int = 0  # of its dictionary
    word_bytes: int = 0  # the most that its longest word may take


def rows_at_once(
    path: Path,
    name: str,
    parquet: pq.ParquetFile,
    columns: Sequence[str],
    batch_rows: int,
    groups: Sequence[int],
) -> list[int]:
    """Return how many rows of each row group may be decoded at once, at most ``batch_rows``.

    Args:
        path: the file.
        name: its name in messages.
        parquet: the same file, open.
        columns: those that are read, with their parts.
        batch_rows: the most rows.
        groups: the row groups.

    Raises:
        InputError: its pages take too much memory.
        DamagedPageError: a page has no header.
    """
    metadata = parquet.metadata
    chosen = [
        place
        for place in range(metadata.num_columns)
        if is_among(metadata.schema.column(place).path, columns)
    ]
    rows = []
    with path.open("rb", buffering=0) as file:
        for number in groups:
            group = metadata.row_group(number)
            found = {
                it: _column(file, group.column(it), metadata.schema.column(it)) for it in chosen
            }
            pages = sum(each.page_bytes for each in found.values())
            if pages > MOST_UNPACKED_BYTES:
                raise InputError(
                    f"{name}: pages of its row group {number + 1} unpack to {pages:,} bytes, more "
                    f"than {MOST_UNPACKED_BYTES:,}; write it again with pages of about a megabyte"
                )
            _look_up(path, metadata, number, found, batch_rows)
            row = sum(max(it.value_bytes, it.word_bytes) for it in found.values())
            rows.append(max(1, min(batch_rows, MOST_DECODED_BYTES // max(1, row))))
    return rows


def is_among(path: str, columns: Sequence[str]) -> bool:
    """Return whether a leaf belongs to one of the columns."""
    return any(path == each or path.startswith(f"{each}.") for each in columns)


def _column(file: BinaryIO, chunk: pq.ColumnChunkMetaData, kind: pq.ColumnSchema) -> _Column:
    """Add up what the pages of a column say."""
    found, dictionary_bytes, largest = _Column(), 0, 0
    variable = kind.physical_type == "BYTE_ARRAY"
    fixed = kind.length if kind.physical_type == "FIXED_LEN_BYTE_ARRAY" else _FIXED_BYTES
    for page in _pages(file, chunk):
        if page.of_dictionary:
            dictionary_bytes, found.words = max(dictionary_bytes, page.bytes), page.values
            continue
        largest = max(largest, page.bytes)
        if not variable:
            continue
        if page.encoding in _OF_DICTIONARY:
            # Each word has its length before it.
            found.word_bytes = max(1, dictionary_bytes - 4 * (found.words - 1))
        elif page.encoding == _SHARING_PREFIXES:
            found.value_bytes = max(found.value_bytes, page.bytes)
        else:
            found.value_bytes = max(found.value_bytes, -(-page.bytes // max(1, page.values)))
    found.page_bytes = dictionary_bytes + largest
    found.value_bytes = found.value_bytes if variable else fixed
    return found


def _look_up(
    path: Path, metadata: pq.FileMetaData, number: int, found: dict[int, _Column], batch_rows: int
) -> None:
    """Look for the longest word of each dictionary that may hold too long a one."""
    for place, column in found.items():
        if column.word_bytes * batch_rows <= MOST_DECODED_BYTES:
            continue
        name = metadata.schema.column(place).path
        with pq.ParquetFile(
            path, metadata=metadata, read_dictionary=[name], pre_buffer=False, buffer_size=1 << 16
        ) as parquet:
            batch = next(parquet.iter_batches(1, row_groups=[number], columns=[name]), None)
        if batch is None:
            continue
        array = batch.column(0)
        while pa.types.is_struct(array.type):
            (array,) = array.flatten()
        if len(array.dictionary) == column.words:
            column.word_bytes = pc.max(pc.binary_length(array.dictionary)).as_py() or 1


def _pages(file: BinaryIO, chunk: pq.ColumnChunkMetaData) -> Iterator[_Page]:
    """Yield the headers of a column's pages."""
    place = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset < place:
        place = chunk.dictionary_page_offset
    end = place + chunk.total_compressed_size
    while place < end:
        header, length = _header(file, place)
        try:
            kind, unpacked, packed = header[1], header[2], header[3]
            about = header.get(5) or header.get(7) or header.get(8) or {}
            encoding = about.get(4 if 8 in header else 2, 0)
            page = _Page(kind == _DICTIONARY_PAGE, about.get(1, 0), encoding, unpacked)
        except (KeyError, AttributeError) as error:
            raise DamagedPageError(f"the page at byte {place:,} has no header") from error
        if packed < 0 or unpacked < 0 or page.values < 0:
            raise DamagedPageError(f"the page at byte {place:,} has no size")
        yield page
        place += length + packed


def _header(file: BinaryIO, place: int) -> tuple[dict[int, Any], int]:
    """Read the header at a byte; return its fields by their numbers, and its length."""
    size = _HEADER_BYTES
    while True:
        file.seek(place)
        data = file.read(size)
        try:
            return _struct(data, 0, 0)
        except IndexError as error:
            size *= 32
            if len(data) < size // 32 or size > _MOST_HEADER_BYTES:
                raise DamagedPageError(f"the page at byte {place:,} has no header") from error


# Thrift's compact protocol, of which headers use whole numbers, texts, truth and structures.
def _struct(data: bytes, place: int, depth: int) -> tuple[dict[int, Any], int]:
    fields: dict[int, Any] = {}
    number = 0
    if depth > _MOST_DEPTH:
        raise DamagedPageError("the header of a page is nested too deeply")
    while octet := data[place]:
        place += 1
        kind = octet & 15
        if octet >> 4:
            number += octet >> 4
        else:
            number, place = _whole(data, place)
        if kind in (1, 2):
            fields[number] = kind == 1
        elif kind in (4, 5, 6):
            fields[number], place = _whole(data, place)
        elif kind == 8:
            length, place = _varint(data, place)
            fields[number] = None
            place += length
        elif kind == 12:
            fields[number], place = _struct(data, place, depth + 1)
        else:
            raise DamagedPageError(f"the header of a page has a field of type {kind}")
    return fields, place + 1


def _whole(data: bytes, place: int) -> tuple[int, int]:
    number, place = _varint(data, place)
    return (number >> 1) ^ -(number & 1), place


def _varint(data: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        octet = data[place]
        place += 1
        number |= (octet & 127) << shift
        if octet < 128:
            return number, place
        shift += 7
        if shift > 63:
            raise DamagedPageError("the header of a page has a number of too many digits")
