"""Compare the times that a file of posts claims with the times inside its ids.

Ids and claimed times enter, a clock leaves, with one line on how far it is proven. All times
are polars Datetime("us") without a zone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import polars as pl

from tweetscore.errors import InputError
from tweetscore.io.clocks import TIMES, Clock

SHARE_NEEDED = 0.95
MARGIN = 0.02  # another candidate must be this much better before a claim falls

TWITTER_EPOCH_MS = 1_288_834_974_657
LAST_UNDATED = datetime(2010, 11, 6)  # ids of older tweets carry no time
# How each platform's ids carry a time: divisor, unit, epoch in that unit, and the smallest id with
# a time in it (Twitter's since November 2010, the others' since their first year).
ID_TIMES: dict[str, tuple[int, Literal["ms", "us"], int, int]] = {
    "twitter": (1 << 22, "ms", TWITTER_EPOCH_MS, 30_000_000_001),
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
    """How the claimed times of a platform relate to the times inside its ids."""

    tolerance_seconds: int
    step_minutes: int  # its clocks differ by whole multiples of this
    of_devices: bool  # True: rows may be wrong one by one, which does not condemn the file


_OF_SERVERS = _Claims(tolerance_seconds=2, step_minutes=1, of_devices=False)
# On Bluesky the client gives the time of a post: by the clock of a device or, for an imported post,
# years before its id.
_OF_DEVICES = _Claims(tolerance_seconds=60, step_minutes=15, of_devices=True)
_MINUTE = 60
_DAY_MINUTES = 24 * 60
_HOUR_US = 3_600_000_000
_UNKNOWN = -_DAY_MINUTES  # in place of a difference that fits no clock
_KEYS_AN_HOUR = 2 * _DAY_MINUTES
_MOST_RUNS = 1 << 17
_GROUPED = {"key": pl.Int64(), "rows": pl.Int64()}
_REST_OF_MINUTE = timedelta(seconds=59, microseconds=999_999)
_TWEETS_NEEDED = 20  # with fewer, one damaged row would condemn a good file
# Unrelated errors agree on one minute of a day to within the tolerance once in 17,000 pairs, so
# three tweets that all do are corrected rather than rejected one by one.
_TWEETS_TO_CORRECT = 3


def id_times(platform: str, ids: pl.Series) -> pl.Series:
    """Return the UTC time inside each id (Int64), null where the id has none."""
    if platform not in ID_TIMES:
        return pl.Series("posted_utc", [None] * len(ids), dtype=TIMES)
    divisor, unit, epoch, smallest = ID_TIMES[platform]
    dated = pl.when(pl.col("id") >= smallest).then(pl.col("id") // divisor + epoch)
    times = pl.from_epoch(dated, time_unit=unit).cast(TIMES)
    return pl.DataFrame({"id": ids}).select(posted_utc=times)["posted_utc"]


def id_times_by_row(tweets: pl.DataFrame, audited: str) -> tuple[pl.Series, pl.Series]:
    """Return the times inside ids whose platforms differ, and what is wrong with an id.

    A time that a device claimed, as on Bluesky, counts as the one inside where it is near enough,
    unless the audit is of such times.

    Args:
        tweets: platform, tweet_id and posted, as claimed.
        audited: the platform by whose ids the clock is audited.
    """
    platform, inside = pl.col("platform"), pl.lit(None, TIMES)
    for each in ID_TIMES:
        own: pl.Expr = pl.lit(id_times(each, tweets["tweet_id"]))
        if _claims(each).of_devices and not _claims(audited).of_devices:
            near = timedelta(seconds=_claims(each).tolerance_seconds)
            own = pl.when((pl.col("posted") - own).abs() <= near).then("posted").otherwise(own)
        inside = pl.when(platform == each).then(own).otherwise(inside)
    old = (platform == "twitter") & (pl.col("posted") < LAST_UNDATED)
    undated = platform.is_in(list(ID_TIMES)) & pl.col("inside").is_null() & ~old
    reason = pl.when(undated).then(
        pl.format('"tweet_id" carries no time, as all on {} do', platform)
    )
    found = tweets.with_columns(inside=inside).select("inside", reason=reason)
    return found["inside"], found["reason"]


@dataclass(frozen=True, slots=True)
class TweetClock:
    """The verdict on a tweet file: the clock of its times, and why we think so."""

    platform: str
    clock: Clock
    proven: bool
    evidence: str
    step_seconds: int = 1  # how exactly times are known: 60 without seconds

    def apply(
        self, inside_utc: pl.Series, claimed: pl.Series, field: str = "created_at"
    ) -> tuple[pl.Series, pl.Series]:
        """Return ``posted_utc`` and ``reason`` for one batch.

        Where an id carries a time, it also decides between two readings of an ambiguous local
        time. A row that disagrees with its id, or whose local time is not clear, has a null
        ``posted_utc`` and a ``reason`` that names ``field``; a null claim has neither.

        Of times without seconds, the id restores the second; without such an id the post is placed
        at the end of its minute, since at its beginning nobody could have read it.

        Args:
            inside_utc: the times inside the ids, as ``id_times`` returns them.
            claimed: the times as written in the file.
            field: what the file calls them.
        """
        inside, stamp = pl.col("inside"), _floored(pl.col("claimed"), self.step_seconds)
        shown = self.clock.from_utc(_floored(inside, self.step_seconds))
        in_minutes = self.step_seconds == _MINUTE
        by_clock = self.clock.to_utc(stamp)
        rows = pl.DataFrame({"inside": inside_utc, "claimed": claimed}).select(
            off=(_whole_seconds(stamp) - _whole_seconds(shown)).abs(),
            by_id=inside if in_minutes else stamp - (shown - inside),
            by_clock=by_clock + _REST_OF_MINUTE if in_minutes else by_clock,
            claimed=stamp,
            shown=shown,
        )
        off = pl.col("off")
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


TIMES_OF_IDS = "UTC: its times are those inside the ids"


class TweetAudit:
    """Compare the claimed times of one file with its ids: ``add`` every batch, then ``finish``.

    Between batches it keeps one row per hour and difference in whole minutes, so its size follows
    the span of the archive, not the number of tweets. Both are one number, the key: to group by two
    columns takes three times as long.
    """

    def __init__(self, name: str, platform: str, clock: Clock, step_seconds: int = 1) -> None:
        """Take the file's name for messages, the claimed clock, and how exact its times are.

        ``step_seconds`` is 60 where times have no seconds.
        """
        self._name, self._platform, self._claim = name, platform, clock
        self._step_seconds = step_seconds
        self._grouped = pl.DataFrame(schema=_GROUPED)
        self._runs: list[pl.DataFrame] = []  # of equal keys, not grouped yet

    def add(self, inside_utc: pl.Series, claimed: pl.Series) -> None:
        """Count one batch: the times inside the ids (``id_times``), and those in the file."""
        inside, stamp = (_floored(pl.col(it), self._step_seconds) for it in ("inside", "claimed"))
        claims = _claims(self._platform)
        # Clocks differ by whole steps; a time that is further from one fits no clock.
        step = 60 * claims.step_minutes
        steps = pl.col("seconds").add(step // 2).floordiv(step)
        near = (pl.col("seconds") - step * steps).abs() <= claims.tolerance_seconds
        minutes = claims.step_minutes * steps
        batch = pl.DataFrame({"inside": inside_utc, "claimed": claimed}).select(
            hour=inside.to_physical() // _HOUR_US,
            seconds=_whole_seconds(stamp) - _whole_seconds(inside),
        )
        known = pl.when(near & (minutes.abs() < _DAY_MINUTES)).then(minutes).otherwise(_UNKNOWN)
        keys = batch.drop_nulls().select(key=pl.col("hour") * _KEYS_AN_HOUR + known - _UNKNOWN)
        runs = keys["key"].rle().struct.unnest()  # archives are in order, or nearly so
        self._runs.append(runs.select(key="value", rows=pl.col("len").cast(pl.Int64)))
        if sum(each.height for each in self._runs) > _MOST_RUNS:
            self._group()

    def _group(self) -> None:
        if self._runs:
            every = pl.concat([self._grouped, *self._runs])
            self._grouped = every.group_by("key").agg(pl.col("rows").sum())
            self._runs.clear()

    @property
    def _counts(self) -> pl.DataFrame:
        """One row per hour and difference: hour_utc, minutes, rows; null minutes fit no clock."""
        self._group()
        key = pl.col("key")
        minutes = key % _KEYS_AN_HOUR + _UNKNOWN
        return self._grouped.select(
            hour_utc=(key // _KEYS_AN_HOUR * _HOUR_US).cast(TIMES),
            minutes=pl.when(minutes != _UNKNOWN).then(minutes),
            rows="rows",
        )

    @property
    def to_the_second(self) -> bool:
        """Whether claimed times and ids differ by whole minutes, as clocks do, to the second."""
        rows = int(self._counts["rows"].sum())
        explained = int(self._counts.drop_nulls("minutes")["rows"].sum())
        return bool(rows) and explained >= SHARE_NEEDED * rows

    def finish(self) -> TweetClock:
        """Return the clock to apply.

        The claim stands when it fits 95 % of the tweets whose ids carry a time; another zone or a
        constant offset takes its place when that fits 95 % and more than 2 points better.
        With fewer than 20 such tweets the claim is taken as unproven, and its rows are judged one
        by one, unless all of at least 3 share one other explanation. The same is done, however few
        fit, where the times are those of devices.

        Raises:
            InputError: no clock fits 95 % of 20 tweets or more, and the times are of a server.
        """
        tested = int(self._counts["rows"].sum())
        claim, claimed_rows = self._claim, self._fitting(self._claim)
        zones = dict.fromkeys((claim.zone, *_TWEET_ZONES))
        # Among equals a constant offset from UTC comes first, then a zone as it is.
        best, rows = claim, claimed_rows
        if claimed_rows < tested:
            best, rows = max(
                map(self._best_of_zone, zones),
                key=lambda found: (found[1], found[0].zone == "UTC" or not found[0].offset_minutes),
            )
        needed = SHARE_NEEDED * tested
        enough = tested >= _TWEETS_NEEDED
        mess = enough and claimed_rows < needed
        of_tested = f"the ids of {{}} of {tested} tweets"
        better = rows >= needed and rows - claimed_rows > MARGIN * tested
        if better and tested >= _TWEETS_TO_CORRECT:
            evidence = f"corrected: {best.name} fits {of_tested.format(rows)}"
            evidence += f"; {claim.name} as claimed {claimed_rows}"
            return TweetClock(self._platform, best, enough, evidence, self._step_seconds)
        if mess and not _claims(self._platform).of_devices:
            fits = f"{of_tested.format(claimed_rows)} ({claimed_rows / tested:.0%})"
            raise InputError(
                f"{self._name}: its times disagree with its ids: {claim.name} fits {fits}, "
                f"the best clock found, {best.name}, {rows} ({rows / tested:.0%}); "
                "check its dates, or export it again"
            )
        return as_claimed(self._platform, claim, claimed_rows, tested, self._step_seconds)

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


def as_claimed(
    platform: str, claim: Clock, fitting: int, tested: int, step_seconds: int = 1
) -> TweetClock:
    """Return the claimed clock, which fits so many of the ids that were tested, as the verdict."""
    proven = tested >= _TWEETS_NEEDED and fitting >= SHARE_NEEDED * tested
    evidence = f"{claim.name} fits the ids of {fitting} of {tested} tweets"
    evidence = evidence if proven else f"unproven claim: {evidence}"
    return TweetClock(platform, claim, proven, evidence, step_seconds)


def _claims(platform: str) -> _Claims:
    return _OF_DEVICES if platform == "bluesky" else _OF_SERVERS


def _floored(times: pl.Expr, step_seconds: int) -> pl.Expr:
    return times.dt.truncate("1m") if step_seconds == _MINUTE else times


# Files cut the fraction of a second or keep it: whole seconds are compared.
def _whole_seconds(times: pl.Expr) -> pl.Expr:
    return times.to_physical() // 1_000_000


def _hms(seconds: pl.Expr) -> pl.Expr:
    minute, second = ((n % 60).cast(pl.String).str.zfill(2) for n in (seconds // 60, seconds))
    return pl.format("{}:{}:{}", seconds // 3600, minute, second)
