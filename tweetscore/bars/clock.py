"""Prove or refute the clock of a bar file: stamps and exchange sessions enter, a clock leaves.

One line of evidence says how far it is proven. All times are polars Datetime("us") without a zone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import numpy as np
import polars as pl

from tweetscore.errors import InputError
from tweetscore.io.clocks import EXAMPLES, TIMES, Clock

SHARE_NEEDED = 0.95
MARGIN = 0.02  # another candidate must be this much better before a claim falls
DAYS_NEEDED = 20

_MINUTE_US = 60_000_000

# Clocks that bar files are known to run on, in the order in which equals are named.
_NAMED_BAR_CLOCKS = (
    "UTC",
    "America/New_York",
    "America/Chicago",
    "Europe/London",
    "Europe/Berlin",
    "EST",
    "Europe/Berlin-06:00",  # HistData in 2019
    "America/New_York+07:00",  # MetaTrader brokers
    "Asia/Tokyo",
)
# Zones whose daylight-saving rules, with any whole hour of offset, cover nearly every other clock.
_RULES = ("UTC", "America/New_York", "Europe/Berlin")

_AMERICAN_ZONES = ("America/New_York", "America/Chicago", "America/Toronto")
# Daily breaks of American products other than the regular session, in New York time: first quiet
# minute of the session's day; first trading minute, and whether that is on the next session's day
# (else on its eve, which for a Monday is Sunday).
_AMERICAN_BREAKS = (
    ("16:15", "18:00", False),  # index CFDs without the half hour before five (HistData 2019)
    ("17:00", "18:00", False),  # index CFDs and futures
    ("17:15", "18:00", False),  # index futures until 2015
    ("20:00", "04:00", True),  # stocks with extended hours
)
_SHORTEST_BREAK = timedelta(minutes=30)  # the index CFD's pause at 16:15 to 16:30 is none
# Thin products fall silent before the close and wake after the open, never the other way round.
_QUIET_MINUTES = 30
# Feeds print stray bars on the closing minute (HistData 2018: on 36 % of days), which end stamps
# put one minute later still; so that minute is allowed, and start and end count as told apart only
# when the two shares lie this far from each other.
_STAMP_MARGIN = 0.25


@dataclass(frozen=True, slots=True)
class BarClock:
    """The verdict on a bar file: its clock, what its stamps mean, and why we think so."""

    clock: Clock
    stamp: Literal["start", "end"]
    proven: bool
    evidence: str

    def minutes_utc(self, stamps: pl.Series) -> pl.Series:
        """Return the UTC minute at which each one-minute bar opens; null as in Clock.to_utc."""
        times = self.clock.to_utc(stamps)
        return times if self.stamp == "start" else times - timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Fit:
    """One candidate held against the calendar; one element per gap in the file.

    ``opens_sharp`` and ``closes_sharp``: a bar is stamped on the break's very end or begin.
    """

    clock: Clock
    fits: np.ndarray
    opens_sharp: np.ndarray
    closes_sharp: np.ndarray

    @property
    def days(self) -> int:
        return int(self.fits.sum())


def audit_bars(
    name: str,
    stamps: pl.Series,
    sessions: pl.DataFrame,
    zone: str,
    *,
    clock: str = "auto",
    stamp: str = "auto",
) -> BarClock:
    """Find or check the clock of a bar file by its daily break.

    ``stamps`` is the file's whole column of times, in any order; ``sessions`` is what
    ``exchange_sessions`` returns for its dates and four days on either side; ``zone`` is the
    exchange's; ``name`` is the file's, for messages. A day is testable when the night or weekend
    after it is ordinary (no holiday in it, no half-day before it) and some candidate explains its
    break. So every candidate is measured on the same days.

    Raises:
        InputError: the claim is refuted, or ``auto`` has too little evidence.
    """
    if stamp not in ("auto", "start", "end"):
        raise InputError(f"{stamp!r} is no stamp; say --stamp start or --stamp end")
    claim = None if clock == "auto" else Clock.parse(clock)
    stamps = stamps.drop_nulls().unique().sort()
    nights = _ordinary_nights(sessions).filter(
        pl.col("session_date").is_in(stamps.dt.date().unique().implode())
    )
    results = _fit_candidates(stamps, _breaks(nights, zone), _bar_candidates(claim, zone))
    days = int(np.logical_or.reduce([fit.fits for fit in results]).sum())
    ranked = sorted(results, key=lambda fit: -fit.days)
    best, others = ranked[0], ranked[1:]
    found = results[0] if claim else best  # the claim is the first candidate
    tally = _tally([found, *ranked], days)
    # Where most days stay unexplained, the product trades at hours that we do not know.
    needed = max(DAYS_NEEDED, -(-nights.height // 2))
    enough = days >= needed
    if enough and best.days < SHARE_NEEDED * days:
        raise InputError(
            f"{name}: no single clock fits: {tally}; "
            "cut the file where its clock changes, or bring denser bars"
        )
    if claim is None and (not enough or best.days in [fit.days for fit in others]):
        raise InputError(
            f"{name}: its clock cannot be told: {tally}, and {needed} are needed that fit one "
            f"clock best; say it with --clock ({EXAMPLES}, …)"
        )
    if enough and found.days < max(SHARE_NEEDED * days, best.days - MARGIN * days):
        raise InputError(
            f"{name}: --clock {found.clock.name} is refuted: {tally}; "
            f"say --clock {best.clock.name}, or leave --clock out"
        )
    evidence = f"{found.clock.name} fits {found.days} of {days} testable days"
    rival = next((fit for fit in ranked if fit is not found and fit.days), None)
    evidence += f"; next {rival.clock.name} {rival.days}" if rival else ""
    evidence = evidence if enough else f"unproven claim: {evidence}"
    meaning, told = _audit_stamp(name, found, stamp)
    return BarClock(found.clock, meaning, enough, f"{evidence}; {told}")


def _audit_stamp(name: str, found: _Fit, stamp: str) -> tuple[Literal["start", "end"], str]:
    """Tell start from end: a bar cannot start as the break begins, nor end as the break ends."""
    days = found.days
    opens = int(found.opens_sharp[found.fits].sum())
    closes = int(found.closes_sharp[found.fits].sum())
    told = days >= DAYS_NEEDED and abs(opens - closes) > _STAMP_MARGIN * days
    if not told:
        return "end" if stamp == "end" else "start", "start or end of the minute not proven"
    meaning: Literal["start", "end"] = "start" if opens > closes else "end"
    facts = f"a bar is stamped on the opening minute on {opens} days, on the closing on {closes}"
    if stamp not in ("auto", meaning):
        raise InputError(
            f"{name}: --stamp {stamp} is refuted: of {days} days, {facts}; say --stamp {meaning}"
        )
    return meaning, f"stamps are the {meaning} of the minute ({facts})"


def _bar_candidates(claim: Clock | None, zone: str) -> Iterator[Clock]:
    """Yield the clocks to try, the preferred name first where several mean the same times."""
    if claim:
        yield claim
    yield Clock.of(zone, 0)
    yield from map(Clock.parse, _NAMED_BAR_CLOCKS)
    for rule in dict.fromkeys((zone, *_RULES)):
        yield from (Clock.of(rule, 60 * hours) for hours in range(-12, 15))


def _ordinary_nights(sessions: pl.DataFrame) -> pl.DataFrame:
    """Return the full sessions whose next one is on the next day, or past a plain weekend."""
    following = sessions.sort("session_date").with_columns(
        next_date=pl.col("session_date").shift(-1), next_open_utc=pl.col("open_utc").shift(-1)
    )
    days = (pl.col("next_date") - pl.col("session_date")).dt.total_days()
    return following.filter(~pl.col("early_close") & days.is_in([1, 3]))


def _breaks(nights: pl.DataFrame, zone: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return begins and ends, in minutes since 1970 UTC, of each kind of daily break."""
    kinds = [(nights["close_utc"], nights["next_open_utc"])]
    if zone in _AMERICAN_ZONES:
        new_york = Clock.of("America/New_York", 0)
        eves = nights["next_date"] - timedelta(days=1)
        for begin, end, next_day in _AMERICAN_BREAKS:
            begins = nights["session_date"].cast(TIMES) + _since_midnight(begin)
            ends = (nights["next_date"] if next_day else eves).cast(TIMES) + _since_midnight(end)
            kinds.append((new_york.to_utc(begins), new_york.to_utc(ends)))
    return [(_minutes(begins), _minutes(ends)) for begins, ends in kinds]


def _fit_candidates(
    stamps: pl.Series, breaks: list[tuple[np.ndarray, np.ndarray]], candidates: Iterator[Clock]
) -> list[_Fit]:
    """Hold each candidate against the calendar; those that give the same UTC times are one."""
    edges = _clear_breaks(stamps)
    results: dict[bytes, _Fit] = {}
    for clock in candidates:
        edges_utc = _minutes(clock.to_utc(edges))
        if (times := edges_utc.tobytes()) not in results:
            last, first = np.split(edges_utc, 2)
            results[times] = _fit(clock, last, first, breaks)
    return list(results.values())


def _clear_breaks(stamps: pl.Series) -> pl.Series:
    """Return the last stamps before the file's breaks, then the first ones after them.

    Of breaks within twelve hours of each other only the longest counts: the others are lunch, or
    the holes of a thin product, which would fit some candidate by accident.
    """
    gaps = (
        pl.DataFrame({"last": stamps[:-1], "first": stamps[1:]})
        .with_columns(length=pl.col("first") - pl.col("last"))
        .filter(pl.col("length") >= _SHORTEST_BREAK)
    )
    around = gaps.rolling("last", period="24h", offset="-12h", closed="both")
    clear = gaps.filter(gaps["length"] == around.agg(pl.col("length").max())["length"])
    return pl.concat([clear["last"], clear["first"].rename("last")])


def _fit(
    clock: Clock, last: np.ndarray, first: np.ndarray, breaks: list[tuple[np.ndarray, np.ndarray]]
) -> _Fit:
    fits, opens_sharp, closes_sharp = (np.zeros(len(last), dtype=bool) for _ in range(3))
    for begins, ends in breaks:
        if not len(begins):
            continue
        nearest = np.minimum(np.searchsorted(begins, last - 1), len(begins) - 1)
        begin, end = begins[nearest], ends[nearest]
        explained = (
            (begin - _QUIET_MINUTES <= last) & (last <= begin + 1)
            & (end <= first) & (first <= end + _QUIET_MINUTES)
        )  # fmt: skip
        fits |= explained
        opens_sharp |= explained & (first == end)
        closes_sharp |= explained & (last >= begin)
    return _Fit(clock, fits, opens_sharp, closes_sharp)


def _tally(fits: list[_Fit], days: int) -> str:
    """Word the shares: the first, whatever it is, and the best few others that fit at all."""
    shown = [fits[0], *(fit for fit in fits[1:] if fit.days and fit is not fits[0])][:5]
    shares = (f"{fit.clock.name} {fit.days} ({fit.days / max(days, 1):.0%})" for fit in shown)
    return f"of {days} testable days fit {', '.join(shares)}"


def _since_midnight(clock_time: str) -> timedelta:
    hours, minutes = clock_time.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def _minutes(times: pl.Series) -> np.ndarray:
    return (times.to_physical() // _MINUTE_US).fill_null(-1).to_numpy()
