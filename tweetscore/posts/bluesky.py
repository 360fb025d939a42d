"""Bluesky posts in JSON: items of a feed, posts without that wrapper, or raw records.

One array, one post a line, or the pages that the API answers with. An id is the record key, which
is a TID: a number of 63 bits that contains the time, written in base 32. Posts with another key are
rejects. An item that is a repost contains the other author's post, with its own time.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import numpy as np
import polars as pl

from tweetscore.io.enclosed import listed_records
from tweetscore.io.json_text import repaired
from tweetscore.io.records import BLANKS, Records, joined
from tweetscore.io.source import Source
from tweetscore.posts.canonical import TweetBatch
from tweetscore.posts.validation import parse_posts

NAME = "bluesky-json"
PLATFORM = "bluesky"
NAIVE = False
TIME_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z",)  # 2024-11-18T09:12:51.335Z
_RECORD = pl.Struct({"text": pl.String(), "createdAt": pl.String()})
_VIEW = {
    "uri": pl.String(),
    "author": pl.Struct({"handle": pl.String()}),
    "record": _RECORD,
    "repostCount": pl.String(),
    "likeCount": pl.String(),
}
_SCHEMA = {
    **_VIEW,
    "post": pl.Struct(_VIEW),
    "reason": pl.Struct({"$type": pl.String()}),
    "value": _RECORD,
}
_ASIDE = rb'"(?:cursor|hitsTotal)"\s*:\s*(?:"[^"]*"|\d+)\s*'
PAGE = re.compile(rb'\s*\{\s*(?:%b,\s*)*"(?:feed|posts|records)"\s*:\s*(?=\[)' % _ASIDE)
_PAGE_END = re.compile(rb"\s*(?:%b)?\}?\s*" % _ASIDE)
_OPENING = re.compile(rb"\s*(?:\[\s*)?\{")
_KEYS = [
    re.compile(rb'"uri"\s*:\s*"at:(?:\\?/){2}[^"]*app\.bsky\.feed\.post'),
    re.compile(rb'"createdAt"\s*:\s*"'),
    re.compile(rb'"text"\s*:\s*"'),
]
_POST_KEY = "/app.bsky.feed.post/([^/]+)$"
_TID = "^[2-7ab][2-7a-z]{12}$"  # the first character has three bits: numbers stay below 2^63
_DIGITS = np.zeros(256, np.int64)
_DIGITS[list(b"234567abcdefghijklmnopqrstuvwxyz")] = np.arange(32)


def detect(head: bytes) -> bool:
    """Look for an object with the keys of a post."""
    return bool(_OPENING.match(head)) and all(key.search(head) for key in _KEYS)


def read(source: Source) -> Iterator[TweetBatch]:
    """Yield the posts and rejects of a file, in the file's order."""
    for records in _cut(source):
        yield parse_posts(records, _parse, platform=PLATFORM, time_formats=TIME_FORMATS)


def _cut(source: Source) -> Iterator[Records]:
    if not PAGE.match(source.head):
        yield from source.json()
    elif _is_page_a_line(source):
        for block in source.lines(quote=False):
            pages = (block.part(place, place + 1) for place in range(len(block)))
            parts = [part for page in pages for part in _of_line(page)]
            yield from [joined(parts)] if parts else []
    else:
        yield from source.listed(PAGE, _PAGE_END)


def _is_page_a_line(source: Source) -> bool:
    """Return whether the first line is a whole page, rather than the beginning of one."""
    first = b""
    for lines in source.lines(quote=False):
        for place in range(len(lines)):
            line = lines.part(place, place + 1).data.strip()
            if first:
                return first.endswith(b"}") and line.startswith(b"{")
            first = line
    return False


def _of_line(page: Records) -> Iterator[Records]:
    """Cut the page on one line; every post has its place in the file."""
    if not PAGE.match(page.data):
        yield page
        return
    line = BytesIO(page.data.lstrip(BLANKS))
    for posts in listed_records(line, PAGE, _PAGE_END):
        offsets, lines = posts.offsets + page.offsets[0], posts.lines + page.lines[0] - 1
        yield replace(posts, offsets=offsets, lines=lines)


def _parse(data: bytes) -> pl.DataFrame:
    items = pl.read_ndjson(BytesIO(repaired(data)), schema=_SCHEMA)
    view, reason = pl.col("post").struct, pl.col("reason").struct.field("$type")
    posts = items.select(
        uri=pl.coalesce(view.field("uri"), "uri"),
        handle=pl.coalesce(view.field("author"), "author").struct.field("handle"),
        record=pl.coalesce(view.field("record"), "record", "value"),
        retweet_count=pl.coalesce(view.field("repostCount"), "repostCount"),
        favorite_count=pl.coalesce(view.field("likeCount"), "likeCount"),
        is_retweet=reason.str.ends_with("#reasonRepost").fill_null(False).cast(pl.String),
    )
    return posts.select(
        _ids(posts["uri"]).alias("tweet_id"),
        # A raw record names its author in its address only, mostly by a DID.
        author=pl.coalesce("handle", pl.col("uri").str.extract("^at://([^/]+)/")),
        posted=pl.col("record").struct.field("createdAt"),
        text=pl.col("record").struct.field("text"),
        retweet_count="retweet_count",
        favorite_count="favorite_count",
        is_retweet="is_retweet",
    )


def _ids(uris: pl.Series) -> pl.Series:
    """Return the number in each record key; the address itself where the key is not a TID."""
    return tid_numbers(uris.str.extract(_POST_KEY), uris)


def tid_numbers(keys: pl.Series, otherwise: pl.Series | None = None) -> pl.Series:
    """Return the number in each record key, as a string; what stands otherwise where it is none."""
    otherwise = keys if otherwise is None else otherwise
    rows = keys.str.contains(_TID).fill_null(False).arg_true()
    characters = "".join(keys.gather(rows)).encode()
    digits = _DIGITS[np.frombuffer(characters, np.uint8)].reshape(-1, 13)  # (rows, 13)
    numbers = digits @ (1 << 5 * np.arange(12, -1, -1))  # (rows,)
    return otherwise.clone().scatter(rows, pl.Series(numbers).cast(pl.String))
