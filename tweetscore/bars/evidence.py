"""Hold candidates against a file: a market and a clock enter, what speaks for and against leaves.

A candidate is a market (how it stops) and a clock. It explains a break of the file when the bars
fall silent as the market closes and start as it opens.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tweetscore.bars.breaks import Stops
from tweetscore.bars.shape import SHORTEST_BREAK, Shape
from tweetscore.bars.zones import Clocks, Zone, by_zone
from tweetscore.io.clocks import Clock

# Thin products fall silent before the close and wake after the open, never the other way round;
# but feeds print stray bars a minute outside, which end stamps put one minute later still.
QUIET_MINUTES = 30
_SHARP_MINUTES = 5  # a product with bars in most minutes begins and ends this near
_NEAREST_SHARE = 0.1  # of the days, on which also a thin product begins and ends this near
_SHARP_SHARE = 0.5  # of breaks that begin or end on the same minute: the product is no thin one
_TESTED_MINUTES = 360  # a closure without bars this near on both sides tests nothing
_CLOSURES_A_SLIP = 400
_NEARBY_MINUTES = 3 * 1_440
_TESTED_SHARE = 0.5  # of the closures in days with bars
_EXPLAINED_SHARE = 0.7  # of a market's closures that a file of it shows
_BROKEN_SHARE = 0.1  # of its closures that may have bars in them
_BARS_TO_BREAK = 3  # a stray or two may be anywhere
_SILENT_SHARE = 0.03  # of the usual half-hour's bars: less is no trading at all
_SILENT_BARS = 30  # that half-hours must have in all for their silence to mean something
_WHOLE_SESSION = 0.5  # of the bars of the usual session
_BREAKS_THAT_DIFFER = 2  # by which the better of two candidates is told
_DENSE_SHARE, _DENSE_MINUTES = 0.9, 2
_BARS_INSIDE = 5  # of a closure, that are no strays
_DAY, _WEEK = 1_440, 10_080


@dataclass(frozen=True, eq=False)
class Fit:
    """One candidate held against the breaks of a file; arrays have one element a break.

    Attributes:
        explains: whether the market closes and opens there.
        early: minutes from the last bar to the close; -1 is a bar stamped on the closing minute.
        late: minutes from the open to the first bar; 0 is a bar stamped on the opening minute.
        days: how many breaks it explains.
        skipped: sessions without any bar.
    """

    stops: Stops
    clock: Clock
    place: int  # of the clock among those that give other times
    shape: Shape
    clocks: Clocks = field(repr=False)
    explains: np.ndarray
    early: np.ndarray
    late: np.ndarray
    days: int
    skipped: int

    @property
    def opens_sharp(self) -> int:
        """Return on how many days a bar is stamped on the opening minute."""
        return int((self.late[self.explains] == 0).sum())

    @property
    def exact(self) -> int:
        """Return on how many days the first and the last minute of the market have a bar."""
        return int((self.explains & (self.late == 0) & (self.early == 0)).sum())

    @cached_property
    def sharply(self) -> np.ndarray:
        """Tell which breaks it explains as well as it usually does."""
        if not self.days:
            return self.explains
        near = self.explains.copy()
        for distance in (self.early, self.late):
            near &= distance <= max(_SHARP_MINUTES, int(np.median(distance[self.explains])))
        return near

    @cached_property
    def dense(self) -> bool:
        """Tell whether nearly all days begin and end within two minutes of the market's."""
        if not self.days:
            return False
        both = np.concatenate([self.early[self.explains], self.late[self.explains]])
        return float(np.quantile(both, _DENSE_SHARE)) <= _DENSE_MINUTES

    @cached_property
    def objection(self) -> str:
        """Say what makes the candidate impossible for this file; empty where nothing does."""
        tested, shown, _ = self._closures
        if self.stops.kind != "never" and shown < max(1, _EXPLAINED_SHARE * tested):
            return f"shows {shown} of its {tested} closures"
        return self.objection_of_bars

    @cached_property
    def objection_of_bars(self) -> str:
        """Say which bars, or which lack of them, make it impossible; empty where none does."""
        return next(filter(None, self._objections()), "")

    @cached_property
    def impossible_sessions(self) -> int:
        """Count the whole sessions of the file on days on which the market is closed."""
        begins, ends = self._shown(*self.stops.shut)
        if not len(begins) or not self.stops.complete or len(self.shape.first) < 2:
            return 0
        first, last = self.shape.first[:-1], self.shape.last[1:]
        bars = self.shape.counts(first, last + 1)
        at = np.maximum(np.searchsorted(begins, first, side="right") - 1, 0)
        inside = (begins[at] <= first) & (last <= ends[at])
        return int((inside & (bars >= _WHOLE_SESSION * np.median(bars))).sum())

    def sharp(self) -> bool:
        """Tell whether bars begin at the open and end at the close, or are thin there.

        A product that begins or ends on the same other minute day by day, or never near the
        market's, has other hours.
        """
        for distance in (self.early[self.explains], self.late[self.explains]):
            if not len(distance) or np.quantile(distance, _NEAREST_SHARE) > _SHARP_MINUTES:
                return False
            minutes, counts = np.unique(distance, return_counts=True)
            usual = minutes[counts.argmax()]
            if counts.max() >= _SHARP_SHARE * counts.sum() and usual > _SHARP_MINUTES:
                return False
        return True

    def clearly_beats(self, other: "Fit", needed: int = _BREAKS_THAT_DIFFER) -> bool:
        """Tell whether it explains breaks that the other does not, and not the other way round."""
        more = int((self.sharply & ~other.explains).sum())
        less = int((other.explains & ~self.explains).sum())
        if more >= needed + 3 * less:
            return True
        if more < less or needed > _BREAKS_THAT_DIFFER:
            return False
        # Fewer will do where bars are dense, or the other has bars while its market is closed.
        exact = more > 0 and not less and self.dense
        return exact or self.most_inside < _BARS_INSIDE <= other.most_inside

    def same_times(self, other: "Fit") -> bool:
        """Tell whether both give the bars the same UTC times."""
        return self.place == other.place

    def _objections(self) -> Iterator[str]:
        if self.stops.kind == "never":
            yield self._silent_in_the_week()
            return
        tested, _, broken = self._closures
        if broken > max(1, _BROKEN_SHARE * tested):
            yield f"has bars in {broken} of its {tested} closures"
        begins, ends = self._shown(*self.stops.lunches)
        inside = self.shape.counts(begins + 2, ends - 1)
        near = self.shape.counts(begins - 60, ends + 60) > 0
        broken = int((inside >= _BARS_TO_BREAK).sum())
        if broken > max(1, _BROKEN_SHARE * near.sum()):
            yield f"has bars in {broken} of {near.sum()} lunch breaks"
        yield self._silent_in_the_day()

    @property
    def contradicted(self) -> bool:
        """Tell whether more closures have bars in them than a slip of the calendar explains."""
        broken = int((self._inside >= _BARS_TO_BREAK).sum())
        return broken > len(self._inside) // _CLOSURES_A_SLIP

    @property
    def tested_closures(self) -> int:
        """Return how many of the market's closures have bars near."""
        return self._closures[0]

    @property
    def most_inside(self) -> int:
        """Return the number of bars in the closure that has most."""
        return int(self._inside.max(initial=0))

    @cached_property
    def _inside(self) -> np.ndarray:
        """Count the bars in each closure."""
        begins, ends = self._shown(*self.stops.shut)
        return self.shape.counts(begins + self.stops.prints_after + 1, ends - 1)

    @cached_property
    def _closures(self) -> tuple[int, int, int]:
        """Count the closures with bars near, those the file shows, and those with bars in them."""
        begins, ends = self._shown(*self.stops.shut)
        minutes = self.shape.minutes
        silent = begins + self.stops.prints_after + 1
        at = np.searchsorted(minutes, silent)
        there = (at > 0) & (np.searchsorted(minutes, ends - 1) < len(minutes))
        begins, ends, at, silent = begins[there], ends[there], at[there], silent[there]
        inside = self.shape.counts(silent, ends - 1)
        early = begins - 1 - minutes[at - 1]
        late = minutes[np.searchsorted(minutes, ends - 1)] - ends
        tested = (early <= _TESTED_MINUTES) & (late <= _TESTED_MINUTES)
        nearby = (early <= _NEARBY_MINUTES) & (late <= _NEARBY_MINUTES)
        broken = inside >= _BARS_TO_BREAK
        # Where not all closures are known, these are the core of breaks that may begin earlier.
        quiet = QUIET_MINUTES if self.stops.complete else 3 * QUIET_MINUTES
        shown = tested & ~broken & (early <= quiet) & (late <= QUIET_MINUTES)
        if tested.sum() < _TESTED_SHARE * nearby.sum():  # holes explain anything by accident
            shown[:] = False
        return int(tested.sum()), int(shown.sum()), int((tested & broken).sum())

    def _silent_in_the_day(self) -> str:
        """Find half an hour without bars in which the market is open, in a file of many bars."""
        if not self.stops.open_minutes:
            return ""
        utc = self.clocks.utc(self.clock, self.shape.minutes)
        of_day = self.clocks.zone(self.stops.zone).local(utc) % _DAY
        first, last = self.stops.open_minutes
        length = (last - first) % _DAY + 1
        bars = np.roll(np.bincount(of_day, minlength=_DAY), -first)[:length]
        is_open = np.ones(length, dtype=bool)
        for begin, end in zip(*self._lunch_of_day(), strict=True):
            is_open[begin - first : end - first] = False
        width = SHORTEST_BREAK
        windows = np.convolve(bars, np.ones(width, dtype=np.int64), "valid")
        whole = np.convolve(is_open, np.ones(width, dtype=np.int64), "valid") == width
        usual = np.median(windows[whole]) if whole.any() else 0
        silent = np.flatnonzero(whole & (windows < _SILENT_SHARE * usual))
        if usual < _SILENT_BARS or not len(silent):
            return ""
        begin = (first + int(silent[0])) % _DAY
        return f"has no bars at {begin // 60:02}:{begin % 60:02}, when it is open"

    def _lunch_of_day(self) -> tuple[np.ndarray, np.ndarray]:
        zone = self.clocks.zone(self.stops.zone)
        begins, ends = (np.unique(zone.local(edges) % _DAY) for edges in self.stops.lunches)
        width = min(len(begins), len(ends))
        return begins[:width], ends[:width]

    def _silent_in_the_week(self) -> str:
        """Find an hour of the week without bars, in a file of many."""
        hours = self.shape.minutes % _WEEK // 60
        span = (self.shape.minutes[-1] - self.shape.minutes[0]) // _WEEK
        bars = np.bincount(hours, minlength=_WEEK // 60)
        usual = np.median(bars)
        breaks = len(self.shape.first)
        if span >= 2 and usual >= _SILENT_BARS // 2 and (bars < _SILENT_SHARE * usual).any():
            return "has no bars at some hours of the week"
        if breaks >= 5 and breaks >= 0.5 * self.shape.days:
            return f"stops {breaks} times in {self.shape.days} days"
        return ""

    def _shown(self, begins: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return spans as the clock shows them."""
        return self.clocks.stamps(self.clock, begins), self.clocks.stamps(self.clock, ends)


def fit_all(shape: Shape, stops: Stops, clocks: Clocks) -> list[Fit]:
    """Hold a market against the file on each clock that is tried for it."""
    market = clocks.of_market(stops.zone)
    places, tried = list(market), list(market.values())
    fits = {}
    for zone, own, offsets in by_zone(tried):
        held = _hold(shape, stops, clocks.zone(zone), offsets)
        for at, explains, early, late, days, skipped in zip(own, *held, strict=True):
            fits[at] = Fit(
                stops, tried[at], places[at], shape, clocks, explains, early, late, days, skipped
            )
    return [fits[at] for at in range(len(tried))]


def _hold(
    shape: Shape, stops: Stops, zone: Zone, offsets: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[int], list[int]]:
    """Hold a market against the file on all clocks of a zone, whose offsets are a column.

    Returns:
        What ``Fit`` has of each, with one row a clock: explains, early, late, days and skipped.
    """
    last, first = shape.last - offsets, shape.first - offsets  # (clocks, breaks)
    explains, skipped = np.zeros(last.shape, dtype=bool), np.zeros(len(last), dtype=np.int64)
    early, late = np.zeros_like(last), np.zeros_like(last)
    for closures in stops.closures:
        begins, ends = map(zone.local, closures)
        if not len(begins) or not last.size:
            continue
        closing = np.minimum(np.searchsorted(begins, last - 1), len(begins) - 1)
        opening = np.maximum(np.searchsorted(ends, first + 1, side="right") - 1, 0)
        left, woke = begins[closing] - 1 - last, first - ends[opening]
        fits = (
            (left >= -1 - stops.prints_after)
            & (left < QUIET_MINUTES)
            & (woke >= -1)
            & (woke <= QUIET_MINUTES)
        )
        # Days without data leave out sessions; of single nights only the same one will do.
        fits &= opening >= closing if stops.complete else opening == closing
        fresh = fits & ~explains
        explains |= fits
        early[fresh], late[fresh] = left[fresh], woke[fresh]
        skipped += np.where(fresh, opening - closing, 0).sum(axis=1)
    return explains, early, late, explains.sum(axis=1).tolist(), skipped.tolist()
