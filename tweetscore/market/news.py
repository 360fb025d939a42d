"""Leave out what is near scheduled news: a file of times enters, rows far from them leave."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tweetscore.errors import InputError
from tweetscore.io.clocks import Clock
from tweetscore.io.columns import normalised
from tweetscore.io.tables.find import only_table
from tweetscore.io.tables.table import Table
from tweetscore.io.time_columns import TimeColumns, find_times, time_candidates
from tweetscore.io.times import TimeForm

AROUND_MINUTES = 30
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class News:
    """Times of news, and how many minutes around each a window must not touch."""

    name: str  # of the file
    times_utc: pl.Series  # in order, without null
    unread: int  # rows whose time cannot be read
    minutes: int = AROUND_MINUTES

    def without(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows whose window, and so many minutes around it, holds no news.

        Args:
            rows: with ``minute_utc`` and ``exit_utc``, between which the window lies.
        """
        entry, leave = (rows[name].dt.epoch("s").to_numpy() for name in ("minute_utc", "exit_utc"))
        times = self.times_utc.dt.epoch("s").to_numpy()
        around = self.minutes * _SECONDS
        before = np.searchsorted(times, entry - around, side="left")
        until = np.searchsorted(times, leave + around, side="right")
        return rows.filter(pl.Series(before == until))

    def told(self, before: int, after: int, rows: str = "predictions") -> str:
        """Say how many rows were left out, and what could not be read."""
        fact = (
            f"{self.name}: {before - after:,} of {before:,} {rows} are left out, as they touch the "
            f"{self.minutes} minutes around one of its {len(self.times_utc):,} times"
        )
        unread = f"; rows without a time that can be read: {self.unread:,}" if self.unread else ""
        return fact + unread

    def record(self) -> dict[str, Any]:
        """Return it as JSON values, for a card."""
        times = [each.isoformat() for each in self.times_utc]
        return {"name": Path(self.name).name, "minutes": self.minutes, "times_utc": times}


def news_of(card: Mapping[str, Any]) -> News | None:
    """Return the news near which a model has learned from no window, by its card."""
    record = card.get("without_news")
    if not record:
        return None
    times = [datetime.fromisoformat(each) for each in record["times_utc"]]
    return News(record["name"], pl.Series(times, dtype=pl.Datetime("us")), 0, record["minutes"])


def far_from_news(
    rows: pl.DataFrame,
    news: News | None,
    on_message: Callable[[str], None],
    named: str = "predictions",
) -> pl.DataFrame:
    """Return the rows whose windows are far from news, and tell how many are not.

    Args:
        rows: with ``minute_utc`` and ``exit_utc``.
        news: None leaves all rows.
        on_message: called with the fact.
        named: what a row is.

    Raises:
        InputError: none is left.
    """
    if news is None or rows.is_empty():
        return rows
    kept = news.without(rows)
    if kept.is_empty():
        raise InputError(f"{news.told(rows.height, 0, named)}; lower --news-minutes")
    on_message(news.told(rows.height, kept.height, named))
    return kept


def read_news(path: Path, clock: str | None = None, minutes: int = AROUND_MINUTES) -> News:
    """Read the times of a table, in any form in which tables are read.

    Times are UTC, carry their zone or count from 1970, or are those of ``clock``. A day in one
    column and a time of day in another are one time.

    Raises:
        InputError: there is no table or no time of day in it, or times need a clock.
    """
    table = only_table(path, "; name the one with the times of news", "CSV with a column of times")
    columns, form = _found(table)
    blocks = [
        columns.joined(rows, "stamp")["stamp"] for rows, _ in table.rows(columns.wanted("stamp"))
    ]
    stamps = form.read(pl.concat(blocks))
    if form.naive and not normalised(columns.columns[-1]).endswith("utc"):
        if not clock:
            raise InputError(
                f"{table.name}: the times in {' and '.join(map(repr, columns.columns))} carry no "
                "zone; say it with --news-clock America/New_York (or UTC, …)"
            )
        stamps = Clock.parse(clock).to_utc(stamps)
    known = stamps.drop_nulls().sort()
    return News(table.name, known, len(stamps) - len(known), minutes)


def _found(table: Table) -> tuple[TimeColumns, TimeForm]:
    """Return where the times are, and how they are written.

    Raises:
        InputError: there is none.
    """
    sample, _ = table.sample(table.columns)
    candidates = sorted(time_candidates(table.columns), key=len, reverse=True)  # pairs go first
    found = find_times(table, sample, candidates) if sample.height else None
    if not found:
        raise InputError(
            f"{table.name}: none of its columns holds times of day; {table.has}; "
            "write them as 2018-01-31T13:30:00Z"
        )
    return found
