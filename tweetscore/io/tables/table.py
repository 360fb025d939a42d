"""A table: the columns of a file, and how to read some of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import polars as pl

from tweetscore.io.columns import Match, Names, has_columns, match
from tweetscore.io.packing import MOST_DECODED_BYTES
from tweetscore.io.records import REJECTS_SCHEMA
from tweetscore.io.source import Source

Rows = tuple[pl.DataFrame, pl.DataFrame]  # string columns with their places; rejects
PLACES = ("line", "byte_offset")
BLANK_LINE = "\n\n"  # between texts

# Our names to the file's, the most rows of each block, whether rows must be whole: see Table.rows.
ReadRows = Callable[[Mapping[str, str], int | None, bool], Iterator[Rows]]


@dataclass(frozen=True, slots=True)
class Table:
    """The plain columns of a file, and how to read some of them as strings, under our names.

    Values inside objects are columns, as ``user.name``; those in lists only where they are named.
    """

    source: Source
    kind: Literal["csv", "json", "parquet", "arrow", "xlsx", "sqlite"]
    columns: tuple[str, ...]
    _rows: ReadRows
    # Records with columns that the first bytes do not show, as far as rows have been read.
    late: list[dict[str, Any]] = field(default_factory=list, compare=False)
    _is_element: Callable[[str], bool] = lambda _: False

    @property
    def name(self) -> str:
        """The file's, for messages."""
        return self.source.name

    @property
    def has(self) -> str:
        """Which columns it has, in words."""
        return has_columns(self.columns)

    def holds(self, name: str) -> bool:
        """Return whether it has a column, or an element of a list by a dotted name."""
        return name in self.columns or self._is_element(name)

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

    def joined(self, parts: Sequence[str], separator: str = BLANK_LINE) -> "Table":
        """Return the table with one more column, ``title+body``: values with something between.

        What is null or empty is left out.
        """
        whole = "+".join(parts)
        names = [f"{whole} {place}" for place in range(len(parts))]
        filled = [pl.when(pl.col(name).str.strip_chars() != "").then(name) for name in names]
        text = pl.when(pl.any_horizontal(pl.col(name).is_not_null() for name in names)).then(
            pl.concat_str(filled, separator=separator, ignore_nulls=True)
        )

        def rows(columns: Mapping[str, str], most: int | None, is_whole: bool) -> Iterator[Rows]:
            joint = [ours for ours, theirs in columns.items() if theirs == whole]
            if not joint:
                yield from self._rows(columns, most, is_whole)
                return
            pieces = dict(zip(names, parts, strict=True))
            wanted = {ours: it for ours, it in columns.items() if it != whole} | pieces
            for read, refused in self._rows(wanted, most, is_whole):
                yield read.with_columns(text.alias(ours) for ours in joint).drop(names), refused

        return replace(self, columns=(*self.columns, whole), _rows=rows)

    def sample(self, columns: Sequence[str], most: int = 1_000) -> Rows:
        """Return the first rows that can be read, under the file's own names, and the rejects.

        Of long values they are fewer than ``most``.
        """
        # A column of the file may be called as one of the places.
        wanted = {name + " " * (name in PLACES): name for name in columns}
        sample = pl.DataFrame(schema=dict.fromkeys(wanted.values(), pl.String))
        rejects = REJECTS_SCHEMA.to_frame()
        for rows, refused in self.rows(wanted, most=most, whole=False):
            found = rows.select(pl.col(ours).alias(theirs) for ours, theirs in wanted.items())
            sample = pl.concat([sample, found]).head(most)
            rejects = pl.concat([rejects, refused]).head(most)
            if sample.height == most or sample.estimated_size() > MOST_DECODED_BYTES:
                break
        return sample, rejects
