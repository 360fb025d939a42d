"""The export that X (Twitter) gives to the owner of an account: today's, and the one until 2018.

Today's assigns arrays to variables, ``window.YTD.tweets.part0 = [...]``, in ``data/tweets.js``
(``tweet.js`` until 2022) and its parts. Likes and private messages are in files of the same
form, which are not read. Neither is ``deleted-tweets.js``: it has only the last weeks before the
export, and what the owner took back. ``note-tweet.js`` has no posts of its own, but the full text
of long ones. Until 2018 there was one file a month, ``Grailbird.data.tweets_2013_05 = [...]``, and
also all tweets in one ``tweets.csv``.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO

import polars as pl

from tweetscore.io.json_text import repaired
from tweetscore.io.records import Parser
from tweetscore.io.source import Source
from tweetscore.io.time_words import API_TIME
from tweetscore.posts.canonical import TweetBatch
from tweetscore.posts.csv_layouts import CsvLayout
from tweetscore.posts.tweet_json import parse_tweets
from tweetscore.posts.validation import parse_posts
from tweetscore.posts.x_notes import Notes, read_notes

ISO_TIME = "%Y-%m-%d %H:%M:%S %z"  # 2013-05-04 18:54:25 +0000
_SEMICOLON = re.compile(rb"\s*;\s*")
_WRAPPED = re.compile(rb'\[\s*\{\s*"tweet"\s*:')
_USERNAME = re.compile(rb'"username"\s*:\s*"(\w+)"')
_POST = {
    "id_str": pl.String(),
    "id": pl.String(),
    "created_at": pl.String(),
    "full_text": pl.String(),
    "retweet_count": pl.String(),
    "favorite_count": pl.String(),
}
# Exports from mid-2013 on lost the time of day of posts up to 2010, and have midnight instead. A
# post with a time before its own would be matched with prices from before it was written.
_TIME_OF_DAY = pl.col("posted").str.replace(
    r"^(20(?:0\d|10)-\d\d-\d\d) 00:00:00 .*", "${1}, without its time of day"
)


@dataclass(frozen=True, slots=True)
class JsExport:
    """Files that assign an array of tweets to a variable."""

    NAME: str
    opening: re.Pattern[bytes]
    time_formats: tuple[str, ...]
    parser: Callable[[Source], Parser]
    PLATFORM: str = "twitter"
    NAIVE: bool = False

    def detect(self, head: bytes) -> bool:
        """Look for the variable and the array's first object."""
        return bool(self.opening.match(head))

    def read(self, source: Source) -> Iterator[TweetBatch]:
        """Yield the tweets and rejects of a file, in the file's order."""
        parser = self.parser(source)
        for records in source.enclosed(self.opening, _SEMICOLON):
            yield parse_posts(
                records, parser, platform=self.PLATFORM, time_formats=self.time_formats
            )


def _parser(source: Source) -> Parser:
    # Older versions have the tweet at the top level.
    wrapped = bool(_WRAPPED.search(source.head))
    notes = read_notes(source.file, block_bytes=source.block_bytes)
    return partial(_parse, wrapped=wrapped, author=_author(source), notes=notes)


def _author(source: Source) -> str | None:
    """Return the account's name, from the ``account.js`` in the same folder, if there is one."""
    account = source.file.sibling("account.js")
    name = _USERNAME.search(account.head()) if account else None
    return name[1].decode() if name else None


def _parse(data: bytes, *, wrapped: bool, author: str | None, notes: Notes) -> pl.DataFrame:
    schema = pl.Schema({"tweet": pl.Struct(_POST)} if wrapped else _POST)
    parsed = pl.read_ndjson(BytesIO(repaired(data)), schema=schema)
    tweets = parsed.unnest("tweet") if wrapped else parsed
    return tweets.select(
        tweet_id=pl.coalesce("id_str", "id"),
        author=pl.lit(author, pl.String),
        posted="created_at",
        text=notes.completed(tweets["full_text"], tweets["created_at"]),
        retweet_count="retweet_count",
        favorite_count="favorite_count",
        # The export's "retweeted" is false for every post: only the text shows a retweet.
        is_retweet=pl.col("full_text").str.contains(r"^RT @\w+: ").cast(pl.String),
    )


def _parse_month(data: bytes) -> pl.DataFrame:
    return parse_tweets(data).with_columns(_TIME_OF_DAY)


ACCOUNT = JsExport(
    NAME="x-export",
    # Posts in a community are the account's own, too.
    opening=re.compile(rb"\s*window\.YTD\.(?:tweets?|community_tweet)\.part\d+\s*=\s*(?=\[\s*\{)"),
    time_formats=(API_TIME,),
    parser=_parser,
)
MONTHS = JsExport(
    NAME="grailbird-js",
    opening=re.compile(rb"\s*Grailbird\.data\.tweets_\d{4}_\d\d\s*=\s*(?=\[\s*\{)"),
    time_formats=(ISO_TIME, API_TIME),
    parser=lambda _: _parse_month,
)
TWEETS_CSV = CsvLayout(
    NAME="grailbird-csv",
    time_formats=(ISO_TIME,),
    columns={
        "tweet_id": "tweet_id",
        "posted": "timestamp",
        "text": "text",
        "is_retweet": "retweeted_status_id",
    },
    values={
        "posted": _TIME_OF_DAY,
        "is_retweet": (pl.col("is_retweet").fill_null("") != "").cast(pl.String),
    },
    NAIVE=False,
)
