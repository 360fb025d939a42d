"""Read posts from any table: CSV, TSV, JSON or Parquet with columns of known or given names.

A table needs a text and a time for each post, and nothing else. Without ids, a post is
identified by a hash of its content.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import polars as pl

from tweetscore.errors import InputError
from tweetscore.io.clocks import Clock
from tweetscore.io.columns import Names, by_normalised_name, normalised
from tweetscore.io.json_values import objects_within, values_at
from tweetscore.io.records import RAW_CHARACTERS
from tweetscore.io.source import Source
from tweetscore.io.tables.find import find_table, tables_in
from tweetscore.io.tables.json_table import json_table, late_records
from tweetscore.io.tables.table import Table
from tweetscore.posts import reddit
from tweetscore.posts.alike import rows_alike
from tweetscore.posts.canonical import Late, LateColumnsError, TweetBatch, TweetFile
from tweetscore.posts.clock import ID_TIMES
from tweetscore.posts.date_order import OrderWatch
from tweetscore.posts.lines import has_header, is_table, open_lines
from tweetscore.posts.names import NAMES, with_joined
from tweetscore.posts.table_columns import Columns, find_columns, holds_objects
from tweetscore.posts.table_times import Times
from tweetscore.posts.validation import validate_posts
from tweetscore.posts.zones import on_one_clock

_OURS = [name for name in NAMES if name not in ("counts_as_of", "platform", "zone")]
_PRICES = {"open", "high", "low", "close"}


def open_table(
    source: Source,
    columns: Mapping[str, str],
    platform: str | None = None,
    clock: str | None = None,
    late: Late | None = None,
) -> TweetFile | None:
    """Recognise a table of posts by its columns; None if it is something else, as a table of bars.

    Args:
        source: the file.
        columns: our name to the file's, which come before the recognised ones; an empty name
            means that the file has no such column.
        platform: whose ids they are; without it, their times and addresses tell.
        clock: of times without a zone among others with one; without it, they are rejects.
        late: what reading the file has shown of it.

    Raises:
        InputError: a given column is not there; the form of the times is not clear; the ids of
            the platform carry a time, but there are no ids; unreadable Parquet.
    """
    table = table_of(source, late)
    if not table or _holds_bars(table, columns):
        return None
    names: Names = NAMES
    lines = open_lines(source) if table.kind == "csv" else None
    if lines and not set(columns.values()) & set(table.columns):
        if not columns and not lines.is_certain:
            return None
        table = lines.table
        names = {**NAMES, **{ours: (name,) for ours, name in lines.known.items()}}
    table, given = with_joined(table, columns)
    found = find_columns(table, names, given, platform, late)
    if not found:
        return None
    times = found.times
    return TweetFile(
        source,
        f"{table.kind}-tweets",
        found.platform,
        times.naive,
        partial(_read, table, found, Clock.parse(clock) if clock else None, given, late),
        times.step_seconds,
        found.ids,
        found.words,
        partial(rows_alike, table, found),
        times_of_ids=times.of_ids is not None,
        by_row="platform" in found.wanted,
    )


def is_of_posts(table: Table, columns: Mapping[str, str]) -> bool:
    """Return whether a table has columns for the texts and the times of posts, named as usual.

    Raises:
        InputError: a given column is not there.
    """
    if _holds_bars(table, columns) or (table.kind == "csv" and not has_header(table.source)):
        return False
    table, given = with_joined(table, columns)
    return {"text", "posted"} <= table.match(NAMES, given).taken.keys()


def _holds_bars(table: Table, given: Mapping[str, str]) -> bool:
    known = given and set(given.values()) <= set(table.columns)
    return not known and len(_PRICES & by_normalised_name(table.columns).keys()) >= 2


def table_of(source: Source, late: Late | None) -> Table | None:
    """Recognise the layout of a file, and of what is known to be behind its first bytes."""
    return json_table(source, late.records) if late else find_table(source)


def named_late(source: Source, given: Mapping[str, str]) -> Late | None:
    """Return what is behind the first bytes of JSON if those lack a column that the user names."""
    named = {part.strip() for theirs in given.values() for part in theirs.split("+")}
    table = find_table(source) if source.kind == "json" and not source.is_small else None
    if table is None or all(map(table.holds, named - {""})):
        return None
    return Late(late_records(source), {})


def _read(
    table: Table,
    columns: Columns,
    clock: Clock | None,
    given: Mapping[str, str],
    late: Late | None,
) -> Iterator[TweetBatch]:
    wanted = columns.wanted
    of_reddit = reddit.is_table(table.columns)
    absent = [name for name in _OURS if name not in wanted]
    validated = partial(
        validate_posts,
        platform=columns.platform,
        time_formats=(),
        read_times=columns.times.read,
        may_lack_ids="tweet_id" not in wanted,
    )
    # Ids show of each time by itself whether it was read rightly.
    form = None if columns.platform in ID_TIMES else columns.times.form
    watch = OrderWatch(form.order if form else None)
    for rows, refused in table.rows(wanted):
        raw = columns.plain(rows)
        filled = raw.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
        if of_reddit:
            filled, refused = _without_gone(filled, refused)
        filled = filled.with_columns(pl.col("author").str.strip_prefix("@").replace("", None))
        batch = validated(filled, refused)
        if batch.rejects.height > refused.height:
            _refuse_other_header(table, filled, columns.match.taken)
            texts, moved = _on_one_clock(filled["posted"], columns.times, clock)
            batch = validated(filled.with_columns(posted=texts), refused)
            batch = replace(batch, moved=filled["byte_offset"].gather(moved))
        watch.add(batch.tweets)
        yield batch
    watch.check()
    if table.late and late is None:
        _open_again(table, columns.match.taken, given)


def _refuse_other_header(table: Table, rows: pl.DataFrame, taken: Mapping[str, str]) -> None:
    """Refuse CSV with a header amid its rows that has other columns in the places of some.

    Raises:
        InputError: there is one: what is behind it would be read as something else.
    """
    known = {name for several in NAMES.values() for name in several}
    known |= by_normalised_name(table.columns).keys()
    words = rows.filter(~pl.col("posted").str.contains(r"\d")) if table.kind == "csv" else rows[:0]
    for row in words.iter_rows(named=True):
        names = {ours: normalised(row[ours].strip("\ufeff")) for ours in taken if row.get(ours)}
        odd = [
            ours
            for ours, name in names.items()
            if name not in (normalised(taken[ours]), *NAMES[ours]) and ours != "platform"
        ]
        if len(names) > 1 and known.issuperset(names.values()) and odd:
            raise InputError(
                f"{table.name}: its columns change places: line {row['line']:,} is a header with "
                f"{row[odd[0]]!r} in the place of {taken[odd[0]]!r}; part the file there"
            )


def _open_again(table: Table, taken: Mapping[str, str], given: Mapping[str, str]) -> None:
    """Have a file opened again if more of what is looked for begins behind its first bytes.

    Raises:
        LateColumnsError: it does.
    """
    wider = json_table(table.source, table.late)
    fresh = wider.match(NAMES, given).taken.keys() - taken.keys() if wider else set()
    nests = any(_nests(record, _needed(taken)) for record in table.late)
    if fresh or nests or any(holds_objects(table.late, name) for name in taken.values()):
        raise LateColumnsError(Late(table.late, taken, nests))


def _nests(record: dict[str, Any], needed: Sequence[str]) -> bool:
    """Return whether posts are within a record, beside the one that it is itself, if any."""
    is_post = all(any(True for _ in values_at(record, name.split("."))) for name in needed)
    return len(objects_within(record, needed)[0]) > is_post


def _needed(taken: Mapping[str, str]) -> list[str]:
    """Return the columns of the texts and the times."""
    return [name for ours in ("text", "posted") for name in taken[ours].split("+")]


def _on_one_clock(
    posted: pl.Series, times: Times, clock: Clock | None
) -> tuple[pl.Series, pl.Series]:
    """Bring times to that of most, which have a zone or none; return them, and which they were."""
    if times.form is None:
        return posted, pl.Series(dtype=pl.UInt32)
    if times.form.naive and not times.naive:  # UTC by the name of their column
        clock = Clock.parse("UTC")
    return on_one_clock(posted, times.form, clock)


def _without_gone(rows: pl.DataFrame, refused: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Make rejects of submissions and comments whose text was deleted."""
    judged = rows.with_columns(reason=reddit.gone("text"))
    gone = judged.filter(pl.col("reason").is_not_null())
    raw = pl.struct(pl.exclude("line", "byte_offset", "reason")).struct.json_encode()
    rejects = gone.select("line", "byte_offset", "reason", raw=raw.str.head(RAW_CHARACTERS))
    left = judged.filter(pl.col("reason").is_null()).drop("reason")
    return left, pl.concat([refused, rejects])


def shaped_with(shaped: Sequence[Source], columns: Mapping[str, str]) -> list[Source]:
    """Return JSON in the first shape with the columns that the user names, if there is one.

    Without any, it is the first with the most records: their columns are worth showing.
    """
    names = {part.strip() for theirs in columns.values() if theirs for part in theirs.split("+")}
    tables = [(each, table) for each in shaped if (table := find_table(each))]
    if fitting := [each for each, table in tables if names and all(map(table.holds, names))]:
        return fitting[:1]
    records = [sum(len(first.objects) for first in each.candidates[:1]) for each, _ in tables]
    return [tables[records.index(max(records))][0]] if tables else []


def how_to_name(source: Source) -> str | None:
    """Describe the columns of a table that nobody recognised, and what says which are of posts.

    None where the file holds no table.

    Raises:
        InputError: unreadable Parquet or Arrow.
    """
    if (tables := tables_in(source)) is not None:
        seen = "; ".join(f"{each.called}: {each.table.has}" for each in tables)
        options = "--column text=NAME --column posted=NAME"
        return f"{seen}; if one holds posts, name its columns with {options}" if seen else None
    shaped = shaped_with(source.shapes(), {}) if source.kind == "json" else [source]
    table = next(filter(None, map(find_table, shaped)), None)
    if not table or not table.columns or (table.kind == "csv" and not is_table(source)):
        return None
    lines = open_lines(source) if table.kind == "csv" else None
    if lines and lines.kinds:
        return lines.how_to_name
    match = table.match(NAMES)
    missing = [ours for ours in ("text", "posted") if ours not in match.taken]
    options = " ".join(f"--column {ours}=NAME" for ours in missing)
    return f"{match.has}; if it holds posts, name their columns with {options}"
