"""Tweets in CSV with a known header: the two layouts of the Trump Twitter Archive.

Their times are UTC, without a zone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from tweetscore.io.columns import worded
from tweetscore.io.csv_rows import column_names
from tweetscore.io.source import Source
from tweetscore.io.tables.csv_table import csv_table
from tweetscore.posts.canonical import TweetBatch
from tweetscore.posts.validation import validate_posts

_NOT_IN_EVERY_LAYOUT = ("author", "retweet_count", "favorite_count")


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """One layout: which column is which, and how times are written."""

    NAME: str
    time_formats: tuple[str, ...]
    columns: dict[str, str]  # ours: theirs
    values: dict[str, pl.Expr] = field(default_factory=dict)  # of ours, if theirs is converted
    PLATFORM: str = "twitter"
    NAIVE: bool = True

    def detect(self, head: bytes) -> bool:
        """Look for a header with all columns of the layout."""
        return set(self.columns.values()) <= set(column_names(head))

    def taken(self, source: Source) -> str:
        """Describe which column is taken for what, and which are left."""
        theirs = {ours: [name] for ours, name in self.columns.items()}
        return worded(theirs, column_names(source.head), {})

    def read(self, source: Source) -> Iterator[TweetBatch]:
        """Yield the tweets and rejects of a file, in the file's order."""
        absent = [name for name in _NOT_IN_EVERY_LAYOUT if name not in self.columns]
        unknown = [pl.lit(None, pl.String).alias(name) for name in absent]
        for rows, refused in csv_table(source).rows(self.columns):
            yield validate_posts(
                rows.with_columns(*unknown, **self.values),
                refused,
                platform=self.PLATFORM,
                time_formats=self.time_formats,
            )


TTA = CsvLayout(
    NAME="trump-twitter-archive-csv",
    time_formats=("%m-%d-%Y %H:%M:%S",),
    columns={
        "tweet_id": "id_str",
        "posted": "created_at",
        "text": "text",
        "retweet_count": "retweet_count",
        "favorite_count": "favorite_count",
        "is_retweet": "is_retweet",
    },
)
V2 = CsvLayout(
    NAME="thetrumparchive-v2-csv",
    time_formats=("%Y-%m-%d %H:%M:%S",),
    columns={
        "tweet_id": "id",
        "posted": "date",
        "text": "text",
        "retweet_count": "retweets",
        "favorite_count": "favorites",
        "is_retweet": "isRetweet",
    },
)
