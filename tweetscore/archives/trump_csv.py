"""The two CSV layouts of the Trump Twitter Archive; times are UTC, without a zone."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO, StringIO
from typing import Literal

import polars as pl

from tweetscore.archives.canonical import TweetBatch, canonical
from tweetscore.files import DataFile, line_records


@dataclass(frozen=True, slots=True)
class TrumpCsv:
    """One layout: which column is which, and how times are written."""

    NAME: str
    time_format: str
    columns: dict[str, str]
    PLATFORM: str = "twitter"
    NAIVE: bool = True

    def detect(self, head: bytes) -> bool:
        """Look for a header with all columns of the layout."""
        return set(self.columns.values()) <= set(_header(head))

    def read(self, file: DataFile) -> Iterator[TweetBatch]:
        """Yield the tweets and rejects of a file, in the file's order."""
        head = file.head()
        quote, names, skip = _is_quoted(head), _header(head), 1
        columns = {ours: str(names.index(theirs)) for ours, theirs in self.columns.items()}
        # Numbered columns: whatever else stands in the header cannot disturb the parser.
        header = ",".join(map(str, range(len(names)))).encode() + b"\n"
        parser = partial(_parse, header=header, columns=columns, quote=quote)
        with file.open() as stream:
            for records in line_records(stream, quote=quote):
                body, skip = records.part(skip, len(records)), 0
                yield canonical(
                    body, parser, platform=self.PLATFORM, time_formats=(self.time_format,)
                )


TTA = TrumpCsv(
    NAME="trump-twitter-archive-csv",
    time_format="%m-%d-%Y %H:%M:%S",
    columns={
        "tweet_id": "id_str",
        "posted": "created_at",
        "text": "text",
        "retweet_count": "retweet_count",
        "favorite_count": "favorite_count",
        "is_retweet": "is_retweet",
    },
)
V2 = TrumpCsv(
    NAME="thetrumparchive-v2-csv",
    time_format="%Y-%m-%d %H:%M:%S",
    columns={
        "tweet_id": "id",
        "posted": "date",
        "text": "text",
        "retweet_count": "retweets",
        "favorite_count": "favorites",
        "is_retweet": "isRetweet",
    },
)


def _header(head: bytes) -> list[str]:
    first = re.split(rb"[\r\n]", head, maxsplit=1)[0].decode("utf-8", "replace")
    return next(csv.reader(StringIO(first)), [])


def _is_quoted(head: bytes) -> bool:
    """Say whether quotes enclose fields, or are text: the reading with more whole rows is right.

    The archive's own export deleted the commas from texts and never quoted. A reader of quoted CSV
    swallows 80 tweets of the real file into two.
    """
    if head.startswith(b'"'):
        return True  # the header's own fields are quoted
    return _whole_rows(head, csv.QUOTE_MINIMAL) >= _whole_rows(head, csv.QUOTE_NONE)


def _whole_rows(head: bytes, quoting: Literal[0, 3]) -> int:
    lines = StringIO(head.decode("utf-8", "replace"))
    rows, width, whole = csv.reader(lines, quoting=quoting, strict=True), len(_header(head)), 0
    while True:
        try:
            whole += len(next(rows)) == width
        except csv.Error:
            continue
        except StopIteration:
            return whole


def _parse(data: bytes, *, header: bytes, columns: dict[str, str], quote: bool) -> pl.DataFrame:
    frame = pl.read_csv(
        BytesIO(header + data), infer_schema=False, quote_char='"' if quote else None
    )
    # An empty text stands as "" where the file quotes; unquoted, it is an empty field.
    return frame.select(author=pl.lit(None, pl.String), **columns).with_columns(
        pl.col("text").fill_null("")
    )
