"""Tweet objects of Twitter's API v1.1 in JSON: whole, or condensed by the Trump Twitter Archive.

One array, or one object a line. ``text`` is the older name of ``full_text``; objects without
``is_retweet`` (all from the API itself) are retweets when they hold ``retweeted_status``.
"""

import re
from collections.abc import Iterator
from functools import partial
from io import BytesIO

import polars as pl

from tweetscore.archives.canonical import TweetBatch, canonical
from tweetscore.files import DataFile, json_array_records, line_records
from tweetscore.pipeline import ahead

NAME = "tweet-json"
PLATFORM = "twitter"
NAIVE = False
TIME_FORMATS = ("%a %b %d %H:%M:%S %z %Y",)  # Sun Dec 02 21:40:51 +0000 2018
# Everything is read as a string: an id that is a number keeps all its digits.
SCHEMA = {
    "id_str": pl.String(),
    "id": pl.String(),
    "created_at": pl.String(),
    "full_text": pl.String(),
    "text": pl.String(),
    "retweet_count": pl.String(),
    "favorite_count": pl.String(),
    "is_retweet": pl.String(),
    "retweeted_status": pl.Struct({"id_str": pl.String()}),
    "user": pl.Struct({"screen_name": pl.String()}),
}
# An id written as a float has lost digits: as a string of its own it is told from a whole number.
_FLOAT_ID = re.compile(rb'("id(?:_str)?"\s*:\s*)(-?\d+[.eE][^\s,}]*)')
# Half of a surrogate pair, left where a text was cut: polars makes it NUL, or refuses the record.
_LONE_SURROGATE = re.compile(
    rb"\\u[dD](?:[89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..\\u[dD])[c-fC-F]..)"
)
_OPENING = re.compile(rb"\s*(\[\s*)?\{")


def detect(head: bytes) -> bool:
    """Look for an object, alone or in an array, with the keys of a tweet."""
    return bool(_OPENING.match(head)) and all(
        re.search(rb'"%b"\s*:' % key, head)
        for key in (rb"created_at", rb"(full_)?text", rb"id(_str)?")
    )


def read(file: DataFile) -> Iterator[TweetBatch]:
    """Yield the tweets and rejects of a file, in the file's order."""
    array = file.head().lstrip().startswith(b"[")
    cut = json_array_records if array else partial(line_records, quote=False)
    with file.open() as stream:
        for records in ahead(cut(stream)):
            yield canonical(records, _parse, platform=PLATFORM, time_formats=TIME_FORMATS)


def _parse(data: bytes) -> pl.DataFrame:
    # Without escaped backslashes, every backslash left opens an escape.
    data = _LONE_SURROGATE.sub(rb"\\ufffd", data.replace(rb"\\", rb"\u005c"))
    data = _FLOAT_ID.sub(rb'\1"\2"', data)
    marked = pl.when(pl.col("retweeted_status").is_not_null()).then(pl.lit("true"))
    whole = pl.col("user").is_not_null()
    return pl.read_ndjson(BytesIO(data), schema=SCHEMA).select(
        tweet_id=pl.coalesce("id_str", "id"),
        author=pl.col("user").struct.field("screen_name"),
        posted="created_at",
        text=pl.coalesce("full_text", "text"),
        retweet_count="retweet_count",
        favorite_count="favorite_count",
        is_retweet=pl.coalesce("is_retweet", marked, pl.when(whole).then(pl.lit("false"))),
    )
