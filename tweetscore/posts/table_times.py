"""Find the times of posts in a table: its columns and first rows enter, times leave.

A time with a zone goes before a local one of the same moment, and where no column has times of day,
the times inside the ids count.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Literal

import polars as pl

from tweetscore.errors import InputError
from tweetscore.io.columns import Match, normalised
from tweetscore.io.tables.table import Table
from tweetscore.io.time_columns import (
    TimeColumns,
    find_times,
    shown_time,
    time_candidates,
    zoned_beside,
)
from tweetscore.io.time_words import (
    API_TIME,
    EPOCH,
    foreign_word,
    formats_of,
    has_seconds,
    most_frequent,
    order_of,
)
from tweetscore.io.times import TimeForm, time_form, written_form
from tweetscore.posts.canonical import OrderChangesError
from tweetscore.posts.fields import nearly_all
from tweetscore.posts.platform import platforms_by_ids, times_in_ids
from tweetscore.posts.validation import ReadTimes

_DAY = re.compile(r"\d{4}[-./]?\d\d?[-./]?\d\d?|\d\d?[-./]\d\d?[-./]\d{4}", re.ASCII)
_LETTERS_AT_END = re.compile(r"\d ([A-Z]{2,5})\s*$")
_DOTS = r"^\d{1,2}\.\d{1,2}\.\d{2}"  # nobody writes the month first in such a date
_FEWEST_IN_ANOTHER_ORDER = 3
_DAYS_APART = timedelta(hours=50)  # a day of any zone and a time within it


@dataclass(frozen=True, slots=True)
class Times:
    """Where the times of posts are, and how they are read."""

    columns: TimeColumns
    read: ReadTimes
    naive: bool  # True: they have no zone
    step_seconds: int
    note: str  # what is to be said of them
    sample: pl.Series  # those of the first rows
    is_clear: bool = False  # True: no other form could be meant
    of_ids: str | None = None  # the platform, where they are the times inside the ids
    form: TimeForm | None = None  # in which most of them are
    local: ReadTimes | None = None  # reads those beside which zones stand


def find_posted(
    table: Table,
    match: Match,
    sample: pl.DataFrame,
    given: Mapping[str, str],
    platform: str | None,
    numbers: pl.Series | None,
) -> Times | None:
    """Return the times of a table of posts; None where it has none, and so is no such table.

    Args:
        table: the table.
        match: what its columns are taken for.
        sample: its first rows, under its own names.
        given: what the user takes a column for.
        platform: whose ids they are, where that is known.
        numbers: the ids of the first rows, if there are any.

    Raises:
        InputError: the form of the times is not clear.
    """
    named = match.candidates.get("posted", ())
    candidates = time_candidates(named)
    order = _usual_order(sample, named, match, numbers)
    if found := find_times(table, sample, candidates, usual_order=order):
        return _of_columns(table, match, sample, found, fixed="posted" in given)
    if numbers is not None and "posted" not in given:
        of_ids = _platform_of_ids(table, match, sample, platform, numbers)
        if of_ids:
            return _of_ids(match, of_ids, numbers)
    if not named:
        if given:
            raise match.missing("posted")
        return None
    shown = shown_time(sample, candidates)
    if shown is not None:
        raise _unknown(table, shown)
    if not given and sample.height:  # words, one of which is called like a column
        return None
    return _of_form(TimeColumns(candidates[0]), written_form(API_TIME), sample, "")  # all rejects


def _usual_order(
    sample: pl.DataFrame, named: Sequence[str], match: Match, numbers: pl.Series | None
) -> Literal["day", "month"] | None:
    """Return what stands first in dates that do not show it: as the ids say, or with dots the day.

    Args:
        sample: the first rows of the table.
        named: the columns that may hold the times.
        match: what its columns are taken for.
        numbers: the ids of the first rows, if there are any.
    """
    for name in named:
        texts = sample[name].str.strip_chars()
        shown = most_frequent(formats_of(texts.drop_nulls()))
        if not shown or len(shown[0]) < 2:
            continue
        forms = {order_of(each): written_form(each) for each in shown[0]}
        platforms = platforms_by_ids(numbers, match.columns) if numbers is not None else []
        for inside in (times_in_ids(each)(numbers) for each in platforms if numbers is not None):
            near = [
                order
                for order, form in forms.items()
                if nearly_all(((form.read(texts) - inside).abs() <= _DAYS_APART).drop_nulls())
            ]
            if near in (["day"], ["month"]):
                return "day" if near == ["day"] else "month"
        return "day" if nearly_all(texts.drop_nulls().str.contains(_DOTS)) else None
    return None


def _of_columns(
    table: Table,
    match: Match,
    sample: pl.DataFrame,
    found: tuple[TimeColumns, TimeForm],
    *,
    fixed: bool,
) -> Times:
    """Return times of columns, those with a zone before local ones; ``fixed``: as found."""
    times, form = found
    others = [*match.candidates["posted"], *match.left]
    if form.naive and not fixed and (zoned := zoned_beside(table, sample, found, others)):
        shown = " and ".join(map(repr, times.columns))
        times, form = zoned
        return _of_form(times, form, sample, f"{_zone_of(form)}, before the local {shown}")
    return _of_form(times, form, sample, "counted from 1970" if form.written == EPOCH else "")


def _zone_of(form: TimeForm) -> str:
    return "counted from 1970" if form.written == EPOCH else "with its zone"


def _of_form(times: TimeColumns, form: TimeForm, sample: pl.DataFrame, note: str) -> Times:
    by_name = form.naive and normalised(times.columns[-1]).endswith("utc")
    return Times(
        times,
        partial(_read_in_order, form) if form.order else form.read,
        form.naive and not by_name,
        60 if form.written and not has_seconds(form.written) else 1,
        "UTC by its name" if by_name else note,
        form.read(times.of(sample)),
        form.order is None,
        form=form,
    )


def _read_in_order(form: TimeForm, texts: pl.Series) -> pl.Series:
    """Read dates in which day and month could be confused.

    Raises:
        OrderChangesError: some can only be read with another part first, so that their neighbours
            are read wrongly, as where exports of two programs were put together.
    """
    found = form.read(texts)
    if found.null_count() == texts.null_count():
        return found
    odd = texts.filter(found.is_null() & texts.is_not_null()).str.strip_chars()
    for formats in most_frequent(formats_of(odd)):
        for other in (each for each in formats if order_of(each) != form.order):
            read = odd.filter(written_form(other).read(odd).is_not_null())
            if len(formats) > 1 and len(read) >= _FEWEST_IN_ANOTHER_ORDER:
                raise OrderChangesError(
                    f"the order of its dates changes: most have the {form.order} first, "
                    f"{read[0]!r} the {order_of(other)}; part the file where it changes, or write "
                    "dates as 2018-01-31"
                )
    return found


def _of_ids(match: Match, platform: str, numbers: pl.Series) -> Times:
    read = times_in_ids(platform)
    columns = TimeColumns((match.taken["tweet_id"],))
    note = "the times inside the ids"
    return Times(columns, read, False, 1, note, read(numbers), of_ids=platform)


def _platform_of_ids(
    table: Table,
    match: Match,
    sample: pl.DataFrame,
    platform: str | None,
    numbers: pl.Series,
) -> str | None:
    """Return the platform whose ids have the times of the posts inside; None if there is none.

    Raises:
        InputError: they may be of two platforms.
    """
    fitting = [
        each for each in platforms_by_ids(numbers, match.columns) if platform in (None, each)
    ]
    for name in match.candidates.get("posted", ()):
        fitting = [
            each
            for each in fitting
            if _days_agree(table, sample[name], times_in_ids(each)(numbers))
        ]
    if len(fitting) > 1:
        raise InputError(
            f"{table.name}: has no times of day, and the times inside its ids may be those of "
            f"{' or '.join(fitting)}; say which with --platform {fitting[0]}"
        )
    return next(iter(fitting), None)


def _days_agree(table: Table, days: pl.Series, inside_utc: pl.Series) -> bool:
    """Return whether whole days are those of other times; nothing speaks against it if empty."""
    rows = pl.DataFrame({"day": days.str.strip_chars(), "inside": inside_utc})
    rows = rows.filter(pl.col("day").str.len_chars() > 0).drop_nulls()
    if rows.is_empty():
        return True
    midnights = rows["day"] + " 00:00:00"
    try:
        form = time_form(table.name, [midnights])
    except InputError:  # the order of day and month is not clear
        return False
    if not form:
        return False
    apart = (form.read(midnights) - rows["inside"]).abs()
    return nearly_all(apart <= _DAYS_APART)


def _unknown(table: Table, shown: str) -> InputError:
    """Return the refusal of times like one that is shown."""
    fact = f"the time {shown!r} has no known form"
    step = "write times as 2018-01-31T09:30:00Z, or as seconds since 1970"
    if word := foreign_word(shown):
        fact = (
            f"the time {shown!r} has the word {word!r}, and only English names of months are read"
        )
        step = "write times as 2018-01-31T09:30:00Z"
    if letters := _LETTERS_AT_END.search(shown):
        fact = f"the time {shown!r} ends in {letters[1]!r}, which names no zone or several"
        step = "write its offset instead, as in 2018-01-31T09:30:00+05:30"
    if _DAY.fullmatch(shown.strip()):
        fact = f"the time {shown!r} is a whole day, and posts are matched with minutes"
        step = "name the column with the time of day with --column posted=NAME, or export it too"
    return InputError(f"{table.name}: {fact}; {step}")
