"""Tables in Parquet: their values leave as text, and so pass the same checks as CSV."""

from collections.abc import Iterator, Mapping

import polars as pl
import pyarrow as pa

from tweetscore.io.parquet import open_parquet, parquet_rows, plain_columns
from tweetscore.io.source import Source
from tweetscore.io.tables.table import Rows, Table

BATCH_ROWS = 1 << 15


def parquet_table(source: Source) -> Table:
    """Read the schema of a file that begins as Parquet does.

    Raises:
        InputError: it is damaged, or packed in a zip or otherwise.
    """
    with open_parquet(source.file) as parquet:
        columns = plain_columns(parquet.schema_arrow)

    def rows(columns: Mapping[str, str], most: int | None, _whole: bool) -> Iterator[Rows]:
        return parquet_rows(source.file, columns, most or BATCH_ROWS, values_as_text)

    return Table(source, "parquet", tuple(columns), rows)


def values_as_text(column: pa.Array) -> pl.Series:
    """Write values as text: times as ISO 8601, and floats, unlike Arrow, always as such."""
    if pa.types.is_dictionary(column.type):
        # Arrow cannot take from the views that polars writes.
        words = column.dictionary.cast(pa.large_string())
        return pl.Series(words.take(column.indices))
    if pa.types.is_floating(column.type):
        return pl.Series(column).cast(pl.String)
    # Polars panics where a damaged time has no date.
    return pl.Series(column.cast(pa.large_string()))
