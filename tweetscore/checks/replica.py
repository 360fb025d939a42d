"""Build replicas in which a leak would show: a part of a database, whole, cut or altered.

Facts of two replicas enter, those that differ leave.
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
REPLICAS = {"cut": "from the data up to {} alone", "altered": "with all data after {} replaced"}
BATCH_ROWS = 65_536
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

REBUILD = (
    "delete windows of an older version with a DuckDB client (DELETE FROM windows; DELETE FROM "
    "sessions), then: tweetscore score; if the leak stays, tweetscore looks ahead: report it"
)

Facts = pl.DataFrame  # row: what it is about; known_utc: since when it is known; value


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a database in a replica, and the moments after which it is cut or altered."""

    symbols: tuple[str, ...]
    from_utc: datetime
    until_utc: datetime
    posts_from_utc: datetime
    bars_moment_utc: datetime
    posts_moment_utc: datetime
    most_tweets: int

    @property
    def symbol(self) -> str:
        """The only symbol."""
        (only,) = self.symbols
        return only


def leak_verdict(
    name: str, compared: int, scope: str, leaks: Sequence[str], step: str, found: int = 0
) -> Check:
    """Name the first leaks; without anything compared there is no verdict.

    Args:
        name: of the check.
        compared: how many facts.
        scope: which facts.
        leaks: those found, or the first of them.
        step: what to do about them.
        found: how many leaks, if ``leaks`` has only the first.
    """
    if not leaks:
        return Check(name, True if compared else None, f"compared {compared:,} {scope}")
    found = found or len(leaks)
    more = "; …" if found > EXAMPLES else ""
    return Check(name, False, f"{found:,} found: {'; '.join(leaks[:EXAMPLES])}{more}", step)


@contextmanager
def replica_of(
    source: Store, span: Span, kind: str, intervals: Sequence[int] = ()
) -> Iterator[Store]:
    """Build a database from a part of another; its windows are made by the code of today."""
    of_span = {"symbols": list(span.symbols)}
    own = "symbol IN (SELECT unnest($symbols))"
    parts = {
        "settings": ("FROM settings", {}),
        "intervals": ("FROM intervals", {}),
        "link_rules": ("FROM link_rules", {}),
        # What a rule finds in a post depends on nothing but the post.
        "links": (f"FROM links WHERE {own}", of_span),
        "symbols": (f"FROM symbols WHERE {own}", of_span),
        "bars": (
            statement("checks/leaks/bars"),
            {
                **of_span, "replica": kind, "from_utc": span.from_utc,
                "until_utc": span.until_utc, "moment_utc": span.bars_moment_utc,
            },
        ),
        "tweets": (
            statement("checks/leaks/tweets"),
            {
                "replica": kind, "from_utc": span.posts_from_utc, "until_utc": span.until_utc,
                "moment_utc": span.posts_moment_utc, "most": span.most_tweets,
            },
        ),
    }  # fmt: skip
    with (
        TemporaryDirectory(prefix="tweetscore-leaks-") as folder,
        open_store(Path(folder) / "replica.duckdb") as store,
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
    """Name each fact that is known by the moment and differs in another replica.

    Args:
        whole: facts of the whole replica.
        other: facts of the other one.
        words: what the other replica was made from.
        moment: facts known later may differ.
        absent: whether a fact that only one of them has is a difference.
    """
    both = whole.join(other, on="row", how="full" if absent else "inner", coalesce=True)
    known = pl.coalesce("known_utc", "known_utc_right" if absent else "known_utc")
    unlike = both.filter(known <= moment, pl.col("value").ne_missing(pl.col("value_right")))
    values = pl.col("value", "value_right").fill_null("nothing")
    rows = unlike.select("row", values).sort("row").iter_rows()
    return [f"{row}: {value}, but {elsewhere} {words}" for row, value, elsewhere in rows]


def timeless(facts: Iterable[tuple[str, object]]) -> Facts:
    """Return facts that are known at any time."""
    rows = [(row, datetime(1970, 1, 1), str(value)) for row, value in facts]
    schema = {"row": pl.String(), "known_utc": pl.Datetime("us"), "value": pl.String()}
    return pl.DataFrame(rows, schema, orient="row")
