"""Build the worlds in which a leak would show: a part of a database, whole, cut or altered.

Facts of two worlds enter, those that differ leave.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from tweetscore.checks.doctor import Check
from tweetscore.market.windows import ensure_windows
from tweetscore.store.database import Store, open_store, statement

EXAMPLES = 3
WORLDS = {"cut": "from the data up to {} alone", "altered": "with all after {} replaced"}
BATCH_ROWS = 65_536
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

REBUILD = (
    "windows of an older version go with a DuckDB client (DELETE FROM windows; DELETE FROM "
    "sessions) and come back with: tweetscore score; if it stays, tweetscore looks ahead: report it"
)

Facts = pl.DataFrame  # row: what it is of; known_utc: since when; value: what it says


@dataclass(frozen=True, slots=True)
class Span:
    """What a world holds of a database, and after which moments it is cut or altered."""

    symbol: str
    from_utc: datetime
    until_utc: datetime
    posts_from_utc: datetime
    bars_moment_utc: datetime
    posts_moment_utc: datetime
    most_tweets: int


def leak_verdict(
    name: str, compared: int, scope: str, leaks: Sequence[str], step: str, found: int = 0
) -> Check:
    """Name the first leaks; nothing compared is no verdict. ``found`` is for leaks not all here."""
    if not leaks:
        return Check(name, True if compared else None, f"compared {compared:,} {scope}")
    found = found or len(leaks)
    more = "; …" if found > EXAMPLES else ""
    return Check(name, False, f"{found:,} found: {'; '.join(leaks[:EXAMPLES])}{more}", step)


@contextmanager
def world_of(
    source: Store, span: Span, world: str, intervals: Sequence[int] = ()
) -> Iterator[Store]:
    """Build a database from a part of another; its windows are those of today's code."""
    parts = {
        "settings": ("FROM settings", {}),
        "intervals": ("FROM intervals", {}),
        "symbols": ("FROM symbols WHERE symbol = $symbol", {"symbol": span.symbol}),
        "bars": (
            statement("checks/leaks/bars"),
            {
                "world": world, "symbol": span.symbol, "from_utc": span.from_utc,
                "until_utc": span.until_utc, "moment_utc": span.bars_moment_utc,
            },
        ),
        "tweets": (
            statement("checks/leaks/tweets"),
            {
                "world": world, "from_utc": span.posts_from_utc, "until_utc": span.until_utc,
                "moment_utc": span.posts_moment_utc, "most": span.most_tweets,
            },
        ),
    }  # fmt: skip
    with (
        TemporaryDirectory(prefix="tweetscore-leaks-") as folder,
        open_store(Path(folder) / "world.duckdb") as store,
    ):
        store.con.execute("DELETE FROM settings; DELETE FROM intervals")
        with store.transaction():
            for table, (query, given) in parts.items():
                batches = source.con.sql(query, params=given or None).to_arrow_reader(BATCH_ROWS)
                for batch in batches:
                    store.append(table, pl.DataFrame(batch))
        ensure_windows(store, intervals)
        yield store


def differences(
    whole: Facts, other: Facts, words: str, moment: datetime = datetime.max, *, absent: bool = True
) -> list[str]:
    """Name each fact known by the moment that is another elsewhere, said in these words.

    Without ``absent`` a fact that stands on one side only is none.
    """
    both = whole.join(other, on="row", how="full" if absent else "inner", coalesce=True)
    known = pl.coalesce("known_utc", "known_utc_right" if absent else "known_utc")
    unlike = both.filter(known <= moment, pl.col("value").ne_missing(pl.col("value_right")))
    values = pl.col("value", "value_right").fill_null("nothing")
    rows = unlike.select("row", values).sort("row").iter_rows()
    return [f"{row}: {value}, but {elsewhere} {words}" for row, value, elsewhere in rows]


def told(facts: Iterable[tuple[str, object]]) -> Facts:
    """Return facts that are known all the time."""
    rows = [(row, datetime(1970, 1, 1), str(value)) for row, value in facts]
    schema = {"row": pl.String(), "known_utc": pl.Datetime("us"), "value": pl.String()}
    return pl.DataFrame(rows, schema, orient="row")
