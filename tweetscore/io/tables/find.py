"""Recognise the tables of a file by its first bytes."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from tweetscore.errors import InputError
from tweetscore.io.encodings import known_encoding
from tweetscore.io.open import data_files
from tweetscore.io.places import Place
from tweetscore.io.source import Source, sniff, with_encoding
from tweetscore.io.tables.arrow_table import arrow_table
from tweetscore.io.tables.csv_table import csv_table
from tweetscore.io.tables.json_table import json_table
from tweetscore.io.tables.parquet_table import parquet_table
from tweetscore.io.tables.sqlite_table import sqlite_tables
from tweetscore.io.tables.table import Table


class TableSource(Source):
    """A file that may have several tables, of which this is one."""

    def __init__(self, source: Source, called: str, table: Table) -> None:
        """Take the file, what the table is called, and the table."""
        super().__init__(source.file, source.head, source.block_bytes, source.content)
        self._source, self.called, self.table = source, called, replace(table, source=self)

    def digest(self) -> tuple[str, int]:
        """Return the sha256 and the size of the file."""
        return self._source.digest()


def tables_in(source: Source) -> list[TableSource] | None:
    """Return the tables of a workbook or a database; None where the file is neither.

    Raises:
        InputError: the file is damaged, or larger than memory should be.
    """
    if source.kind == "sqlite":
        found = sqlite_tables(source)
    elif source.kind == "xlsx":
        from tweetscore.io.tables.workbook import workbook_tables

        found = workbook_tables(source)
    else:
        return None
    return [TableSource(source, called, table) for called, table in found]


def only_table(path: Path | Place, several: str, none: str, encoding: str | None = None) -> Table:
    """Return the only table of a file, whose encoding is told by its bytes if it is None.

    Args:
        path: the file.
        several: what to say behind the number of files that the path holds.
        none: what to write where there is no table.
        encoding: of the text, by any name that Python knows.

    Raises:
        InputError: there is none, or the path holds several files, or no encoding has this name.
    """
    codec = known_encoding(encoding) if encoding else None
    file, *more = data_files(path)
    if more:
        raise InputError(f"{path}: holds {len(more) + 1} files{several}")
    table = find_table(sniff(replace(file, encoding=codec) if codec else with_encoding(file)))
    if not table:
        raise InputError(f"{file.name}: holds no table; write {none}")
    return table


@lru_cache(maxsize=1)  # posts and bars are both looked for in the table of one file
def find_table(source: Source) -> Table | None:
    """Recognise the layout of a file by content; None when it holds no table.

    Raises:
        InputError: unreadable Parquet or Arrow, or such a file packed in a zip or otherwise; or
            a workbook or database with several tables.
    """
    if isinstance(source, TableSource):
        return source.table
    if (tables := tables_in(source)) is not None:
        if len(tables) > 1:
            names = ", ".join(table.called for table in tables)
            raise InputError(f"{source.name}: has several tables ({names}); save one as CSV")
        return tables[0].table if tables else None
    if source.kind == "parquet":
        return parquet_table(source)
    if source.kind == "arrow":
        return arrow_table(source)
    if source.kind == "json":
        return json_table(source)
    return csv_table(source)
