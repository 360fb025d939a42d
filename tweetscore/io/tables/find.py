"""Recognise a table by its first bytes."""

from functools import lru_cache

from tweetscore.io.source import Source
from tweetscore.io.tables.arrow_table import arrow_table
from tweetscore.io.tables.csv_table import csv_table
from tweetscore.io.tables.json_table import json_table
from tweetscore.io.tables.parquet_table import parquet_table
from tweetscore.io.tables.table import Table


@lru_cache(maxsize=1)  # posts and bars are both looked for in the table of one file
def find_table(source: Source) -> Table | None:
    """Recognise the layout of a file by content; None when it holds no table.

    Raises:
        InputError: unreadable Parquet or Arrow, or such a file packed in a zip or otherwise.
    """
    if source.kind == "parquet":
        return parquet_table(source)
    if source.kind == "arrow":
        return arrow_table(source)
    if source.kind == "json":
        return json_table(source)
    return csv_table(source)
