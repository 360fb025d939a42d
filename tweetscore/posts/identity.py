"""Give an id to posts that came without one: typed posts enter, the same with ids leave."""

import hashlib

import polars as pl

_LARGEST_ID = 2**63 - 1


def with_hashed_ids(tweets: pl.DataFrame) -> pl.DataFrame:
    """Give each post without an id a hash of platform, author, ``posted_utc`` and text.

    Only the time in UTC is the same in every file with the post. A post without it keeps its null.
    """
    nameless = pl.col("tweet_id").is_null() & pl.col("posted_utc").is_not_null()
    rows = tweets.select(nameless.arg_true()).to_series()
    parts = tweets[rows].select("platform", "author", pl.col("posted_utc").dt.epoch("us"), "text")
    ids = pl.Series([_hashed_id(*post) for post in parts.iter_rows()], dtype=pl.Int64)
    return tweets.with_columns(tweets["tweet_id"].scatter(rows, ids))


def _hashed_id(platform: str, author: str | None, posted_us: int, text: str) -> int:
    """Return 63 bits, never 0, that are the same on every machine and in every version."""
    parts = [part.encode() for part in (platform, author or "", str(posted_us), text)]
    # With its length before it, no part can pass for the end of another.
    joined = b"".join(b"%d:%b" % (len(part), part) for part in parts)
    digest = hashlib.blake2b(joined, digest_size=8).digest()
    return int.from_bytes(digest, "big") & _LARGEST_ID or 1
