"""One hand-written archive of twelve posts, for every form to carry and every reader to return."""

import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl

from tweetscore.io.open import data_files
from tweetscore.io.records import BLOCK_BYTES
from tweetscore.io.source import sniff
from tweetscore.posts.canonical import TWEETS_SCHEMA, TweetBatch
from tweetscore.posts.formats import open_tweets


class Post(NamedTuple):
    """A post as in every form of the archive."""

    id: int
    posted: datetime
    text: str
    retweets: int
    favorites: int
    is_retweet: bool | None = False


def at(minute: int) -> datetime:
    return datetime(2018, 12, 2, 21, 40, 51) + timedelta(minutes=minute)


# None of the texts has a comma or a line break, which one of the forms cannot carry.
POSTS = [
    Post(1069432000000000001, at(0), "Plain words", 1, 2),
    Post(1069432251658240000, at(1), "RT @someone: Passed on", 8653, 0, True),
    Post(9007199254740993, at(2), "An id above 2^53 by one", 0, 0),
    Post(9223372036854775807, at(3), "The largest id", 3, 4),
    Post(1, at(4), "The smallest id", 5, 6),
    Post(1069433006632960000, at(5), 'He said "no" and "never', 7, 8),
    Post(1069433258291200000, at(6), '"A whole quotation" and more', 9, 10),
    Post(1069433509949440000, at(7), "Signs: \\ / & &amp; {[]} ' ; % \t# é 美 😀", 11, 12),
    Post(1069433761607680000, at(8), "", 13, 14),
    Post(1069434013265920000, at(9), "null", 15, 16, None),
    Post(1069434264924160000, at(10), " blanks around ", 17, 18),
    Post(1069434516582400000, datetime(2009, 5, 4, 18, 54, 25), "https://t.co/x #Tag", 2**40, 20),
]


def stored_as(path: Path, content: bytes, *, zipped: bool = False) -> Path:
    if zipped:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("archive.txt", content)
    else:
        path.write_bytes(content)
    return path


def read_all(path: Path, block_bytes: int = BLOCK_BYTES) -> TweetBatch:
    """Read a file as the tool does, and put its batches together."""
    (file,) = data_files(path)
    opened = open_tweets(sniff(file, block_bytes))
    assert opened
    batches = list(opened.read())
    return TweetBatch(
        sum(batch.rows_read for batch in batches),
        pl.concat([batch.tweets for batch in batches]),
        pl.concat([batch.rejects for batch in batches]),
    )


def assert_same_tweets(
    read: TweetBatch,
    *,
    platform: str = "twitter",
    author: str | None = None,
    unknown_flag: bool | None = None,
) -> None:
    """Compare the whole table with the posts.

    ``unknown_flag`` is the flag in this form of a post that may or may not be a retweet.
    """
    assert read.tweets.schema == TWEETS_SCHEMA
    assert read.rejects.rows() == []
    assert read.rows_read == len(POSTS)
    assert read.tweets.drop("line", "byte_offset").rows() == [
        (
            platform,
            post.id,
            author,
            post.posted,
            post.text,
            post.retweets,
            post.favorites,
            unknown_flag if post.is_retweet is None else post.is_retweet,
            None,
        )
        for post in POSTS
    ]
