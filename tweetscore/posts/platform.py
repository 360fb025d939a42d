"""Tell whose ids a table has: ids and the times beside them enter, a platform leaves."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl

from tweetscore.io.columns import by_normalised_name
from tweetscore.posts.clock import id_times

OTHER = "other"  # the platform of ids that carry no time
_TWITTER_NAMES = {"idstr", "tweetid", "fulltext", "favoritecount", "screenname"}
_LAST_UNDATED = datetime(2010, 11, 6)
_ZONES = timedelta(hours=25)  # times without a zone, and with daylight saving, differ by less


def platform_of(texts: pl.Series, claimed: pl.Series, columns: Sequence[str]) -> str:
    """Return whose ids these are: by the times in them, or by columns that only one platform has.

    In the second case the audit of the clock shows how they disagree with the times.

    Args:
        texts: the ids, as strings.
        claimed: the times beside them.
        columns: the names of the columns of the table.
    """
    texts = texts.str.strip_chars()
    ids = texts.str.to_integer(strict=False, dtype=pl.Int64)
    rows = pl.DataFrame(
        {
            "given": texts.is_not_null() & (texts != ""),
            "id": ids,
            "claimed": claimed,
            "inside": id_times("twitter", ids),
        }
    ).filter("given")
    dated = pl.col("inside").is_not_null()
    fits = pl.when(dated).then((pl.col("claimed") - pl.col("inside")).abs() <= _ZONES)
    old = (pl.col("id") > 0) & (pl.col("claimed") < _LAST_UNDATED)
    by_time = rows.select(dated.any() & fits.otherwise(old).fill_null(False).all()).item()
    if by_time:
        return "twitter"
    long = texts.drop_nulls().str.contains("^[0-9]{15,19}$")
    named = _TWITTER_NAMES & by_normalised_name(columns).keys()
    return "twitter" if len(long) and long.all() and named else OTHER
