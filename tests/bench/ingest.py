"""Reading a raw archive into a fresh database: ours beside DuckDB's own JSON reader."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from tweetscore.ingest.account import IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.store.database import MEMORY_LIMIT, open_store

from . import material
from .measure import Row, Setup, interleaved, speed


def measure(setup: Setup) -> list[Row]:
    """Rejects, clocks, merging and accounting are ours alone."""
    archive = material.archive_path(setup)

    def ours() -> None:
        with (
            TemporaryDirectory(dir=setup.folder) as folder,
            open_store(Path(folder) / "ours.duckdb") as store,
        ):
            (account,) = ingest(store, [archive], IngestOptions(), lambda *_: None)
        assert account.stored == setup.rows

    seconds = interleaved({"ours": ours, "theirs": partial(read_json, setup)}, setup.repeats)
    ours_speed, their_speed = (setup.rows / seconds[name] for name in ("ours", "theirs"))
    return [
        Row(
            "ingest_vs_duckdb",
            "ingest / DuckDB's read_json into a table",
            ours_speed / their_speed,
            "x",
            speed(ours_speed, "rows/s"),
            speed(their_speed, "rows/s"),
            note=f"{archive.stat().st_size / setup.rows:,.0f} bytes a row",
        )
    ]


def read_json(setup: Setup) -> None:
    """Read the archive into a table of a fresh database, as DuckDB does it."""
    with TemporaryDirectory(dir=setup.folder) as folder:
        con = duckdb.connect(
            f"{folder}/theirs.duckdb",
            config={"memory_limit": MEMORY_LIMIT, "preserve_insertion_order": "false"},
        )
        file = str(material.archive_path(setup))
        con.execute("CREATE TABLE tweets AS FROM read_json($file)", {"file": file})
        found = con.execute("SELECT count(*) FROM tweets").fetchone()
        con.close()
    assert found == (setup.rows,)
