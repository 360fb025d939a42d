"""The two CSV layouts of the Trump Twitter Archive; times are UTC, without a zone."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO, StringIO

import polars as pl

from tweetscore.archives.canonical import TweetBatch, canonical
from tweetscore.files import DataFile, line_records


@dataclass(frozen=True, slots=True)
class TrumpCsv:
    """One layout: which column is which, and how times are written."""

    NAME: str
    time_format: str
    columns: dict[str, str]
    NAIVE: bool = True

    def detect(self, head: bytes) -> bool:
        """Look for a header with all columns of the layout."""
        return set(self.columns.values()) <= set(_header(head))

    def read(self, file: DataFile) -> Iterator[TweetBatch]:
        """Yield the tweets and rejects of a file, in the file's order."""
        head = file.head()
        quote = not _is_unquoted(head)
        header = head.split(b"\n", 1)[0] + b"\n"
        parser = partial(_parse, header=header, columns=self.columns, quote=quote)
        with file.open() as stream:
            for records in line_records(stream, quote=quote):
                body = records.part(1, len(records)) if records.lines[0] == 1 else records
                yield canonical(body, parser, platform="twitter", time_format=self.time_format)


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
    first = head.split(b"\n", 1)[0].decode("utf-8", "replace").strip("\r")
    return next(csv.reader(StringIO(first)), [])


_QUOTED_FIELD = re.compile(rb'(?:^|(?<=,))"(?:[^"]|"")*"(?=[,\r\n])', re.MULTILINE)


def _is_unquoted(head: bytes) -> bool:
    """Say whether commas alone cut every line into the header's fields, and quotes are text.

    The archive's own export deleted the commas from texts and never quoted. A reader of quoted CSV
    swallows 80 tweets of the real file into two.
    """
    whole = head[: head.rfind(b"\n") + 1] or head
    commas = {line.count(b",") for line in whole.split(b"\n") if line.strip()}
    return len(commas) == 1 and (b'"' in _QUOTED_FIELD.sub(b"", whole) or b'"' not in whole)


def _parse(data: bytes, *, header: bytes, columns: dict[str, str], quote: bool) -> pl.DataFrame:
    frame = pl.read_csv(
        BytesIO(header + data), infer_schema=False, quote_char='"' if quote else None
    )
    # An empty text stands as "" where the file quotes; unquoted, it is an empty field.
    return frame.select(author=pl.lit(None, pl.String), **columns).with_columns(
        pl.col("text").fill_null("")
    )
