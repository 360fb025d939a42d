"""Posts of two cashtags among 500 symbols: linking them, and joining them to their windows.

Beside it stands one symbol that every post meets, which the same join needs no link for.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tweetscore.ingest.links import link, unlink
from tweetscore.market.windows import ensure_windows
from tweetscore.store.database import Store, open_store

from .measure import Row, Setup, alone, interleaved, peak_rss_gb, speed

SYMBOLS, LINKS_EACH_POST, MINUTES = 500, 2, 390
OPEN = "TIMESTAMP '2024-03-05 14:30:00'"  # of New York, whose session is 390 minutes
WORDS = "Earnings call at noon; the market is waiting, says one of the traders http://t.co/abc"

# Three letters for each: AAA, AAB and so on.
NAMES = """
    CREATE TEMP TABLE names AS
    SELECT i, chr(65 + i // 676) || chr(65 + i // 26 % 26) || chr(65 + i % 26) AS symbol
    FROM (SELECT range::INTEGER AS i FROM range($symbols))
"""
BARS = f"""
    INSERT INTO symbols SELECT symbol, 'XNYS', 1 FROM names WHERE i < $symbols;
    INSERT INTO bars BY NAME
    SELECT
        symbol, {OPEN} + to_minutes(minute::INTEGER) AS minute_utc, 1 AS source_id,
        100 + hash(i, minute) % 100 / 100 AS open, open AS high, open AS low, open AS close
    FROM names, range({MINUTES}) m(minute) WHERE i < $symbols
"""
POSTS = f"""
    INSERT INTO tweets BY NAME
    SELECT
        'twitter' AS platform, p.i AS tweet_id, 1 AS source_id,
        {OPEN} + to_seconds(hash(p.i, 'second') % (60 * {MINUTES})) AS posted_utc,
        concat('$', one.symbol, ' {WORDS} $', two.symbol, ', ', p.i) AS text
    FROM range($posts) p(i)
    JOIN names one ON one.i = hash(p.i) % {SYMBOLS}
    JOIN names two ON two.i = (hash(p.i) + 1 + hash(p.i, 'two') % {SYMBOLS - 1}) % {SYMBOLS}
"""
SCORES = """
    INSERT INTO models BY NAME
    SELECT 'm' AS model_id, 'm' AS name, 'direction' AS target, ['down', 'up'] AS classes,
        false AS uses_counts, '{}' AS card;
    INSERT INTO predictions SELECT 'm', platform, tweet_id, 30, 2, 0.75 FROM tweets
"""
JOINED = "SELECT count(*), count(symbol), sum(entry_price) FROM scored"


def measure(setup: Setup) -> list[Row]:
    """Link and join in processes of their own, and hold them against one symbol."""
    many, one = (alone("links", "run", setup, symbols) for symbols in (SYMBOLS, 1))
    found = LINKS_EACH_POST * setup.rows
    assert many["links"] == many["rows"] == found, "not every post has two links"
    seconds = many["link"] + many["join"]
    return [
        Row(
            "links_per_second",
            f"linking {setup.rows:,} posts to two of {SYMBOLS} symbols",
            setup.rows / many["link"],
            "posts/s",
            speed(found / many["link"], "links/s"),
            note=f"{many['link']:.1f} s",
        ),
        Row(
            "links_join_vs_one_symbol",
            f"joining a link of {SYMBOLS} symbols / a post of one symbol without a rule",
            (many["join"] / found) / (one["join"] / setup.rows),
            "x",
            f"{many['join']:.1f} s",
            f"{one['join']:.1f} s",
            note=f"linked and joined in {seconds:.1f} s, {seconds / found * 1e6:.2f} µs a link",
        ),
        Row("links_peak_rss_gb", "peak RSS of both", many["peak_rss_gb"], "GB"),
    ]


def run(setup: Setup, symbols: int) -> dict[str, Any]:
    """Link the posts, unless there is one symbol, and join them to windows."""
    with (
        TemporaryDirectory(dir=setup.folder) as folder,
        open_store(Path(folder) / "tweetscore.duckdb") as store,
    ):
        store.con.execute(NAMES, {"symbols": SYMBOLS})
        for statement in BARS.split(";"):
            store.con.execute(statement, {"symbols": symbols})
        ensure_windows(store)
        store.con.execute(POSTS, {"posts": setup.rows})
        store.con.execute(SCORES)
        works = {"join": lambda: store.rows(JOINED)}
        if symbols > 1:
            works = {"link": lambda: _link(store), **works}
        seconds = interleaved(works, setup.repeats)
        (links,) = store.row("SELECT count(*) FROM links")
        rows, with_symbol, _ = store.row(JOINED)
        assert rows == with_symbol
        return {**seconds, "links": links, "rows": rows, "peak_rss_gb": peak_rss_gb()}


def _link(store: Store) -> list[tuple[Any, ...]]:
    unlink(store)
    link(store, None, lambda *_: None, cashtags=True)
    return []
