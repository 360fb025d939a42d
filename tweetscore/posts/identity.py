"""Give an id to posts that came without one: typed posts enter, the same with ids leave."""

import hashlib
from collections.abc import Iterable
from typing import Literal

import polars as pl

from tweetscore.posts.clock import ID_TIMES
from tweetscore.posts.fields import id_numbers

_LARGEST_ID = 2**63 - 1
_ROWS_TO_COUNT = 3  # fewer numbers in a row may be chance
_COUNTED_SHARE = 0.95
Ids = Literal["own", "dated", "restarting", "none"]


def with_hashed_ids(tweets: pl.DataFrame, *, ids: Ids = "own") -> pl.DataFrame:
    """Give each post an id where its file has none that identifies it.

    The id is a hash of platform, author, ``posted_utc`` and text: only the time in UTC is the same
    in every file with the post. A number that may restart, as in every channel or file, stands in
    the place of the text, so that posts of another author or time are never one, and an edited post
    is still the same. A post without ``posted_utc`` keeps what it has.

    Args:
        tweets: typed posts with ``posted_utc``.
        ids: what the numbers in the file are worth: ``own`` identify a post on its platform,
            ``restarting`` only together with author and time, ``dated`` so where the ids of their
            platform carry no time, ``none`` not at all.
    """
    if ids == "own" and not tweets["tweet_id"].null_count():
        return tweets
    known = pl.col("tweet_id").is_not_null() if ids == "own" else pl.lit(False)
    if ids == "dated":
        known = pl.col("platform").is_in(list(ID_TIMES))
    nameless = ~known & pl.col("posted_utc").is_not_null()
    rows = tweets.select(nameless.arg_true()).to_series()
    what = pl.col("text")
    if ids in ("restarting", "dated"):
        what = pl.coalesce(pl.format("{}", "tweet_id"), "text")
    us = pl.col("posted_utc").dt.epoch("us")
    parts = tweets[rows].select("platform", "author", us, what)
    hashed = pl.Series([_hashed_id(*post) for post in parts.iter_rows()], dtype=pl.Int64)
    return tweets.with_columns(tweets["tweet_id"].scatter(rows, hashed))


def number_rows(parts: Iterable[pl.Series]) -> bool:
    """Return whether ids, as strings, only number the rows of their file, from 0 or 1.

    The file's column comes in one part or in several.
    """
    first = last = None
    steps = ones = 0
    for texts in parts:
        numbers = id_numbers(texts).drop_nulls()
        if not len(numbers):
            continue
        first = numbers[0] if first is None else first
        before = pl.Series([last] if last is not None else [], dtype=pl.Int64)
        each = before.append(numbers).diff().drop_nulls()
        steps, ones, last = steps + len(each), ones + int((each == 1).sum()), numbers[-1]
    return first in (0, 1) and steps + 1 >= _ROWS_TO_COUNT and ones >= _COUNTED_SHARE * steps


def _hashed_id(platform: str, author: str | None, posted_us: int, text: str) -> int:
    parts = [part.encode() for part in (platform, author or "", str(posted_us), text)]
    # With its length before it, no part can pass for the end of another.
    joined = b"".join(b"%d:%b" % (len(part), part) for part in parts)
    return hashed_number(joined)


def hashed_number(data: bytes) -> int:
    """Return 63 bits, never 0, that are the same on every machine and in every version."""
    digest = hashlib.blake2b(data, digest_size=8).digest()
    return int.from_bytes(digest, "big") & _LARGEST_ID or 1
