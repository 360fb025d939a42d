"""Mastodon posts: the ``outbox.json`` of an account's export, or statuses of the API in JSON.

An id is the number of the status on the server that it was written on, so that a post is the same
post in both. The text is the visible text of the HTML, without a content warning. A boost in an
outbox is a bare address, so it is a reject; the API's boosts contain the boosted text.
"""

import re
from collections.abc import Iterator
from io import BytesIO

import polars as pl

from tweetscore.io.json_text import repaired
from tweetscore.io.records import RAW_CHARACTERS, Records, parse
from tweetscore.io.source import Source
from tweetscore.posts.canonical import TweetBatch
from tweetscore.posts.markup import plain_text
from tweetscore.posts.validation import parse_posts, validate_posts

NAME = "mastodon-json"
PLATFORM = "mastodon"
NAIVE = False
TIME_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z",)  # 2022-11-18T09:12:51.335Z
# Everything is read as a string: an id that is a number keeps all its digits.
_ACCOUNT = pl.Struct({"acct": pl.String()})
STATUS = {
    "id": pl.String(),
    "created_at": pl.String(),
    "content": pl.String(),
    "uri": pl.String(),
    "url": pl.String(),
    "reblogs_count": pl.String(),
    "favourites_count": pl.String(),
    "account": _ACCOUNT,
    "reblog": pl.Struct({"content": pl.String(), "account": _ACCOUNT}),
}
_COLLECTION = pl.String()  # an object in newer exports, else an address
_ACTIVITY = {
    "type": pl.String(),
    "actor": pl.String(),
    "published": pl.String(),
    "object": pl.Struct(
        {
            "id": pl.String(),
            "url": pl.String(),
            "published": pl.String(),
            "content": pl.String(),
            "likes": _COLLECTION,
            "shares": _COLLECTION,
        }
    ),
}
# The export's likes and bookmarks are such collections, too, but of bare addresses.
OUTBOX = re.compile(rb'\s*\{.*?"orderedItems"\s*:\s*(?=\[\s*\{)', re.DOTALL)
_OUTBOX_END = re.compile(rb'\s*(?:"\w+"\s*:\s*(?:"[^"]*"|\d+)\s*)?\}?\s*')
_OPENING = re.compile(rb"\s*(\[\s*)?\{")
_STATUS_KEYS = [
    re.compile(rb'"%b"\s*:' % key) for key in (b"id", b"created_at", b"content", b"reblogs_count")
]
# The first address in a status is its own; that of a linked page comes later.
_ADDRESS = re.compile(rb'"ur[il]"\s*:\s*"https?:\\?/\\?/(?P<host>[^/"\\]+)')
# An activity may only point at its object, but polars needs objects everywhere.
_BARE_OBJECT = re.compile(rb'"object"\s*:\s*(?P<address>"(?:[^"\\]|\\.)*")')
_NUMBER = r"/statuses/(\d+)(?:/activity)?$"


def has_statuses(head: bytes, *, truth_social: bool) -> bool:
    """Look for statuses of the API; Truth Social's have the same keys, and its addresses."""
    if not (_OPENING.match(head) and all(key.search(head) for key in _STATUS_KEYS)):
        return False
    address = _ADDRESS.search(head)
    return truth_social == bool(address and address["host"].endswith(b"truthsocial.com"))


def detect(head: bytes) -> bool:
    """Look for an outbox, or for an object with the keys of a status."""
    return bool(OUTBOX.match(head)) or has_statuses(head, truth_social=False)


def read(source: Source) -> Iterator[TweetBatch]:
    """Yield the posts and rejects of a file, in the file's order."""
    if OUTBOX.match(source.head):
        yield from map(_of_outbox, source.listed(OUTBOX, _OUTBOX_END))
        return
    for records in source.json():
        yield parse_posts(records, _parse_statuses, platform=PLATFORM, time_formats=TIME_FORMATS)


def status_text() -> pl.Expr:
    """Return the text of a status; of a boost, ``RT @name: its text``."""
    passed_on = pl.col("reblog").struct
    name = passed_on.field("account").struct.field("acct")
    original = passed_on.field("content")
    boost = pl.format("RT @{}: {}", name, plain_text(original))
    return pl.coalesce(boost, plain_text(pl.col("content")))


def _parse_statuses(data: bytes) -> pl.DataFrame:
    statuses = pl.read_ndjson(BytesIO(repaired(data)), schema=STATUS)
    account = pl.col("account").struct.field("acct")
    # The server's own accounts are named without it, and on their own pages only.
    host = pl.coalesce("url", "uri").str.extract("^https?://([^/]+)/")
    whole = pl.when(account.str.contains("@", literal=True)).then(account)
    return statuses.select(
        tweet_id=pl.coalesce(pl.col("uri").str.extract(_NUMBER), "id"),
        author=pl.coalesce(whole, pl.format("{}@{}", account, host)),
        posted="created_at",
        text=status_text(),
        retweet_count="reblogs_count",
        favorite_count="favourites_count",
        is_retweet=pl.col("reblog").is_not_null().cast(pl.String),
    )


def _of_outbox(records: Records) -> TweetBatch:
    activities, refused = parse(records, _parse_activities)
    posts = pl.col("type") == "Create"
    reason = pl.when(pl.col("type") == "Announce").then(pl.lit("a boost has no text"))
    others = activities.filter(posts.not_().fill_null(True)).select(
        "line",
        "byte_offset",
        reason=reason.otherwise(
            pl.format("an activity of type '{}' is not a post", pl.col("type").fill_null(""))
        ),
        raw=pl.struct("type", "address").struct.json_encode().str.head(RAW_CHARACTERS),
    )
    return validate_posts(
        activities.filter(posts).drop("type", "address"),
        pl.concat([refused, others]),
        platform=PLATFORM,
        time_formats=TIME_FORMATS,
    )


def _parse_activities(data: bytes) -> pl.DataFrame:
    data = _BARE_OBJECT.sub(rb'"object":{"id":\g<address>}', repaired(data))
    activities = pl.read_ndjson(BytesIO(data), schema=_ACTIVITY)
    post = pl.col("object").struct
    address = post.field("id")
    # An actor's address may contain a number instead of the name.
    names = pl.coalesce(
        post.field("url").str.extract("/@([^/]+)/"), pl.col("actor").str.extract("/users/([^/]+)")
    )
    host = address.str.extract("^https?://([^/]+)/")
    return activities.select(
        "type",
        address=address,
        tweet_id=pl.coalesce(address.str.extract(_NUMBER), address),
        author=pl.format("{}@{}", names, host),
        posted=pl.coalesce(post.field("published"), "published"),
        text=plain_text(post.field("content")),
        retweet_count=_total(post.field("shares")),
        favorite_count=_total(post.field("likes")),
        is_retweet=pl.lit("false"),
    )


def _total(collection: pl.Expr) -> pl.Expr:
    return collection.str.extract(r'"totalItems":\s*(-?[^\s,}]+)')
