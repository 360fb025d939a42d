"""Google Cloud Storage and Azure, as their emulators speak: the same bytes as from files."""

import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest
from jobs import SCORED, in_a_database, posts, write
from pyarrow import fs

import tweetscore
from tweetscore.errors import InputError, LockedError
from tweetscore.io.lock import only_writer
from tweetscore.io.places import Place, place_of
from tweetscore.scoring.bundle import Bundle
from tweetscore.scoring.files import FilesAccount

# The account and the key that every Azurite has.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
STARTED_SECONDS = 60
TABLES = ("tweets", "bars")

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Cloud:
    """An empty bucket, and how it is reached."""

    address: str
    options: Mapping[str, str]
    system: fs.FileSystem

    def put(self, folder: Path, name: str) -> str:
        fs.copy_files(
            str(folder), f"archive/{name}", fs.LocalFileSystem(), self.system, use_threads=False
        )
        return f"{self.address}/{name}"

    def objects(self, name: str) -> dict[str, bytes]:
        place = place_of(f"{self.address}/{name}", self.options)
        found = (each.name for each in place.entries() if not each.name.startswith("_"))
        return {each: (place / each).read_bytes() for each in found}

    def arguments(self) -> list[str]:
        pairs = (f"{name}={value}" for name, value in self.options.items())
        return [part for pair in pairs for part in ("--storage-option", pair)]


# Google's own way to run it has one thread, and pyarrow leaves an answer half read while it asks
# again; within this process, pyarrow would hold Python's lock while it waits for the answer.
GOOGLE = """
from functools import partial
from http.server import ThreadingHTTPServer
from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage
handler = partial(RequestHandler, Storage(use_memory_fs=True))
server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
print(f"listening at http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""


@contextmanager
def google() -> Iterator[Cloud]:
    if find_spec("gcp_storage_emulator") is None:
        pytest.skip("no emulator of Google: pip install gcp-storage-emulator")
    with running([sys.executable, "-c", GOOGLE]) as authority:
        system = fs.GcsFileSystem(
            anonymous=True, scheme="http", endpoint_override=authority, project_id="tweetscore"
        )
        system.create_dir("archive")
        options = {"endpoint": f"http://{authority}", "anonymous": "true"}
        yield Cloud("gs://archive", options, system)


@contextmanager
def azure() -> Iterator[Cloud]:
    program = shutil.which("azurite-blob")
    if not program:
        pytest.skip("no emulator of Azure: npm install --global azurite")
    command = [program, "--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck"]
    with pytest.MonkeyPatch.context() as patch, running(command) as authority:
        patch.setenv("AZURE_STORAGE_KEY", KEY)
        system = fs.AzureFileSystem(
            ACCOUNT, account_key=KEY,
            blob_storage_authority=authority, blob_storage_scheme="http",
            dfs_storage_authority=authority, dfs_storage_scheme="http",
        )  # fmt: skip
        system.create_dir("archive")
        host = f"{ACCOUNT}.dfs.core.windows.net"
        yield Cloud(f"abfs://archive@{host}", {"endpoint": f"http://{authority}"}, system)


@contextmanager
def running(command: Sequence[str]) -> Iterator[str]:
    """Run an emulator; yield its host and port, once it says where it listens."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    ) as server:
        try:
            yield _authority(server)
        finally:
            server.terminate()


def _authority(server: subprocess.Popen[bytes]) -> str:
    """Wait until it says where it listens."""
    assert server.stdout
    while select.select([server.stdout], [], [], STARTED_SECONDS)[0]:
        line = server.stdout.readline().decode()
        if found := re.search(r"listen\w* (?:at|on) http://([\d.]+:\d+)", line):
            return found[1]
        assert line, "the emulator has ended"
    raise AssertionError("the emulator does not start")


@pytest.fixture(scope="module", params=[google, azure])
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    with request.param() as found:
        yield found


def score(
    cloud: Cloud | None, inputs: str | Path, output: str | Path, bundle: Bundle, market: Path
) -> FilesAccount:
    return tweetscore.score_files(
        [str(inputs)], output, model=bundle, intervals=[5], market=market,
        storage_options=cloud.options if cloud else None,
    )  # fmt: skip


def test_shards_are_scored_and_found_finished(
    cloud: Cloud, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in" / "year=2018", posts(300), posts(200, 1), posts(100, 2))
    address, output = cloud.put(inputs.parent, "score/in"), f"{cloud.address}/score/out"
    known = score(None, inputs.parent, tmp_path / "out", bundle, market)
    assert score(cloud, address, output, bundle, market) == known
    written = {
        each.relative_to(tmp_path / "out").as_posix(): each.read_bytes()
        for each in (tmp_path / "out").rglob("*.parquet")
    }
    assert cloud.objects("score/out") == written
    assert score(cloud, f"{address}/*/[01].parquet", output + "2", bundle, market).rows == 500
    assert score(cloud, address, output, bundle, market).already_finished == 3
    posts(90, 9).write_parquet(inputs / "1.parquet")
    cloud.put(inputs / "1.parquet", "score/in/year=2018/1.parquet")
    account = score(cloud, address, output, bundle, market)
    assert (account.already_finished, account.rows) == (2, 490)


def test_a_run_that_was_killed_is_finished_and_its_lock_is_passed_over(
    cloud: Cloud, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in", *(posts(60, seed) for seed in range(5)))
    address, output = cloud.put(inputs, "killed/in"), f"{cloud.address}/killed/out"
    command = [
        sys.executable, "-m", "tweetscore", "score", "--input", address, "--output", output,
        "--model", str(bundle.path), "--interval", "5", "--db", str(market), "--json",
        *cloud.arguments(),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as killed:
        assert killed.stderr
        assert json.loads(killed.stderr.readline())["shards"] == 1
        killed.kill()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["rows"] == 300
    score(None, inputs, tmp_path / "out", bundle, market)
    assert cloud.objects("killed/out") == {
        each.name: each.read_bytes() for each in (tmp_path / "out").glob("*.parquet")
    }


def test_who_holds_a_folder_is_told_and_may_lose_it(cloud: Cloud) -> None:
    folder = place_of(f"{cloud.address}/held", cloud.options)

    def take(folder: Place, *, take_over: bool) -> None:
        with only_writer(folder, folder.entries, take_over=take_over) as check:
            check()

    with only_writer(folder, folder.entries) as check:
        check()
        with pytest.raises(LockedError) as refusal:
            take(folder, take_over=False)
        assert f"(process {os.getpid()} of {socket.gethostname()!r}, since " in str(refusal.value)
        take(folder, take_over=True)
        with pytest.raises(LockedError, match="another run has taken over"):
            check()
    assert folder.entries() == []


def test_the_database_goes_there_and_comes_back(
    cloud: Cloud, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    address = cloud.put(write(tmp_path / "in", posts(60), posts(50, 1)), "home/in")
    score(cloud, address, f"{cloud.address}/home/out", bundle, market)
    known = in_a_database(
        market, bundle, pl.concat([posts(60), posts(50, 1)]), tmp_path / "whole.duckdb"
    ).filter(pl.col("interval_minutes") == 5)
    (tmp_path / "new.duckdb").write_bytes(market.read_bytes())
    with tweetscore.open(tmp_path / "new.duckdb") as database:
        database.import_from(f"{cloud.address}/home/out", storage_options=cloud.options)
        assert database.store.frame(SCORED).equals(known)
        database.export(f"{cloud.address}/home/export", storage_options=cloud.options)
        with pytest.raises(InputError, match="home/export: already exists"):
            database.export(f"{cloud.address}/home/export", storage_options=cloud.options)
    with tweetscore.open(tmp_path / "restored.duckdb") as database:
        database.import_from(f"{cloud.address}/home/export", storage_options=cloud.options)
        assert database.store.frame(SCORED).equals(known)


def test_archives_and_predictions_are_read_there(cloud: Cloud, tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    tweetscore.write_sample(demo, posts=300)
    archive = next(each for each in demo.iterdir() if each.suffix == ".json")
    with zipfile.ZipFile(demo / "archive.json.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(archive, archive.name)
    archive.unlink()
    address = cloud.put(demo, "demo")

    def read(name: str, given: str, options: Mapping[str, str]) -> Sequence[pl.DataFrame]:
        with tweetscore.open(tmp_path / name) as database:
            accounts = database.ingest(given, storage_options=options)
            assert [each.error for each in accounts] == [None, None]
            return [
                database.store.frame(f"FROM {each} ORDER BY ALL") for each in ("tweets", "bars")
            ]

    known = read("here.duckdb", str(demo), {})
    found = read("there.duckdb", address, cloud.options)
    assert all(one.equals(other) for one, other in zip(known, found, strict=True))
    with tweetscore.open(tmp_path / "there.duckdb") as database:
        (tmp_path / "given").mkdir()
        ids = database.store.frame("SELECT tweet_id, 'up' AS prediction FROM tweets")
        ids.write_csv(tmp_path / "given" / "made.csv")
        account = database.import_predictions(
            f"{cloud.put(tmp_path / 'given', 'given')}/made.csv", "somebody", interval_minutes=5,
            storage_options=cloud.options,
        )  # fmt: skip
        assert (account.name, account.stored) == (f"{cloud.address}/given/made.csv", 300)


def test_what_is_not_there_is_one_line(cloud: Cloud, tmp_path: Path) -> None:
    with tweetscore.open(tmp_path / "none.duckdb") as database:
        (lost,) = database.ingest(f"{cloud.address}/none.zip", storage_options=cloud.options)
    assert lost.error == f"{cloud.address}/none.zip: no object has such a name; check the address"
