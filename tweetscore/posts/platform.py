"""Tell whose ids a table has: ids and the times beside them enter, a platform leaves."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from tweetscore.io.columns import by_normalised_name, normalised
from tweetscore.posts.clock import ID_TIMES, LAST_UNDATED, id_times
from tweetscore.posts.fields import id_numbers, nearly_all
from tweetscore.posts.fields import ids as ids_of
from tweetscore.posts.validation import ReadTimes

OTHER = "other"  # the platform of ids that carry no time
# Whose ids are told by their times. Those of Truth Social look like Mastodon's, and only an address
# tells them apart; a record of Bluesky is named by letters.
_TOLD = ("twitter", "mastodon")
_TWITTER_NAMES = {"idstr", "tweetid", "fulltext", "favoritecount", "screenname"}
_TESTABLE_SHARE = 0.5  # of the rows with an id: those whose id and time can be read
_BAD_SHARE = 0.05
_ROWS_FOR_ONE_BAD = 4
_ZONES = timedelta(hours=25)  # times without a zone, and with daylight saving, differ by less
_LONG = "^[0-9]{15,19}$"
# As a column of platforms may name them, normalised.
_NAMED = {
    **{normalised(name): name for name in (
        *ID_TIMES, "reddit", "reddit_comments", "stocktwits", "telegram", "youtube", "facebook",
        "weibo", "slack", "hackernews", "4chan", OTHER,
    )},
    "x": "twitter", "twitter/x": "twitter", "x/twitter": "twitter",
}  # fmt: skip


def platform_of(texts: pl.Series, claimed: pl.Series, columns: Sequence[str]) -> str:
    """Return whose ids these are: by the times in them, or by columns that only one platform has.

    In the second case the audit of the clock shows how they disagree with the times. A few bad rows
    change nothing: they become rejects when the file is read.

    Args:
        texts: the ids, as strings.
        claimed: the times beside them.
        columns: the names of the columns of the table.
    """
    texts = ids_of(texts)
    ids = texts.str.to_integer(strict=False, dtype=pl.Int64)
    given = texts.is_not_null() & (texts != "")
    for platform in _TOLD:
        inside = id_times(platform, ids)
        frame = {"given": given, "id": ids, "claimed": claimed, "inside": inside}
        rows = pl.DataFrame(frame).filter("given")
        if _agree(rows, may_be_old=platform == "twitter"):
            return platform
    long = texts.drop_nulls().str.contains(_LONG)
    return "twitter" if len(long) and long.all() and _is_named(columns) else OTHER


def _agree(rows: pl.DataFrame, *, may_be_old: bool) -> bool:
    """Return whether claimed times are those inside the ids, or older than any such time."""
    testable = rows.drop_nulls(["id", "claimed"])
    if testable.height <= _TESTABLE_SHARE * rows.height:
        testable = rows
    dated = pl.col("inside").is_not_null()
    fits = pl.when(dated).then((pl.col("claimed") - pl.col("inside")).abs() <= _ZONES)
    old = (pl.col("id") > 0) & (pl.col("claimed") < LAST_UNDATED) & may_be_old
    agrees = dated.any() & _mostly(fits.otherwise(old).fill_null(False))
    return bool(testable.select(agrees).item())


def named_platforms(names: pl.Series) -> pl.Series:
    """Return the platform that each name stands for; ``other`` where it is none that is known."""
    known = {name: _NAMED.get(normalised(name.strip())) for name in names.drop_nulls().unique()}
    return names.replace_strict(known, default=None, return_dtype=pl.String).fill_null(OTHER)


def named_platform(name: str) -> str:
    """Return the platform that a name stands for; one that is not known stands for itself."""
    return _NAMED.get(normalised(name.strip()), name.strip())


def are_platforms(names: pl.Series) -> bool:
    """Return whether nearly all values of a column name platforms."""
    return nearly_all(names.str.strip_chars().map_elements(_is_named_platform, pl.Boolean))


def _is_named_platform(name: str) -> bool:
    return normalised(name) in _NAMED


def audited_platform(named: pl.Series, texts: pl.Series, claimed: pl.Series) -> str | None:
    """Return the platform by whose ids the clock of a table is audited; each row names its own.

    None where ids of one carry other times than those beside them, as numbers of rows do.

    Args:
        named: the platforms.
        texts: the ids, as strings.
        claimed: the times beside them.
    """
    ids, audited = id_numbers(texts), OTHER
    for platform in ID_TIMES:
        inside = id_times(platform, ids)
        frame = {"given": named == platform, "id": ids, "claimed": claimed, "inside": inside}
        rows = pl.DataFrame(frame).filter("given")
        if rows.is_empty():
            continue
        if not _agree(rows, may_be_old=platform == "twitter"):
            return None
        audited = platform if audited == OTHER else audited
    return audited


def platforms_by_ids(texts: pl.Series, columns: Sequence[str]) -> list[str]:
    """Return whose ids these may be where no time stands beside them: whose times are possible.

    Args:
        texts: the ids, as strings.
        columns: the names of the columns of the table.
    """
    texts = ids_of(texts).drop_nulls()
    texts = texts.filter(texts != "")
    fitting = [platform for platform in (*_TOLD, "truthsocial") if _possible(platform, texts)]
    return ["twitter"] if "twitter" in fitting and _is_named(columns) else fitting


def _possible(platform: str, texts: pl.Series) -> bool:
    latest = datetime.now(UTC).replace(tzinfo=None) + _ZONES
    inside = times_in_ids(platform)(texts)
    frame = pl.DataFrame({"text": texts, "inside": inside})
    good = (pl.col("inside") <= latest) & pl.col("text").str.contains(_LONG)
    return bool(len(texts)) and bool(frame.select(_mostly(good.fill_null(False))).item())


def times_in_ids(platform: str) -> ReadTimes:
    """Return what reads the times inside ids that are strings; null where there is none."""

    def read(texts: pl.Series) -> pl.Series:
        return id_times(platform, id_numbers(texts))

    return read


def _is_named(columns: Sequence[str]) -> bool:
    """Return whether columns are called as only Twitter's are."""
    return bool(_TWITTER_NAMES & by_normalised_name(columns).keys())


def _mostly(holds: pl.Expr) -> pl.Expr:
    """Return whether all rows hold but for one in twenty, or for one of at least four."""
    wrong = (~holds).sum()
    return (wrong <= _BAD_SHARE * pl.len()) | ((wrong == 1) & (pl.len() >= _ROWS_FOR_ONE_BAD))
