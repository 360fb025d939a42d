"""Tables in Arrow IPC files (as Feather 2 is) and streams: their values leave as text."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pyarrow as pa

from tweetscore.errors import InputError
from tweetscore.io.data_file import DataFile
from tweetscore.io.parquet import UNREADABLE, plain_columns, text_rows
from tweetscore.io.source import ARROW_MAGIC, ARROW_STREAM, FEATHER_1_MAGIC, Source
from tweetscore.io.tables.parquet_table import BATCH_ROWS, values_as_text
from tweetscore.io.tables.table import Rows, Table


def arrow_table(source: Source) -> Table:
    """Read the schema of a file that begins as Arrow does.

    Raises:
        InputError: it is damaged, packed in a zip or otherwise, or of Feather's first version.
    """
    with _opened(source.file) as (schema, _):
        columns = plain_columns(schema)

    def rows(columns: Mapping[str, str], most: int | None, _whole: bool) -> Iterator[Rows]:
        with _opened(source.file) as (_, batches):
            yield from text_rows(_sliced(batches, most), columns, values_as_text, source.file)

    return Table(source, "arrow", tuple(columns), rows)


@contextmanager
def _opened(file: DataFile) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    with file.path.open("rb") as stream:
        magic = stream.read(16)
    if magic.startswith(FEATHER_1_MAGIC):
        raise InputError(f"{file.name}: is of Feather version 1; write it again as Parquet")
    if not (magic.startswith(ARROW_MAGIC) or ARROW_STREAM.match(magic)):
        raise InputError(f"{file.name}: packed Arrow is not read; unpack it first")
    try:
        with pa.memory_map(str(file.path)) as mapped:
            if magic.startswith(ARROW_MAGIC):
                reader = pa.ipc.open_file(mapped)
                numbers = range(reader.num_record_batches)
                yield reader.schema, map(reader.get_batch, numbers)
            else:
                stream_reader = pa.ipc.open_stream(mapped)
                yield stream_reader.schema, iter(stream_reader)
    except UNREADABLE as error:
        fact = str(error).partition("\n")[0]
        raise InputError(f"{file.name}: unreadable Arrow file ({fact}); export it again") from error


def _sliced(batches: Iterator[pa.RecordBatch], most: int | None) -> Iterator[pa.RecordBatch]:
    """Cut batches: other writers put all rows of a file into one."""
    for batch in batches:
        # Damaged offsets are found here, and not by a crash further on.
        batch.validate(full=True)
        for start in range(0, batch.num_rows, most or BATCH_ROWS):
            yield batch.slice(start, most or BATCH_ROWS)
