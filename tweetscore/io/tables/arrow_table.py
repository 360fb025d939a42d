"""Tables in Arrow IPC files (as Feather 2 is) and streams: their values leave as text."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pyarrow as pa

from tweetscore.errors import InputError
from tweetscore.io.arrow_batches import DamagedBatchError, check_batches
from tweetscore.io.data_file import DataFile
from tweetscore.io.kinds import ARROW_MAGIC, ARROW_STREAM, FEATHER_1_MAGIC
from tweetscore.io.parquet import UNREADABLE, check_columns, plain_columns, text_rows
from tweetscore.io.source import Source
from tweetscore.io.tables.parquet_table import BATCH_ROWS, values_as_text
from tweetscore.io.tables.table import Rows, Table


def arrow_table(source: Source) -> Table:
    """Read the schema of a file that begins as Arrow does.

    Raises:
        InputError: it is damaged, packed in a zip or otherwise, or of Feather's first version.
    """
    with _opened(source.file) as (schema, _):
        check_columns(len(schema), source.name)
        columns = plain_columns(schema)

    def rows(columns: Mapping[str, str], most: int | None, _whole: bool) -> Iterator[Rows]:
        with _opened(source.file) as (_, batches):
            rows = most or BATCH_ROWS
            yield from text_rows(_checked(batches), columns, values_as_text, source.file, rows)

    return Table(source, "arrow", tuple(columns), rows)


@contextmanager
def _opened(file: DataFile) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    with file.at.open("rb") as stream:
        magic = stream.read(16)
    if magic.startswith(FEATHER_1_MAGIC):
        raise InputError(f"{file.name}: is of Feather version 1; write it again as Parquet")
    if not (magic.startswith(ARROW_MAGIC) or ARROW_STREAM.match(magic)):
        raise InputError(f"{file.name}: packed Arrow is not read; unpack it first")
    try:
        with pa.memory_map(str(file.local)) as mapped:
            has_footer = magic.startswith(ARROW_MAGIC)
            check_batches(mapped, file.name, has_footer=has_footer)
            if has_footer:
                reader = pa.ipc.open_file(mapped)
                numbers = range(reader.num_record_batches)
                yield reader.schema, map(reader.get_batch, numbers)
            else:
                stream_reader = pa.ipc.open_stream(mapped)
                yield stream_reader.schema, iter(stream_reader)
    except (*UNREADABLE, DamagedBatchError) as error:
        fact = str(error).partition("\n")[0]
        raise InputError(f"{file.name}: unreadable Arrow file ({fact}); export it again") from error


def _checked(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Check that all buffers are there, as far as that takes no reading of values."""
    for batch in batches:
        batch.validate()
        yield batch
