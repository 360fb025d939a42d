"""Clocks as arithmetic: minutes on a clock enter as numpy integers, minutes of UTC leave, and back.

The audit tries a hundred clocks; Clock converts a column at a time, this a table of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import polars as pl

from tweetscore.io.clocks import TIMES, Clock

_MINUTE_US = 60_000_000
_SPARE = 3 * 1_440

# Clocks that bar files are known to run on, in the order in which equals are named.
_NAMED = (
    "UTC",
    "America/New_York",
    "America/Chicago",
    "Europe/London",
    "Europe/Berlin",
    "EST",
    "Europe/Berlin-06:00",  # HistData in 2019
    "America/New_York+07:00",  # MetaTrader brokers
    "Asia/Tokyo",
    "Asia/Hong_Kong",
    "Asia/Kolkata",
    "Australia/Sydney",
)
# Zones whose daylight-saving rules, with any whole hour of offset, cover nearly every other clock;
# with their hours ahead of UTC in winter, for no place on earth lies outside these.
_RULES = {
    "UTC": 0,
    "America/New_York": -5,
    "Europe/Berlin": 1,
    "Australia/Sydney": 10,
    "Pacific/Auckland": 12,
}
_WESTMOST, _EASTMOST = -12, 14
_YEAR = 365 * 24 * 60
_SHIFTS = (*range(-12, 0), *range(1, 15))  # in hours, of the zone of the exchange


@dataclass(frozen=True, slots=True)
class Zone:
    """The offsets of a zone around the dates of a file."""

    changes: np.ndarray  # minutes of UTC at which the offset changes
    offsets: np.ndarray  # in minutes; one more than changes

    @classmethod
    def around(cls, name: str, first: int, last: int) -> "Zone":
        """Return a zone's offsets from ``first`` to ``last`` minutes since 1970, and around."""
        return cls._of_years(name, first // _YEAR, last // _YEAR + 1)

    @classmethod
    @lru_cache(maxsize=1_000)  # files of the same years ask for the same zones
    def _of_years(cls, name: str, first: int, last: int) -> "Zone":
        hours = np.arange(first * _YEAR - _SPARE, last * _YEAR + _SPARE, 60) // 60 * 60
        times = pl.Series(hours * _MINUTE_US).cast(TIMES)
        shown = Clock.of(name, 0).from_utc(times).to_physical().to_numpy() // _MINUTE_US
        offsets = shown - hours
        at = np.flatnonzero(np.diff(offsets)) + 1
        return cls(hours[at], offsets[np.r_[0, at]])

    def local(self, utc: np.ndarray) -> np.ndarray:
        """Return what clocks of the zone show at each minute of UTC."""
        return np.asarray(utc + self.offsets[np.searchsorted(self.changes, utc, side="right")])

    def utc(self, local: np.ndarray) -> np.ndarray:
        """Return the minute of UTC; of a doubled hour the later one, of a missing hour any."""
        shown = self.changes + np.maximum(self.offsets[1:], self.offsets[:-1])
        return np.asarray(local - self.offsets[np.searchsorted(shown, local, side="right")])


class Clocks:
    """The clocks to try on a file; those that give it the same UTC times are one.

    Attributes:
        groups: a clock for each different set of UTC times.
    """

    def __init__(self, sample: np.ndarray, claim: Clock | None, zones: Iterable[str]) -> None:
        """Prepare the clocks.

        Args:
            sample: stamps at which clocks are held against each other: of every day with bars, and
                the edges of breaks.
            claim: what the user says, named first where several are the same.
            zones: of the exchanges that are tried.
        """
        self._sample = sample
        self._claim = claim
        self._zones: dict[str, Zone] = {}
        self._first, self._last = (int(sample.min()), int(sample.max())) if len(sample) else (0, 0)
        self.groups: list[Clock] = []
        self._places: dict[bytes, int] = {}
        self._names: list[list[Clock]] = []  # of each group
        common = self._add([*([claim] if claim else []), *_common_clocks()])
        self._markets = {
            zone: self._of_market(zone, {*common, *self._add(_own_clocks(zone))})
            for zone in dict.fromkeys(zones)
        }

    def of_market(self, zone: str) -> Mapping[int, Clock]:
        """Return the clocks to try on a market of this zone, by their places in ``groups``.

        Each has the name that suits best: claimed, the exchange's own, well known, or related.
        """
        return self._markets[zone]

    def zone(self, name: str) -> Zone:
        """Return the offsets of a zone in the time of the file."""
        if name not in self._zones:
            self._zones[name] = Zone.around(name, self._first, self._last)
        return self._zones[name]

    def utc(self, clock: Clock, stamps: np.ndarray) -> np.ndarray:
        """Return the minutes of UTC of stamps on a clock."""
        return self.zone(clock.zone).utc(stamps - clock.offset_minutes)

    def stamps(self, clock: Clock, utc: np.ndarray) -> np.ndarray:
        """Return what a clock shows at minutes of UTC."""
        return self.zone(clock.zone).local(utc) + clock.offset_minutes

    def place(self, clock: Clock) -> int:
        """Return the place in ``groups`` of a clock that was given."""
        return self._places[self._times([clock])[0]]

    def _of_market(self, zone: str, places: Iterable[int]) -> dict[int, Clock]:
        return {place: self._named(place, zone) for place in sorted(places)}

    def _named(self, place: int, zone: str) -> Clock:
        same = self._names[place]
        for wanted in (self._claim, _own_clocks(zone)[0]):
            if wanted in same:
                return wanted
        if same[0].name in _NAMED:
            return same[0]
        return next((clock for clock in same if clock.zone == zone), same[0])

    def _add(self, clocks: Sequence[Clock]) -> list[int]:
        """Put each clock into the group of its times, and return the places of the groups."""
        places = []
        for clock, times in zip(clocks, self._times(clocks), strict=True):
            place = self._places.setdefault(times, len(self.groups))
            if place == len(self.groups):
                self.groups.append(clock)
                self._names.append([])
            self._names[place].append(clock)
            places.append(place)
        return places

    def _times(self, clocks: Sequence[Clock]) -> list[bytes]:
        """Return the UTC times that each clock gives the sample."""
        times = [b""] * len(clocks)
        for zone, places, offsets in by_zone(clocks):
            for place, utc in zip(places, self.zone(zone).utc(self._sample - offsets), strict=True):
                times[place] = utc.tobytes()
        return times


def by_zone(clocks: Sequence[Clock]) -> Iterator[tuple[str, list[int], np.ndarray]]:
    """Group clocks by their zones, to convert with all clocks of a zone at once.

    Yields:
        The name of a zone; the places of its clocks; and their offsets in minutes, as a column.
    """
    places: dict[str, list[int]] = {}
    for place, clock in enumerate(clocks):
        places.setdefault(clock.zone, []).append(place)
    for zone, own in places.items():
        yield zone, own, np.array([[clocks[place].offset_minutes] for place in own])


@cache
def _common_clocks() -> tuple[Clock, ...]:
    """Return the clocks that are tried for every market."""
    return (
        *map(Clock.parse, _NAMED),
        *(
            Clock.of(rule, 60 * (hours - ahead))
            for rule, ahead in _RULES.items()
            for hours in range(_WESTMOST, _EASTMOST + 1)
        ),
    )


@cache
def _own_clocks(zone: str) -> tuple[Clock, ...]:
    """Return the zone's own clock, then the shifted ones that are tried for its markets."""
    return (Clock.of(zone, 0), *(Clock.of(zone, 60 * hours) for hours in _SHIFTS))
