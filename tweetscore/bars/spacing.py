"""How far apart the bars of a file are: their stamps enter; one spacing, or why there is none.

A bar of several minutes is heard for all of them: for the audit it counts as a bar in each of its
minutes. Which minutes these are depends on whether its stamp is their start or their end, and the
last bar of a session may be a short one: an hourly bar of New York begins half an hour before the
close.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from tweetscore.bars.stamps import Side
from tweetscore.errors import InputError
from tweetscore.market.horizons import DAY_MINUTES

SPACINGS_MINUTES = (1, 5, 15, 30, 60)
_SHORT_MINUTES = (30, 15)  # of the last bar of a session, where it is a short one
_MINUTE_US = 60_000_000
_IN_A_ROW = 20  # bars of another spacing: no accident of a thin product
_ONE_SESSION = 360  # minutes; what is further apart may be a night
_MOST_DOUBLED = 0.05  # the share of daily bars that may stand there twice
_QUARTER = 15  # minutes; lunch breaks and short bars begin and end with a quarter of an hour
_MOST_BETWEEN = 0.1  # the share of distances that bars of this spacing cannot have


def spacing_of(name: str, rows: pl.DataFrame, *, of_days: bool = False) -> int:
    """Return the minutes from one bar to the next: one of ``SPACINGS_MINUTES``, or a day's.

    Args:
        name: the file's, for messages.
        rows: ``symbol`` and ``stamp`` of all its bars, in any order.
        of_days: the stamps are days, without a time of day.

    Raises:
        InputError: bars of this spacing make no windows, there are two spacings, or several bars a
            day without a time of day.
    """
    bars = rows.select("symbol", "stamp").drop_nulls()
    if of_days and bars.n_unique() < (1 - _MOST_DOUBLED) * bars.height:
        raise InputError(
            f"{name}: has several bars a day and no time of day; name its column with "
            "--column time=NAME, or export it, too"
        )
    between = pl.Series(np.diff(_minutes(bars["stamp"])))
    spacing = min(between.mode().to_list(), default=DAY_MINUTES if of_days else 1)
    if spacing not in (*SPACINGS_MINUTES, DAY_MINUTES):
        allowed = f"{', '.join(map(str, SPACINGS_MINUTES[:-1]))} or {SPACINGS_MINUTES[-1]} minutes"
        raise InputError(
            f"{name}: its bars are {_words(spacing)} apart; bars of {allowed} or of a day make "
            "windows, so export it again with one of these"
        )
    _refuse_mixed(name, bars, spacing)
    return spacing


def spacing_words(spacing_minutes: int) -> str:
    """Name bars of a spacing: ``bars of 5 minutes``, ``daily bars``."""
    if spacing_minutes == DAY_MINUTES:
        return "daily bars"
    return f"bars of {_words(spacing_minutes)}"


def covered(stamps: pl.Series, spacing_minutes: int) -> Iterator[tuple[Side, pl.Series]]:
    """Yield what a stamp may mean, start or end, and the minutes in which there were bars then.

    Args:
        stamps: the times of the bars, in any order.
        spacing_minutes: from one bar to the next, more than one minute.
    """
    minutes = _minutes(stamps.drop_nulls())
    whole = np.arange(spacing_minutes)
    follows = np.r_[np.diff(minutes) <= spacing_minutes, False]
    for last in (spacing_minutes, *(each for each in _SHORT_MINUTES if each < spacing_minutes)):
        lasting = np.where(follows, spacing_minutes, last)
        heard = (minutes[:, None] + whole)[whole < lasting[:, None]]
        yield "start", _times(heard)
    yield "end", _times((minutes[:, None] - 1 - whole).ravel())


def _times(minutes: np.ndarray) -> pl.Series:
    return pl.Series(np.unique(minutes) * _MINUTE_US).cast(pl.Datetime("us"))


def _refuse_mixed(name: str, rows: pl.DataFrame, spacing: int) -> None:
    """Refuse bars of another spacing than the usual one.

    Raises:
        InputError: there are some.
    """
    symbols = rows.partition_by("symbol") if rows["symbol"].n_unique() > 1 else [rows]
    within = unfit = 0
    for of_symbol in sorted(symbols, key=lambda each: str(each["symbol"][0])):
        steps = np.diff(_minutes(of_symbol["stamp"]))
        ends = np.flatnonzero(np.diff(steps, append=0))  # of runs of one step
        long = ends[np.diff(ends, prepend=-1) >= _IN_A_ROW]
        for step in steps[long]:
            if step != spacing and step in (*SPACINGS_MINUTES, DAY_MINUTES):
                raise InputError(
                    f"{name}: has {spacing_words(spacing)} and {spacing_words(int(step))} (of "
                    f"{of_symbol['symbol'][0]}); cut it by their spacing, and ingest one part"
                )
        inside = steps[steps < _ONE_SESSION]
        within += len(inside)
        unfit += int((inside % min(spacing, _QUARTER) != 0).sum())
    if 1 < spacing < DAY_MINUTES and unfit > _MOST_BETWEEN * within:
        raise InputError(
            f"{name}: its bars are mostly {_words(spacing)} apart, but {unfit / within:.0%} stand "
            "between; export it again with bars of one spacing"
        )


def _minutes(stamps: pl.Series) -> np.ndarray:
    """Return the different minutes, in order."""
    return np.asarray((stamps.unique().sort().to_physical() // _MINUTE_US).to_numpy())


def _words(minutes: int) -> str:
    if minutes % DAY_MINUTES == 0:
        return f"{minutes // DAY_MINUTES:,} days"
    return "1 minute" if minutes == 1 else f"{minutes:,} minutes"
