"""Prices before and after each tweet at seven intervals: our grid beside ASOF joins, in DuckDB."""

import math
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tweetscore.ingest import IngestOptions, ingest
from tweetscore.store import Store, open_store
from tweetscore.windows import ensure_windows, forget_windows

from . import material
from .measure import Row, Setup, interleaved, speed

TWEETS_EACH_ROW, MOST_TWEETS = 10, 10_000_000
SYMBOL = "MADEUP"

# As many tweets at any second of the year: a fifth of them lies inside sessions.
TWEETS = """
    INSERT INTO tweets BY NAME
    SELECT
        'twitter' AS platform, i AS tweet_id, '' AS text, 1 AS source_id,
        open_utc + to_seconds((hash(i + 1) % 23400)::BIGINT) AS posted_utc
    FROM range($tweets) AS numbers(i)
    JOIN (SELECT row_number() OVER () AS place, open_utc FROM sessions WHERE session = 'regular') d ON place = 1 + hash(i) % 250
"""
ENTERED = "date_trunc('minute', posted_utc + INTERVAL 59999999 MICROSECONDS)"
OURS = f"""
    SELECT interval_minutes, count(*), sum(entry_price), sum(exit_price)
    FROM tweets JOIN windows ON minute_utc = {ENTERED}
    WHERE symbol = '{SYMBOL}' AND session = 'regular' AND status = 'ok'
    GROUP BY ALL ORDER BY ALL
"""
# One row: one price of a session and when it became known, as sql/grid.sql has it.
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
ASOF = {"asof exits": EACH_EXIT, "asof by session": BY_SESSION, "asof minutes": BY_MINUTE}
