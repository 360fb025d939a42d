"""Read posts from any table: CSV, TSV, JSON or Parquet with columns of known or given names.

A table needs a text and a time for each post, and nothing else. Without ids, a post is
identified by a hash of its content.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial

import polars as pl

from tweetscore.errors import InputError
from tweetscore.io.columns import Match, by_normalised_name
from tweetscore.io.source import Source
from tweetscore.io.tables.find import find_table
from tweetscore.io.tables.table import Table
from tweetscore.io.time_columns import TimeColumns, find_times, shown_time, time_candidates
from tweetscore.io.time_words import API_TIME, foreign_word, has_seconds
from tweetscore.io.times import TimeForm, written_form
from tweetscore.posts.canonical import TweetBatch, TweetFile
from tweetscore.posts.clock import ID_TIMES
from tweetscore.posts.identity import Ids, number_rows
from tweetscore.posts.platform import OTHER, platform_of
from tweetscore.posts.validation import validate_posts

NAMES = {
    "tweet_id": ("idstr", "tweetid", "twitterid", "statusid", "postid", "messageid", "id"),
    "posted": (
        "createdat", "postedat", "publishedat", "posted", "published", "datetime", "timestamp",
        "date", "time", "created", "postdate", "createdutc",
    ),
    "text": (
        "embeddedtext", "fulltext", "text", "tweet", "content", "body", "message", "post",
    ),
    "author": (
        "author", "username", "authorusername", "userusername", "screenname", "userscreenname",
        "handle", "user", "writer", "channel", "channelname",
    ),
    "retweet_count": (
        "retweetcount", "retweets", "reposts", "repostscount", "reblogs", "sharecount", "shares",
        "retweetscount", "retweetnum", "nretweets", "publicmetricsretweetcount",
    ),
    "favorite_count": (
        "favoritecount", "favorites", "likes", "likecount", "favourites", "favouritescount",
        "likescount", "likenum", "nlikes", "publicmetricslikecount",
    ),
    "is_retweet": ("isretweet",),
    "counts_as_of": ("countsasof",),
}  # fmt: skip
_PRICES = {"open", "high", "low", "close"}
_DAY = re.compile(r"\d{4}[-./]?\d\d?[-./]?\d\d?|\d\d?[-./]\d\d?[-./]\d{4}", re.ASCII)


def open_table(
    source: Source, columns: Mapping[str, str], platform: str | None = None
) -> TweetFile | None:
    """Recognise a table of posts by its columns; None if it is something else, as a table of bars.

    Args:
        source: the file.
        columns: our name to the file's, which come before the recognised ones; an empty name
            means that the file has no such column.
        platform: whose ids they are. Without it, ids that look like Twitter's are, and no others.

    Raises:
        InputError: a given column is not there; the form of the times is not clear; the ids of
            the platform carry a time, but there are no ids; unreadable Parquet.
    """
    table = find_table(source)
    if not table or _holds_bars(table, columns):
        return None
    match = table.match(NAMES, columns)
    for needed in ("text", "posted"):
        if needed not in match.taken:
            if columns:
                raise match.missing(needed)
            return None
    if platform in ID_TIMES and "tweet_id" not in match.taken:
        raise InputError(
            f"{source.name}: has no column recognised as ids ({match.has}), and ids of {platform} "
            "carry a time; name it with --column tweet_id=NAME, or leave --platform out"
        )
    candidates = time_candidates(match.candidates["posted"])
    sample, _ = table.sample([*match.taken.values(), *match.candidates["posted"]])
    times, form = _timed(table, sample, candidates)
    match = match.choose({"posted": times.columns[0]})
    platform = platform or _platform(match, sample, times, form)
    ids: Ids = "own" if platform in ID_TIMES else "restarting"
    numbers = sample[match.taken["tweet_id"]] if "tweet_id" in match.taken else None
    if ids == "restarting" and numbers is not None and number_rows(numbers):
        match, ids = match.without("tweet_id"), "none"
    batches = partial(_read, table, match, times, form, platform)
    step = 60 if form.written and not has_seconds(form.written) else 1
    return TweetFile(source, f"{table.kind}-tweets", platform, form.naive, batches, step, ids)


def _holds_bars(table: Table, given: Mapping[str, str]) -> bool:
    known = given and set(given.values()) <= set(table.columns)
    return not known and len(_PRICES & by_normalised_name(table.columns).keys()) >= 2


def _read(
    table: Table, match: Match, times: TimeColumns, form: TimeForm, platform: str
) -> Iterator[TweetBatch]:
    columns = {**match.taken, **times.wanted("posted")}
    absent = [name for name in NAMES if name not in columns and name != "counts_as_of"]
    for rows, refused in table.rows(columns):
        raw = times.joined(rows, "posted")
        filled = raw.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
        yield validate_posts(
            filled.with_columns(pl.col("author").replace("", None)),
            refused,
            raw.height + refused.height,
            platform=platform,
            time_formats=(),
            read_times=form.read,
            may_lack_ids="tweet_id" not in columns,
        )


def _timed(
    table: Table, sample: pl.DataFrame, candidates: list[tuple[str, ...]]
) -> tuple[TimeColumns, TimeForm]:
    """Return the columns of the times and their form."""
    if found := find_times(table, sample, candidates):
        return found
    shown = shown_time(sample, candidates)
    if shown is None:  # no record has a time: each becomes a reject
        return TimeColumns(candidates[0]), written_form(API_TIME)
    fact = f"the time {shown!r} has no known form"
    step = "write times as 2018-01-31T09:30:00Z, or as seconds since 1970"
    if word := foreign_word(shown):
        fact = (
            f"the time {shown!r} has the word {word!r}, and only English names of months are read"
        )
        step = "write times as 2018-01-31T09:30:00Z"
    if _DAY.fullmatch(shown.strip()):
        fact = f"the time {shown!r} is a whole day, and posts are matched with minutes"
        step = "name the column with the time of day with --column posted=NAME, or export it too"
    raise InputError(f"{table.name}: {fact}; {step}")


def _platform(match: Match, sample: pl.DataFrame, times: TimeColumns, form: TimeForm) -> str:
    """Return whose ids the table has, by its first rows."""
    if "tweet_id" not in match.taken:
        return OTHER
    columns = {"tweet_id": match.taken["tweet_id"], **times.wanted("posted")}
    wanted = sample.select(**{ours: pl.col(theirs) for ours, theirs in columns.items()})
    claimed = form.read(times.joined(wanted, "posted")["posted"])
    return platform_of(wanted["tweet_id"], claimed, match.columns)
