"""Find the times of a table: the columns that may hold them enter, one or two and a form leave."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import polars as pl

from tweetscore.io.columns import normalised
from tweetscore.io.tables.table import Table
from tweetscore.io.times import TimeForm, time_form

# Days, and the times of day that go with them.
_DAYS = ("date", "dtyyyymmdd", "day", "tradedate", "tradingday", "datum")
_CLOCK_TIMES = ("time", "timestamp", "timeofday", "clock", "hhmmss", "hhmm", "zeit", "uhrzeit")
_CLOCK_TIME = "time of day"
_MIDNIGHT = " 00:00:00"  # behind a day
SHORTEST_TIME, _LONGEST_TIME = 10, 60  # characters, of a whole time
_NEARLY_ALL = 0.95
_QUARTER_SECONDS, _MOST_SECONDS = 900, 26 * 3600  # zones are apart
_TOLERANCE_SECONDS, _MINUTE_SECONDS = 1, 60


@dataclass(frozen=True, slots=True)
class TimeColumns:
    """Where the times of a table are: in one column, or in one of days and one of times of day."""

    columns: tuple[str, ...]  # the file's
    digits: int = 0  # to which times of day are filled up that lost zeros, as in 93000
    of_days: bool = False  # it holds days alone, which then stand for their midnights

    def wanted(self, ours: str) -> dict[str, str]:
        """Return what to read of the table: our names to the file's."""
        return dict(zip((ours, _CLOCK_TIME), self.columns, strict=False))

    def joined(self, rows: pl.DataFrame, ours: str) -> pl.DataFrame:
        """Return rows of ``wanted`` with the whole time, as a string, in one column."""
        if self.of_days:
            midnight = pl.concat_str(pl.col(ours).str.strip_chars(), pl.lit(_MIDNIGHT))
            return rows.with_columns(midnight.alias(ours))
        if len(self.columns) == 1:
            return rows
        day, time = (pl.col(name).str.strip_chars() for name in (ours, _CLOCK_TIME))
        time = time.str.zfill(self.digits) if self.digits else time
        whole = pl.concat_str(day, time, separator=" ").alias(ours)
        return rows.with_columns(whole).drop(_CLOCK_TIME)

    def of(self, sample: pl.DataFrame) -> pl.Series:
        """Return the whole times, as strings, in rows under the file's own names."""
        wanted = {ours: pl.col(theirs) for ours, theirs in self.wanted("stamp").items()}
        return self.joined(sample.select(**wanted), "stamp")["stamp"]


def time_candidates(columns: Sequence[str]) -> list[tuple[str, ...]]:
    """Return each column that may hold times, then each pair of days and times of day."""
    clock_times = [name for name in columns if normalised(name) in _CLOCK_TIMES]
    days = days_among(columns)
    return [(name,) for name in columns] + [(day, time) for day in days for time in clock_times]


def days_among(columns: Sequence[str]) -> list[str]:
    """Return the columns whose names say that they hold days."""
    return [name for name in columns if normalised(name) in _DAYS]


def find_times(
    table: Table,
    sample: pl.DataFrame,
    candidates: Sequence[tuple[str, ...]],
    *,
    dense: bool = False,
    usual_order: Literal["day", "month"] | None = None,
    of_days: bool = False,
) -> tuple[TimeColumns, TimeForm] | None:
    """Return the first candidate with times of a known form, and that form; None if there is none.

    Args:
        table: the table; more of it is read if its first rows leave day and month unclear.
        sample: its first rows, under its own names.
        candidates: as ``time_candidates`` returns them.
        dense: they are times of minute bars, as in ``time_form``. Those that carry a zone then go
            before all others, as an epoch beside a local time.
        usual_order: of day and month, as in ``time_form``.
        of_days: they are days without a time of day.

    Raises:
        InputError: the order of day and month is not clear, or changes within the file.
    """
    found: tuple[TimeColumns, TimeForm] | None = None
    for columns in candidates:
        times = TimeColumns(columns, _digits(sample, columns), of_days)
        texts = _filled(sample, times)
        if not len(texts) or (found and not _may_be_zoned(texts)):
            continue
        parts = chain([texts], _later(table, times))
        if form := time_form(table.name, parts, dense=dense, usual_order=usual_order):
            if not dense or not form.naive:
                return times, form
            found = found or (times, form)
    return found


def zoned_beside(
    table: Table, sample: pl.DataFrame, local: tuple[TimeColumns, TimeForm], columns: Sequence[str]
) -> tuple[TimeColumns, TimeForm] | None:
    """Return the first of some columns that shows the moments of local times, with their zone.

    Two columns do so where their times are whole quarters of an hour apart, 26 hours at most, on
    nearly all rows: a time of another event, as that of the download, is not.

    Args:
        table: the table.
        sample: its first rows, under its own names.
        local: the columns and the form of the local times.
        columns: those that may hold the others.
    """
    times, form = local
    shown = form.read(times.of(sample))
    for name in columns:
        beside = TimeColumns((name,))
        texts = beside.of(sample)
        if name in times.columns or not _look_like_times(texts) or not _may_be_zoned(texts):
            continue
        found = time_form(table.name, [_filled(sample, beside)])
        if found and not found.naive and _same_moments(shown, found.read(texts)):
            return beside, found
    return None


def _look_like_times(texts: pl.Series) -> bool:
    """Return whether a column is worth a closer look, which costs more."""
    lengths = texts.str.len_chars()
    return bool(lengths.is_between(SHORTEST_TIME, _LONGEST_TIME).any()) and bool(
        texts.str.contains(r"\d{4}").any()
    )


def _same_moments(local: pl.Series, zoned: pl.Series) -> bool:
    apart = (local - zoned).drop_nulls().dt.total_seconds()
    # Times without seconds, or all on whole minutes, differ from the exact ones by less than one.
    exact = bool((local.drop_nulls().dt.second() != 0).any())
    tolerance = _TOLERANCE_SECONDS if exact else _MINUTE_SECONDS
    off = (apart + tolerance) % _QUARTER_SECONDS
    same = (off <= 2 * tolerance) & (apart.abs() <= _MOST_SECONDS)
    filled = len(local) - local.null_count()
    return filled > 0 and int(same.sum()) >= _NEARLY_ALL * filled


def _may_be_zoned(texts: pl.Series) -> bool:
    """Return whether the days and months of times need no telling apart, which may be refused."""
    return not texts.str.strip_chars().str.contains(r"^\d\d?[-./]").any()


def shown_time(sample: pl.DataFrame, candidates: Sequence[tuple[str, ...]]) -> str | None:
    """Return a time to show to the user: the first one of the first candidate that has any."""
    for columns in candidates:
        if len(texts := _filled(sample, TimeColumns(columns))):
            return str(texts[0])
    return None


def _filled(sample: pl.DataFrame, times: TimeColumns) -> pl.Series:
    texts = times.of(sample).drop_nulls()
    return texts.filter(texts.str.strip_chars() != "")


def _later(table: Table, times: TimeColumns) -> Iterator[pl.Series]:
    for rows, _ in table.rows(times.wanted("stamp"), whole=False):
        yield times.joined(rows, "stamp")["stamp"]


def _digits(sample: pl.DataFrame, columns: tuple[str, ...]) -> int:
    if len(columns) == 1:
        return 0
    texts = sample[columns[1]].str.strip_chars().drop_nulls()
    if not len(texts) or not texts.str.contains(r"^\d{1,6}$").all():
        return 0
    widths = set(texts.str.len_chars())
    if widths <= {4} or widths <= {6}:
        return 0
    return 6 if max(widths) > 4 else 4
