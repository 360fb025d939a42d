"""Tweets of Twitter's API v2 as twarc2 writes them: pages of answers, one tweet a line, streams.

A page has many tweets in ``data``. Its ``includes`` contain the authors, and tweets that others
refer to: context that completes cut retweets, but not posts of the archive. A page without results
has no row. A reject inside a page has the page's place.
"""

import json
import re
from collections.abc import Iterator
from functools import partial
from io import BytesIO

import numpy as np
import polars as pl

from tweetscore.io.json_text import repaired
from tweetscore.io.records import Parser, Records, parse
from tweetscore.io.source import Source
from tweetscore.posts.canonical import TweetBatch
from tweetscore.posts.validation import validate_posts

NAME = "twarc2-json"
PLATFORM = "twitter"
NAIVE = False
TIME_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z",)  # 2021-04-08T19:30:10.000Z
# Everything is read as a string: an id that is a number keeps all its digits.
_TEXTS = {"text": pl.String(), "note_tweet": pl.Struct({"text": pl.String()})}
_USER = {"id": pl.String(), "username": pl.String()}
_REFERENCE = {"type": pl.String(), "id": pl.String(), **_TEXTS}
_TWEET: dict[str, pl.DataType] = {
    "id": pl.String(),
    "created_at": pl.String(),
    **_TEXTS,
    "public_metrics": pl.Struct({"retweet_count": pl.String(), "like_count": pl.String()}),
    "author_id": pl.String(),
    "author": pl.Struct({"username": pl.String()}),
    "referenced_tweets": pl.List(pl.Struct(_REFERENCE)),
}
_PAGE: dict[str, pl.DataType] = {
    "includes": pl.Struct(
        {
            "users": pl.List(pl.Struct(_USER)),
            "tweets": pl.List(pl.Struct({"id": pl.String(), **_TEXTS})),
        }
    ),
    "meta": pl.String(),
    "errors": pl.String(),
    "__twarc": pl.Struct({"retrieved_at": pl.String()}),
}
BESIDE_TWEETS = _PAGE.keys()  # what a page has besides its tweets
_OPENING = re.compile(rb"\s*(?:\[\s*)?\{")
_KEYS = [
    re.compile(rb'"id"\s*:'),
    re.compile(rb'"text"\s*:'),
    re.compile(rb'"created_at"\s*:\s*"\d{4}-'),
    re.compile(rb'"(?:author_id|public_metrics|edit_history_tweet_ids)"\s*:'),
]
ONE_TWEET = re.compile(rb'[^\n]*?"data"\s*:\s*\{')
_CUT = r"(?s)^(RT @\w+: ).*…$"


def detect(head: bytes) -> bool:
    """Look for an object with the keys of a tweet of the API v2."""
    return bool(_OPENING.match(head)) and all(key.search(head) for key in _KEYS)


def read(source: Source) -> Iterator[TweetBatch]:
    """Yield the tweets and rejects of a file, in the file's order."""
    parser = partial(_parse, one_tweet=bool(ONE_TWEET.match(source.head)))
    for records in source.json():
        yield _of_pages(records, parser)


def _parse(data: bytes, *, one_tweet: bool = False) -> pl.DataFrame:
    """Parse pages and flat tweets, a row for each; ``data`` is a list, or one tweet."""
    tweet = pl.Struct(_TWEET)
    schema = {**_TWEET, "data": tweet if one_tweet else pl.List(tweet), **_PAGE}
    return pl.read_ndjson(BytesIO(repaired(data)), schema=schema)


def _of_pages(records: Records, parser: Parser) -> TweetBatch:
    pages, refused = parse(records, parser)
    groups, rejects = [pages], []
    for reject in refused.iter_slices(1):
        place = int(np.searchsorted(records.offsets, reject["byte_offset"].item()))
        saved = _taken_apart(records.part(place, place + 1))
        rejects.append(saved[1] if saved else reject)
        groups += [saved[0]] if saved else []
    tweets = pl.concat(_tweets(group) for group in groups).sort("byte_offset", maintain_order=True)
    rejected = pl.concat([refused.clear(), *rejects])
    return validate_posts(tweets, rejected, platform=PLATFORM, time_formats=TIME_FORMATS)


def _taken_apart(page: Records) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """Parse a page that was refused without the tweets that are the reason for it.

    Returns:
        The page, and a reject per bad tweet; None where they are not what is wrong.
    """
    try:
        text = repaired(page.data).decode("utf-8", "replace")
        whole = json.loads(text, parse_float=str, parse_constant=str)
        tweets = whole["data"]
        shell = _parse(json.dumps({**whole, "data": []}).encode())
    except (ValueError, TypeError, KeyError, RecursionError, pl.exceptions.PolarsError):
        return None
    tweets = tweets if isinstance(tweets, list) else [tweets]
    lines = [json.dumps({"data": [tweet]}).encode() + b"\n" for tweet in tweets]
    bounds = np.cumsum([0, *map(len, lines)])
    offsets, numbers = (np.repeat(of, len(lines)) for of in (page.offsets, page.lines))
    good, rejects = parse(Records(b"".join(lines), bounds, offsets, numbers), _parse)
    placed = shell.with_columns(
        good["data"].explode().implode(),
        pl.Series("line", page.lines),
        pl.Series("byte_offset", page.offsets),
    )
    return placed, rejects


def _tweets(pages: pl.DataFrame) -> pl.DataFrame:
    """Return a row per tweet, in the columns of ``validate_posts``."""
    is_page = pl.any_horizontal(pl.col("data", "includes", "meta", "errors").is_not_null())
    page = ("line", "byte_offset", "__twarc")
    data = pages.filter(pl.col("data").is_not_null()).select(*page, "data")
    if isinstance(data.schema["data"], pl.List):
        data = data.filter(pl.col("data").list.len() > 0).explode("data")
    flat = pages.filter(~is_page).select(*page, *_TWEET)
    tweets = pl.concat([flat, data.unnest("data")]).with_row_index("row")
    users = _included(pages, "users").rename({"id": "author_id", "username": "page_author"})
    text = pl.coalesce(pl.col("note_tweet").struct.field("text"), "text")
    retweet = pl.format("{}{}", text.str.extract(_CUT), pl.col("original_text"))
    metrics = pl.col("public_metrics").struct
    return (
        tweets.join(users, on=["byte_offset", "author_id"], how="left")
        .join(_retweeted(tweets, pages), on="row", how="left")
        .sort("byte_offset", "row")
        .select(
            "line",
            "byte_offset",
            tweet_id="id",
            author=pl.coalesce(pl.col("author").struct.field("username"), "page_author"),
            posted="created_at",
            text=pl.coalesce(retweet, text),
            retweet_count=metrics.field("retweet_count"),
            favorite_count=metrics.field("like_count"),
            is_retweet=pl.col("is_retweet").fill_null("false"),
            counts_as_of=pl.col("__twarc").struct.field("retrieved_at"),
        )
    )


def _retweeted(tweets: pl.DataFrame, pages: pl.DataFrame) -> pl.DataFrame:
    """Return row, is_retweet and original_text of each retweet; the last null where unknown."""
    included = _included(pages, "tweets").rename({name: f"page_{name}" for name in _TEXTS})
    return (
        tweets.select("row", "byte_offset", "referenced_tweets")
        .filter(pl.col("referenced_tweets").list.len() > 0)
        .explode("referenced_tweets")
        .unnest("referenced_tweets")
        .filter(pl.col("type") == "retweeted")
        .unique("row", keep="first")
        .join(included, on=["byte_offset", "id"], how="left")
        .select(
            "row",
            is_retweet=pl.lit("true"),
            original_text=pl.coalesce(
                pl.col("note_tweet").struct.field("text"),
                pl.col("page_note_tweet").struct.field("text"),
                "text",
                "page_text",
            ),
        )
    )


def _included(pages: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return what the pages include of a kind, each once a page."""
    listed = pages.select("byte_offset", pl.col("includes").struct.field(name))
    each = listed.filter(pl.col(name).list.len() > 0).explode(name).unnest(name)
    return each.unique(["byte_offset", "id"], keep="first")
