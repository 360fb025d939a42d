"""Read Parquet in bounded memory: a file enters, its columns leave as strings, block by block."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tweetscore.errors import InputError
from tweetscore.io.data_file import DataFile
from tweetscore.io.records import REJECTS_SCHEMA
from tweetscore.io.source import PARQUET_MAGIC

# Arrow raises KeyError for a name that two columns have.
UNREADABLE = (pa.ArrowException, pl.exceptions.PolarsError, OSError, UnicodeError, KeyError)


@contextmanager
def open_parquet(file: DataFile) -> Iterator[pq.ParquetFile]:
    """Open a file that begins as Parquet does.

    Raises:
        InputError: it is packed; also later, when what is read turns out to be damaged.
    """
    with file.path.open("rb") as stream:
        packed = stream.read(len(PARQUET_MAGIC)) != PARQUET_MAGIC
    if packed:
        raise InputError(f"{file.name}: packed Parquet is not read; unpack it first")
    try:
        with pq.ParquetFile(file.path) as parquet:
            yield parquet
    except UNREADABLE as error:
        fact = str(error).partition("\n")[0]
        raise InputError(f"{file.name}: unreadable Parquet ({fact}); export it again") from error


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
        yield from text_rows(parquet.iter_batches(batch_rows, columns=wanted), columns, text)


def text_rows(
    batches: Iterable[pa.RecordBatch],
    columns: Mapping[str, str],
    text: Callable[[pa.Array], pl.Series],
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield the columns of Arrow batches as ``parquet_rows`` does."""
    row = 1
    for batch in batches:
        # Polars panics at text that is not UTF-8, also in the metadata of a column.
        batch.validate(full=True)
        frame = pl.DataFrame({ours: text(_leaf(batch, it)) for ours, it in columns.items()})
        placed = frame.with_columns(
            line=pl.int_range(row, row + pl.len()), byte_offset=pl.lit(None, pl.Int64)
        )
        yield placed, REJECTS_SCHEMA.to_frame()
        row += batch.num_rows
