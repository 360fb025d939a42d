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
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from tiny import contents, tiny_bundle

from tweetscore.sample.write import write_sample
from tweetscore.store.database import STANDARD_INTERVALS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and kills as POSIX does"),
]

KILLS = int(os.environ.get("TWEETSCORE_KILLS", "30"))  # of each command
AT_ONCE = 2
RUNS, SOONER = 5, 0.85  # at most so many to hit one, each killed so much sooner than the last
STARTING = 0.3  # the share of a run that passes before anything is done


@dataclass(frozen=True, slots=True)
class Kill:
    """A run that was killed, or that had ended before."""

    hit: bool  # it still ran
    working: bool  # and had the database open


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tweetscore", *map(str, arguments)]


def start(*arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def watch(running: subprocess.Popen[bytes], until: float = math.inf) -> float:
    """Wait for the end, or until a run has used so many seconds of processor; return those used.

    The clock on the wall says little on a machine that is busy with other things.
    """
    used = 0.0
    while running.poll() is None and used < until:
        time.sleep(0.005)
        with suppress(OSError, IndexError):  # it has ended
            fields = Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()
            used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def run(*arguments: object) -> float:
    """Run to the end; return the seconds of processor that it took."""
    with start(*arguments) as running:
        used = watch(running)
    assert running.returncode == 0
    return used


def kill_after(seconds: float, db: Path, arguments: Sequence[object]) -> Kill:
    with start(*arguments) as running:
        watch(running, until=seconds)
        hit = running.poll() is None
        working = hit and db in opened_by(running.pid)
        running.send_signal(signal.SIGKILL)
    return Kill(hit, working)


def opened_by(pid: int) -> Iterator[Path]:
    """Yield the files that a process holds open; it goes on opening and closing them meanwhile."""
    with suppress(OSError):  # it has ended
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # it has been closed
                yield each.readlink()


def moments(seconds: float, seed: int) -> list[float]:
    """Random moments, one in each of equal parts of the run after its start."""
    draws = random.Random(seed)
    shares = [(place + draws.random()) / KILLS for place in range(KILLS)]
    return [seconds * (STARTING + (1 - STARTING) * share) for share in shares]


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


def trial(made: Path, kind: str, place: int, seconds: float, before: Path | None) -> Kill:
    """Kill one run, run it again to its end, and hold the database against the undisturbed one.

    A run that had ended before it was to be killed is made anew and killed sooner: how long one
    takes differs by a third on a machine that is busy with other things.
    """
    db = made / f"{kind}_{place}.duckdb"
    arguments = [*COMMANDS[kind](made), "--db", db]
    for _ in range(RUNS):
        db.unlink(missing_ok=True)
        if before:
            shutil.copy(before, db)
        kill = kill_after(seconds, db, arguments)
        if kill.hit:
            break
        seconds *= SOONER
    run(*arguments)
    assert contents(db) == contents(made / f"{kind}.duckdb"), f"killed after {seconds:.2f} s"
    db.unlink()
    return kill


def ingest(made: Path) -> list[object]:
    return ["ingest", *sorted(made.glob("*.json")), *sorted(made.glob("*.csv")), made / "small"]


def score(made: Path) -> list[object]:
    return ["score", "--model", made / "tiny"]


COMMANDS = {"ingest": ingest, "score": score}


def kill_often(made: Path, kind: str, before: Path | None) -> list[Kill]:
    whole = made / f"{kind}.duckdb"
    if before:
        shutil.copy(before, whole)
    seconds = run(*COMMANDS[kind](made), "--db", whole)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        kills = list(
            pool.map(
                lambda pair: trial(made, kind, pair[0], pair[1], before),
                enumerate(moments(seconds, seed=2)),
            )
        )
    sys.stderr.write(
        f"{kind}, {seconds:.1f} s undisturbed: of {KILLS} kills {sum(each.hit for each in kills)} "
        f"hit, {sum(each.working for each in kills)} with the database open\n"
    )
    return kills


def test_ingest_killed_at_any_moment_ends_as_undisturbed(made: Path) -> None:
    kills = kill_often(made, "ingest", None)
    assert sum(kill.hit for kill in kills) >= KILLS * 9 // 10
    assert sum(kill.working for kill in kills) >= KILLS // 3
    found = contents(made / "ingest.duckdb")
    assert found["tweets"][0] == 12_600
    assert found["windows"][0] > 100_000


def test_score_killed_at_any_moment_ends_as_undisturbed(made: Path) -> None:
    unscored = made / "unscored.duckdb"
    run(*ingest(made), "--db", unscored)
    kills = kill_often(made, "score", unscored)
    assert sum(kill.hit for kill in kills) >= KILLS * 9 // 10
    assert sum(kill.working for kill in kills) >= KILLS // 5
    assert contents(made / "score.duckdb")["predictions"][0] > 50_000
