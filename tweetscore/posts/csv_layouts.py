"""Tweets in CSV whose header tells the layout: the two layouts of the Trump Twitter Archive.

Their times are UTC, without a zone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from tweetscore.io.csv_rows import column_names, is_quoted, numbered_columns
from tweetscore.io.data_file import DataFile
from tweetscore.io.records import line_records
from tweetscore.posts.canonical import TweetBatch
from tweetscore.posts.validation import parse_posts

_NOT_IN_EVERY_LAYOUT = ("author", "retweet_count", "favorite_count")


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """One layout: which column is which, and how times are written."""

    NAME: str
    time_formats: tuple[str, ...]
    columns: dict[str, str]  # ours: theirs
    values: dict[str, pl.Expr] = field(default_factory=dict)  # of ours, where theirs is not it
    PLATFORM: str = "twitter"
    NAIVE: bool = True

    def detect(self, head: bytes) -> bool:
        """Look for a header with all columns of the layout."""
        return set(self.columns.values()) <= set(column_names(head))

    def read(self, file: DataFile) -> Iterator[TweetBatch]:
        """Yield the tweets and rejects of a file, in the file's order."""
        head = file.head()
        quote, names, skip = is_quoted(head), column_names(head), 1
        columns = {ours: pl.col(str(names.index(its))) for ours, its in self.columns.items()}
        parser = partial(_parse, width=len(names), columns=columns, values=self.values, quote=quote)
        with file.open() as stream:
            for records in line_records(stream, quote=quote):
                body, skip = records.part(skip, len(records)), 0
                yield parse_posts(
                    body, parser, platform=self.PLATFORM, time_formats=self.time_formats
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


def _parse(
    data: bytes,
    *,
    width: int,
    columns: dict[str, pl.Expr],
    values: dict[str, pl.Expr],
    quote: bool,
) -> pl.DataFrame:
    frame = numbered_columns(data, width, quote=quote)
    unknown = dict.fromkeys(_NOT_IN_EVERY_LAYOUT, pl.lit(None, pl.String))
    # An empty text stands as "" where the file quotes; unquoted, it is an empty field.
    empty = {"text": pl.col("text").fill_null("")}
    return frame.select(**unknown | columns).with_columns(**empty | values)
