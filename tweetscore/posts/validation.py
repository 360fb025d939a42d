"""Check posts against the canonical shape: strings enter, typed tweets and rejects leave."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from tweetscore.io.records import RAW_CHARACTERS, Parser, Records, parse
from tweetscore.posts.canonical import COUNTS, RoundedIdsError, TweetBatch

TRUTHS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
ISO_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
)
# An exponent, or sixteen digits and a point: the id has been a float, which keeps only fifteen.
_ROUNDED = r"^[+-]?(\d+([.,]\d*)?[eE]\+?\d{1,2}|\d{16,}[.,]\d*)$"
_AHEAD = timedelta(days=1)  # times without a zone may be ahead of UTC, by 14 hours at most

ReadTimes = Callable[[pl.Series], pl.Series]


def parse_posts(
    records: Records,
    parser: Parser,
    *,
    platform: str,
    time_formats: Sequence[str],
) -> TweetBatch:
    """Parse a block of one post a record, and check its rows against the canonical shape.

    Args:
        records: the block.
        parser: turns its bytes into the columns that ``validate_posts`` takes.
        platform: where the ids come from.
        time_formats: how ``posted`` may be written.
    """
    raw, refused = parse(records, parser)
    return validate_posts(raw, refused, len(records), platform=platform, time_formats=time_formats)


def validate_posts(
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
            favorite_count, is_retweet and, where the file has it, counts_as_of. An empty count,
            flag or time of counts is null, not wrong.
        refused: the rejects of the block so far.
        rows_read: the rows of ``raw`` and ``refused`` together.
        platform: where the ids come from.
        time_formats: how ``posted`` may be written; with a zone (``%z``) times are turned into UTC.
            ``counts_as_of`` may be in ISO 8601 as well; without a zone it is UTC.
        read_times: reads ``posted`` and ``counts_as_of`` in place of ``time_formats``.
        may_lack_ids: a post without an id is not a reject; the platform must not be one whose ids
            carry a time.

    Raises:
        RoundedIdsError: an id has been a float.
    """
    typed = _typed(raw, platform, time_formats, read_times)
    checks = _checks(may_lack_ids=may_lack_ids, dated_counts="counts_as_of" in raw.columns)
    # Reasons are worded for the bad rows alone: on every row they would cost more than the parsing.
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
    if bad.is_empty():
        return TweetBatch(rows_read, good, refused.sort("line", "byte_offset"))
    _refuse_rounded(bad["tweet_id"])
    reason = pl.coalesce(pl.when(failed).then(words) for failed, words in checks)
    rejects = bad.select("line", "byte_offset", reason=reason, raw=_raw_text(list(raw.columns)))
    return TweetBatch(rows_read, good, pl.concat([refused, rejects]).sort("line", "byte_offset"))


def _typed(
    raw: pl.DataFrame, platform: str, time_formats: Sequence[str], read_times: ReadTimes | None
) -> pl.DataFrame:
    """Return the strings together with their typed values, null where a string has no meaning."""
    number = pl.col("tweet_id").str.strip_chars().str.to_integer(strict=False, dtype=pl.Int64)
    flag = pl.col("is_retweet").str.to_lowercase()
    counted: pl.Expr = pl.lit(None, pl.Datetime("us"))
    if "counts_as_of" in raw.columns:
        counted = _times(raw["counts_as_of"], (*time_formats, *ISO_FORMATS), read_times)
    return raw.with_columns(
        platform=pl.lit(platform),
        number=number,
        when=_times(raw["posted"], time_formats, read_times),
        flag=flag.replace_strict(TRUTHS, default=None, return_dtype=pl.Boolean),
        counts_as_of_utc=counted,
        **{f"{name}_number": _whole(raw[name]) for name in COUNTS},
    )


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


def _refuse_rounded(ids: pl.Series) -> None:
    """Refuse the file for one such id: its neighbours may be rounded where no exponent shows it."""
    texts = ids.str.strip_chars()
    if len(rounded := texts.filter(texts.str.contains(_ROUNDED).fill_null(False))):
        raise RoundedIdsError(
            f"its ids are rounded beyond repair, as by a spreadsheet, JavaScript or pandas: "
            f"{', '.join(rounded.head(3))}; download it again and open it in no spreadsheet, or "
            "name the column with the exact ids, as in --column tweet_id=id_str"
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
        (pl.col("when") > latest, wrong("posted", "is in the future")),
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
            (pl.col(read) > latest, wrong("counts_as_of", "is in the future")),
        ]
    return checks


def _raw_text(columns: list[str]) -> pl.Expr:
    shown = [name for name in columns if name not in ("line", "byte_offset")]
    return pl.struct(shown).struct.json_encode().str.head(RAW_CHARACTERS)
