"""Pages of the explorer over an archive with five years of minute bars and a prediction a post.

The archive is made by SQL and lies in the folder for another run. Each page is asked for anew: the
first one, one in the order of each column, and one for each kind of filter, the rare ones too.
"""

import time
from pathlib import Path
from typing import Any

from tweetscore.browse.access import Access
from tweetscore.browse.asked import SORTS, Asked
from tweetscore.browse.facts import read_facts
from tweetscore.browse.posts import find_page
from tweetscore.market.windows import ensure_windows
from tweetscore.store.database import Store, open_store

from .measure import Row, Setup, alone, peak_rss_gb

BARS = """
    INSERT INTO symbols VALUES ('SPX', 'XNYS', 1);
    INSERT INTO bars BY NAME
    SELECT
        'SPX' AS symbol, m AS minute_utc, 1 AS source_id,
        4000 + hash(m) % 1000 / 50 AS open, open + 1 AS high, open - 1 AS low, open + 0.3 AS close
    FROM range(TIMESTAMP '2019-01-02', TIMESTAMP '2023-12-29', INTERVAL 1 MINUTE) r(m)
    WHERE dayofweek(m) BETWEEN 1 AND 5 AND m::TIME BETWEEN TIME '14:30' AND TIME '20:59'
"""
POSTS = """
    INSERT INTO tweets BY NAME
    SELECT
        'twitter' AS platform, i AS tweet_id, 'user' || hash(i, 'author') % 50000 AS author,
        TIMESTAMP '2018-01-01' + to_microseconds((i * (189216000000000 / $posts))::BIGINT)
            AS posted_utc,
        concat(
            'Post number ', i, ' about ',
            ['tariffs', 'jobs', 'earnings', 'oil'][(1 + hash(i) % 4)::BIGINT],
            ', says one of the traders at noon; http://t.co/', hash(i) % 100000
        ) AS text,
        1 AS source_id
    FROM range($posts) p(i)
"""
SCORES = """
    INSERT INTO models BY NAME
    SELECT
        'm' AS model_id, 'm' AS name, 'direction' AS target, ['down', 'up'] AS classes,
        false AS uses_counts, '{}' AS card, TIMESTAMP '2018-01-01' AS train_from_utc,
        TIMESTAMP '2020-01-01' AS validation_from_utc, TIMESTAMP '2021-01-01' AS test_from_utc,
        TIMESTAMP '2022-01-01' AS test_until_utc, TIMESTAMP '2021-01-01' AS knows_until_utc;
    INSERT INTO predictions
    SELECT 'm', platform, tweet_id, 30, 2, hash(tweet_id) % 10007 / 10007 FROM tweets;
    INSERT INTO models BY NAME
    SELECT
        'mood' AS model_id, 'mood' AS name, 'label' AS target, ['bad', 'fair', 'good'] AS classes,
        false AS uses_counts, '{}' AS card;
    INSERT INTO predictions
    SELECT
        'mood', platform, tweet_id, NULL, c,
        [1 - high, (1 - low) * high, low * high][c]
    FROM (
        SELECT
            platform, tweet_id, hash(tweet_id, 'low') % 10007 / 10007 AS low,
            sqrt(hash(tweet_id, 'high') % 10007 / 10007) AS high
        FROM tweets
    ), (VALUES (1), (2), (3)) v(c)
"""
FILTERS: tuple[dict[str, str], ...] = (
    {"text": "oil"}, {"text": "nothing like this"}, {"text": "number 77777", "sort": "return_bps"},
    {"text": "nothing like this", "sort": "probability"}, {"author": "user77"},
    {"status": "no_entry"}, {"status": "no_horizon"}, {"split": "train"}, {"low": "0.999"},
    {"correct": "no", "sort": "probability"}, {"since": "2020-01-01", "until": "2020-02-01"},
    {"predicted": "up", "correct": "yes", "sort": "return_bps"},
)  # fmt: skip


def measure(setup: Setup) -> list[Row]:
    """Ask for the pages in a process of its own."""
    path = setup.folder / "browse.duckdb"
    if not path.exists():
        alone("browse", "make", path, setup.rows)
    found = alone("browse", "run", path)
    posts = f"of {setup.rows:,} posts"
    return [
        Row(
            "browse_first_page_seconds", f"opening and the first page {posts}", found["first"], "s"
        ),
        Row(
            "browse_slowest_page_seconds",
            f"the slowest of {found['pages']} orders and filters {posts}",
            found["slowest"],
            "s",
            note=found["which"],
        ),
        Row("browse_peak_rss_gb", "peak RSS of all pages", found["peak_rss_gb"], "GB"),
    ]


def make(path: Path, posts: int) -> None:
    """Make the archive."""
    with open_store(path) as store:
        for each in BARS.split(";"):
            store.con.execute(each)
        ensure_windows(store, [30])
        store.con.execute(POSTS, {"posts": posts})
        for each in SCORES.split(";"):
            store.con.execute(each)


def run(path: Path) -> dict[str, Any]:
    """Ask for every page, and time it."""
    access = Access(path)
    began = time.perf_counter()
    with access.look() as store:
        facts = read_facts(store)
        find_page(store, facts, Asked())
        first = time.perf_counter() - began

        def seconds(store: Store, asked: Asked) -> float:
            started = time.perf_counter()
            find_page(store, facts, asked)
            return time.perf_counter() - started

        orders = [{"sort": sort, "order": order} for sort in SORTS for order in ("up", "down")]
        took = {
            Asked(**each).address(): seconds(store, Asked(**each)) for each in (*orders, *FILTERS)
        }
    access.close()
    which = max(took, key=lambda each: took[each])
    return {
        "first": first, "slowest": took[which], "which": which, "pages": len(took),
        "peak_rss_gb": peak_rss_gb(),
    }  # fmt: skip
