"""Made-up posts, and jobs that score them from files to files."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from tweetscore.ingest.links import link, posts_to_link
from tweetscore.io.places import place_of
from tweetscore.market.horizons import Horizon
from tweetscore.scoring.bundle import Bundle
from tweetscore.scoring.files import FilesAccount, Progress, local_engine, score_files
from tweetscore.scoring.job import Job, read_market
from tweetscore.scoring.score import score
from tweetscore.store.database import open_store

OPEN = datetime(2018, 12, 19, 14, 30)
WORDS = ("stocks up great day", "stocks down sad day", "tariffs win", "china", "https://t.co/x")
SCORED = "FROM scored ORDER BY tweet_id, symbol, interval_minutes"


def posts(rows: int, seed: int = 0) -> pl.DataFrame:
    """Made-up rows of the table tweets, some of them without a word, in and out of the session."""
    rng = np.random.default_rng(seed)
    seconds = rng.integers(-9_000, 30_000, rows)
    return pl.DataFrame(
        {
            "platform": ["twitter"] * rows,
            "tweet_id": np.arange(rows) + 1 + 1_000_000 * seed,
            "author": [None if n % 3 else f"author {n % 7}" for n in range(rows)],
            "posted_utc": [OPEN + timedelta(seconds=int(each)) for each in seconds],
            "text": [" ".join(rng.choice(WORDS, rng.integers(1, 4))) for _ in range(rows)],
            "retweet_count": rng.integers(0, 99, rows),
            "favorite_count": [None if n % 5 == 0 else n for n in range(rows)],
        }
    ).with_columns(pl.col("posted_utc").cast(pl.Datetime("us")))


def job_of(
    market: Path, bundle: Bundle, output: Path | str, intervals: Sequence[int] = (5, 30)
) -> Job:
    horizons = tuple(map(Horizon, intervals))
    with open_store(market, read_only=True) as store:
        return Job(bundle, horizons, read_market(store, horizons), place_of(output))


def write(folder: Path, *frames: pl.DataFrame) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames):
        frame.write_parquet(folder / f"{number}.parquet")
    return folder


def run(inputs: Path | str, job: Job) -> FilesAccount:
    told: list[Progress] = []
    account = score_files([str(inputs)], job, local_engine, told.append)
    assert account.rows == account.scored + account.skipped + account.rejected
    assert sum(account.reasons.values()) == account.skipped + account.rejected
    assert not told or told[-1].bytes == told[-1].bytes_to_do
    assert [each.shards for each in told] == list(
        range(1, account.shards - account.already_finished + 1)
    )
    return account


def results(output: Path) -> pl.DataFrame:
    order = ["tweet_id", "symbol", "interval_minutes"]
    return pl.concat([pl.read_parquet(each) for each in sorted(output.rglob("*.parquet"))]).sort(
        order
    )


def in_a_database(market: Path, bundle: Bundle, tweets: pl.DataFrame, path: Path) -> pl.DataFrame:
    """What the view of a database has for the same tweets and bars."""
    path.write_bytes(market.read_bytes())
    with open_store(path) as store:
        store.append("tweets", tweets.with_columns(source_id=1))
        if posts_to_link(store):
            link(store, None, lambda _name, _posts: None)
        score(store, bundle, (), lambda _done, _total: None)
        return store.frame(SCORED)


def outputs(folder: Path) -> dict[str, bytes]:
    return {
        each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*.parquet")
    }
