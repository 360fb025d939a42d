"""Turn local times into UTC, after an audit that proves or refutes the clock they claim.

Stamps (what a bar file says) or claimed times (what a tweet file says) enter with the evidence they
are held against: exchange sessions, or the times inside the ids. A clock leaves, with one line
that says how far it is proven. All times are polars Datetime("us") without a zone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from zoneinfo import available_timezones

import numpy as np
import polars as pl
from polars.exceptions import ComputeError

from tweetscore.errors import InputError, did_you_mean

EXAMPLES = "UTC, America/New_York, EST, Europe/Berlin-06:00"

SHARE_NEEDED = 0.95
MARGIN = 0.02  # a rival must be this much better before a claim falls
DAYS_NEEDED = 20

_TIMES = pl.Datetime("us")
_MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """A way of writing times: a zone's wall time, plus an offset.

    ``Europe/Berlin-06:00`` shows Berlin wall time less six hours: stamp + 6 h is Berlin wall time.
    """

    name: str
    zone: str
    offset_minutes: int

    @classmethod
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
        raise InputError(f"{text!r} is no clock; say one like {EXAMPLES}{near}")

    @classmethod
    def of(cls, zone: str, offset_minutes: int) -> "Clock":
        """Name the clock that shows the wall time of ``zone`` plus ``offset_minutes``."""
        sign = "-" if offset_minutes < 0 else "+"
        hours, minutes = divmod(abs(offset_minutes), 60)
        offset = f"{sign}{hours:02}:{minutes:02}" if offset_minutes else ""
        return cls(("EST" if zone == "Etc/GMT+5" else zone) + offset, zone, offset_minutes)

    def to_utc(self, stamps: pl.Series) -> pl.Series:
        """Return the UTC times, null where the local time does not exist or is ambiguous."""
        wall = stamps - timedelta(minutes=self.offset_minutes)
        local = wall.dt.replace_time_zone(self.zone, ambiguous="null", non_existent="null")
        return local.dt.convert_time_zone("UTC").dt.replace_time_zone(None)

    def from_utc(self, times_utc: pl.Series) -> pl.Series:
        """Return what this clock shows at each UTC time."""
        local = times_utc.dt.replace_time_zone("UTC").dt.convert_time_zone(self.zone)
        return local.dt.replace_time_zone(None) + timedelta(minutes=self.offset_minutes)

    def _is_known(self) -> bool:
        try:
            self.to_utc(pl.Series([], dtype=_TIMES))
        except ComputeError:
            return False
        return True


# --- bars -----------------------------------------------------------------------------------------

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
            begins = nights["session_date"].cast(_TIMES) + _since_midnight(begin)
            ends = (nights["next_date"] if next_day else eves).cast(_TIMES) + _since_midnight(end)
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


# --- tweets ---------------------------------------------------------------------------------------

# How each platform's ids carry a time: divisor, unit, epoch in that unit, and the smallest id with
# a time in it (Twitter's since November 2010, the others' since their first year).
_ID_TIMES: dict[str, tuple[int, Literal["ms", "us"], int, int]] = {
    "twitter": (1 << 22, "ms", 1_288_834_974_657, 30_000_000_001),
    "mastodon": (1 << 16, "ms", 0, 1_451_606_400_000 << 16),
    "truthsocial": (1 << 16, "ms", 0, 1_609_459_200_000 << 16),
    "bluesky": (1 << 10, "us", 0, 1_640_995_200_000_000 << 10),
}
# Zones that local times in archives may be in; a constant remainder on top is found as well.
_TWEET_ZONES = (
    "UTC",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "Europe/London",
    "Europe/Berlin",
    "Australia/Sydney",
)


@dataclass(frozen=True, slots=True)
class _Claims:
    """What the claimed times of a platform are worth, beside the times inside its ids."""

    tolerance_seconds: int
    step_minutes: int  # its clocks differ by whole multiples of this
    of_devices: bool  # True: rows may be wrong one by one, and say nothing of the file


_OF_SERVERS = _Claims(tolerance_seconds=2, step_minutes=1, of_devices=False)
# A client of Bluesky says when a post was made: by a device's own clock, or, of a post brought over
# from elsewhere, years before its id.
_OF_DEVICES = _Claims(tolerance_seconds=60, step_minutes=15, of_devices=True)
_TWEETS_NEEDED = 20  # with fewer, one damaged row would condemn a good file
# Unrelated errors agree on one minute of a day to within the tolerance once in 17,000 pairs, so
# three tweets that all do are corrected rather than rejected one by one.
_TWEETS_TO_CORRECT = 3


def id_times(platform: str, ids: pl.Series) -> pl.Series:
    """Return the UTC time inside each id (Int64), null where the id carries none."""
    if platform not in _ID_TIMES:
        return pl.Series("posted_utc", [None] * len(ids), dtype=_TIMES)
    divisor, unit, epoch, smallest = _ID_TIMES[platform]
    dated = pl.when(pl.col("id") >= smallest).then(pl.col("id") // divisor + epoch)
    times = pl.from_epoch(dated, time_unit=unit).cast(_TIMES)
    return pl.DataFrame({"id": ids}).select(posted_utc=times)["posted_utc"]


@dataclass(frozen=True, slots=True)
class TweetClock:
    """The verdict on a tweet file: the clock of its times, and why we think so."""

    platform: str
    clock: Clock
    proven: bool
    evidence: str

    def apply(
        self, ids: pl.Series, claimed: pl.Series, field: str = "created_at"
    ) -> tuple[pl.Series, pl.Series]:
        """Return ``posted_utc`` and ``reason`` for one batch.

        Where an id carries a time it also tells which of two readings of an ambiguous local time is
        meant. A row that disagrees with its id, or whose local time is not clear, has a null
        ``posted_utc`` and a ``reason`` that speaks of ``field``; a null claim has neither.
        """
        inside = id_times(self.platform, ids)
        shown = self.clock.from_utc(inside)
        rows = pl.DataFrame(
            {
                "off": _whole_seconds(claimed) - _whole_seconds(shown),
                "by_id": claimed - (shown - inside),
                "by_clock": self.clock.to_utc(claimed),
                "claimed": claimed,
                "shown": shown,
            }
        )
        off = pl.col("off").abs()
        agrees, untested = off <= _claims(self.platform).tolerance_seconds, off.is_null()
        unclear = untested & pl.col("claimed").is_not_null() & pl.col("by_clock").is_null()
        posted = pl.when(agrees).then("by_id").when(untested).then("by_clock")
        disagreement = self._disagreement(field, off)
        unclear_text = f'"{field}" does not exist or is ambiguous in {self.clock.name}'
        reason = pl.when(~agrees).then(disagreement).when(unclear).then(pl.lit(unclear_text))
        judged = rows.select(posted_utc=posted, reason=reason)
        return judged["posted_utc"], judged["reason"]

    def _disagreement(self, field: str, off: pl.Expr) -> pl.Expr:
        if not _claims(self.platform).of_devices:
            return pl.format('"{}" is {} off the time inside the id', pl.lit(field), _hms(off))
        claimed, shown = (pl.col(time).dt.to_string("%F %T") for time in ("claimed", "shown"))
        words = f'"{{}}" is {{}}, but the time inside the id is {{}} ({self.clock.name})'
        return pl.format(words, pl.lit(field), claimed, shown)


class TweetAudit:
    """Hold the claimed times of one file against its ids: ``add`` every batch, then ``finish``.

    Between batches it keeps one row per hour and difference in whole minutes, so its size follows
    the span of the archive, not the number of tweets.
    """

    def __init__(self, name: str, platform: str, clock: Clock) -> None:
        """Take the file's name for messages, and the clock its times are said to be in."""
        self._name, self._platform, self._claim = name, platform, clock
        columns = {"hour_utc": _TIMES, "minutes": pl.Int64(), "rows": pl.Int64()}
        self._counts = pl.DataFrame(schema=columns)

    def add(self, ids: pl.Series, claimed: pl.Series) -> None:
        """Count one batch: ids Int64 (null where the file has none), claimed Datetime("us")."""
        inside = id_times(self._platform, ids)
        seconds = _whole_seconds(claimed) - _whole_seconds(inside)
        claims = _claims(self._platform)
        # Clocks differ by whole steps; whatever is further from one is nobody's clock.
        step = 60 * claims.step_minutes
        steps = pl.col("seconds").add(step // 2).floordiv(step)
        near = (pl.col("seconds") - step * steps).abs() <= claims.tolerance_seconds
        minutes = claims.step_minutes * steps
        batch = pl.DataFrame({"hour_utc": inside.dt.truncate("1h"), "seconds": seconds})
        counts = batch.drop_nulls().select(
            "hour_utc",
            minutes=pl.when(near & (minutes.abs() < 24 * 60)).then(minutes),
            rows=pl.lit(1, pl.Int64),
        )
        both = pl.concat([self._counts, counts]).group_by("hour_utc", "minutes")
        self._counts = both.agg(pl.col("rows").sum())

    def finish(self) -> TweetClock:
        """Return the clock to apply.

        The claim stands when it fits 95 % of the tweets whose ids carry a time; another zone or a
        constant offset takes its place when that fits 95 % and more than 2 points better.
        With fewer than 20 such tweets the claim is taken as unproven, and its rows are judged one
        by one, unless all of at least 3 share one other explanation. So are they where devices
        claim the times, however few fit.

        Raises:
            InputError: nothing fits 95 % of 20 tweets or more, and a server claims the times.
        """
        tested = int(self._counts["rows"].sum())
        claim, claimed_rows = self._claim, self._fitting(self._claim)
        zones = dict.fromkeys((claim.zone, *_TWEET_ZONES))
        # Among equals a constant offset from UTC comes first, then a zone as it is.
        best, rows = max(
            map(self._best_of_zone, zones),
            key=lambda found: (found[1], found[0].zone == "UTC" or not found[0].offset_minutes),
        )
        needed = SHARE_NEEDED * tested
        enough = tested >= _TWEETS_NEEDED
        mess = enough and claimed_rows < needed
        said = f"the ids of {{}} of {tested} tweets"
        better = rows >= needed and rows - claimed_rows > MARGIN * tested
        if better and tested >= _TWEETS_TO_CORRECT:
            evidence = f"corrected: {best.name} fits {said.format(rows)}"
            evidence += f"; {claim.name} as claimed {claimed_rows}"
            return TweetClock(self._platform, best, enough, evidence)
        if mess and not _claims(self._platform).of_devices:
            raise InputError(
                f"{self._name}: its times disagree with its ids: {claim.name} fits "
                f"{said.format(claimed_rows)} ({claimed_rows / tested:.0%}), the best clock found, "
                f"{best.name}, {rows} ({rows / tested:.0%}); check its dates, or export it again"
            )
        evidence = f"{claim.name} fits {said.format(claimed_rows)}"
        proven = enough and not mess
        evidence = evidence if proven else f"unproven claim: {evidence}"
        return TweetClock(self._platform, claim, proven, evidence)

    def _fitting(self, clock: Clock) -> int:
        return int(self._counts.filter(self._remainders(clock) == 0)["rows"].sum())

    def _best_of_zone(self, zone: str) -> tuple[Clock, int]:
        """Return the zone with the constant offset that fits most rows, and their number."""
        remainders = self._remainders(Clock.of(zone, 0)).alias("minutes")
        counts = self._counts.with_columns(remainders).drop_nulls().group_by("minutes")
        best = counts.agg(pl.col("rows").sum()).sort("rows", "minutes").tail(1)
        if best.is_empty():
            return Clock.of(zone, 0), 0
        return Clock.of(zone, best["minutes"].item()), best["rows"].item()

    def _remainders(self, clock: Clock) -> pl.Series:
        """Return the minutes of difference that the clock leaves unexplained, row by row."""
        hours = self._counts["hour_utc"]
        return self._counts["minutes"] - (clock.from_utc(hours) - hours).dt.total_minutes()


def _claims(platform: str) -> _Claims:
    return _OF_DEVICES if platform == "bluesky" else _OF_SERVERS


# Files cut the fraction of a second or keep it: whole seconds are compared.
def _whole_seconds(times: pl.Series) -> pl.Series:
    return times.to_physical() // 1_000_000


def _hms(seconds: pl.Expr) -> pl.Expr:
    minute, second = ((n % 60).cast(pl.String).str.zfill(2) for n in (seconds // 60, seconds))
    return pl.format("{}:{}:{}", seconds // 3600, minute, second)
