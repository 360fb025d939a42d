"""Tell whose ids a table has: ids and the times beside them enter, a platform leaves."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl

from tweetscore.io.columns import by_normalised_name
from tweetscore.posts.clock import id_times
from tweetscore.posts.fields import ids as ids_of

OTHER = "other"  # the platform of ids that carry no time
_TWITTER_NAMES = {"idstr", "tweetid", "fulltext", "favoritecount", "screenname"}
_LAST_UNDATED = datetime(2010, 11, 6)
_TESTABLE_SHARE = 0.5  # of the rows with an id: those whose id and time can be read
_BAD_SHARE = 0.05
_ROWS_FOR_ONE_BAD = 4
_ZONES = timedelta(hours=25)  # times without a zone, and with daylight saving, differ by less


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
    rows = pl.DataFrame(
        {
            "given": texts.is_not_null() & (texts != ""),
            "id": ids,
            "claimed": claimed,
            "inside": id_times("twitter", ids),
        }
    ).filter("given")
    testable = rows.drop_nulls(["id", "claimed"])
    if testable.height <= _TESTABLE_SHARE * rows.height:
        testable = rows
    dated = pl.col("inside").is_not_null()
    fits = pl.when(dated).then((pl.col("claimed") - pl.col("inside")).abs() <= _ZONES)
    old = (pl.col("id") > 0) & (pl.col("claimed") < _LAST_UNDATED)
    agrees = dated.any() & _mostly(fits.otherwise(old).fill_null(False))
    if testable.select(agrees).item():
        return "twitter"
    long = texts.drop_nulls().str.contains("^[0-9]{15,19}$")
    named = _TWITTER_NAMES & by_normalised_name(columns).keys()
    return "twitter" if len(long) and long.all() and named else OTHER


def _mostly(holds: pl.Expr) -> pl.Expr:
    """Return whether all rows hold but for one in twenty, or for one of at least four."""
    wrong = (~holds).sum()
    return (wrong <= _BAD_SHARE * pl.len()) | ((wrong == 1) & (pl.len() >= _ROWS_FOR_ONE_BAD))
