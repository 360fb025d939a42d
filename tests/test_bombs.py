"""Small files of Parquet that unpack to gigabytes: refused in one line and in bounded memory."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow

MOST_BYTES = 1_700_000_000  # the program alone takes 0.2 GB
ROWS = 88_000
WRITE = """
import sys, pyarrow as pa, pyarrow.parquet as pq
table = pa.table({"tweet_id": [1], "text": ["x" * 1_000_000_000]})
pq.write_table(table, sys.argv[1], compression="zstd", use_dictionary=False)
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
    # In a process of its own: what this one has used would count for those that it starts.
    subprocess.run([sys.executable, "-c", WRITE, str(path)], check=True)
    assert "pages of its row group 1 unpack to 1,000,000,0" in refused(path)
