"""A full disk, one that cannot be written, two writers: an error in one line, and nothing lost."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tiny import contents

from tweetscore.sample.write import write_sample

pytestmark = pytest.mark.slow


def tweetscore(*arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tweetscore", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(*arguments: object) -> tuple[int, str]:
    """Run to the end; return the exit code and what was said."""
    with tweetscore(*arguments) as running:
        _, said = running.communicate()
    return running.returncode, said


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("disk")
    write_sample(folder, posts=20_000, days=60)
    assert finish("ingest", *files(folder), "--db", folder / "whole.duckdb")[0] == 0
    return folder


def files(folder: Path) -> list[Path]:
    return [*sorted(folder.glob("*.json")), *sorted(folder.glob("*.csv"))]


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """Mount a small file system of its own, which needs the rights of root."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if sys.platform != "linux" or os.geteuid() or subprocess.run(mount, check=False).returncode:
        pytest.skip("a file system can be mounted by root on Linux only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


@pytest.mark.parametrize("size", ["1m", "3m", "6m"])
def test_a_full_disk_is_told_and_the_next_run_ends_as_if_it_had_not_been(
    made: Path, tmp_path: Path, size: str
) -> None:
    with mounted(tmp_path / "small", f"size={size}") as small:
        db = small / "tweetscore.duckdb"
        code, said = finish("ingest", *files(made), "--db", db)
        (line,) = [each for each in said.splitlines() if each.startswith("Error: ")]
        assert code == 1
        assert line.startswith(f"Error: {db}: ")
        assert "Traceback" not in said
        remount(small, "size=200m")
        assert finish("ingest", *files(made), "--db", db)[0] == 0
        assert contents(db) == contents(made / "whole.duckdb")
        assert finish("doctor", "--db", db)[0] == 0


def test_a_folder_that_cannot_be_written_is_told_in_one_line(made: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "fixed", "size=1m") as fixed:
        remount(fixed, "ro")
        db = fixed / "tweetscore.duckdb"
        code, said = finish("ingest", *files(made), "--db", db)
    (line,) = said.splitlines()
    assert code == 1
    assert line.startswith(f"Error: {db}: cannot be opened as a database")


def test_of_two_writers_at_once_one_is_refused_and_loses_nothing(
    made: Path, tmp_path: Path
) -> None:
    db = tmp_path / "tweetscore.duckdb"
    ingest = ["ingest", *files(made), "--db", db]
    with tweetscore(*ingest) as one, tweetscore(*ingest) as other:
        said = [each.communicate()[1] for each in (one, other)]
    codes = sorted([one.returncode, other.returncode])
    assert codes in ([0, 0], [0, 4])  # the second may begin after the first has ended
    assert codes == [0, 0] or any(f"Error: {db}: locked by " in each for each in said)
    assert finish("ingest", *files(made), "--db", db)[0] == 0
    assert contents(db) == contents(made / "whole.duckdb")
