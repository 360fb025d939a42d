"""Tweet objects of Twitter's API v1.1 in JSON: whole, or condensed by the Trump Twitter Archive.

One array, one object a line (what twarc and the streams write), or a page of the search API.
Objects without ``is_retweet`` (all from the API itself) are retweets if they have a
``retweeted_status``. A status within a status is not a tweet of its own.
"""

import re
from collections.abc import Iterator
from io import BytesIO

import polars as pl

from tweetscore.io.json_text import repaired
from tweetscore.io.source import Source
from tweetscore.io.time_words import API_TIME
from tweetscore.posts.canonical import TweetBatch
from tweetscore.posts.validation import parse_posts

NAME = "tweet-json"
PLATFORM = "twitter"
NAIVE = False
# A text of more than 140 characters is in ``full_text``, or, in a stream, in ``extended_tweet``:
# ``text`` is then cut.
_TEXTS = {
    "full_text": pl.String(),
    "text": pl.String(),
    "extended_tweet": pl.Struct({"full_text": pl.String()}),
}
_USER = pl.Struct({"screen_name": pl.String()})
# Everything is read as a string: an id that is a number keeps all its digits.
SCHEMA = {
    "id_str": pl.String(),
    "id": pl.String(),
    "created_at": pl.String(),
    **_TEXTS,
    "retweet_count": pl.String(),
    "favorite_count": pl.String(),
    "is_retweet": pl.String(),
    "retweeted_status": pl.Struct({**_TEXTS, "truncated": pl.String(), "user": _USER}),
    "user": _USER,
}
_METADATA = rb'"search_metadata"\s*:\s*\{[^{}]*\}\s*'
PAGE = re.compile(rb'\s*\{\s*(?:%b,\s*)?"statuses"\s*:\s*(?=\[)' % _METADATA)
_PAGE_END = re.compile(rb"\s*(?:%b)?\}\s*" % _METADATA)
_OPENING = re.compile(rb"(?:%b|\s*)(?:\[\s*)?\{" % PAGE.pattern)
# A stream may begin with any number of notices of deleted tweets.
_NOTICE = re.compile(rb'\s*\{\s*"delete"\s*:\s*\{\s*"status"\s*:')
_KEYS = [
    # The API v2 has the same keys, with a time of another form.
    re.compile(rb'"created_at"\s*:\s*"[A-Z][a-z]{2} [A-Z][a-z]{2} \d'),
    re.compile(rb'"(full_)?text"\s*:'),
    re.compile(rb'"id(_str)?"\s*:'),
]


def detect(head: bytes) -> bool:
    """Look for an object, alone or in an array, with the keys of a tweet."""
    has_keys = _OPENING.match(head) and all(key.search(head) for key in _KEYS)
    return bool(has_keys or _NOTICE.match(head))


def read(source: Source) -> Iterator[TweetBatch]:
    """Yield the tweets and rejects of a file, in the file's order."""
    is_page = PAGE.match(source.head)
    blocks = source.enclosed(PAGE, _PAGE_END) if is_page else source.json()
    for records in blocks:
        yield parse_posts(records, parse_tweets, platform=PLATFORM, time_formats=(API_TIME,))


def parse_tweets(data: bytes) -> pl.DataFrame:
    """Parse objects of the API, one a line, into the columns of ``validate_posts``."""
    tweets = pl.read_ndjson(BytesIO(repaired(data)), schema=SCHEMA)
    marked = pl.when(pl.col("retweeted_status").is_not_null()).then(pl.lit("true"))
    whole = pl.col("user").is_not_null()
    return tweets.select(
        tweet_id=pl.coalesce("id_str", "id"),
        author=pl.col("user").struct.field("screen_name"),
        posted="created_at",
        text=_text(retweets=tweets["retweeted_status"].null_count() < tweets.height),
        retweet_count="retweet_count",
        favorite_count="favorite_count",
        is_retweet=pl.coalesce("is_retweet", marked, pl.when(whole).then(pl.lit("false"))),
    )


def _text(*, retweets: bool) -> pl.Expr:
    """Return the longest text of an object; this costs less if there are no retweets."""
    extended = pl.col("extended_tweet").struct.field("full_text")
    text = pl.coalesce(extended, "full_text", "text")
    if not retweets:
        return text
    original = pl.col("retweeted_status").struct
    passed_on = pl.coalesce(
        original.field("extended_tweet").struct.field("full_text"),
        original.field("full_text"),
        pl.when(original.field("truncated").ne_missing("true")).then(original.field("text")),
    )
    # A retweet's own text is cut to 140 characters even where full texts were asked for.
    author = original.field("user").struct.field("screen_name")
    retweet = pl.format("RT @{}: {}", author, passed_on)
    cut = text.str.ends_with("…") | text.str.ends_with("...")
    return pl.when(cut & retweet.is_not_null()).then(retweet).otherwise(text)
