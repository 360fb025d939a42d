"""Shards in buckets: the bytes of files on this machine, whatever fails on the way."""

import json
import os
import random
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from faulty_server import (
    Faults,
    Proxy,
    around,
    every_fault,
    objects,
    proxied,
    put,
    reach,
    s3_server,
)
from jobs import SCORED, in_a_database, job_of, outputs, posts, run, write
from pyarrow import fs
from typer.testing import CliRunner

import tweetscore
from tweetscore.cli.app import app
from tweetscore.errors import InputError, LockedError, TweetscoreError
from tweetscore.io.places import place_of
from tweetscore.posts.canonical import COUNTS
from tweetscore.scoring.bundle import Bundle
from tweetscore.scoring.files import FilesAccount, local_engine, score_files
from tweetscore.scoring.inputs import find_shards
from tweetscore.scoring.job import Failed, Finished, Job, Shard
from tweetscore.scoring.shard_reader import OF_TWEETS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("moto") is None, reason="moto is not installed: pip install 'moto[server]'"
    ),
]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, int]]:
    with s3_server() as target:
        yield target


@pytest.fixture(scope="module")
def bucket(server: tuple[str, int]) -> Iterator[Proxy]:
    """A proxy before the server, by which the environment leads to an empty bucket."""
    with pytest.MonkeyPatch.context() as patch, proxied(server) as proxy:
        reach(proxy, patch)
        around(proxy).create_dir("archive")
        yield proxy


@pytest.fixture
def direct(bucket: Proxy) -> fs.S3FileSystem:
    """The way around the proxy; faults end with the test."""
    bucket.faults = Faults()
    return around(bucket)


def test_a_bucket_gives_the_bytes_of_files(
    direct: fs.S3FileSystem, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in" / "year=2018", posts(500), posts(300, 1), posts(400, 2))
    put(direct, tmp_path / "in", "archive/same/in")
    local = run(inputs.parent, job_of(market, bundle, tmp_path / "out"))
    account = run("s3://archive/same/in", job_of(market, bundle, "s3://archive/same/out"))
    assert account == local
    assert objects(direct, "archive/same/out") == outputs(tmp_path / "out")
    pattern = "s3://archive/same/in/year=*/[01].parquet"
    assert run(pattern, job_of(market, bundle, "s3://archive/same/some")).rows == 800


def test_the_next_shard_is_fetched_before_the_results_of_the_last_are_put(
    bucket: Proxy, direct: fs.S3FileSystem, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    put(direct, write(tmp_path / "in", posts(5_000), posts(500, 1)), "archive/ahead/in")
    bucket.clear()
    account = run("s3://archive/ahead/in", job_of(market, bundle, "s3://archive/ahead/out"))
    assert account.rows == 5_500
    fetched = bucket.paths.index("GET /archive/ahead/in/1.parquet")
    begun = next(n for n, it in enumerate(bucket.paths) if "ahead/out/0.parquet" in it)
    assert fetched < begun


def test_faults_of_every_kind_change_no_byte(
    bucket: Proxy, direct: fs.S3FileSystem, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in", *(posts(200, seed) for seed in range(5)))
    put(direct, inputs, "archive/faults/in")
    run(inputs, job_of(market, bundle, tmp_path / "out"))
    bucket.clear()
    bucket.faults = every_fault()
    account = run("s3://archive/faults/in", job_of(market, bundle, "s3://archive/faults/out"))
    assert (account.failed, account.rows) == ((), 1_000)
    assert len(bucket.struck) > 4
    assert objects(direct, "archive/faults/out") == outputs(tmp_path / "out")


@pytest.mark.parametrize("megabytes", [0, 1, 12])
def test_what_cannot_be_written_is_told_and_leaves_nothing(
    bucket: Proxy, direct: fs.S3FileSystem, tmp_path: Path, megabytes: int
) -> None:
    path = tmp_path / "content"
    path.write_bytes(random.Random(1).randbytes(megabytes << 20))
    place = place_of(f"s3://archive/denied/{megabytes}")
    for method in ("PUT", "POST"):
        bucket.faults = Faults(refuse=1, methods=(method,))
        with pytest.raises(InputError, match=r"cannot be written \(.*check the credentials"):
            place.put(path)
        assert direct.get_file_info(f"archive/denied/{megabytes}").type == fs.FileType.NotFound
    bucket.faults = Faults()
    place.put(path)
    assert place.read_bytes() == path.read_bytes()


def test_only_the_columns_that_are_needed_are_fetched(
    bucket: Proxy, direct: fs.S3FileSystem, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    more = posts(20_000).with_columns(
        text=pl.col("text") + pl.int_range(pl.len()).hash().cast(pl.String),
        html=pl.int_range(pl.len()).hash(1).cast(pl.String).repeat_by(3).list.join(""),
    )
    inputs = write(tmp_path / "in", more)
    put(direct, inputs, "archive/columns/in")
    job = job_of(market, bundle, "s3://archive/columns/out")
    bucket.clear()
    run("s3://archive/columns/in", job)
    metadata = pq.read_metadata(inputs / "0.parquet")
    needed = sum(
        metadata.row_group(group).column(column).total_compressed_size
        for group in range(metadata.num_row_groups)
        for column in range(metadata.num_columns)
        if metadata.schema.column(column).path in {*OF_TWEETS} - {*COUNTS}
    )
    assert needed < (inputs / "0.parquet").stat().st_size * 0.6
    assert bucket.sent_bytes < 1.1 * needed
    assert sum("list-type=2" in each for each in bucket.paths) == 2  # of the input, of the output


def test_a_finished_job_reads_no_shard_and_a_changed_one_is_done_again(
    bucket: Proxy, direct: fs.S3FileSystem, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in", posts(30), posts(30, 1), posts(30, 2))
    put(direct, inputs, "archive/again/in")
    job = job_of(market, bundle, "s3://archive/again/out")
    run("s3://archive/again/in", job)
    bucket.clear()
    assert run("s3://archive/again/in", job).already_finished == 3
    read = [each for each in bucket.paths if ".parquet" in each]
    assert read == []
    posts(25, 9).write_parquet(inputs / "1.parquet")
    put(direct, inputs / "1.parquet", "archive/again/in/1.parquet")
    direct.delete_file("archive/again/out/2.parquet")
    account = run("s3://archive/again/in", job)
    assert (account.already_finished, account.rows) == (1, 85)
    run(inputs, job_of(market, bundle, tmp_path / "out"))
    assert objects(direct, "archive/again/out") == outputs(tmp_path / "out")


def test_a_shard_that_cannot_be_read_is_listed_and_the_rest_goes_on(
    direct: fs.S3FileSystem, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in", posts(30), posts(30, 1), posts(30, 2), posts(30, 3))
    content = (inputs / "1.parquet").read_bytes()
    (inputs / "1.parquet").write_bytes(content[:-40])
    (inputs / "2.parquet").write_bytes(b"")
    posts(30, 3).drop("text").write_parquet(inputs / "3.parquet")
    put(direct, inputs, "archive/spoilt/in")
    job = job_of(market, bundle, "s3://archive/spoilt/out")
    account = run("s3://archive/spoilt/in", job)
    assert [each.name for each in account.failed] == ["1.parquet", "2.parquet", "3.parquet"]
    cut, empty, lacking = (each.reason for each in account.failed)
    assert cut.startswith("s3://archive/spoilt/in/1.parquet: unreadable Parquet (")
    assert empty.startswith("s3://archive/spoilt/in/2.parquet: unreadable Parquet (")
    assert lacking.startswith("s3://archive/spoilt/in/3.parquet: has no column text; ")
    assert set(objects(direct, "archive/spoilt/out")) == {"0.parquet"}


# --- two runs -------------------------------------------------------------------------------------


def test_of_two_runs_into_one_bucket_the_second_is_told_who_and_may_take_over(
    direct: fs.S3FileSystem, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in", posts(30), posts(30, 1))
    put(direct, inputs, "archive/two/in")
    job = job_of(market, bundle, "s3://archive/two/out")
    others: list[FilesAccount] = []

    def meanwhile(job: Job, shards: Sequence[Shard]) -> Iterator[Finished | Failed]:
        with pytest.raises(LockedError) as refusal:
            run("s3://archive/two/in", job)
        told = str(refusal.value)
        assert told.startswith("s3://archive/two/out/_manifest: another run writes there now; ")
        assert f"(process {os.getpid()} of {socket.gethostname()!r}, since 20" in told
        assert "add --take-over" in told
        others.append(
            score_files(["s3://archive/two/in"], job, local_engine, lambda _: None, take_over=True)
        )
        yield from local_engine(job, shards)

    with pytest.raises(LockedError, match="another run has taken over"):
        score_files(["s3://archive/two/in"], job, meanwhile, lambda _: None)
    assert [each.rows for each in others] == [60]
    run(inputs, job_of(market, bundle, tmp_path / "out"))
    assert objects(direct, "archive/two/out") == outputs(tmp_path / "out")
    assert run("s3://archive/two/in", job).already_finished == 2


TABLES = ("tweets", "bars")
KILLS = int(os.environ.get("TWEETSCORE_KILLS", "6"))


def test_a_run_that_is_killed_at_any_request_is_finished_by_the_same_command(
    bucket: Proxy, direct: fs.S3FileSystem, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in", *(posts(100, seed) for seed in range(6)))
    put(direct, inputs, "archive/kills/in")
    run(inputs, job_of(market, bundle, tmp_path / "out"))
    known = outputs(tmp_path / "out")
    command = [
        sys.executable, "-m", "tweetscore", "score", "--input", "s3://archive/kills/in",
        "--output", "s3://archive/kills/out", "--db", str(market), "--model", str(bundle.path),
        "--json",
    ]  # fmt: skip
    draws = random.Random(20)
    for kill in range(KILLS):
        if kill % 3 == 0:  # from the start; else where the last one was killed
            for each in direct.get_file_info(fs.FileSelector("archive/kills", recursive=True)):
                if each.path.startswith("archive/kills/out") and each.type == fs.FileType.File:
                    direct.delete_file(each.path)
        bucket.clear()
        until = draws.randrange(2, 40)
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as killed:
            while sum(bucket.requests.values()) < until and killed.poll() is None:
                time.sleep(0.002)
            killed.kill()
        there = objects(direct, "archive/kills/out")
        assert there == {name: known[name] for name in there}
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["rows"] == 600
    assert objects(direct, "archive/kills/out") == known


def test_the_command_reaches_a_bucket_by_options_and_tells_each_shard(
    bucket: Proxy,
    direct: fs.S3FileSystem,
    bundle: Bundle,
    market: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(direct, write(tmp_path / "in", posts(30), posts(60, 1)), "archive/command/in")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_REGION")
    command = [
        "score", "--input", "s3://archive/command/in", "--output", "s3://archive/command/out",
        "--db", str(market), "--model", str(bundle.path), "--json",
    ]  # fmt: skip
    reached = ["--storage-option", f"endpoint={bucket.url}", "--storage-option", "region=us-east-1"]
    plan = CliRunner().invoke(app, [*command, *reached, "--dry-run"])
    assert json.loads(plan.stdout)["rows"] == 90
    assert objects(direct, "archive/command/out") == {}
    done = CliRunner().invoke(app, [*command, *reached])
    assert json.loads(done.stdout)["rows"] == 90
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(each["shards"], each["rows"]) for each in told] == [(1, 60), (2, 90)]  # largest first
    assert told[1]["bytes"] == told[1]["bytes_to_do"]
    assert told[1]["seconds_left"] == 0
    leaked = CliRunner().invoke(app, [*command, "--storage-option", "secret_key=hidden"])
    assert leaked.exit_code == 1
    assert "set AWS_SECRET_ACCESS_KEY in the environment" in leaked.stderr
    assert "hidden" not in leaked.output
    everything = b"".join(
        direct.open_input_stream(each.path).readall()
        for each in direct.get_file_info(fs.FileSelector("archive/command", recursive=True))
        if each.type == fs.FileType.File
    )
    assert b"not-a-secret" not in everything


# --- the database and buckets ---------------------------------------------------------------------


def test_an_export_and_results_come_home_from_a_bucket(
    direct: fs.S3FileSystem, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    put(direct, write(tmp_path / "in", posts(60), posts(50, 1)), "archive/home/in")
    run("s3://archive/home/in", job_of(market, bundle, "s3://archive/home/out"))
    known = in_a_database(
        market, bundle, pl.concat([posts(60), posts(50, 1)]), tmp_path / "whole.duckdb"
    )
    (tmp_path / "new.duckdb").write_bytes(market.read_bytes())
    with tweetscore.open(tmp_path / "new.duckdb") as database:
        added = database.import_from("s3://archive/home/out")
        assert added == {"tweets": known.height // 2, "predictions": known.height, "models": 1}
        assert set(database.import_from("s3://archive/home/out").values()) == {0}
        assert database.store.frame(SCORED).equals(known)
        (source,) = database.store.frame("FROM sources WHERE kind = 'tweets'").to_dicts()
        assert source["name"] == "s3://archive/home/out"
        database.export("s3://archive/home/export")
        with pytest.raises(InputError, match="s3://archive/home/export: already exists"):
            database.export("s3://archive/home/export")
    with tweetscore.open(tmp_path / "restored.duckdb") as database:
        with pytest.raises(InputError, match="s3://archive/home/in: is neither an export nor a"):
            database.import_from("s3://archive/home/in")
        database.import_from("s3://archive/home/export")
        assert database.store.frame(SCORED).equals(known)
    part = "archive/home/export/tweets/part-00000.parquet"
    with direct.open_output_stream(part) as stream:
        stream.write(b"PAR1")
    with tweetscore.open(tmp_path / "damaged.duckdb") as database:
        with pytest.raises(TweetscoreError) as refusal:
            database.import_from("s3://archive/home/export")
        assert str(refusal.value).startswith(f"s3://{part}: is not the file that was written (")


def test_archives_in_a_bucket_are_read_as_those_of_a_folder(
    direct: fs.S3FileSystem, tmp_path: Path
) -> None:
    demo = tmp_path / "demo" / "SPY"
    tweetscore.write_sample(demo, posts=300)
    archive = next(each for each in demo.iterdir() if each.suffix == ".json")
    with zipfile.ZipFile(demo / "archive.json.zip", "w") as packed:
        packed.write(archive, archive.name)
    archive.unlink()
    next(demo.glob("*.csv")).rename(demo / "bars.csv")  # their symbol is in the name of the folder
    put(direct, demo.parent, "archive/demo")

    def read(given: str) -> tuple[list[str], pl.DataFrame, pl.DataFrame]:
        path = tmp_path / f"{random.random()}.duckdb"
        with tweetscore.open(path) as database:
            accounts = database.ingest(given)
            assert [each.error for each in accounts] == [None] * len(accounts)
            names = [each.name for each in accounts]
            frames = [database.store.frame(f"FROM {name} ORDER BY ALL") for name in TABLES]
        return names, frames[0], frames[1]

    names, posts_there, bars_there = read(str(demo.parent))
    assert posts_there.height == 300
    assert set(bars_there["symbol"]) == {"SPY"}
    for given in ("s3://archive/demo", "s3://archive/demo/*/*"):
        addresses, tweets, bars = read(given)
        assert addresses == [each.replace(str(demo.parent), "s3://archive/demo") for each in names]
        assert tweets.equals(posts_there)
        assert bars.equals(bars_there)
    assert read("s3://archive/demo/SPY/archive.json.zip")[1].height == 300
    with tweetscore.open(tmp_path / "none.duckdb") as database:
        (lost,) = database.ingest("s3://archive/demo/none.zip")
    assert lost.error == "s3://archive/demo/none.zip: no object has such a name; check the address"


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "options", "says"),
    [
        ("ftp://host/posts", {}, "ftp://host/posts: places of ftp:// are not read; "),
        ("s3:///posts", {}, "s3:///posts: names no bucket; write it as s3://BUCKET/FOLDER"),
        ("s3://a:hidden@bucket/posts", {}, "s3://bucket/posts: names more than a bucket; set cred"),
        ("s3://bucket", {"secret_key": "hidden"}, "set AWS_SECRET_ACCESS_KEY in the environment"),
        ("s3://bucket", {"regoin": "hidden"}, "is not one of account_name, anonymous, "),
        ("s3://bucket/in", {"anonymous": "perhaps"}, "anonymous: cannot be 'perhaps'; give a "),
        ("s3://none/in", {}, "s3://none/in: no Parquet file found; give a file, "),
        ("s3://archive/none/*.parquet", {}, "none/*.parquet: no Parquet file found; give a file"),
        ("s3://archive/none/a.parquet", {}, "none/a.parquet: no Parquet file found; give a file"),
        ("abfs://box/in", {}, "abfs://: no account is named; write abfs://CONTAINER@ACCOUNT"),
    ],
)
@pytest.mark.usefixtures("direct")
def test_what_cannot_be_read_is_one_line_without_a_secret(
    given: str, options: dict[str, str], says: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as refusal:
        find_shards([given], place_of(tmp_path / "out"), options)
    told = str(refusal.value)
    assert says in told
    assert len(told.splitlines()) == 1
    assert "hidden" not in told.replace("regoin", "")
    assert "not-a-secret" not in told


@pytest.mark.parametrize("output", ["s3://archive/out", "out"])
def test_a_name_that_leads_out_of_its_folder_is_not_within_it(output: str) -> None:
    place = place_of(output)
    assert (place / "year=2018/a.parquet").is_within(place)
    assert not (place / "../a.parquet").is_within(place)
    assert not (place / "a/../../b.parquet").is_within(place)


def test_results_are_never_scored_themselves(direct: fs.S3FileSystem, tmp_path: Path) -> None:
    put(direct, write(tmp_path / "in", posts(3)), "archive/mixed/in")
    for output in ("s3://archive/mixed/in", "s3://archive/mixed/in/out", "s3a://archive/mixed/in"):
        with pytest.raises(InputError, match="lies among the files to score"):
            find_shards(["s3://archive/mixed/in"], place_of(output))
    assert find_shards(["s3://archive/mixed/in"], place_of("s3://archive/mixed/input"))
