"""Posts of Truth Social in CSV and JSON: public archives of them, and statuses of the API.

Both contain HTML, of which the visible text is stored. An archive shows a retruth by its text
alone: ``RT @name …``, or ``RT:`` and the address of the other post.
"""

from collections.abc import Iterator
from io import BytesIO

import polars as pl

from tweetscore.io.json_text import repaired
from tweetscore.io.source import Source
from tweetscore.posts.canonical import TweetBatch
from tweetscore.posts.csv_layouts import CsvLayout
from tweetscore.posts.markup import plain_text
from tweetscore.posts.mastodon import (
    STATUS,
    TIME_FORMATS,
    has_statuses,
    status_text,
)
from tweetscore.posts.validation import parse_posts

NAME = "truth-social-json"
PLATFORM = "truthsocial"
NAIVE = False


def detect(head: bytes) -> bool:
    """Look for an object with the keys of a status and an address of Truth Social."""
    return has_statuses(head, truth_social=True)


def read(source: Source) -> Iterator[TweetBatch]:
    """Yield the posts and rejects of a file, in the file's order."""
    for records in source.json():
        yield parse_posts(records, _parse_statuses, platform=PLATFORM, time_formats=TIME_FORMATS)


def _author(url: pl.Expr) -> pl.Expr:
    return url.str.extract("/@([^/]+)")


def _is_retruth(text: pl.Expr) -> pl.Expr:
    return text.str.contains(r"^RT(?: @|: https://)")


def _parse_statuses(data: bytes) -> pl.DataFrame:
    statuses = pl.read_ndjson(BytesIO(repaired(data)), schema=STATUS)
    account = pl.col("account").struct.field("acct")
    return statuses.select(
        tweet_id="id",
        author=pl.coalesce(account, _author(pl.col("url"))),
        posted="created_at",
        text=status_text(),
        retweet_count="reblogs_count",
        favorite_count="favourites_count",
        reblog=pl.col("reblog").is_not_null(),
    ).with_columns(is_retweet=(pl.col("reblog") | _is_retruth(pl.col("text"))).cast(pl.String))


_HTML = pl.col("text").fill_null("")
CSV = CsvLayout(
    NAME="truth-social-csv",
    time_formats=TIME_FORMATS,
    columns={
        "tweet_id": "id",
        "author": "url",
        "posted": "created_at",
        "text": "content",
        "retweet_count": "reblogs_count",
        "favorite_count": "favourites_count",
        "is_retweet": "content",
    },
    values={
        "author": _author(pl.col("author")),
        "text": plain_text(_HTML),
        "is_retweet": _is_retruth(plain_text(_HTML)).cast(pl.String),
    },
    PLATFORM=PLATFORM,
    NAIVE=False,
)
