"""Hold tweets to the canonical shape: a block of records enters, typed tweets and rejects leave."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from tweetscore.errors import InputError
from tweetscore.io.open import DataFile
from tweetscore.io.records import RAW_CHARACTERS, Parser, Records, parse

TWEETS_SCHEMA = pl.Schema(
    {
        "line": pl.Int64(),
        "byte_offset": pl.Int64(),
        "platform": pl.String(),
        "tweet_id": pl.Int64(),
        "author": pl.String(),
        "posted": pl.Datetime("us"),
        "text": pl.String(),
        "retweet_count": pl.Int64(),
        "favorite_count": pl.Int64(),
        "is_retweet": pl.Boolean(),
        "counts_as_of_utc": pl.Datetime("us"),
    }
)
COUNTS = ("retweet_count", "favorite_count")
TRUTHS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
ISO_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
)
# Platforms whose ids carry the time of the post; what ``clocks.id_times`` reads.
DATED_PLATFORMS = frozenset({"twitter", "mastodon", "truthsocial", "bluesky"})
# An exponent, or sixteen digits and a point: the id has been a float, which holds fifteen for sure.
_ROUNDED = r"^[+-]?(\d+([.,]\d*)?[eE]\+?\d{1,2}|\d{16,}[.,]\d*)$"
_AHEAD = timedelta(days=1)  # times without a zone may be ahead of UTC, by 14 hours at most
_LARGEST_ID = 2**63 - 1


class RoundedIdsError(InputError):
    """Ids have been floats: the file cannot be used, for not every rounding shows.

    It does not name the file: ``TweetFile`` does.
    """


@dataclass(frozen=True, slots=True)
class TweetBatch:
    """Canonical tweets (``TWEETS_SCHEMA``; ``posted`` as the file says it) and rejects.

    A ``tweet_id`` is null where the file has no ids: ``with_hashed_ids`` gives it one.
    ``rows_read`` counts the records of the block before any of them was parsed.
    """

    rows_read: int
    tweets: pl.DataFrame
    rejects: pl.DataFrame


@dataclass(frozen=True, slots=True)
class TweetFile:
    """A file of tweets whose format is known."""

    file: DataFile
    format: str
    platform: str
    naive: bool  # True: times carry no zone
    _batches: Callable[[], Iterator[TweetBatch]]

    @property
    def dated(self) -> bool:
        """Say whether ids of the platform carry a time that the claimed ones can be held against.

        A file that is naive and not dated proves no clock: the user has to say it.
        """
        return self.platform in DATED_PLATFORMS

    def read(self) -> Iterator[TweetBatch]:
        """Yield the tweets and rejects of the file, in its order; it can be read again.

        Raises:
            InputError: its ids have been rounded, or it turns out to be damaged.
        """
        try:
            yield from self._batches()
        except RoundedIdsError as error:
            raise InputError(f"{self.file.name}: {error}") from error


ReadTimes = Callable[[pl.Series], pl.Series]


def canonical(
    records: Records,
    parser: Parser,
    *,
    platform: str,
    time_formats: Sequence[str],
) -> TweetBatch:
    """Parse a block of one tweet a record, and hold its rows to the canonical shape.

    Args:
        records: the block.
        parser: turns its bytes into the columns that ``held`` takes.
        platform: where the ids come from.
        time_formats: how ``posted`` may be written.
    """
    raw, refused = parse(records, parser)
    return held(raw, refused, len(records), platform=platform, time_formats=time_formats)


def held(
    raw: pl.DataFrame,
    refused: pl.DataFrame,
    rows_read: int,
    *,
    platform: str,
    time_formats: Sequence[str],
    read_times: ReadTimes | None = None,
    may_lack_ids: bool = False,
) -> TweetBatch:
    """Type the columns of a block; a row with a value that has no meaning becomes a reject.

    Args:
        raw: line, byte_offset and, as strings, tweet_id, author, posted, text, retweet_count,
            favorite_count, is_retweet and, where the file says it, counts_as_of. An empty count,
            flag or time of counts is null, not wrong.
        refused: the rejects of the block so far.
        rows_read: the rows of ``raw`` and ``refused`` together.
        platform: where the ids come from.
        time_formats: how ``posted`` may be written; with a zone (``%z``) times are turned into UTC.
            ``counts_as_of`` may be in ISO 8601 as well; without a zone it is UTC.
        read_times: reads ``posted`` and ``counts_as_of`` in place of ``time_formats``.
        may_lack_ids: a post without an id is no reject; the platform must not be one whose ids
            carry a time.

    Raises:
        RoundedIdsError: an id has been a float.
    """
    number = pl.col("tweet_id").str.strip_chars().str.to_integer(strict=False, dtype=pl.Int64)
    flag = pl.col("is_retweet").str.to_lowercase()
    dated_counts = "counts_as_of" in raw.columns
    counted: pl.Expr = pl.lit(None, pl.Datetime("us"))
    if dated_counts:
        counted = _times(raw["counts_as_of"], (*time_formats, *ISO_FORMATS), read_times)
    typed = raw.with_columns(
        platform=pl.lit(platform),
        number=number,
        when=_times(raw["posted"], time_formats, read_times),
        flag=flag.replace_strict(TRUTHS, default=None, return_dtype=pl.Boolean),
        counts_as_of_utc=counted,
        **{f"{name}_number": _whole(raw[name]) for name in COUNTS},
    )
    checks = _checks(may_lack_ids=may_lack_ids, dated_counts=dated_counts)
    # Words are made for the bad rows alone: on every row they would cost more than the parsing.
    wrong = pl.any_horizontal(failed.fill_null(False) for failed, _ in checks)
    typed = typed.with_columns(wrong=wrong)
    good = typed.filter(~pl.col("wrong")).select(
        "line",
        "byte_offset",
        "platform",
        tweet_id="number",
        author="author",
        posted="when",
        text="text",
        retweet_count="retweet_count_number",
        favorite_count="favorite_count_number",
        is_retweet="flag",
        counts_as_of_utc="counts_as_of_utc",
    )
    bad = typed.filter("wrong")
    _refuse_rounded(bad["tweet_id"])
    reason = pl.coalesce(pl.when(failed).then(words) for failed, words in checks)
    rejects = bad.select("line", "byte_offset", reason=reason, raw=_raw_text(list(raw.columns)))
    return TweetBatch(rows_read, good, pl.concat([refused, rejects]).sort("line", "byte_offset"))


def with_hashed_ids(tweets: pl.DataFrame) -> pl.DataFrame:
    """Give each post without an id a hash of platform, author, ``posted_utc`` and text.

    Only the time in UTC is the same in every file with the post. A post without it keeps its null.
    """
    nameless = pl.col("tweet_id").is_null() & pl.col("posted_utc").is_not_null()
    rows = tweets.select(nameless.arg_true()).to_series()
    said = tweets[rows].select("platform", "author", pl.col("posted_utc").dt.epoch("us"), "text")
    ids = pl.Series([_hashed_id(*post) for post in said.iter_rows()], dtype=pl.Int64)
    return tweets.with_columns(tweets["tweet_id"].scatter(rows, ids))


def _times(texts: pl.Series, time_formats: Sequence[str], read_times: ReadTimes | None) -> pl.Expr:
    read = [pl.lit(read_times(texts))] if read_times else []
    return pl.coalesce(*read, *(_time(texts.name, written) for written in time_formats))


def _time(name: str, written: str) -> pl.Expr:
    time = pl.col(name).str.to_datetime(written, strict=False, time_unit="us")
    if re.search("%#?z", written):
        return time.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return time


def _whole(texts: pl.Series) -> pl.Series:
    """Read whole numbers; 12.0 is one, too: a program may have kept the column as floats."""
    numbers = texts.str.to_integer(strict=False, dtype=pl.Int64)
    if numbers.null_count() == texts.null_count():
        return numbers
    shortened = texts.str.strip_chars().str.replace(r"\.0+$", "")
    return shortened.str.to_integer(strict=False, dtype=pl.Int64)


def _hashed_id(platform: str, author: str | None, posted_us: int, text: str) -> int:
    """Return 63 bits, never 0, that are the same on every machine and in every version."""
    parts = [part.encode() for part in (platform, author or "", str(posted_us), text)]
    # With its length before it, no part can pass for the end of another.
    said = b"".join(b"%d:%b" % (len(part), part) for part in parts)
    digest = hashlib.blake2b(said, digest_size=8).digest()
    return int.from_bytes(digest, "big") & _LARGEST_ID or 1


def _refuse_rounded(ids: pl.Series) -> None:
    """Refuse the file for one such id: its neighbours may be rounded where no exponent shows it."""
    texts = ids.str.strip_chars()
    if len(rounded := texts.filter(texts.str.contains(_ROUNDED).fill_null(False))):
        raise RoundedIdsError(
            f"its ids are rounded beyond repair, as by a spreadsheet, JavaScript or pandas: "
            f"{', '.join(rounded.head(3))}; download it again and open it in no spreadsheet, or "
            "say which column holds the exact ids, as in --column tweet_id=id_str"
        )


def _checks(*, may_lack_ids: bool, dated_counts: bool) -> list[tuple[pl.Expr, pl.Expr]]:
    """Return what can be wrong with a row, the first thing first, and the words for it."""

    def wrong(name: str, fact: str) -> pl.Expr:
        return pl.format(f"\"{name}\" {fact}: '{{}}'", pl.col(name).str.head(60))

    def unread(name: str, typed: str) -> pl.Expr:
        return (pl.col(name) != "") & pl.col(typed).is_null()

    latest = datetime.now(UTC).replace(tzinfo=None) + _AHEAD
    nameless = pl.col("tweet_id").is_null() | (pl.col("tweet_id") == "")
    checks = [
        (pl.lit(False) if may_lack_ids else nameless, pl.lit("has no id")),
        (
            pl.col("number").is_null() & ~nameless,
            wrong("tweet_id", "is not a 64-bit whole number"),
        ),
        (pl.col("number") <= 0, wrong("tweet_id", "is not positive")),
        (pl.col("posted").is_null(), pl.lit("has no time of posting")),
        (pl.col("when").is_null(), wrong("posted", "is not a date")),
        (pl.col("when") > latest, wrong("posted", "lies in the future")),
        (pl.col("text").is_null(), pl.lit("has no text")),
        (unread("is_retweet", "flag"), wrong("is_retweet", "is not true or false")),
    ]
    for name in COUNTS:
        checks += [
            (unread(name, f"{name}_number"), wrong(name, "is not a whole number")),
            (pl.col(f"{name}_number") < 0, wrong(name, "is negative")),
        ]
    if dated_counts:
        read = "counts_as_of_utc"
        checks += [
            (unread("counts_as_of", read), wrong("counts_as_of", "is not a date")),
            (pl.col(read) > latest, wrong("counts_as_of", "lies in the future")),
        ]
    return checks


def _raw_text(columns: list[str]) -> pl.Expr:
    shown = [name for name in columns if name not in ("line", "byte_offset")]
    return pl.struct(shown).struct.json_encode().str.head(RAW_CHARACTERS)
