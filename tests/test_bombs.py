"""Small files that unpack to gigabytes: refused in one line and in bounded memory."""

import os
import re
import sqlite3
import struct
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tweetscore.errors import InputError
from tweetscore.io.data_file import DataFile
from tweetscore.io.open import data_files
from tweetscore.io.source import sniff
from tweetscore.io.tables.find import find_table, tables_in

pytestmark = pytest.mark.slow

MOST_BYTES = 1_700_000_000  # the program alone takes 0.2 GB
ROWS = 88_000
# In a process of its own: what this one has used would count for those that it starts.
WRITE = """
import sys, pyarrow as pa, pyarrow.parquet as pq
table = pa.table({"tweet_id": [1], "text": ["x" * 1_000_000_000]})
if sys.argv[1].endswith("parquet"):
    pq.write_table(table, sys.argv[1], compression="zstd", use_dictionary=False)
else:
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sys.argv[1], table.schema, options=options) as writer:
        writer.write_table(table)
"""


def posts(rows: int, text: pa.Array) -> pa.Table:
    return pa.table(
        {
            "platform": pa.array(["twitter"] * rows),
            "tweet_id": pa.array(np.arange(rows) + 1),
            "posted_utc": pa.array(np.full(rows, np.datetime64("2018-12-19T14:30", "us"))),
            "text": text,
        }
    )


def refused(path: Path) -> str:
    """Ingest, and return what is said; memory stays in its bound."""
    argv = ["ingest", str(path), "--db", str(path.with_name("t.duckdb"))]
    said = path.with_name("said")
    with said.open("wb") as out:
        running = subprocess.Popen(
            [sys.executable, "-m", "tweetscore", *argv], stdout=subprocess.DEVNULL, stderr=out
        )
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    assert running.returncode == 1
    assert used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) < MOST_BYTES
    (line,) = [it for it in said.read_text().splitlines() if it.startswith("Error: ")]
    return line


@pytest.mark.parametrize("letters", [100_000, 16_000_000])
def test_a_long_word_in_every_row_is_refused(tmp_path: Path, letters: int) -> None:
    words = pa.array(["x" * letters])
    rows = min(ROWS, 8_800_000_000 // letters)
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), words)
    path = tmp_path / "bomb.parquet"
    pq.write_table(posts(rows, text), path, compression="zstd", store_schema=False)
    assert path.stat().st_size < 500_000
    assert "its values take more than 1,000 times its size" in refused(path)


def test_a_page_of_a_gigabyte_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    subprocess.run([sys.executable, "-c", WRITE, str(path)], check=True)
    assert "pages of its row group 1 unpack to 1,000,000,0" in refused(path)


def test_a_batch_of_a_gigabyte_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bomb.arrows"
    subprocess.run([sys.executable, "-c", WRITE, str(path)], check=True)
    assert "a batch of it unpacks to 1,000,000,0" in refused(path)


def refusal(path: Path) -> str:
    """Read all columns of a table in this process; return why that is refused."""
    with pytest.raises(InputError) as caught:  # noqa: PT012  # also while rows are read
        table = find_table(sniff(DataFile(path)))
        assert table
        for _ in table.rows({name: name for name in table.columns}):
            pass
    return str(caught.value)


def write_arrow(path: Path, table: pa.Table, packed: str | None = None) -> None:
    options = pa.ipc.IpcWriteOptions(compression=packed)
    with pa.ipc.new_file(str(path), table.schema, options=options) as writer:
        writer.write_table(table)


def test_a_text_that_millions_of_views_share_is_refused(tmp_path: Path) -> None:
    rows, path = 1_000_000, tmp_path / "bomb.arrow"
    view = struct.pack("<i4sii", 10_000_000, b"xxxx", 0, 0)
    buffers = [None, pa.py_buffer(view * rows), pa.py_buffer(b"x" * 10_000_000)]
    write_arrow(path, posts(rows, pa.Array.from_buffers(pa.string_view(), rows, buffers)), "zstd")
    assert "its values take more than 1,000 times its size" in refusal(path)


def test_dictionaries_count_with_the_batch(tmp_path: Path) -> None:
    path, words = tmp_path / "bomb.arrow", pa.array(["x" * 300_000_000])
    column = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), words)
    write_arrow(path, pa.table({"a": column, "b": column, "c": column}), "lz4")
    assert re.search("a batch of it unpacks to 900,000,.* with its dictionaries", refusal(path))


def spread(data: bytes) -> bytes:
    """Let the last of three buffers of a batch reach over all three."""
    old = struct.pack("<qq", 16_000, 8_000)
    assert data.count(old) == 1
    return data.replace(old, struct.pack("<qq", 0, 24_000))


def repeated(data: bytes) -> bytes:
    """Let the footer name the first of three batches three times."""
    count = struct.pack("<I", 3)
    length = struct.unpack("<i", data[-10:-6])[0]
    blocks = data.index(count, len(data) - 10 - length) + 4
    first = data[blocks : blocks + 24]
    return data[:blocks] + 3 * first + data[blocks + 72 :]


@pytest.mark.parametrize(
    ("spoil", "rows_at_once", "fact"),
    [(spread, 1_000, "buffers of a batch overlap"), (repeated, 400, "batches of it overlap")],
)
def test_what_lies_in_one_place_is_not_read_twice(
    tmp_path: Path, spoil: Callable[[bytes], bytes], rows_at_once: int, fact: str
) -> None:
    path = tmp_path / "bomb.arrow"
    table = pa.table({name: np.arange(1_000) for name in "abc"})
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table, rows_at_once)
    path.write_bytes(spoil(path.read_bytes()))
    assert refusal(path) == f"{path}: unreadable Arrow file ({fact}); export it again"


def test_a_footer_that_takes_minutes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    with path.open("wb") as file:
        file.write(b"PAR1")
        file.truncate(100 << 20)
        file.seek(0, os.SEEK_END)
        file.write(struct.pack("<I", 90 << 20) + b"PAR1")
    assert refusal(path) == (
        f"{path}: its footer has 94,371,840 bytes, more than 67,108,864; write it again with fewer "
        "columns or larger row groups"
    )


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_more_columns_than_anybody_has_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"bomb.{kind}"
    table = pa.table({f"c{number}": pa.array([1]) for number in range(20_001)})
    if kind == "parquet":
        pq.write_table(table, path, use_dictionary=False, write_statistics=False)
    else:
        write_arrow(path, table)
    fact = "has 20,001 columns, more than 20,000; write it again with fewer"
    assert refusal(path) == f"{path}: {fact}"


def test_a_name_of_gigabytes_in_a_tar_is_not_read(tmp_path: Path) -> None:
    path, header = tmp_path / "bomb.tar", tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 4 << 30
    with path.open("wb") as file:
        file.write(header.tobuf())
        file.truncate(4 << 30)  # of holes
    with pytest.raises(InputError, match="a name of 4,294,967,296 bytes"):
        data_files(path)


def database(path: Path, users: str, rows: int) -> Path:
    """Make a database as twitter-to-sqlite does; all posts and users have one number."""
    with sqlite3.connect(path) as con:
        con.execute(f"CREATE TABLE users (id {users}, screen_name TEXT)")
        con.execute("CREATE TABLE tweets (id INTEGER, user INTEGER, full_text TEXT)")
        several = 1 if "KEY" in users else rows
        con.executemany("INSERT INTO users VALUES (7, 'a')", [()] * several)
        con.executemany(
            "INSERT INTO tweets VALUES (?, 7, ?)", [(it, "b" * 999) for it in range(rows)]
        )
    con.close()
    return path


@pytest.mark.parametrize(("users", "author"), [("INTEGER PRIMARY KEY", "a"), ("INTEGER", None)])
def test_each_post_of_a_database_comes_once(tmp_path: Path, users: str, author: str | None) -> None:
    source = sniff(DataFile(database(tmp_path / "a.db", users, 3_000)))
    table = next(it for it in tables_in(source) or () if it.called == "table 'tweets'").table
    names = {name: name for name in ("id", "screen_name") if table.holds(name)}
    found = pl.concat(rows for rows, _ in table.rows(names))
    assert found.height == 3_000
    authors = found["screen_name"].unique().to_list() if "screen_name" in names else [None]
    assert authors == [author]


def test_pages_that_branches_share_give_no_more_than_a_file_can_hold(tmp_path: Path) -> None:
    path = database(tmp_path / "bomb.db", "INTEGER", 300)
    with sqlite3.connect(path) as con:
        (root,) = con.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'tweets'").fetchone()
    con.close()
    data = bytearray(path.read_bytes())
    size, pages = 4_096, len(data) // 4_096
    page = data[(root - 1) * size : root * size]
    assert page[0] == 5  # an interior page of a table
    (place,) = struct.unpack(">H", page[12:14])
    (leaf,) = struct.unpack(">I", page[place : place + 4])
    children = [pages + 1, pages + 2, pages + 3, leaf]
    data += bytes(3 * size)
    for number, child in zip([root, *children[:3]], children, strict=True):
        branches = bytearray(size)
        branches[:12] = struct.pack(">BHHHBI", 5, 0, 300, size - 6 * 300, 0, child)
        for cell in range(300):
            place = size - 6 * (cell + 1)
            branches[12 + 2 * cell : 14 + 2 * cell] = struct.pack(">H", place)
            branches[place : place + 6] = struct.pack(">IH", child, 0x8100 | cell % 128)
        data[(number - 1) * size : number * size] = branches
    data[28:32] = struct.pack(">I", pages + 3)
    path.write_bytes(data)
    source = sniff(DataFile(path))
    table = next(it for it in tables_in(source) or () if it.called == "table 'tweets'").table
    with pytest.raises(InputError, match="unpacks to more than 1,000 times its size"):
        for _ in table.rows({"text": "full_text"}):
            pass


def test_a_line_of_a_hundred_megabytes_is_one_reject(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv"
    head = "tweet_id,posted_utc,text\n1,2018-12-19T14:30:00Z,"
    path.write_text(head + "x" * 100_000_000 + "\n2,2018-12-19T14:30:00Z,b\n")
    table = find_table(sniff(DataFile(path)))
    assert table
    rows = [*table.rows({name: name for name in table.columns})]
    assert pl.concat(it for it, _ in rows)["tweet_id"].to_list() == ["2"]
    rejects = pl.concat(it for _, it in rows)
    assert rejects.select("line", "byte_offset", "reason").rows() == [
        (2, 25, "the record is longer than 16,777,216 bytes")
    ]


def test_a_sample_of_long_values_is_a_small_one(tmp_path: Path) -> None:
    path, rows = tmp_path / "a.db", 40
    with sqlite3.connect(path) as con:
        con.execute("CREATE TABLE posts (id INTEGER, body TEXT)")
        con.executemany(
            "INSERT INTO posts VALUES (?, ?)", [(it, "b" * 8_000_000) for it in range(rows)]
        )
    con.close()
    table = find_table(sniff(DataFile(path)))
    assert table
    sample, _ = table.sample(["id", "body"])
    assert 0 < sample.height < 20
    assert sum(it.height for it, _ in table.rows({"id": "id", "body": "body"})) == rows
