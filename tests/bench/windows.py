"""Prices before and after each tweet at seven intervals: our grid beside ASOF joins, in DuckDB."""

import math
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tweetscore.ingest.account import IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.market.windows import ensure_windows, forget_windows
from tweetscore.store.database import open_store

from . import material
from .measure import Row, Setup, interleaved, speed

TWEETS_EACH_ROW, MOST_TWEETS = 10, 10_000_000
SYMBOL = "MADEUP"

# A third lies inside sessions, as in the real archives; the others in the 15 hours after one.
TWEETS = """
    INSERT INTO tweets BY NAME
    SELECT
        'twitter' AS platform, i AS tweet_id, '' AS text, 1 AS source_id,
        CASE
            WHEN i % 3 = 0
            THEN open_utc + to_seconds(hash(i, 'second') % epoch(close_utc - open_utc)::BIGINT)
            ELSE close_utc + to_seconds(1 + hash(i, 'second') % 54000)
        END AS posted_utc
    FROM (SELECT i, hash(i) % (SELECT count(*) FROM regular) AS place FROM range($tweets) t(i))
    JOIN regular USING (place)
"""
REGULAR = """
    CREATE TEMP TABLE regular AS
    SELECT row_number() OVER (ORDER BY open_utc) - 1 AS place, open_utc, close_utc
    FROM sessions WHERE session = 'regular'
"""
ENTERED = "entry_minute(posted_utc)"
OURS = f"""
    SELECT interval_minutes, count(*), sum(entry_price), sum(exit_price)
    FROM tweets JOIN windows ON minute_utc = {ENTERED}
    WHERE symbol = '{SYMBOL}' AND session = 'regular' AND status = 'ok'
    GROUP BY ALL ORDER BY ALL
"""
# One row: one price of a session and when it became known, as sql/market/grid.sql has it.
KNOWN = """
    CREATE OR REPLACE TEMP TABLE known AS
    SELECT open_utc, close_utc, minute_utc + INTERVAL 1 MINUTE AS known_utc, close AS price
    FROM bars JOIN sessions USING (symbol)
    WHERE session = 'regular' AND minute_utc >= open_utc AND minute_utc < close_utc
    UNION ALL
    SELECT open_utc, close_utc, minute_utc, open
    FROM bars JOIN sessions USING (symbol)
    WHERE session = 'regular' AND minute_utc = open_utc
"""
ENTRIES = f"""
    WITH entered AS (SELECT tweet_id, {ENTERED} AS minute_utc FROM tweets),
    entries AS (
        SELECT e.minute_utc, k.open_utc, k.close_utc, k.price
        FROM entered e ASOF JOIN known k ON e.minute_utc >= k.known_utc
        WHERE e.minute_utc <= k.close_utc AND k.known_utc >= e.minute_utc - INTERVAL 5 MINUTES
    ),
    wanted AS (
        SELECT *, minute_utc + to_minutes(interval_minutes) AS exit_utc
        FROM entries CROSS JOIN intervals WHERE exit_utc <= close_utc
    )
"""
FRESH = "k.open_utc = w.open_utc AND k.known_utc >= w.exit_utc - INTERVAL 5 MINUTES"
EACH_EXIT = f"""
    {ENTRIES}
    SELECT interval_minutes, count(*), sum(w.price), sum(k.price)
    FROM wanted w ASOF JOIN known k ON w.exit_utc >= k.known_utc WHERE {FRESH}
    GROUP BY ALL ORDER BY ALL
"""
BY_SESSION = f"""
    {ENTRIES}
    SELECT interval_minutes, count(*), sum(w.price), sum(k.price)
    FROM wanted w ASOF JOIN known k ON w.open_utc = k.open_utc AND w.exit_utc >= k.known_utc
    WHERE {FRESH}
    GROUP BY ALL ORDER BY ALL
"""
# The grid's own idea, that a window belongs to a minute, with ASOF in the grid's place.
BY_MINUTE = f"""
    WITH minutes AS (SELECT DISTINCT {ENTERED} AS minute_utc FROM tweets),
    entries AS (
        SELECT m.minute_utc, k.open_utc, k.close_utc, k.price
        FROM minutes m ASOF JOIN known k ON m.minute_utc >= k.known_utc
        WHERE m.minute_utc <= k.close_utc AND k.known_utc >= m.minute_utc - INTERVAL 5 MINUTES
    ),
    wanted AS (
        SELECT *, minute_utc + to_minutes(interval_minutes) AS exit_utc
        FROM entries CROSS JOIN intervals WHERE exit_utc <= close_utc
    ),
    found AS (
        SELECT w.minute_utc, interval_minutes, w.price AS entry_price, k.price AS exit_price
        FROM wanted w ASOF JOIN known k ON w.exit_utc >= k.known_utc WHERE {FRESH}
    )
    SELECT interval_minutes, count(*), sum(entry_price), sum(exit_price)
    FROM tweets JOIN found ON found.minute_utc = {ENTERED}
    GROUP BY ALL ORDER BY ALL
"""
ASOF = {"each exit": EACH_EXIT, "by session": BY_SESSION, "by minute": BY_MINUTE}


def measure(setup: Setup) -> list[Row]:
    """Build the windows and join the tweets to them, in the product's memory."""
    tweets = min(TWEETS_EACH_ROW * setup.rows, MOST_TWEETS)
    with (
        TemporaryDirectory(dir=setup.folder) as folder,
        open_store(Path(folder) / "tweetscore.duckdb") as store,
    ):
        ingest(store, [material.bars_path(setup)], IngestOptions(), lambda *_: None)
        store.con.execute(REGULAR)
        store.con.execute(TWEETS, {"tweets": tweets})
        # Without it, ASOF chooses a nested loop here and runs for minutes.
        store.con.execute("SET asof_loop_join_threshold = 0")
        found: dict[str, list[tuple[Any, ...]]] = {}

        def ours() -> None:
            forget_windows(store, SYMBOL)
            ensure_windows(store)
            found["ours"] = store.rows(OURS)

        def asof(name: str) -> None:
            store.con.execute(KNOWN)
            found[name] = store.rows(ASOF[name])

        seconds = interleaved(
            {"ours": ours, **{name: partial(asof, name) for name in ASOF}}, setup.repeats
        )
        for name in ASOF:
            assert _alike(found[name], found["ours"]), f"{name} gives other windows than ours"
    speeds = {name: tweets / spent for name, spent in seconds.items()}
    fastest = max(("each exit", "by session"), key=speeds.__getitem__)
    return [
        Row(
            "windows_vs_asof",
            "windows, the grid included / the faster ASOF join by tweet",
            speeds["ours"] / speeds[fastest],
            "x",
            speed(speeds["ours"], "tweets/s"),
            speed(speeds[fastest], "tweets/s"),
            note=f"{tweets:,} tweets, a third in sessions, seven intervals; ASOF {fastest}",
        ),
        Row(
            "windows_vs_asof_by_minute",
            "windows / the grid's own idea, by ASOF over minutes",
            speeds["ours"] / speeds["by minute"],
            "x",
            speed(speeds["ours"], "tweets/s"),
            speed(speeds["by minute"], "tweets/s"),
        ),
    ]


def _alike(some: list[tuple[Any, ...]], others: list[tuple[Any, ...]]) -> bool:
    """Say whether intervals and counts are equal, and the sums but for their order."""
    return len(some) == len(others) and all(
        one[:2] == other[:2]
        and all(math.isclose(x, y, rel_tol=1e-9) for x, y in zip(one[2:], other[2:], strict=True))
        for one, other in zip(some, others, strict=True)
    )
