"""Ingest one file of posts: it enters, its rows and its account are in the database.

Nearly every file keeps the clock it claims, so rows are stored by that clock while it is audited;
only a file whose clock is corrected is read a second time.
"""

from collections.abc import Sequence
from dataclasses import replace

from tweetscore.errors import InputError
from tweetscore.ingest.account import Account, IngestOptions, Progress
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
    claimed = TweetClock(posts.platform, claim, proven=False, evidence="")
    with store.transaction():
        source_id = next_source(store)
        rows_read, verdict, unread = _append_all(store, posts, source_id, claimed, claim, progress)
        if verdict.clock != claim:
            for table in ("tweets", "rejects"):
                delete_rows(store, table, source_id)
            rows_read, verdict, unread = _append_all(
                store, posts, source_id, verdict, claim, progress
            )
        account = with_digest(store, posts.source, account)
        account = replace(
            account, clock=verdict.evidence, rows_read=rows_read, warnings=worded_unread(unread)
        )
        return deduplicate(store, account, "tweets", source_id, started_utc)


def _append_all(
    store: Store,
    posts: TweetFile,
    source_id: int,
    applied: TweetClock,
    claim: Clock,
    progress: Progress,
) -> tuple[int, TweetClock, list[Unread]]:
    """Store all rows by a clock.

    Returns:
        How many were read, the verdict on the claimed clock, and the values that could not be read.
    """
    name, rows_read = posts.source.name, 0
    unread: list[Unread] = []
    audit = TweetAudit(name, posts.platform, claim)
    for batch in prefetch(posts.read()):
        tweets = batch.tweets
        inside_utc = id_times(posts.platform, tweets["tweet_id"])
        audit.add(inside_utc, tweets["posted"])
        posted, reason = applied.apply(inside_utc, tweets["posted"])
        judged = tweets.with_columns(posted.alias("posted_utc"), reason.alias("reason"))
        append_batch(
            store, "tweets", source_id, with_hashed_ids(judged, ids=posts.ids), batch.rejects
        )
        unread += batch.unread
        progress(name, rows_read := rows_read + batch.rows_read)
    return rows_read, audit.finish(), unread


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
