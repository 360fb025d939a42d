"""Kill it at any moment and run it again: the database is that of an undisturbed run."""

import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from tiny import contents, tiny_bundle
from typer.testing import CliRunner

from tweetscore.cli.app import app
from tweetscore.sample.write import write_sample
from tweetscore.store.database import STANDARD_INTERVALS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and kills as POSIX does"),
]

KILLS = int(os.environ.get("TWEETSCORE_KILLS", "10"))  # of each command, its database open
TRIES, SOONER = 40, 0.85  # at most so many for one kill, each so much sooner than the last


@dataclass(frozen=True, slots=True)
class Stopped:
    """A run that ended or was killed."""

    used: float  # seconds of processor since it opened the database
    hit: bool  # it was killed, and still had the database open


def run_to(db: Path, arguments: list[object], until: float = math.inf) -> Stopped:
    """Run a command in a process of its own; kill it so long after it opened the database.

    Time is that of the processor: the clock on the wall says little on a machine that is busy.
    """
    command = [sys.executable, "-m", "tweetscore", *map(str, arguments), "--db", str(db)]
    begun, used = None, 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        while running.poll() is None and used < until:
            time.sleep(0.005)
            if begun is None and db in opened_by(running.pid):
                begun = processor_seconds(running.pid)
            if begun is not None:
                used = max(used, processor_seconds(running.pid) - begun)
        hit = db in opened_by(running.pid)
        running.kill()
    assert running.returncode in (0, -signal.SIGKILL)
    return Stopped(used, hit and running.returncode != 0)


def processor_seconds(pid: int) -> float:
    with suppress(OSError, IndexError):  # it has ended
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def opened_by(pid: int) -> Iterator[Path]:
    """Yield the files that a process holds open; it goes on opening and closing them meanwhile."""
    with suppress(OSError):  # it has ended
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # it has been closed
                yield each.readlink()


def moments(seconds: float) -> list[float]:
    """Random moments, one in each of equal parts of a run."""
    draws = random.Random(2)
    return [seconds * (place + draws.random()) / KILLS for place in range(KILLS)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kill")
    write_sample(folder, posts=12_000, days=60)
    put_small_files(folder / "small")
    tiny_bundle(folder / "tiny", STANDARD_INTERVALS)
    return folder


def put_small_files(folder: Path) -> None:
    """Write files of two posts each, which are stored many at a time: all in a few batches."""
    folder.mkdir()
    for number in range(1, 301):
        posts = [
            {
                "id_str": str(2 * number + each), "created_at": "Sun Dec 02 21:40:51 +0000 2018",
                "full_text": f"made up words {number} {each} " * 300,
            }
            for each in (0, 1)
        ]  # fmt: skip
        (folder / f"{number:03}.json").write_text(json.dumps(posts))


def finish(db: Path, arguments: list[object]) -> None:
    """Run a command to its end in this process, which has all that it imports."""
    ended = CliRunner().invoke(app, [*map(str, arguments), "--db", str(db)])
    assert ended.exit_code == 0, ended.stderr


def kill_often(folder: Path, arguments: list[object], before: Path | None) -> Path:
    """Kill many runs, finish each, and hold its database against that of an undisturbed run.

    A run that had ended before it was to be killed is made anew and killed sooner, until each
    kill has hit a run that had the database open.
    """
    whole, db = folder / f"{arguments[0]}.duckdb", folder / "killed.duckdb"

    def put(path: Path) -> None:
        path.unlink(missing_ok=True)
        path.with_name(path.name + ".wal").unlink(missing_ok=True)
        if before:
            shutil.copy(before, path)

    put(whole)
    seconds = run_to(whole, arguments).used
    known = contents(whole)
    tries = 0
    for moment in moments(seconds):
        for sooner in range(TRIES):
            tries += 1
            put(db)
            if run_to(db, arguments, moment * SOONER**sooner).hit:
                break
        else:
            pytest.fail(f"no kill hit within {moment:.2f} s")
        finish(db, arguments)
        assert contents(db) == known, f"killed after {moment:.2f} s or sooner"
    sys.stderr.write(
        f"{arguments[0]}, {seconds:.1f} s with the database open: "
        f"{KILLS} runs were killed in {tries} tries\n"
    )
    return whole


def ingest(made: Path) -> list[object]:
    return ["ingest", *sorted(made.glob("*.json")), *sorted(made.glob("*.csv")), made / "small"]


def test_ingest_killed_at_any_moment_ends_as_undisturbed(made: Path) -> None:
    found = contents(kill_often(made, ingest(made), None))
    assert found["tweets"][0] == 12_600
    assert found["windows"][0] > 100_000


def test_score_killed_at_any_moment_ends_as_undisturbed(made: Path) -> None:
    unscored = made / "unscored.duckdb"
    finish(unscored, ingest(made))
    whole = kill_often(made, ["score", "--model", made / "tiny"], unscored)
    assert contents(whole)["predictions"][0] > 50_000


def test_a_text_classifier_killed_at_any_moment_ends_as_undisturbed(made: Path) -> None:
    folders = pytest.importorskip("text_folders", reason="needs tweetscore[onnx-text]")
    folder, unscored = folders.text_folder(made / "mood"), made / "unscored_by_mood.duckdb"
    finish(unscored, ingest(made))
    said = ["--as", "up=positive,down=negative", "--interval", 5, "--interval", 30]
    whole = kill_often(made, ["score", "--model", folder, *said], unscored)
    assert contents(whole)["predictions"][0] == 2 * 12_600
