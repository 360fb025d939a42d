"""Ingest one file of posts: it enters, its rows and its account are in the database.

Nearly every file keeps the clock it claims, so rows are stored by that clock while it is audited;
only a file whose clock is corrected is read a second time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import polars as pl

from tweetscore.errors import InputError
from tweetscore.ingest.account import Account, IngestOptions, Progress, TimePrecision
from tweetscore.ingest.deduplicate import deduplicate, now_utc
from tweetscore.ingest.sources import (
    RowSink,
    StoredRows,
    may_be_stored,
    next_source,
    with_digest,
)
from tweetscore.io.clocks import Clock
from tweetscore.io.pipeline import prefetch
from tweetscore.io.source import Source
from tweetscore.posts.canonical import TweetFile, Unread
from tweetscore.posts.clock import TIMES_OF_IDS, TweetAudit, TweetClock, id_times, id_times_by_row
from tweetscore.posts.identity import with_hashed_ids
from tweetscore.store.database import Store

_MINUTE_US = 60_000_000
_STEPS_SECONDS: Mapping[TimePrecision, int] = {"second": 1, "minute": 60}
POSTS_TO_TELL = 20  # so many on whole minutes are no chance
EXACT = "exact to the second by"  # in the words on a clock; sql/checks/leaks/seconds.sql reads it


def ingest_posts(
    store: Store, posts: TweetFile, account: Account, options: IngestOptions, progress: Progress
) -> Account:
    """Store the posts of a file, all or none; return the completed account.

    Raises:
        StoredAlreadyError: its content is stored already.
        InputError: its clock is refuted or not known, or no row can be used.
        NotUtf8Error: some of its words are in another encoding.
    """
    started_utc = now_utc()
    if may_be_stored(store, posts.source):
        account = with_digest(store, posts.source, account)
    claimed_clock(account.name, posts, options)  # refused before anything is stored
    with store.transaction():
        source_id = next_source(store)
        rows = StoredRows(store, "tweets", source_id)
        account = read_posts(posts, account, options, progress, rows)
        account = with_digest(store, posts.source, account)
        (account,) = deduplicate(store, [account], "tweets", source_id, started_utc)
        if account.repaired and not options.encoding:
            posts.source.check_encoding()
    return account


def begun_account(source: Source, posts: TweetFile) -> Account:
    """Return the account of a file that is recognised, and not read yet."""
    return Account(source.name, "tweets", posts.format, taken=posts.taken, warnings=source.warnings)


def lacks_clock(posts: TweetFile, options: IngestOptions) -> bool:
    """Return whether nothing tells the clock of a file: neither it, nor its ids, nor the user."""
    return posts.naive and options.clock == "auto" and not posts.dated


def claimed_clock(name: str, posts: TweetFile, options: IngestOptions) -> Clock:
    """Return the clock that a file claims, or the user for it.

    Raises:
        InputError: nobody does, and its ids cannot tell it.
    """
    if lacks_clock(posts, options):
        raise InputError(
            f"{name}: its times have no time zone, and its ids carry no time; "
            "name the zone, as in --clock UTC or --clock America/New_York"
        )
    return Clock.parse("UTC" if options.clock == "auto" or not posts.naive else options.clock)


def read_posts(
    posts: TweetFile, account: Account, options: IngestOptions, progress: Progress, rows: RowSink
) -> Account:
    """Read all posts of a file by the clock that its ids confirm.

    Args:
        posts: the file.
        account: of the file, as far as it is known.
        options: what the user sets for it.
        progress: called with the file's name, its rows and bytes read so far.
        rows: takes the rows.

    Returns:
        The account, with the clock, the rows read and the warnings.

    Raises:
        InputError: its clock is refuted or not known.
    """
    claim = claimed_clock(account.name, posts, options)
    step = _STEPS_SECONDS.get(options.precision, posts.step_seconds)
    applied = TweetClock(posts.platform, claim, proven=False, evidence="", step_seconds=step)
    read_all = partial(_read_all, posts, rows, claim, progress)
    read = read_all(applied)
    judged = options.precision == "auto" and step == 1
    if judged and read.whole_minutes and not read.audit.to_the_second:
        applied = replace(applied, step_seconds=60)
        rows.forget()
        read = read_all(applied)
    verdict = read.audit.finish()
    if verdict.clock != claim:
        rows.forget()
        read = read_all(verdict)
    evidence = TIMES_OF_IDS if posts.times_of_ids else verdict.evidence
    exact = _exact_by(options.precision, read)
    return replace(
        account,
        clock=f"{evidence}; {EXACT} {exact}" if exact else evidence,
        rows_read=read.rows,
        warnings=(
            *account.warnings,
            *worded_precision(verdict, posts, read.whole_minutes, options.precision),
            *worded_unread(read.unread),
            *worded_moved(read.moved, options.clock),
        ),
    )


@dataclass(slots=True)
class _Read:
    """What became known while a file was read."""

    audit: TweetAudit
    rows: int = 0
    unread: list[Unread] = field(default_factory=list)
    moved: int = 0  # times with a zone among others without one, or the reverse
    whole_minutes: bool = False  # no time has a second, in a file of many


def _read_all(
    posts: TweetFile, rows: RowSink, claim: Clock, progress: Progress, applied: TweetClock
) -> _Read:
    """Read all rows by a clock, and audit the claimed one."""
    name, seconds, timed = posts.source.name, 0, 0
    read = _Read(TweetAudit(name, posts.platform, claim, applied.step_seconds))
    batches = posts.read()
    for batch in batches if posts.source.is_small else prefetch(batches):
        inside_utc, judged = judged_posts(posts, batch.tweets, applied)
        read.audit.add(inside_utc, batch.tweets["posted"])
        rows.add(judged, batch.rejects)
        seconds += batch.tweets.select(shows_seconds(pl.col("posted")).sum()).item()
        timed += batch.tweets.height
        read.unread += batch.unread
        read.moved += len(batch.moved)
        read.rows += batch.rows_read
        progress(name, read.rows, posts.source.reached())
    read.whole_minutes = timed >= POSTS_TO_TELL and not seconds
    return read


def _exact_by(claim: TimePrecision, read: _Read) -> str:
    """Say who vouches for seconds that may all be :00; empty if nobody does."""
    if claim == "second":
        return "--precision second"
    return "its ids" if read.whole_minutes and read.audit.to_the_second else ""


def judged_posts(
    posts: TweetFile, tweets: pl.DataFrame, clock: TweetClock
) -> tuple[pl.Series, pl.DataFrame]:
    """Return the times inside the ids of a batch, and its posts with ``posted_utc`` and ``reason``.

    A post without a ``reason`` is good; it has an id then.
    """
    if not posts.by_row:
        inside_utc = id_times(posts.platform, tweets["tweet_id"])
        posted, reason = clock.apply(inside_utc, tweets["posted"])
    else:
        inside_utc, undated = id_times_by_row(tweets, posts.platform)
        posted, reason = clock.apply(inside_utc, tweets["posted"])
        reason = reason.zip_with(reason.is_not_null(), undated).alias("reason")
    judged = tweets.hstack([posted, reason])
    return inside_utc, with_hashed_ids(judged, ids=posts.ids)


def shows_seconds(posted: pl.Expr) -> pl.Expr:
    """Return of each time whether it is off the whole minute."""
    return posted.to_physical() % _MINUTE_US != 0


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


def worded_moved(moved: int, clock: str) -> tuple[str, ...]:
    """Say how many times have a zone among others without one, or none, and how those are read."""
    if not moved:
        return ()
    several = "1 time has a zone or none" if moved == 1 else f"{moved:,} times have a zone or none"
    read = f"read by --clock {clock}" if clock != "auto" else "UTC by the name of their column"
    return (f"{several}, unlike the others; those without one are {read}",)
