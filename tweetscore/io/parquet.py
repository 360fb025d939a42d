"""Read Parquet in bounded memory: a file enters, its columns leave as strings, block by block."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import SEEK_END
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tweetscore.errors import InputError
from tweetscore.io.data_file import DataFile
from tweetscore.io.kinds import PARQUET_MAGIC
from tweetscore.io.packing import BUFFER_BYTES, LIMITS, MOST_DECODED_BYTES
from tweetscore.io.parquet_pages import DamagedPageError, rows_at_once
from tweetscore.io.records import REJECTS_SCHEMA

# Arrow raises KeyError for a name that two columns have.
UNREADABLE = (
    pa.ArrowException,
    pl.exceptions.PolarsError,
    OSError,
    UnicodeError,
    KeyError,
    DamagedPageError,
)
MOST_ROW_BYTES = 128 << 20
MOST_COLUMNS = 20_000
MOST_FOOTER_BYTES = 64 << 20  # a hundred thousand row groups of five columns take half
_ROW_BYTES = 8
_VIEW = np.dtype([("bytes", "<i4"), ("place", "V12")])
_FOOTER_END_BYTES = 8  # the length of the footer, and the mark again
_OF_BYTES = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
)


@contextmanager
def open_parquet(file: DataFile) -> Iterator[pq.ParquetFile]:
    """Open a file that begins as Parquet does.

    Raises:
        InputError: it is packed; also later, when what is read turns out to be damaged.
    """
    with file.at.open("rb") as stream:
        packed = stream.read(len(PARQUET_MAGIC)) != PARQUET_MAGIC
    if packed:
        raise InputError(f"{file.name}: packed Parquet is not read; unpack it first")
    with opened(file.local, file.name, "export it again") as parquet:
        yield parquet


@contextmanager
def opened(path: Path, name: str, step: str) -> Iterator[pq.ParquetFile]:
    """Open Parquet.

    Args:
        path: the file.
        name: its name in messages.
        step: what to do about damage.

    Raises:
        InputError: also later, when what is read turns out to be damaged.
    """
    with damage_told(name, step):
        _check_footer(path, name)
        # Read ahead, the whole file would lie in memory.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER_BYTES) as parquet:
            check_columns(parquet.metadata.num_columns, name)
            yield parquet


@contextmanager
def damage_told(name: str, step: str) -> Iterator[None]:
    """Turn what a damaged file raises into one line; see ``opened``.

    Raises:
        InputError: something was raised.
    """
    try:
        yield
    except UNREADABLE as error:
        fact = str(error).partition("\n")[0]
        raise InputError(f"{name}: unreadable Parquet ({fact}); {step}") from error


def _check_footer(path: Path, name: str) -> None:
    """Refuse a footer that would take minutes to read: it is read as a whole."""
    with path.open("rb") as file:
        size = file.seek(0, SEEK_END)
        file.seek(max(0, size - _FOOTER_END_BYTES))
        length = int.from_bytes(file.read(4), "little")
    if MOST_FOOTER_BYTES < length < size:
        raise InputError(
            f"{name}: its footer has {length:,} bytes, more than {MOST_FOOTER_BYTES:,}; write it "
            "again with fewer columns or larger row groups"
        )


def check_columns(count: int, name: str) -> None:
    """Refuse a table with more columns than any that people have.

    Raises:
        InputError: it has.
    """
    if count > MOST_COLUMNS:
        raise InputError(
            f"{name}: has {count:,} columns, more than {MOST_COLUMNS:,}; write it again with fewer"
        )


def plain_columns(fields: Iterable[pa.Field], before: str = "") -> list[str]:
    """Return the columns that are not nested; of structures those inside, as ``user.name``."""
    names = []
    for each in fields:
        if pa.types.is_struct(each.type):
            names += plain_columns(each.type, f"{before}{each.name}.")
        elif not pa.types.is_nested(each.type):
            names.append(before + each.name)
    return names


def _leaf(batch: pa.RecordBatch, name: str) -> pa.Array:
    """Return a column of ``plain_columns``."""
    if name in batch.schema.names:
        return batch.column(name)
    outer = next(each for each in batch.schema.names if name.startswith(f"{each}."))
    return pc.struct_field(batch.column(outer), name.removeprefix(f"{outer}.").split("."))


def parquet_rows(
    file: DataFile,
    columns: Mapping[str, str],
    batch_rows: int,
    text: Callable[[pa.Array], pl.Series],
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield columns as strings, with their places, and no rejects: as a block of lines would be.

    Args:
        file: the file.
        columns: our name to the file's.
        batch_rows: the most rows of a block.
        text: writes the values of a column as text.
    """
    with open_parquet(file) as parquet:
        wanted = list(dict.fromkeys(columns.values()))
        batches = read_batches(file.local, file.name, parquet, wanted, batch_rows)
        yield from text_rows(batches, columns, text, file, batch_rows)


def read_batches(
    path: Path,
    name: str,
    parquet: pq.ParquetFile,
    columns: Sequence[str],
    batch_rows: int,
    groups: Sequence[int] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield columns block by block, each decoded in bounded memory.

    Args:
        path: the file.
        name: its name in messages.
        parquet: the same file, open.
        columns: those to read; of structures a part, as ``user.name``.
        batch_rows: the most rows of a block.
        groups: the row groups to read; None: all of them.

    Raises:
        InputError: its pages take too much memory.
    """
    if groups is None:
        groups = range(parquet.metadata.num_row_groups)
    at_once = rows_at_once(path, name, parquet, columns, batch_rows, groups)
    if min(at_once, default=batch_rows) == batch_rows:
        yield from parquet.iter_batches(batch_rows, row_groups=groups, columns=columns)
        return
    for group, rows in zip(groups, at_once, strict=True):
        few = parquet.iter_batches(rows, row_groups=[group], columns=columns)
        yield from _joined(few, batch_rows)


def check_size(path: Path, batch_rows: int, step: str) -> None:
    """Refuse a file that another reader could not read in bounded memory.

    Args:
        path: the file.
        batch_rows: how many rows the other reads at once.
        step: what to do about damage.

    Raises:
        InputError: it is damaged, or a bomb.
    """
    with opened(path, str(path), step) as parquet:
        columns = parquet.schema_arrow.names
        groups = range(parquet.metadata.num_row_groups)
        at_once = rows_at_once(path, str(path), parquet, columns, batch_rows, groups)
        if min(at_once, default=batch_rows) < batch_rows:
            batches = read_batches(path, str(path), parquet, columns, batch_rows)
            for _ in bounded(batches, str(path), path.stat().st_size):
                pass


def _joined(batches: Iterable[pa.RecordBatch], batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Join batches that were made small because their rows might have been long."""
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        waiting.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= batch_rows or size >= MOST_DECODED_BYTES:
            yield pa.concat_batches(waiting)
            waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.concat_batches(waiting)


def bounded(
    batches: Iterable[pa.RecordBatch], name: str, file_bytes: int
) -> Iterator[pa.RecordBatch]:
    """Check batches, and cut them where their values as text would take too much memory.

    Args:
        batches: plain columns; they may share values, as dictionaries and views do.
        name: the file's, for messages.
        file_bytes: its size.

    Raises:
        ArrowInvalid: a batch is damaged.
        InputError: the values are a bomb, or those of one row are too long.
    """
    total = row = 0
    for batch in batches:
        # A row takes something even where no column has bytes of its own, as nulls have none.
        size = _ROW_BYTES * batch.num_rows + sum(map(_text_bytes, batch.columns))
        total += size
        if LIMITS.is_bomb(total, file_bytes):
            raise InputError(
                f"{name}: its values take more than {LIMITS.bomb_ratio:,} times its size, as only "
                "those of a bomb do; write it as CSV if you trust it"
            )
        # Polars panics at text that is not UTF-8, also in the metadata of a column. To look at it
        # takes ages where millions of long values are one.
        batch.validate(full=True)
        if size <= MOST_DECODED_BYTES:
            yield batch
        else:
            yield from _cut(batch, name, row)
        row += batch.num_rows


def _cut(batch: pa.RecordBatch, name: str, before: int) -> Iterator[pa.RecordBatch]:
    lengths = np.zeros(batch.num_rows, np.int64)
    for column in batch.columns:
        if (of_column := _lengths(column)) is not None:
            lengths += of_column.fill_null(0).to_numpy(zero_copy_only=False)
    longest = int(lengths.argmax())
    if lengths[longest] > MOST_ROW_BYTES:
        raise InputError(
            f"{name}: its row {before + longest + 1:,} holds {lengths[longest]:,} bytes, more than "
            f"{MOST_ROW_BYTES:,}; leave it out"
        )
    ends, start = np.cumsum(lengths), 0
    while start < batch.num_rows:
        most = MOST_DECODED_BYTES + (int(ends[start - 1]) if start else 0)
        stop = max(start + 1, int(np.searchsorted(ends, most, "right")))
        yield batch.slice(start, stop - start)
        start = stop


def _text_bytes(column: pa.Array) -> int:
    """Return how many bytes the values of a column take as text, at least about."""
    if pa.types.is_dictionary(column.type) or _is_view(column.type):
        lengths = _lengths(column)
        return 0 if lengths is None else int(pc.sum(lengths).as_py() or 0)
    return max(0, int(column.nbytes))  # damaged offsets are not found yet


def _lengths(column: pa.Array) -> pa.Array | None:
    """Return how many bytes each value has as text; None where none can have many."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        of_words = _lengths(column.dictionary)
        return None if of_words is None else of_words.take(column.indices)
    if _is_view(kind):  # Arrow cannot measure what it can make
        views = np.frombuffer(
            column.buffers()[1], _VIEW, len(column), column.offset * _VIEW.itemsize
        )
        lengths = np.maximum(views["bytes"], 0).astype(np.int64)
        return pa.array(lengths, mask=column.is_null().to_numpy(zero_copy_only=False))
    if any(it(kind) for it in _OF_BYTES):
        return pc.binary_length(column).cast(pa.int64())
    return None


def _is_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string_view(kind) or pa.types.is_binary_view(kind))


def text_rows(
    batches: Iterable[pa.RecordBatch],
    columns: Mapping[str, str],
    text: Callable[[pa.Array], pl.Series],
    file: DataFile,
    batch_rows: int,
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield the columns of Arrow batches of a file as ``parquet_rows`` does.

    Other writers put all rows of a file into one batch: it is cut.
    """
    row, size = 1, file.packed_bytes
    for batch in bounded((_leaves(it, columns) for it in batches), file.name, size):
        for start in range(0, batch.num_rows, batch_rows):
            piece = batch.slice(start, batch_rows)
            frame = pl.DataFrame({ours: text(piece.column(ours)) for ours in columns})
            placed = frame.with_columns(
                line=pl.int_range(row, row + pl.len()), byte_offset=pl.lit(None, pl.Int64)
            )
            yield placed, REJECTS_SCHEMA.to_frame()
            row += piece.num_rows


def _leaves(batch: pa.RecordBatch, columns: Mapping[str, str]) -> pa.RecordBatch:
    """Return columns of ``plain_columns`` under our names."""
    arrays = [_leaf(batch, theirs) for theirs in columns.values()]
    return pa.RecordBatch.from_arrays(arrays, list(columns))
