"""A database whose blocks are damaged is refused in one line by every command that meets them."""

import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tweetscore.cli.app import app
from tweetscore.sample.write import ARCHIVE_NAME, BARS_NAME, write_sample

pytestmark = pytest.mark.slow
PLACES = 12


def test_flipped_bytes_are_refused_in_one_line(tmp_path: Path) -> None:
    write_sample(tmp_path, posts=2_000, days=60)
    database, log = tmp_path / "whole.duckdb", CliRunner()
    files = [str(tmp_path / name) for name in (ARCHIVE_NAME, BARS_NAME)]
    assert log.invoke(app, ["ingest", *files, "--db", str(database)]).exit_code == 0
    whole, draw, refused = database.read_bytes(), random.Random(17), 0
    for _ in range(PLACES):
        damaged = bytearray(whole)
        damaged[draw.randrange(3 * 4096, len(whole))] ^= 255
        for name in ("info", "evaluate", "doctor"):
            path = tmp_path / "damaged.duckdb"
            path.write_bytes(damaged)
            ended = log.invoke(app, [name, "--db", str(path)])
            assert ended.exit_code in (0, 1, 5), (name, ended.stderr)
            assert "Traceback" not in ended.stderr
            if ended.exit_code == 5:
                refused += 1
                assert name == "doctor" or f"{path}: is damaged" in ended.stderr
                assert "restore" in ended.stderr
    assert refused
