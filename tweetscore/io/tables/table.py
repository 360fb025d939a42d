"""A table: the columns of a file, and how to read some of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from tweetscore.io.columns import Match, Names, has_columns, match
from tweetscore.io.records import REJECTS_SCHEMA
from tweetscore.io.source import Source

Rows = tuple[pl.DataFrame, pl.DataFrame]  # string columns with their places; rejects


# Our names to the file's, the most rows of each block, whether rows must be whole: see Table.rows.
ReadRows = Callable[[Mapping[str, str], int | None, bool], Iterator[Rows]]


@dataclass(frozen=True, slots=True)
class Table:
    """The plain columns of a file, and how to read some of them as strings, under our names.

    Nested values in JSON, Parquet or Arrow are left out.
    """

    source: Source
    kind: Literal["csv", "json", "parquet", "arrow"]
    columns: tuple[str, ...]
    _rows: ReadRows

    @property
    def name(self) -> str:
        """The file's, for messages."""
        return self.source.name

    @property
    def has(self) -> str:
        """Which columns it has, in words."""
        return has_columns(self.columns)

    def match(self, names: Names, given: Mapping[str, str] | None = None) -> Match:
        """Match the columns with what is looked for, as ``columns.match`` does."""
        return match(self.name, self.columns, names, given)

    def rows(
        self, columns: Mapping[str, str], *, most: int | None = None, whole: bool = True
    ) -> Iterator[Rows]:
        """Yield some columns as strings, with their ``line`` and ``byte_offset``, and the rejects.

        Args:
            columns: our name to the file's.
            most: so many rows of each block at most.
            whole: a row of CSV with fewer fields than the header is a reject; else it is filled up
                with nulls.
        """
        return self._rows(columns, most, whole)

    def sample(self, columns: Sequence[str], most: int = 1_000) -> Rows:
        """Return the first rows that can be read, under the file's own names, and the rejects."""
        wanted = dict.fromkeys(columns)
        sample = pl.DataFrame(schema=dict.fromkeys(wanted, pl.String))
        rejects = REJECTS_SCHEMA.to_frame()
        for rows, refused in self.rows({name: name for name in wanted}, most=most, whole=False):
            sample = pl.concat([sample, rows.select(*wanted)]).head(most)
            rejects = pl.concat([rejects, refused]).head(most)
            if sample.height == most:
                break
        return sample, rejects
