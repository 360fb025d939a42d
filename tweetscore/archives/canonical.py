"""Hold tweets to the canonical shape: a block of records enters, typed tweets and rejects leave."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tweetscore.files import RAW_CHARACTERS, Parser, Records, parse

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
TRUTHS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


@dataclass(frozen=True, slots=True)
class TweetBatch:
    """Canonical tweets (``TWEETS_SCHEMA``; ``posted`` as the file says it) and rejects.

    ``rows_read`` counts the records of the block before any of them was parsed.
    """

    rows_read: int
    tweets: pl.DataFrame
    rejects: pl.DataFrame


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
) -> TweetBatch:
    """Type the columns of a block; a row with a value that has no meaning becomes a reject.

    Args:
        raw: line, byte_offset and, as strings, tweet_id, author, posted, text, retweet_count,
            favorite_count and is_retweet. An empty count or flag is null, not wrong.
        refused: the rejects of the block so far.
        rows_read: the rows of ``raw`` and ``refused`` together.
        platform: where the ids come from.
        time_formats: how ``posted`` may be written; with a zone (``%z``) times are turned into UTC.
    """
    posted = pl.coalesce(_time(written) for written in time_formats)
    number = pl.col("tweet_id").str.strip_chars().str.to_integer(strict=False, dtype=pl.Int64)
    counts = {
        name: pl.col(name).replace("", None).str.to_integer(strict=False, dtype=pl.Int64)
        for name in ("retweet_count", "favorite_count")
    }
    flag = pl.col("is_retweet").replace("", None).str.to_lowercase()
    typed = raw.with_columns(
        platform=pl.lit(platform),
        number=number,
        when=posted,
        flag=flag.replace_strict(TRUTHS, default=None, return_dtype=pl.Boolean),
        counts_as_of_utc=pl.lit(None, pl.Datetime("us")),
        **{f"{name}_number": value for name, value in counts.items()},
    )
    checks = _checks(flag)
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
    reason = pl.coalesce(pl.when(failed).then(words) for failed, words in checks)
    bad = typed.filter("wrong").select(
        "line", "byte_offset", reason=reason, raw=_raw_text(list(raw.columns))
    )
    return TweetBatch(rows_read, good, pl.concat([refused, bad]).sort("byte_offset"))


def _time(written: str) -> pl.Expr:
    time = pl.col("posted").str.to_datetime(written, strict=False, time_unit="us")
    if re.search("%#?z", written):
        return time.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return time


def _checks(flag: pl.Expr) -> list[tuple[pl.Expr, pl.Expr]]:
    """Return what can be wrong with a row, the first thing first, and the words for it."""

    def quoted(name: str) -> pl.Expr:
        return pl.col(name).str.head(60)

    def wrong(name: str, fact: str) -> pl.Expr:
        return pl.format(f"\"{name}\" {fact}: '{{}}'", quoted(name))

    checks = [
        (pl.col("tweet_id").fill_null("") == "", pl.lit("has no id")),
        (pl.col("number").is_null(), wrong("tweet_id", "is not a 64-bit whole number")),
        (pl.col("number") <= 0, wrong("tweet_id", "is not positive")),
        (pl.col("posted").is_null(), pl.lit("has no time of posting")),
        (pl.col("when").is_null(), wrong("posted", "is not a date")),
        (pl.col("text").is_null(), pl.lit("has no text")),
        (
            flag.is_not_null() & pl.col("flag").is_null(),
            wrong("is_retweet", "is not true or false"),
        ),
    ]
    for name in ("retweet_count", "favorite_count"):
        given = pl.col(name).fill_null("") != ""
        checks += [
            (given & pl.col(f"{name}_number").is_null(), wrong(name, "is not a whole number")),
            (pl.col(f"{name}_number") < 0, wrong(name, "is negative")),
        ]
    return checks


def _raw_text(columns: list[str]) -> pl.Expr:
    shown = [name for name in columns if name not in ("line", "byte_offset")]
    return pl.struct(shown).struct.json_encode().str.head(RAW_CHARACTERS)
