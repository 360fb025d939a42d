"""Read and write local times: a zone's wall time plus an offset enters, UTC leaves, and back.

All times are polars Datetime("us") without a zone.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TypeVar
from zoneinfo import available_timezones

import polars as pl
from polars.exceptions import ComputeError

from tweetscore.errors import InputError, did_you_mean

EXAMPLES = "UTC, America/New_York, EST, Europe/Berlin-06:00"
TIMES = pl.Datetime("us")
Times = TypeVar("Times", pl.Series, pl.Expr)


@dataclass(frozen=True, slots=True)
class Clock:
    """A way of writing times: a zone's wall time, plus an offset.

    ``Europe/Berlin-06:00`` shows Berlin wall time less six hours: stamp + 6 h is Berlin wall time.
    """

    name: str
    zone: str
    offset_minutes: int

    @classmethod
    @lru_cache(maxsize=1_000)  # to ask whether a zone is known takes longer than the rest
    def parse(cls, text: str) -> "Clock":
        """Read ``UTC``, an IANA zone, ``EST`` (always -05:00), or a zone with an offset.

        Raises:
            InputError: it is none of these.
        """
        match = re.fullmatch(r"([A-Za-z].*?)(?:([+-])([01]\d|2[0-3]):([0-5]\d))?", text.strip())
        if match:
            zone, sign, hours, minutes = match.groups()
            offset = int(f"{sign}{int(hours) * 60 + int(minutes)}") if sign else 0
            # The zone EST is a link to a city in new time-zone data; we mean the fixed offset.
            clock = cls.of("Etc/GMT+5" if zone == "EST" else zone, offset)
            if clock._is_known():
                return clock
        near = did_you_mean(text, available_timezones())
        raise InputError(f"{text!r} is not a clock; use one like {EXAMPLES}{near}")

    @classmethod
    def of(cls, zone: str, offset_minutes: int) -> "Clock":
        """Name the clock that shows the wall time of ``zone`` plus ``offset_minutes``."""
        sign = "-" if offset_minutes < 0 else "+"
        hours, minutes = divmod(abs(offset_minutes), 60)
        offset = f"{sign}{hours:02}:{minutes:02}" if offset_minutes else ""
        return cls(("EST" if zone == "Etc/GMT+5" else zone) + offset, zone, offset_minutes)

    def to_utc(self, stamps: Times) -> Times:
        """Return the UTC times, null where the local time does not exist or is ambiguous."""
        if self.name == "UTC":
            return stamps
        wall = stamps - timedelta(minutes=self.offset_minutes)
        local = wall.dt.replace_time_zone(self.zone, ambiguous="null", non_existent="null")
        return local.dt.convert_time_zone("UTC").dt.replace_time_zone(None)

    def from_utc(self, times_utc: Times) -> Times:
        """Return what this clock shows at each UTC time."""
        if self.name == "UTC":
            return times_utc
        local = times_utc.dt.replace_time_zone("UTC").dt.convert_time_zone(self.zone)
        return local.dt.replace_time_zone(None) + timedelta(minutes=self.offset_minutes)

    def _is_known(self) -> bool:
        try:
            self.to_utc(pl.Series([], dtype=TIMES))
        except ComputeError:
            return False
        return True
