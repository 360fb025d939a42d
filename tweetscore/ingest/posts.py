"""Ingest one file of posts: it enters, its rows and its account are in the database.

Nearly every file keeps the clock it claims, so rows are stored by that clock while it is audited;
only a file whose clock is corrected is read a second time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from tweetscore.errors import InputError
from tweetscore.ingest.account import Account, IngestOptions, Progress, TimePrecision
from tweetscore.ingest.deduplicate import deduplicate, now_utc
from tweetscore.ingest.sources import (
    append_batch,
    delete_rows,
    may_be_stored,
    next_source,
    with_digest,
)
from tweetscore.io.clocks import Clock
from tweetscore.io.pipeline import prefetch
from tweetscore.posts.canonical import TweetFile, Unread
from tweetscore.posts.clock import TweetAudit, TweetClock, id_times
from tweetscore.posts.identity import with_hashed_ids
from tweetscore.store.database import Store

_MINUTE_US = 60_000_000
_STEPS_SECONDS: Mapping[TimePrecision, int] = {"second": 1, "minute": 60}
_POSTS_TO_TELL = 20  # so many on whole minutes are no chance


def ingest_posts(
    store: Store, posts: TweetFile, account: Account, options: IngestOptions, progress: Progress
) -> Account:
    """Store the posts of a file, all or none; return the completed account.

    Raises:
        StoredAlreadyError: its content is stored already.
        InputError: its clock is refuted or not known, or no row can be used.
    """
    started_utc = now_utc()
    if may_be_stored(store, posts.source):
        account = with_digest(store, posts.source, account)
    if posts.naive and options.clock == "auto" and not posts.dated:
        raise InputError(
            f"{account.name}: its times have no time zone, and its ids carry no time; "
            "name the zone, as in --clock UTC or --clock America/New_York"
        )
    claim = Clock.parse("UTC" if options.clock == "auto" or not posts.naive else options.clock)
    step = _STEPS_SECONDS.get(options.precision, posts.step_seconds)
    with store.transaction():
        source_id = next_source(store)
        applied = TweetClock(posts.platform, claim, proven=False, evidence="", step_seconds=step)
        append_all = partial(_append_all, store, posts, source_id, claim, progress)
        read = append_all(applied)
        judged = options.precision == "auto" and step == 1
        if judged and read.whole_minutes and not read.audit.to_the_second:
            applied = replace(applied, step_seconds=60)
            _forget(store, source_id)
            read = append_all(applied)
        verdict = read.audit.finish()
        if verdict.clock != claim:
            _forget(store, source_id)
            read = append_all(verdict)
        account = with_digest(store, posts.source, account)
        account = replace(
            account,
            clock=verdict.evidence,
            taken=posts.taken,
            rows_read=read.rows,
            warnings=(
                *worded_precision(verdict, posts, read.whole_minutes, options.precision),
                *worded_unread(read.unread),
            ),
        )
        return deduplicate(store, account, "tweets", source_id, started_utc)


@dataclass(slots=True)
class _Read:
    """What became known while a file was read."""

    audit: TweetAudit
    rows: int = 0
    unread: list[Unread] = field(default_factory=list)
    whole_minutes: bool = False  # no time has a second, in a file of many


def _append_all(
    store: Store,
    posts: TweetFile,
    source_id: int,
    claim: Clock,
    progress: Progress,
    applied: TweetClock,
) -> _Read:
    """Store all rows by a clock, and audit the claimed one."""
    name, seconds, timed = posts.source.name, 0, 0
    read = _Read(TweetAudit(name, posts.platform, claim, applied.step_seconds))
    batches = posts.read()
    for batch in batches if posts.source.is_small else prefetch(batches):
        tweets = batch.tweets
        inside_utc = id_times(posts.platform, tweets["tweet_id"])
        read.audit.add(inside_utc, tweets["posted"])
        posted, reason = applied.apply(inside_utc, tweets["posted"])
        judged = tweets.with_columns(posted.alias("posted_utc"), reason.alias("reason"))
        judged = with_hashed_ids(judged, ids=posts.ids)
        append_batch(store, "tweets", source_id, judged, batch.rejects)
        seconds += int((tweets["posted"].to_physical() % _MINUTE_US != 0).sum())
        timed += tweets.height
        read.unread += batch.unread
        read.rows += batch.rows_read
        progress(name, read.rows)
    read.whole_minutes = timed >= _POSTS_TO_TELL and not seconds
    return read


def _forget(store: Store, source_id: int) -> None:
    """Take back all rows of a file, to store them by another clock."""
    for table in ("tweets", "rejects"):
        delete_rows(store, table, source_id)


def worded_precision(
    verdict: TweetClock, posts: TweetFile, whole_minutes: bool, claim: TimePrecision
) -> tuple[str, ...]:
    """Say that times are known to the minute, or claimed to be exact, and what follows."""
    fact = "have no seconds" if posts.step_seconds > 1 else "all end in :00 seconds"
    if verdict.step_seconds == 1:
        claimed = claim == "second" and (whole_minutes or posts.step_seconds > 1)
        return (f"its times {fact}, and are exact by --precision second",) if claimed else ()
    fact = fact if whole_minutes or claim == "auto" else "are known to the minute by --precision"
    if posts.dated:
        return (f"its times {fact}: the ids tell the second",)
    return (f"its times {fact}: each post is placed at the end of its minute, when it was out",)


def worded_unread(unread: Sequence[Unread]) -> tuple[str, ...]:
    """Say of each column how many of its values are unknown now, and which was the first."""
    lines = []
    for column in dict.fromkeys(each.column for each in unread):
        own = [each for each in unread if each.column == column]
        values = sum(each.values for each in own)
        count = "1 value" if values == 1 else f"{values:,} values"
        lines.append(
            f"{column}: {count} could not be read and count as unknown (the first is "
            f"{own[0].first!r}, line {own[0].line:,})"
        )
    return tuple(lines)
