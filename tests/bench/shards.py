"""Files in, files out beside the database and a bucket, and two workers of Ray beside one."""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from pyarrow import fs

from tweetscore.cli.heap import few_arenas
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
# An S3 server in a process of its own, that keeps its objects in memory.
SERVER = """
import logging, time
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("http://%s:%d" % server.get_host_and_port(), flush=True)
time.sleep(86_400)
"""
INTERVAL_MINUTES = Horizon(30)


def measure(setup: Setup) -> list[Row]:
    """Interleave the runs; results of every engine must be equal to the byte."""
    alone("shards", "prepare", setup)
    files, bucket, database, one, two = [], [], [], [], []
    for _ in range(setup.repeats):
        files.append(alone("shards", "by_files", setup))
        bucket.append(alone("shards", "by_bucket", setup))
        database.append(alone("shards", "by_database", setup))
        one.append(alone("shards", "on_ray", setup, 1))
        two.append(alone("shards", "on_ray", setup, 2))
    ours, other = (median(run["rows_s"] for run in runs) for runs in (files, database))
    alone_s, both_s = (median(run["rows_s"] for run in runs) for runs in (one, two))
    far, near = (median(run["cpu_rows_s"] for run in runs) for runs in (bucket, files))
    there = median(run["rows_s"] for run in bucket)
    served_s = median(run["server_s"] for run in bucket)
    server = f"the server took {served_s:.1f} s of the same cores, its start included"
    peak = max(run["peak_rss_gb"] for run in (*files, *bucket))
    return [
        Row("bucket_vs_files", "a bucket on loopback / files, by the clock",
            there / ours, "x", speed(there, "rows/s"), speed(ours, "rows/s"), server),
        Row("bucket_vs_files_cpu", "the same, by our processor time alone",
            far / near, "x", speed(far, "rows/s"), speed(near, "rows/s")),
        Row("files_vs_database", "files in, files out / database, its view exported",
            ours / other, "x", speed(ours, "rows/s"), speed(other, "rows/s")),
        Row("ray_two_vs_one", "two Ray workers after warm-up / one",
            both_s / alone_s, "x", speed(both_s, "rows/s"), speed(alone_s, "rows/s")),
        Row("files_peak_rss_gb", f"peak RSS, {setup.rows:,} rows of files or a bucket", peak, "GB"),
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
    few_arenas()  # as the program does
    return _scored(setup, _posts(setup), _job(setup, "local"))


def by_bucket(setup: Setup) -> dict[str, float]:
    """Score the shards from one bucket into another; the server has a process of its own."""
    few_arenas()
    job = _job(setup, "bucket")
    with _server() as address:
        s3 = fs.S3FileSystem(endpoint_override=address, allow_bucket_creation=True)
        for name in ("posts", "scored"):
            s3.create_dir(name)
        fs.copy_files(
            _posts(setup),
            "posts",
            source_filesystem=fs.LocalFileSystem(),
            destination_filesystem=s3,
        )
        found = _scored(setup, "s3://posts", replace(job, output=place_of("s3://scored")))
        for path in (_folder(setup) / "local").glob("*.parquet"):
            assert path.read_bytes() == s3.open_input_file(f"scored/{path.name}").read(), path
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found | {"server_s": used.ru_utime + used.ru_stime}


@contextmanager
def _server() -> Iterator[str]:
    """Run a server to which the environment leads, too; return its address."""
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None
        address = it.stdout.readline().strip()
        os.environ |= {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_REGION": "us-east-1",
        }
        try:
            yield address
        finally:
            it.terminate()


def _scored(setup: Setup, inputs: str, job: Job) -> dict[str, float]:
    """Run a job; return its rows a second, by the clock and by this process alone."""
    started, used = time.perf_counter(), time.process_time()
    account = score_files([inputs], job, local_engine, _silent)
    assert account.rows == setup.rows
    seconds, used = time.perf_counter() - started, time.process_time() - used
    return {
        "rows_s": setup.rows / seconds,
        "cpu_rows_s": setup.rows / used,
        "peak_rss_gb": peak_rss_gb(),
    }


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
