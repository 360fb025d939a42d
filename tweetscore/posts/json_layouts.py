"""Posts in JSON as tools and platforms write them: one line of a table for each layout.

A layout is recognised by the keys of its first records, and says which of our names is where. All
values are read as strings; an expression stands only where a value has to be converted.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import polars as pl

from tweetscore.io.columns import worded
from tweetscore.io.json_paths import at, schema_of
from tweetscore.io.json_text import repaired
from tweetscore.io.json_values import unfolded
from tweetscore.io.records import RAW_CHARACTERS, parse
from tweetscore.io.source import Source
from tweetscore.io.time_words import API_TIME
from tweetscore.posts import reddit
from tweetscore.posts.bluesky import tid_numbers
from tweetscore.posts.canonical import TweetBatch
from tweetscore.posts.json_expressions import (
    NO_RETWEET,
    epoch,
    given,
    hashed,
    joined_parts,
    time_in_id,
    titled,
)
from tweetscore.posts.markup import plain_text
from tweetscore.posts.validation import ISO_FORMATS, validate_posts

_OURS = (
    "tweet_id", "author", "posted", "text", "retweet_count", "favorite_count", "is_retweet",
)  # fmt: skip
_TEXT_PARTS = re.compile(rb'"text"(\s*:\s*\[)')
_TIMES = (*ISO_FORMATS, "%Y-%m-%d %H:%M:%S %#z", API_TIME)


Paths = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class JsonLayout:
    """One layout: by which keys it is recognised, and which key is what."""

    NAME: str
    PLATFORM: str
    keys: tuple[str, ...]  # dotted; an object has all of them
    paths: Paths  # ours: theirs, dotted; the first that is not null
    values: Mapping[str, pl.Expr] = field(default_factory=dict)  # of ours, from ours
    no_post: pl.Expr | None = None  # why a record is no post; null where it is one
    NAIVE: bool = False
    of_ids: bool = False  # its times are those inside the ids
    lacks: tuple[str, ...] = ()  # keys that none of its objects has
    nests: bool = False  # records may hold others anywhere
    nested: tuple[str, ...] = ()  # keys under which a record holds others, as replies

    def fits(self, value: Mapping[str, Any]) -> bool:
        """Return whether an object has all keys of the layout."""
        has = all(_has(value, key.split(".")) for key in self.keys)
        return has and not any(key in value for key in self.lacks)

    def read(self, source: Source) -> Iterator[TweetBatch]:
        """Yield the posts and rejects of a file, in the file's order."""
        for records in source.json():
            each = unfolded(records, self.nested) if self.nested else records
            raw, refused = parse(each, self._parse)
            others = raw.filter(pl.col("no_post").is_not_null()).select(
                "line",
                "byte_offset",
                reason="no_post",
                raw=pl.struct(_OURS).struct.json_encode().str.head(RAW_CHARACTERS),
            )
            yield validate_posts(
                raw.filter(pl.col("no_post").is_null()).drop("no_post"),
                pl.concat([refused, others]),
                platform=self.PLATFORM,
                time_formats=_TIMES,
            )

    def taken(self, source: Source) -> str:
        """Describe which keys of the first records are taken for what, and which are left."""
        objects = source.candidates[0].objects
        theirs = present(self.paths, objects)
        found: dict[str, list[str]] = {}
        for ours in _OURS:
            parts = self.values[ours].meta.root_names() if ours in self.values else [ours]
            if keys := [key for part in dict.fromkeys(parts) for key in theirs.get(part, ())]:
                found[ours] = keys
        left = dict.fromkeys(key for each in objects for key in each)
        used = {key.partition(".")[0] for keys in theirs.values() for key in keys}
        return worded(found, [key for key in left if key not in used], {})

    def _parse(self, data: bytes) -> pl.DataFrame:
        data = _TEXT_PARTS.sub(rb'"text_parts"\1', repaired(data))
        theirs = {
            ours: [tuple(path.split(".")) for path in ((it,) if isinstance(it, str) else it)]
            for ours, it in self.paths.items()
        }
        paths = dict.fromkeys(path for several in theirs.values() for path in several)
        rows = pl.read_ndjson(BytesIO(data), schema=schema_of(paths))
        named = rows.select(
            **{
                ours: pl.coalesce(map(at, theirs[ours]))
                if ours in theirs
                else pl.lit(None, pl.String)
                for ours in dict.fromkeys([*_OURS, *theirs])
            }
        )
        no_post = pl.lit(None, pl.String) if self.no_post is None else self.no_post
        platform = self.values.get("platform", pl.lit(self.PLATFORM))
        rows = named.with_columns(**{**self.values, "platform": platform})
        return rows.with_columns(no_post=no_post).select(*_OURS, "platform", "no_post")


def present(paths: Paths, objects: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the first of the paths to each of our names that leads to something, if any does."""
    found = {}
    for ours, several in paths.items():
        for path in (several,) if isinstance(several, str) else several:
            if any(_has(value, path.split(".")) for value in objects):
                found[ours] = [path]
                break
    return found


def layout_of(objects: list[dict[str, Any]]) -> JsonLayout | None:
    """Return the first layout that one of the objects fits."""
    return next((it for it in LAYOUTS if any(map(it.fits, objects))), None)


def _has(value: Any, keys: list[str]) -> bool:
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return False
        value = value[key]
    return value is not None


_X_COUNTS: Paths = {
    "retweet_count": ("retweetCount", "retweet_count"),
    "favorite_count": ("likeCount", "favorite_count"),
}
_SNSCRAPE: Paths = {
    "tweet_id": ("id_str", "id"),
    "author": ("user.username", "user.screen_name"),
    "posted": "date",
    "retweet_count": "retweetCount",
    "favorite_count": "likeCount",
    "is_retweet": "retweetedTweet",
}
# Of Hacker News; a story has a title, and perhaps a text.
_HACKER_NEWS = {
    **NO_RETWEET,
    "posted": epoch("posted"),
    "text": titled(plain_text(pl.col("body"))),
}

LAYOUTS = (
    JsonLayout(
        "bluesky-jetstream", "bluesky", ("did", "kind", "time_us"),
        {
            "tweet_id": "commit.rkey", "author": "did", "posted": "commit.record.createdAt",
            "text": "commit.record.text", "kind": "kind", "operation": "commit.operation",
            "collection": "commit.collection",
        },
        {
            "tweet_id": pl.col("tweet_id").map_batches(tid_numbers, return_dtype=pl.String),
            "is_retweet": pl.lit("false"),
        },
        no_post=pl.when(pl.col("kind") != "commit").then(pl.format("a record of kind {}", "kind"))
        .when(pl.col("collection").ne_missing("app.bsky.feed.post"))
        .then(pl.format("a record of {}", "collection"))
        .when(pl.col("operation") == "delete").then(pl.lit("a post was deleted")),
    ),
    *(
        JsonLayout(
            "snscrape-json", "twitter", (text, "date", "id", "user"),
            {**_SNSCRAPE, "text": ("rawContent", "content", "renderedContent")},
            {"is_retweet": given("is_retweet")},
        )
        for text in ("rawContent", "content")
    ),
    JsonLayout(
        "twint-json", "twitter", ("tweet", "date", "time", "timezone", "id"),
        {
            "tweet_id": "id", "author": "username", "posted": "date", "time": "time",
            "zone": "timezone", "text": "tweet",
            "retweet_count": ("retweets_count", "nretweets"),
            "favorite_count": ("likes_count", "nlikes"), "is_retweet": "retweet",
        },
        {"posted": pl.concat_str("posted", "time", "zone", separator=" ")},
    ),
    JsonLayout(
        "apify-json", "twitter", ("id", "createdAt", "author.userName", "text"),
        {
            "tweet_id": "id", "author": "author.userName", "posted": "createdAt",
            "text": ("fullText", "text"), "is_retweet": "isRetweet", **_X_COUNTS,
        },
    ),
    JsonLayout(
        "gnip-json", "twitter", ("body", "postedTime", "verb", "id"),
        {
            "tweet_id": "id", "author": "actor.preferredUsername", "posted": "postedTime",
            "text": ("long_object.body", "body"), "retweet_count": "retweetCount",
            "favorite_count": "favoritesCount", "is_retweet": "verb",
        },
        {
            "tweet_id": pl.coalesce(pl.col("tweet_id").str.extract(r"(\d+)$"), "tweet_id"),
            "is_retweet": (pl.col("is_retweet") == "share").cast(pl.String),
        },
    ),
    JsonLayout(
        "x-web-json", "twitter", ("legacy.created_at", "legacy.full_text"),
        {
            "tweet_id": ("rest_id", "legacy.id_str"),
            "author": (
                "core.user_results.result.legacy.screen_name",
                "core.user_results.result.core.screen_name",
            ),
            "posted": "legacy.created_at",
            "text": ("note_tweet.note_tweet_results.result.text", "legacy.full_text"),
            "retweet_count": "legacy.retweet_count", "favorite_count": "legacy.favorite_count",
            "is_retweet": "legacy.retweeted_status_result",
        },
        {"is_retweet": given("is_retweet")},
    ),
    JsonLayout(
        "twitter-v2-default-fields", "twitter", ("id", "text", "edit_history_tweet_ids"),
        {"tweet_id": "id", "text": "text", "posted": "created_at"},
        {"posted": pl.coalesce("posted", time_in_id(pl.col("tweet_id")))},
        of_ids=True,
        lacks=("created_at",),
    ),
    *(
        JsonLayout(
            "reddit-json", reddit.SUBMISSIONS, (text, "created_utc", "id", "author"),
            {
                "tweet_id": ("id", "name"), "author": "author",
                "posted": ("created_utc", "created"), "title": "title",
                "body": ("selftext", "body"), "favorite_count": ("score", "ups"), "count": "count",
            },
            {
                "tweet_id": reddit.number(pl.col("tweet_id")), "posted": epoch("posted"),
                "is_retweet": pl.lit("false"), "text": titled(pl.col("body")),
                "platform": pl.when(pl.col("title").is_null())
                .then(pl.lit(reddit.COMMENTS)).otherwise(pl.lit(reddit.SUBMISSIONS)),
            },
            no_post=pl.when(pl.col("count").is_not_null() & pl.col("posted").is_null())
            .then(pl.format("stands for {} comments that are not in the file", "count"))
            .otherwise(reddit.gone("text")),
            nested=("replies", "comments", "children"),
        )
        for text in ("title", "body")
    ),
    JsonLayout(
        "telegram-desktop", "telegram", ("id", "type", "date", "text", "date_unixtime"),
        {
            "number": "id", "author": ("from", "actor", "@name"), "posted": "date_unixtime",
            "text": "text", "parts": "text_parts", "channel": ("@id", "from_id"),
            "type": "type", "is_retweet": "forwarded_from",
        },
        {
            "tweet_id": hashed("channel", "number"),
            "text": pl.coalesce(
                pl.col("parts").map_batches(joined_parts, return_dtype=pl.String), "text"
            ),
            "posted": epoch("posted"),
            "is_retweet": given("is_retweet"),
        },
        no_post=pl.when(pl.col("type") == "service").then(pl.lit("a service message")),
    ),
    JsonLayout(
        "stocktwits-json", "stocktwits", ("id", "body", "created_at", "user.username"),
        {
            "tweet_id": "id", "author": "user.username", "posted": "created_at", "text": "body",
            "favorite_count": "likes.total", "retweet_count": "reshares.reshared_count",
        },
        {"is_retweet": pl.lit("false")},
    ),
    JsonLayout(
        "youtube-comments", "youtube", ("snippet.textDisplay", "snippet.publishedAt", "id"),
        {
            "comment": "id", "author": "snippet.authorDisplayName",
            "posted": "snippet.publishedAt",
            "text": "snippet.textOriginal", "html": "snippet.textDisplay",
            "favorite_count": "snippet.likeCount",
        },
        {
            "tweet_id": hashed("comment"), **NO_RETWEET,
            "text": pl.coalesce("text", plain_text(pl.col("html"))),
        },
        nests=True,
    ),
    JsonLayout(
        "facebook-json", "facebook", ("message", "created_time", "id"),
        {
            "number": "id", "author": "from.name", "posted": "created_time", "text": "message",
            "favorite_count": "like_count",
        },
        {"tweet_id": hashed("number"), **NO_RETWEET},
        nests=True,
    ),
    JsonLayout(
        "weibo-json", "weibo", ("mid", "user.screen_name", "created_at", "text"),
        {
            "tweet_id": "mid", "author": "user.screen_name", "posted": "created_at",
            "text": ("raw_text", "text"), "retweet_count": "reposts_count",
            "favorite_count": "attitudes_count", "is_retweet": "retweeted_status.mid",
        },
        {"text": plain_text(pl.col("text")), "is_retweet": given("is_retweet")},
    ),
    JsonLayout(
        "slack-json", "slack", ("type", "ts", "user", "text"),
        {
            "team": "team", "author": "user", "posted": "ts", "text": "text", "number": "ts",
            "type": "subtype",
        },
        {
            "tweet_id": hashed("team", "author", "number"), "posted": epoch("posted"),
            **NO_RETWEET,
        },
        no_post=pl.when(pl.col("type").str.contains("^(?:channel|group|pinned)_"))
        .then(pl.lit("a service message")),
    ),
    JsonLayout(
        "hacker-news-search", "hackernews", ("objectID", "created_at_i", "author"),
        {
            "tweet_id": "objectID", "author": "author", "posted": "created_at_i",
            "title": "title", "body": ("comment_text", "story_text"), "favorite_count": "points",
        },
        _HACKER_NEWS,
    ),
    *(
        JsonLayout(
            "hacker-news-items", "hackernews", (author, time, "type", "id"),
            {
                "tweet_id": "id", "author": author, "posted": time, "title": "title",
                "body": "text", "favorite_count": ("points", "score"),
            },
            _HACKER_NEWS,
            nests=True,
        )
        for author, time in (("author", "created_at_i"), ("by", "time"))
    ),
    JsonLayout(
        "4chan-json", "4chan", ("no", "time", "resto"),
        {"number": "no", "author": "name", "posted": "time", "title": "sub", "body": "com"},
        # Each board has numbers of its own, and the file does not name it.
        {**_HACKER_NEWS, "tweet_id": hashed("posted", "number")},
    ),
)  # fmt: skip
