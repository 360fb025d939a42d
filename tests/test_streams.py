"""What lies in a bucket is read where it lies: each archive gives what it gives on a disk."""

import bz2
import gzip
import io
import json
import lzma
import random
import sqlite3
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from faulty_server import Faults, Proxy, around, every_fault, proxied, put, reach, s3_server
from made_archives import lines_with_damage, snowflake
from workbooks import workbook

from tweetscore.errors import InputError
from tweetscore.ingest.account import Account, IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.io.open import data_files
from tweetscore.io.places import LocalPlace, Place, place_of
from tweetscore.io.remote import PIECE_BYTES, Remote
from tweetscore.store.database import open_store

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

OPEN = datetime(2021, 5, 10, 14, 30, tzinfo=UTC)
COLUMNS = ("id", "created_at", "text")


def posts(form: int, rows: int = 40) -> pl.DataFrame:
    """Posts that no other form has."""
    times = [OPEN + timedelta(hours=form, seconds=37 * row) for row in range(rows)]
    ids = [str(snowflake(time, row)) for row, time in enumerate(times)]
    written = [f"{time:%Y-%m-%d %H:%M:%S}" for time in times]
    texts = [f'up & "down", é 美 {form} {row}' for row in range(rows)]
    return pl.DataFrame([ids, written, texts], schema=list(COLUMNS))


def as_csv(form: int) -> bytes:
    return posts(form).write_csv().encode()


def as_tar(parts: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:  # type: ignore[call-overload]
        for name, content in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def as_zip(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def as_table(form: int, write: Callable[[pl.DataFrame, io.BytesIO], Any]) -> bytes:
    out = io.BytesIO()
    write(posts(form), out)
    return out.getvalue()


def as_sqlite(form: int) -> bytes:
    con = sqlite3.connect(":memory:")
    con.execute("CREATE TABLE posts (id TEXT, created_at TEXT, text TEXT)")
    con.executemany("INSERT INTO posts VALUES (?, ?, ?)", posts(form).rows())
    con.commit()
    return con.serialize()


def as_workbook(form: int) -> bytes:
    rows = [list(COLUMNS), *(list(row) for row in posts(form).rows())]
    return workbook({"posts": rows})


def damaged(content: bytes) -> bytes:
    """Change a byte in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


def write_forms(folder: Path) -> Path:
    """Write an archive in every form, whole and damaged, and bars whose symbol is in a folder."""
    small = as_zip({"a.csv": as_csv(8), "b/c.csv": as_csv(9), "d.png": b"\x89PNG"})
    minutes = [OPEN + timedelta(minutes=minute) for minute in range(60)]
    bars = [f"{minute:%Y-%m-%d %H:%M:%SZ},2,9,1,2,{row}" for row, minute in enumerate(minutes)]
    contents = {
        "plain.csv": as_csv(0),
        "latin.csv": posts(1).write_csv().replace("美", "ü").encode("latin-1"),
        "a.csv.gz": gzip.compress(as_csv(2)),
        "a.csv.bz2": bz2.compress(as_csv(3)),
        "a.csv.xz": lzma.compress(as_csv(4)),
        "a.csv.zst": zstd.compress(as_csv(5)),
        "array.json": json.dumps(posts(6).to_dicts()).encode(),
        "two.zip": small,
        "two.tar": as_tar({"a.csv": as_csv(10), "b/c.csv": as_csv(11)}),
        "two.tar.gz": as_tar({"a.csv": as_csv(12), "b/c.csv": as_csv(13)}, "w:gz"),
        "a.parquet": as_table(14, lambda frame, out: frame.write_parquet(out)),
        "a.arrow": as_table(15, lambda frame, out: frame.write_ipc(out, compression="lz4")),
        "a.arrows": as_table(16, lambda frame, out: frame.write_ipc_stream(out)),
        "a.sqlite": as_sqlite(17),
        "a.xlsx": as_workbook(18),
        "tweets.js": b"window.YTD.tweets.part0 = " + of_an_export(),
        "account.js": b'window.YTD.account.part0 = [{"account": {"username": "somebody"}}]',
        "cut.zip": small[: len(small) // 2],
        "broken.zip": damaged(as_zip({"a.csv": as_csv(19), "b.csv": as_csv(20)})),
        "cut.csv.gz": gzip.compress(as_csv(19))[:-30],
        "broken.csv.xz": damaged(lzma.compress(as_csv(19))),
        "bomb.zip": as_zip({"a.csv": bytes(101 << 20)}),
        "broken.tar": damaged(as_tar({"a.csv": as_csv(19)})[:400]) + bytes(2_000),
        "cut.parquet": as_table(19, lambda frame, out: frame.write_parquet(out))[:-9],
        "empty.csv": b"",
        "a.pkl": b"\x80\x04K\x01.",
        "SPY/bars.csv": "\n".join(["time,open,high,low,close,volume", *bars]).encode(),
    }
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    lines_with_damage(folder, 300)
    return folder


def of_an_export() -> bytes:
    (post,) = posts(7, 1).to_dicts()
    written = f"{OPEN + timedelta(hours=7):%a %b %d %H:%M:%S +0000 %Y}"
    tweet = {"id_str": post["id"], "created_at": written, "full_text": post["text"]}
    return json.dumps([{"tweet": tweet}]).encode()


Told = list[tuple[str, int, int]]
Held = tuple[list[Account], dict[str, list[dict[str, Any]]], Told]


def read(given: Path | Place, database: Path, root: str) -> Held:
    """Everything that reading leaves, but for times; a root of the names is left out."""
    told: Told = []
    with open_store(database) as store:
        accounts = ingest(store, [given], IngestOptions(), lambda *reached: told.append(reached))
        tables = {
            name: store.frame(f"FROM {name} ORDER BY ALL")
            .drop("started_utc", "finished_utc", strict=False)
            .to_dicts()
            for (name,) in store.rows("SELECT table_name FROM duckdb_tables() WHERE NOT temporary")
        }
    for each in tables["sources"]:
        each["name"] = each["name"].replace(root, "")
    shown = [
        replace(it, name=it.name.replace(root, ""), error=it.error and it.error.replace(root, ""))
        for it in accounts
    ]
    return shown, tables, [(name.replace(root, ""), rows, size) for name, rows, size in told]


def test_every_form_gives_the_same_database_wherever_it_lies(tmp_path: Path) -> None:
    folder = write_forms(tmp_path / "forms")
    known = read(folder, tmp_path / "disk.duckdb", str(folder))
    found = read(LocalPlace(folder), tmp_path / "far.duckdb", str(folder))
    assert found == known
    accounts = {each.name: each for each in known[0]}
    assert sum(each.stored for each in accounts.values()) == 19 * 40 + 1 + 60 + 300
    refused = sorted(name for name, each in accounts.items() if each.error)
    assert refused == [
        "/bomb.zip", "/broken.csv.xz", "/broken.tar", "/broken.zip!b.csv", "/cut.csv.gz",
        "/cut.parquet", "/cut.zip",
    ]  # fmt: skip


def test_a_command_that_reads_this_machine_says_so_of_an_address() -> None:
    with pytest.raises(InputError, match=r"^s3://a/b\.csv: this command reads files of"):
        data_files(Path("s3://a/b.csv"))


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    path = tmp_path / "content"
    path.write_bytes(random.Random(2).randbytes(4 * PIECE_BYTES + 12_345))
    place = LocalPlace(path)
    listed = place.entry()
    assert listed
    return Remote(place, listed.bytes, listed.stamp)


def test_a_stream_has_the_bytes_of_the_object_from_any_place(remote: Remote) -> None:
    content, draws = remote.place.read_bytes(), random.Random(3)
    with remote.open("rb") as stream:
        assert stream.read() == content
        assert stream.seek(0, io.SEEK_END) == len(content)
        for _ in range(50):
            start, length = draws.randrange(len(content) + 9), draws.randrange(2 * PIECE_BYTES)
            stream.seek(start)
            assert stream.read(length) == content[start : start + length]
        assert stream.seek(-5, io.SEEK_END) == stream.tell() == len(content) - 5
        with pytest.raises(ValueError, match="a position before the file: -1"):
            stream.seek(-1)


def test_an_object_that_changes_while_it_is_read_is_refused(remote: Remote) -> None:
    def read_a_part() -> None:
        with remote.open("rb") as stream:
            stream.read(10)
            with remote.place.new_file() as file:
                file.write(bytes(remote.bytes))

    with pytest.raises(InputError, match="content: has changed since it was listed; run the"):
        read_a_part()


# --- a server -------------------------------------------------------------------------------------

far = pytest.mark.skipif(
    find_spec("moto") is None, reason="moto is not installed: pip install 'moto[server]'"
)


@pytest.fixture(scope="module")
def passed() -> Iterator[Proxy]:
    """A proxy before an S3 server, by which the environment leads to an empty bucket."""
    with pytest.MonkeyPatch.context() as patch, s3_server() as server, proxied(server) as proxy:
        reach(proxy, patch)
        around(proxy).create_dir("archive")
        yield proxy


@pytest.fixture
def bucket(passed: Proxy) -> Iterator[Proxy]:
    """The same; faults end with the test."""
    passed.clear()
    yield passed
    passed.faults = Faults()


@far
@pytest.mark.slow
def test_faults_on_the_way_change_nothing_of_what_is_read(bucket: Proxy, tmp_path: Path) -> None:
    folder = write_forms(tmp_path / "forms")
    put(around(bucket), folder, "archive/forms")
    known = read(folder, tmp_path / "disk.duckdb", str(folder))
    address = "s3://archive/forms"
    bucket.faults = every_fault()
    assert read(place_of(address), tmp_path / "far.duckdb", address) == known
    assert len(bucket.struck) > 4


@far
@pytest.mark.slow
def test_a_large_archive_is_read_where_it_lies(
    bucket: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No disk, hardly more bytes than it has, and a request for each piece."""
    noise = random.Random(4).randbytes(12 << 20)
    rows = posts(0, 2_000).write_csv().encode()
    packed = tmp_path / "large.zip"
    packed.write_bytes(as_zip({"video.mp4": noise, "posts.csv": rows, "more.csv": as_csv(1)}))
    put(around(bucket), packed, "archive/large.zip")
    none = tmp_path / "none"
    none.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(none))
    bucket.clear()
    known = read(packed, tmp_path / "disk.duckdb", str(packed))
    address = "s3://archive/large.zip"
    assert read(place_of(address), tmp_path / "far.duckdb", address) == known
    assert list(none.iterdir()) == []
    assert bucket.sent_bytes < 4 * PIECE_BYTES  # of the ends, and the posts
    assert bucket.requests["GET"] < 9


@far
@pytest.mark.slow
def test_what_may_not_be_read_is_one_line(bucket: Proxy, tmp_path: Path) -> None:
    put(around(bucket), write_forms(tmp_path / "forms") / "plain.csv", "archive/plain.csv")
    bucket.faults = Faults(refuse=1, methods=("HEAD",))
    (account,), _, _ = read(place_of("s3://archive/plain.csv"), tmp_path / "a.duckdb", "")
    assert account.error
    fact, _, step = account.error.rpartition("; ")
    assert fact.startswith("s3://archive/plain.csv: cannot be read (")
    assert step == "check the credentials in the environment, and what they may do there"
