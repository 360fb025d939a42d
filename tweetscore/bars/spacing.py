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
    stamps = rows["stamp"].drop_nulls().unique().sort()
    minutes = (stamps.to_physical() // _MINUTE_US).diff().drop_nulls()
    spacing = min(minutes.mode().to_list(), default=DAY_MINUTES if of_days else 1)
    if spacing not in (*SPACINGS_MINUTES, DAY_MINUTES):
        allowed = f"{', '.join(map(str, SPACINGS_MINUTES[:-1]))} or {SPACINGS_MINUTES[-1]} minutes"
        raise InputError(
            f"{name}: its bars are {_words(spacing)} apart; bars of {allowed} or of a day make "
            "windows, so export it again with one of these"
        )
    _refuse_mixed(name, rows, spacing)
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
    minutes = np.unique((stamps.drop_nulls().to_physical() // _MINUTE_US).to_numpy())
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
    ordered = rows.select("symbol", minute=pl.col("stamp").to_physical() // _MINUTE_US)
    steps = (
        ordered.unique()
        .sort("symbol", "minute")
        .select("symbol", step=pl.col("minute").diff().over("symbol"))
        .drop_nulls()
    )
    runs = steps.group_by(run=pl.struct("symbol", "step").rle_id(), maintain_order=True).agg(
        pl.col("symbol").first(), pl.col("step").first(), bars=pl.len()
    )
    other = runs.filter(
        pl.col("step") != spacing,
        pl.col("step").is_in([*SPACINGS_MINUTES, DAY_MINUTES]),
        pl.col("bars") >= _IN_A_ROW,
    )
    for symbol, step in other.select("symbol", "step").head(1).rows():
        raise InputError(
            f"{name}: has {spacing_words(spacing)} and {spacing_words(step)} (of {symbol}); "
            "cut it by their spacing, and ingest one part"
        )
    within = steps.filter(pl.col("step") < _ONE_SESSION)["step"]
    if 1 < spacing < DAY_MINUTES and len(within):
        between = float((within % min(spacing, _QUARTER) != 0).sum()) / len(within)
        if between > _MOST_BETWEEN:
            raise InputError(
                f"{name}: its bars are mostly {_words(spacing)} apart, but {between:.0%} stand "
                "between; export it again with bars of one spacing"
            )


def _words(minutes: int) -> str:
    if minutes % DAY_MINUTES == 0:
        return f"{minutes // DAY_MINUTES:,} days"
    return "1 minute" if minutes == 1 else f"{minutes:,} minutes"
