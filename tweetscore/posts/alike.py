"""Tell whether a few rows of a table would have decided alone how it is read.

A table is read as its first rows show: which form times have, whether texts are HTML, whose ids are
whose. What many small tables show together, each of them must show, too.
"""

from collections.abc import Iterator

import polars as pl

from tweetscore.io.tables.table import PLACES, Table
from tweetscore.io.time_columns import SHORTEST_TIME, time_candidates
from tweetscore.posts.table_columns import Columns

# What some rows may prove, and others not: quotes around values, objects, bytes, HTML, addresses.
_TELLING = (
    r'(?s)^\s*".*"\s*$',
    r"^\s*[{\[]",
    r"(?s)^\s*\w+\(.*\)\s*$",
    r"""^\s*[bBuU]['"]""",
    r"<[A-Za-z/]",
    r"^\s*\S*[A-Za-z@]\S*/\S*\s*$",
)


def rows_alike(table: Table, columns: Columns) -> Iterator[pl.DataFrame]:
    """Yield the places of all rows, and ``alike``: whether a few such rows would decide the same.

    Args:
        table: the table.
        columns: how it is read.
    """
    names = {name + " " * (name in PLACES): name for name in table.columns}
    alike = pl.lit(False)
    if _is_plain(columns):
        cells = [pl.col(ours).str.contains(pattern) for ours in names for pattern in _TELLING]
        beside = _beside(columns)
        cells += [_may_be_a_time(ours) for ours, name in names.items() if name in beside]
        alike = ~pl.any_horizontal(cell.fill_null(False) for cell in cells)
    for rows, _ in table.rows(names, whole=False):
        yield rows.select(*PLACES, alike=alike)


def _is_plain(columns: Columns) -> bool:
    """Return whether values are read as they stand, and times as one form alone allows."""
    times = columns.times
    first = time_candidates(columns.match.candidates.get("posted", ()))[:1]
    as_written = not columns.quoted and not any(columns.writings.values())
    return (
        as_written
        and columns.ids != "none"
        and [times.columns.columns] == first
        and times.is_clear
        and times.step_seconds == 1
    )


def _beside(columns: Columns) -> set[str]:
    """Return the columns beside local times in which the same with a zone may be found."""
    if not columns.times.naive:
        return set()
    return {*columns.match.candidates["posted"], *columns.match.left} - {
        *columns.times.columns.columns
    }


def _may_be_a_time(name: str) -> pl.Expr:
    text = pl.col(name)
    return (text.str.len_chars() >= SHORTEST_TIME) & text.str.contains(r"\d{4}")
