"""Files in, files out beside the database, and two workers of a Ray cluster beside one."""

import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from tweetscore.ingest.account import IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.io.places import place_of
from tweetscore.market.horizons import Horizon
from tweetscore.scoring.files import local_engine, score_files
from tweetscore.scoring.job import Failed, Finished, Job, Shard, read_market
from tweetscore.scoring.ray import RayEngine
from tweetscore.scoring.score import score
from tweetscore.store.database import open_store
from tweetscore.store.transfer import export

from . import material
from .measure import Row, Setup, alone, peak_rss_gb, speed

SHARDS = 10
INTERVAL_MINUTES = Horizon(30)


def measure(setup: Setup) -> list[Row]:
    """Interleave the runs; results of every engine must be equal to the byte."""
    alone("shards", "prepare", setup)
    files, database, one, two = [], [], [], []
    for _ in range(setup.repeats):
        files.append(alone("shards", "by_files", setup))
        database.append(alone("shards", "by_database", setup))
        one.append(alone("shards", "on_ray", setup, 1))
        two.append(alone("shards", "on_ray", setup, 2))
    ours, other = (median(run["rows_s"] for run in runs) for runs in (files, database))
    alone_s, both_s = (median(run["rows_s"] for run in runs) for runs in (one, two))
    peak = max(run["peak_rss_gb"] for run in files)
    return [
        Row("files_vs_database", "files in, files out / database, its view exported",
            ours / other, "x", speed(ours, "rows/s"), speed(other, "rows/s")),
        Row("ray_two_vs_one", "two Ray workers after warm-up / one",
            both_s / alone_s, "x", speed(both_s, "rows/s"), speed(alone_s, "rows/s")),
        Row("files_peak_rss_gb", f"peak RSS, {setup.rows:,} rows of files", peak, "GB"),
    ]  # fmt: skip


def prepare(setup: Setup) -> None:
    """Ingest the archive, and write its tweets as shards."""
    folder = _folder(setup)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with open_store(folder / "whole.duckdb") as store:
        paths = [material.archive_path(setup), material.bars_path(setup)]
        assert [each.error for each in ingest(store, paths, IngestOptions(), _silent)] == [None] * 2
        export(store, folder / "posts", ["tweets"], _silent, max(1, setup.rows // SHARDS))


def by_files(setup: Setup) -> dict[str, float]:
    """Score the shards on this machine."""
    started = time.perf_counter()
    account = score_files([_posts(setup)], _job(setup, "local"), local_engine, _silent)
    assert account.rows == setup.rows
    seconds = time.perf_counter() - started
    return {"rows_s": setup.rows / seconds, "peak_rss_gb": peak_rss_gb()}


def by_database(setup: Setup) -> dict[str, float]:
    """Score in a database and export the view, which gives the same rows."""
    folder = _folder(setup)
    shutil.rmtree(folder / "view", ignore_errors=True)
    shutil.copy(folder / "whole.duckdb", folder / "run.duckdb")
    started = time.perf_counter()
    with open_store(folder / "run.duckdb") as store:
        score(store, material.bundle(setup), [INTERVAL_MINUTES], _silent)
        export(store, folder / "view", ["scored"], _silent)
    return {"rows_s": setup.rows / (time.perf_counter() - started)}


def on_ray(setup: Setup, workers: int) -> dict[str, float]:
    """Return the rows a second after each worker has finished its first shard."""
    times: list[tuple[float, int]] = []

    def timed(job: Job, shards: Sequence[Shard]) -> Iterator[Finished | Failed]:
        for each in RayEngine(workers=workers)(job, shards):
            assert isinstance(each, Finished)
            times.append((time.perf_counter(), each.rows))
            yield each

    job = _job(setup, f"ray{workers}")
    score_files([_posts(setup)], job, timed, _silent)
    for path in (_folder(setup) / "local").glob("*.parquet"):
        assert path.read_bytes() == (job.output / path.name).read_bytes(), path
    warm = times[workers - 1][0]
    return {"rows_s": sum(rows for _, rows in times[workers:]) / (times[-1][0] - warm)}


def _job(setup: Setup, name: str) -> Job:
    output = _folder(setup) / name
    shutil.rmtree(output, ignore_errors=True)
    with open_store(_folder(setup) / "whole.duckdb", read_only=True) as store:
        market = read_market(store, [INTERVAL_MINUTES])
    return Job(material.bundle(setup), (INTERVAL_MINUTES,), market, place_of(output))


def _folder(setup: Setup) -> Path:
    return setup.folder / "shards"


def _posts(setup: Setup) -> str:
    return str(_folder(setup) / "posts" / "tweets")


def _silent(*_: object) -> None:
    """Nobody looks."""
