"""Tell whether a few rows of a table would have decided alone how it is read.

A table is read as its first rows show: which form times have, whether texts are HTML, whose ids are
whose. What many small tables show together, each of them must show, too.
"""

from collections.abc import Iterator

import polars as pl

from tweetscore.io.tables.table import PLACES, Table
from tweetscore.io.time_columns import SHORTEST_TIME, time_candidates
from tweetscore.io.time_words import formats_of
from tweetscore.posts import addresses
from tweetscore.posts.fields import ids as ids_of
from tweetscore.posts.table_columns import Columns
from tweetscore.posts.writings import HTML, NAME_IN_ADDRESS, are_marked_up, signs


def rows_alike(table: Table, columns: Columns) -> Iterator[pl.DataFrame]:
    """Yield the places of all rows, and ``alike``: whether a few such rows would decide the same.

    Args:
        table: the table.
        columns: how it is read.
    """
    names = {name + " " * (name in PLACES): name for name in table.columns}
    for rows, _ in table.rows(names, whole=False):
        values = rows.select(pl.col(ours).alias(theirs) for ours, theirs in names.items())
        alike = _alike(values, columns) if _is_plain(columns) else pl.lit(False)
        yield rows.select(*PLACES, alike=alike)


def _is_plain(columns: Columns) -> bool:
    """Return whether values are read as they stand, and times as one form alone allows.

    An author may be read out of an address, and texts may be HTML.
    """
    times = columns.times
    written = {(ours, each) for ours, several in columns.writings.items() for each in several}
    return (
        not columns.quoted
        and written <= {("author", NAME_IN_ADDRESS), ("text", HTML)}
        and columns.ids != "none"
        and not {"platform", "zone"} & columns.match.taken.keys()
        and times.columns.columns in _candidates(columns)
        and not any(len(before) > 1 for before in _tried_before(columns))
        and times.is_clear
        and times.step_seconds == 1
    )


def _candidates(columns: Columns) -> list[tuple[str, ...]]:
    return time_candidates(columns.match.candidates.get("posted", ()))


def _tried_before(columns: Columns) -> list[tuple[str, ...]]:
    """Return the columns that might have held the times and do not."""
    candidates = _candidates(columns)
    return candidates[: candidates.index(columns.times.columns.columns)]


def _alike(values: pl.DataFrame, columns: Columns) -> pl.Series:
    """Return whether nothing in a row speaks for another reading.

    That is: for another way of writing, for the addresses of other posts, or, beside local times,
    for times with a zone.
    """
    meanings = {theirs: ours for ours, theirs in columns.match.taken.items()}
    alike = pl.Series([True] * values.height, dtype=pl.Boolean)
    for name in values.columns:
        if HTML in columns.writings.get(meanings.get(name, ""), ()):
            alike &= are_marked_up(values[name])
        else:
            alike &= ~signs(meanings.get(name), values[name])
    for name in _beside(columns):
        alike &= ~_may_be_times(values[name])
    for (name,) in _tried_before(columns):
        formats = formats_of(values[name].fill_null("").str.strip_chars())
        alike &= pl.Series([not each for each in formats], dtype=pl.Boolean)
    for name in columns.times.columns.columns[1:]:
        alike &= values[name].str.contains(":", literal=True).fill_null(False)
    own = addresses.address_column(values)
    if columns.writings.get("author") and columns.match.taken["author"] != own:
        alike &= False
    for name in filter(addresses.may_be_own, values.columns):
        inside = addresses.ids_in(values[name])
        if name != own:
            alike &= inside.is_null()
        elif "tweet_id" in columns.match.taken and columns.platform in addresses.PLATFORMS:
            number = ids_of(values[columns.match.taken["tweet_id"]])
            same = (inside == number).fill_null(False)
            alike &= same & addresses.are_of(columns.platform, values[name])
        else:
            alike &= False
    return alike


def _beside(columns: Columns) -> set[str]:
    """Return the columns beside local times in which the same with a zone may be found."""
    if not columns.times.naive:
        return set()
    found = {*columns.match.candidates["posted"], *columns.match.left}
    return found - {*columns.times.columns.columns}


def _may_be_times(texts: pl.Series) -> pl.Series:
    may_be = (texts.str.len_chars() >= SHORTEST_TIME) & texts.str.contains(r"\d{4}")
    return may_be.fill_null(False)
