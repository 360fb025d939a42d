"""The shape of a file of bars: its stamps enter, without strays; where it stops and starts leaves.

Times are whole minutes since 1970 on the file's own clock, whatever that is.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

SHORTEST_BREAK = 30  # minutes; the index CFD's pause at 16:15 to 16:30 is none
_MINUTE_US = 60_000_000
_DAY = 1_440
# A run of bars this small, also beside the usual one, and with nothing near, is no session: prints
# in the night or at a weekend.
_STRAY_SHARE, _STRAY_BARS, _STRAY_DISTANCE = 0.15, 10, 120
# Vendors fill closed hours with bars of one price (Dukascopy: whole weekends).
_FILLED_MINUTES = 180
_MOST_FLAT = 0.5
# The print of a closing auction stands some minutes after a session of many bars (London: 16:35).
_AUCTION_GAP = 3
_DENSE_BARS, _DENSE_MINUTES = 20, 30


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a file stops and starts; all arrays are sorted, one element a bar or a break.

    Attributes:
        minutes: the stamps of its bars, strays left out.
        last: the stamp before each clear break.
        first: the stamp after it.
        sizes: of each bar, in any unit that grows with trading: volume, or high less low; or None.
        flat: whether each bar has one price; None where prices are not known.
        days: the days with bars.
    """

    minutes: np.ndarray
    last: np.ndarray
    first: np.ndarray
    sizes: np.ndarray | None
    flat: np.ndarray | None
    days: int

    @property
    def lengths(self) -> np.ndarray:
        """Return the length of each day's session in minutes, as its break leaves it."""
        return np.asarray(_DAY - (self.first - self.last - 1) % _DAY)

    @property
    def dates(self) -> tuple[date, date]:
        """Return the dates of the first and last bar."""
        epoch = date(1970, 1, 1)
        ends = [int(self.minutes[place]) // _DAY for place in (0, -1)]
        return epoch + timedelta(days=ends[0]), epoch + timedelta(days=ends[1])

    def has(self, minutes: np.ndarray) -> np.ndarray:
        """Return the place of the bar stamped at each of these minutes, or -1."""
        places = np.searchsorted(self.minutes, minutes)
        places = np.minimum(places, len(self.minutes) - 1)
        return np.where(self.minutes[places] == minutes, places, -1)

    def counts(self, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Return how many bars are stamped in each span, begin included and end not."""
        return np.searchsorted(self.minutes, ends) - np.searchsorted(self.minutes, begins)


def shape_of(
    stamps: pl.Series, sizes: pl.Series | None = None, flat: pl.Series | None = None
) -> Shape:
    """Find where a file stops and starts.

    Args:
        stamps: its column of times, polars Datetime("us"), in any order.
        sizes: how much was traded in each bar, or how far its price moved.
        flat: whether each bar has one price.
    """
    bars = pl.DataFrame({"minute": stamps.to_physical() // _MINUTE_US})
    bars = bars.with_columns(
        size=pl.lit(None, pl.Float64) if sizes is None else sizes.cast(pl.Float64),
        flat=pl.lit(None, pl.Boolean) if flat is None else flat,
    )
    bars = bars.drop_nulls("minute").unique("minute", keep="first").sort("minute")
    minutes = bars["minute"].to_numpy()
    one_price = bars["flat"].fill_null(False).to_numpy()
    # Where most bars have one price, that marks no stray.
    marks = flat is not None and len(minutes) > 0 and float(one_price.mean()) <= _MOST_FLAT
    one_price = one_price if marks else np.zeros(len(minutes), dtype=bool)
    kept = _trading(minutes, one_price) if len(minutes) else np.empty(0, dtype=bool)
    bars = bars.filter(pl.Series(kept, dtype=pl.Boolean))
    minutes = bars["minute"].to_numpy()
    last, first = _clear_breaks(minutes)
    known = sizes is not None and bool(bars["size"].fill_null(0).sum())
    return Shape(
        minutes,
        last,
        first,
        bars["size"].fill_null(0).to_numpy() if known else None,
        bars["flat"].fill_null(False).to_numpy() if marks else None,
        int(bars.select((pl.col("minute") // _DAY).n_unique()).item()),
    )


def _trading(minutes: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Mark the bars that belong to a session: no filler, no stray, no late print."""
    kept = ~_filled(minutes, flat)
    runs = np.flatnonzero(kept)
    kept[runs] = _in_sessions(minutes[runs])
    for _ in range(2):  # an auction may print twice
        runs = np.flatnonzero(kept)
        kept[runs[_late_prints(minutes[runs])]] = False
    return kept


def _filled(minutes: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Mark bars of one price that follow each other minute by minute for hours."""
    starts = np.r_[True, (flat[1:] != flat[:-1]) | (np.diff(minutes) > 1)]
    run = np.cumsum(starts) - 1
    long = np.bincount(run) >= _FILLED_MINUTES
    return np.asarray(flat & long[run])


def _in_sessions(minutes: np.ndarray) -> np.ndarray:
    """Mark the bars of runs that are not tiny beside the run of the usual bar, and alone."""
    if not len(minutes):
        return np.empty(0, dtype=bool)
    gaps = np.diff(minutes)
    cuts = gaps >= SHORTEST_BREAK
    run = np.cumsum(np.r_[False, cuts])
    sizes = np.bincount(run)
    distances = np.r_[_STRAY_DISTANCE, gaps[cuts], _STRAY_DISTANCE]
    alone = np.minimum(distances[:-1], distances[1:]) >= _STRAY_DISTANCE
    small = sizes < min(_STRAY_SHARE * float(np.median(sizes[run])), _STRAY_BARS)
    return np.asarray(~(small & alone)[run])


def _late_prints(minutes: np.ndarray) -> np.ndarray:
    """Return the places of lone bars after the end of a dense run, or before its begin."""
    if len(minutes) <= _DENSE_BARS + 1:
        return np.empty(0, dtype=np.int64)
    gaps = np.diff(minutes)
    cuts = np.flatnonzero(gaps >= SHORTEST_BREAK)
    ends = np.r_[cuts, len(minutes) - 1]
    ends = ends[ends > _DENSE_BARS]
    late = gaps[ends - 1] > _AUCTION_GAP
    late &= minutes[ends - 1] - minutes[ends - 1 - _DENSE_BARS] <= _DENSE_MINUTES
    begins = np.r_[0, cuts + 1]
    begins = begins[begins + 1 + _DENSE_BARS < len(minutes)]
    early = gaps[begins] > _AUCTION_GAP
    early &= minutes[begins + 1 + _DENSE_BARS] - minutes[begins + 1] <= _DENSE_MINUTES
    return np.concatenate([ends[late], begins[early]])


def _clear_breaks(minutes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the last stamps before the file's breaks, and the first ones after them.

    Of breaks within twelve hours of each other only the longest counts: the others are lunch, or
    the holes of a thin product, which would fit some candidate by accident.
    """
    before = np.flatnonzero(np.diff(minutes) >= SHORTEST_BREAK)
    gaps = pl.DataFrame({"last": minutes[before], "first": minutes[before + 1]}).with_columns(
        length=pl.col("first") - pl.col("last")
    )
    around = gaps.rolling("last", period="1440i", offset="-720i", closed="both")
    clear = gaps.filter(gaps["length"] == around.agg(pl.col("length").max())["length"])
    return clear["last"].to_numpy(), clear["first"].to_numpy()
