"""Check posts against the canonical shape: strings enter, typed tweets and rejects leave."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import polars as pl

from tweetscore.io.records import RAW_CHARACTERS, Parser, Records, parse
from tweetscore.io.time_words import API_TIME
from tweetscore.io.times import api_times, written_times
from tweetscore.posts.canonical import COUNTS, RoundedIdsError, TweetBatch, Unread
from tweetscore.posts.fields import (
    counts,
    id_numbers,
    is_value,
    nearly_all,
    truths,
    usual_number,
    usual_truth,
)

ISO_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
)
# An exponent, or sixteen digits and a point: the id has been a float, which keeps only fifteen.
_ROUNDED = r"^[+-]?(\d+([.,]\d*)?[eE]\+?\d{1,2}|\d{16,}[.,]\d*)$"
# JavaScript shows seventeen digits of a float, and ids of posts have nineteen.
_LONG_ID, _LOST_DIGITS, _FLOAT_STEP = 10**18, 100, 128
_ROUNDED_IDS = 5  # fewer may be chance
_SHOWN_CHARACTERS = 60
_FIRST_POSTS = datetime(1971, 1, 1)  # an earlier time is what a program writes for none
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
    return validate_posts(raw, refused, platform=platform, time_formats=time_formats)


def validate_posts(
    raw: pl.DataFrame,
    refused: pl.DataFrame,
    *,
    platform: str,
    time_formats: Sequence[str],
    read_times: ReadTimes | None = None,
    may_lack_ids: bool = False,
) -> TweetBatch:
    """Type the columns of a block; a row without a text, a time or an id becomes a reject.

    A count, a flag or a time of counts that cannot be read is null, and told as unread.

    Args:
        raw: line, byte_offset and, as strings, tweet_id, author, posted, text, retweet_count,
            favorite_count, is_retweet and, where the file has it, counts_as_of and platform.
        refused: the rejects of the block so far.
        platform: where the ids come from, unless rows say it.
        time_formats: how ``posted`` may be written; with a zone (``%z``) times are turned into UTC.
            ``counts_as_of`` may be in ISO 8601 as well; without a zone it is UTC.
        read_times: reads ``posted`` and ``counts_as_of`` in place of ``time_formats``.
        may_lack_ids: a post without an id is not a reject; the platform must not be one whose ids
            carry a time.

    Raises:
        RoundedIdsError: an id has been a float.
    """
    typed = _typed(raw, time_formats, read_times)
    checks = _checks(may_lack_ids=may_lack_ids)
    # Reasons are worded for the bad rows alone: on every row they would cost more than the parsing.
    failures = (failed.fill_null(False) for failed, _ in checks)
    typed = typed.with_columns(wrong=pl.any_horizontal(failures))
    kept = typed.filter(~pl.col("wrong")) if typed["wrong"].any() else typed
    good = kept.select(
        "line",
        "byte_offset",
        platform="platform" if "platform" in raw.columns else pl.lit(platform),
        tweet_id="number",
        author="author",
        posted="when",
        text="text",
        retweet_count="retweet_count_number",
        favorite_count="favorite_count_number",
        is_retweet="flag",
        counts_as_of_utc="counts_as_of_utc",
    )
    _refuse_shortened(good["tweet_id"])
    rows_read = raw.height + refused.height
    unread = _unread(kept)
    if kept is typed:
        return TweetBatch(rows_read, good, refused.sort("line", "byte_offset"), unread)
    bad = typed.filter("wrong")
    _refuse_rounded(bad["tweet_id"])
    reason = pl.coalesce(pl.when(failed).then(words) for failed, words in checks)
    rejects = bad.select("line", "byte_offset", reason=reason, raw=_raw_text(list(raw.columns)))
    rejects = pl.concat([refused, rejects]).sort("line", "byte_offset")
    return TweetBatch(rows_read, good, rejects, unread)


_OPTIONAL = {
    **{name: f"{name}_number" for name in COUNTS},
    "is_retweet": "flag",
    "counts_as_of": "counts_as_of_utc",
}


def _unread(kept: pl.DataFrame) -> tuple[Unread, ...]:
    """Return the values of kept posts that are there and could not be read, column by column."""
    found = []
    for name, value in _OPTIONAL.items():
        if name not in kept.columns or kept[value].null_count() == kept[name].null_count():
            continue
        lost = kept.filter(pl.col(value).is_null(), pl.lit(is_value(kept[name]))).sort("line")
        if lost.height:
            first, places = lost.row(0, named=True), lost["byte_offset"]
            shown = first[name][:_SHOWN_CHARACTERS]
            found.append(Unread(name, lost.height, shown, first["line"], places))
    return tuple(found)


def _typed(
    raw: pl.DataFrame, time_formats: Sequence[str], read_times: ReadTimes | None
) -> pl.DataFrame:
    """Return the strings together with their typed values, null where a string has no meaning."""
    # A query costs as much as a thousand rows: one reads all that is written as usual.
    usual = raw.select(
        usual_number(pl.col("tweet_id")),
        usual_truth(pl.col("is_retweet")).alias("is_retweet"),
        *(usual_number(pl.col(name)) for name in COUNTS),
    )
    counted: pl.Expr = pl.lit(None, pl.Datetime("us"))
    if "counts_as_of" in raw.columns:
        counted = pl.lit(_times(raw["counts_as_of"], (*time_formats, *ISO_FORMATS), read_times))
        counted = pl.when(counted <= _latest()).then(counted)
    return raw.with_columns(
        number=pl.lit(id_numbers(raw["tweet_id"], usual["tweet_id"])),
        when=pl.lit(_times(raw["posted"], time_formats, read_times)),
        flag=pl.lit(truths(raw["is_retweet"], usual["is_retweet"])),
        counts_as_of_utc=counted,
        **{f"{name}_number": pl.lit(counts(raw[name], usual[name])) for name in COUNTS},
    )


def _times(
    texts: pl.Series, time_formats: Sequence[str], read_times: ReadTimes | None
) -> pl.Series:
    """Read times in the first form that each has; those of later ones where there are any."""
    readers: list[ReadTimes] = [partial(written_times, written=each) for each in time_formats]
    if API_TIME in time_formats:
        readers.insert(0, api_times)
    if read_times:
        readers.insert(0, read_times)
    found = readers[0](texts)
    for read in readers[1:]:
        if found.null_count() == texts.null_count():
            break
        found = found.zip_with(found.is_not_null(), read(texts))
    return found


def rounded_among(ids: pl.Series) -> pl.Series:
    """Return the ids, as strings, that have been floats."""
    texts = ids.str.strip_chars()
    return texts.filter(texts.str.contains(_ROUNDED).fill_null(False))


def rounded(ids: pl.Expr) -> pl.Expr:
    """Return where an id, as a string, has been a float."""
    return ids.str.contains(_ROUNDED)


def _refuse_rounded(ids: pl.Series) -> None:
    """Refuse the file for one such id: its neighbours may be rounded where no exponent shows it."""
    if len(rounded := rounded_among(ids)):
        raise RoundedIdsError(
            f"its ids are rounded beyond repair, as by a spreadsheet, JavaScript or pandas: "
            f"{', '.join(rounded.head(3))}; download it again and open it in no spreadsheet, or "
            "name the column with the exact ids, as in --column tweet_id=id_str"
        )


def are_shortened(ids: pl.Series) -> bool:
    """Return whether ids, as numbers, have all lost their last digits."""
    long = ids.filter(ids >= _LONG_ID)
    if len(long) < _ROUNDED_IDS or (long % _LOST_DIGITS != 0).any():
        return False
    # Ids that somebody made of whole seconds may end so, too: as floats they are exact.
    return nearly_all(long % _FLOAT_STEP != 0)


def _refuse_shortened(ids: pl.Series) -> None:
    """Refuse the file if its ids, as numbers, have all lost their last digits."""
    if are_shortened(ids):
        long = ids.filter(ids >= _LONG_ID)
        raise RoundedIdsError(
            f"its ids all end in 00 ({long[0]}, {long[1]}, …): they are rounded, as by JavaScript; "
            "download it again, name the column with the exact ids, as in --column "
            "tweet_id=id_str, or do without them: --column tweet_id="
        )


def _latest() -> datetime:
    """Return the latest time that is not in the future."""
    return datetime.now(UTC).replace(tzinfo=None) + _AHEAD


def _checks(*, may_lack_ids: bool) -> list[tuple[pl.Expr, pl.Expr]]:
    """Return what can be wrong with a row, the first thing first, and the words for it."""

    def wrong(name: str, fact: str) -> pl.Expr:
        return pl.format(f"\"{name}\" {fact}: '{{}}'", pl.col(name).str.head(_SHOWN_CHARACTERS))

    nameless = pl.col("tweet_id").is_null() | (pl.col("tweet_id") == "")
    return [
        (pl.lit(False) if may_lack_ids else nameless, pl.lit("has no id")),
        (
            pl.col("number").is_null() & ~nameless,
            wrong("tweet_id", "is not a 64-bit whole number"),
        ),
        (pl.col("number") <= 0, wrong("tweet_id", "is not positive")),
        (pl.col("posted").is_null(), pl.lit("has no time of posting")),
        (pl.col("when").is_null(), wrong("posted", "is not a date")),
        (pl.col("when") > _latest(), wrong("posted", "is in the future")),
        (pl.col("when") < _FIRST_POSTS, wrong("posted", "is older than any post")),
        (pl.col("text").is_null(), pl.lit("has no text")),
    ]


def _raw_text(columns: list[str]) -> pl.Expr:
    shown = [name for name in columns if name not in ("line", "byte_offset")]
    return pl.struct(shown).struct.json_encode().str.head(RAW_CHARACTERS)
