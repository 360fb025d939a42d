"""Say what a database holds: a store enters, a frame for each section leaves."""

from datetime import UTC
from zoneinfo import ZoneInfo

import polars as pl

from tweetscore.market.sessions import exchange_zone
from tweetscore.store.database import Store, statement

INFO = (
    "sources", "taken", "clocks", "rejects", "tweets", "bars", "links", "alignments", "windows",
    "models", "words",
)  # fmt: skip


def describe(store: Store) -> dict[str, pl.DataFrame]:
    """Return what the database holds, a frame for each section of ``INFO``."""
    sections = {name: store.frame(statement(f"query/info/{name}")) for name in INFO}
    sections["alignments"] = _with_local_times(sections["alignments"])
    return sections


def _with_local_times(alignments: pl.DataFrame) -> pl.DataFrame:
    """Show each post's time on the exchange's clock in the place of the calendar."""
    local = []
    for posted_utc, calendar in alignments.select("posted_utc", "calendar").iter_rows():
        zone = exchange_zone(calendar)
        shown = posted_utc.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
        local.append(f"{shown:%Y-%m-%d %H:%M:%S} {zone}")
    shown_times = pl.Series("exchange_time", local, pl.String)
    place = alignments.columns.index("calendar")
    return alignments.insert_column(place, shown_times).drop("calendar")
