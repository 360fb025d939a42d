"""Torture of every command: killed, without room, with bytes flipped, files swapped, two at once.

``python -m tests.torture --minutes 10 --seed 0``. Each trial disturbs one run of a command, runs it
again undisturbed, and holds everything that lies in its folder against two undisturbed runs.
"""

import hashlib
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any, cast

sys.path.insert(0, str(Path(__file__).parent))  # helpers of tests import each other by name

from hostile_bundles import fault_of, sample, try_bundles
from tiny import contents

from tweetscore.sample.write import write_sample

DB = "t.duckdb"
LOGS = "runs"  # of TensorBoard, which names files by the time
AT_ONCE = 2
BUNDLES = 20
MOST_CPU_SECONDS, MOST_BYTES = 60, 2_000_000_000  # of one run; importing torch takes 0.5 GB alone
PATIENCE_SECONDS = 900  # other programs may take the processor
LOCKED, INTERNAL, BROKEN = 4, 70, 5
DONE_BEFORE = ("already", "is not empty")  # what a second run that cannot be says
TRAINING = (
    *("--interval", "30", "--vectors", "random", "--embedding-dim", "8", "--hidden", "4"),
    *("--epochs", "1"),
)


@dataclass(frozen=True, slots=True)
class Command:
    """A command, the database that it finds, and the files that it reads."""

    argv: tuple[str, ...]
    before: str = "scored"  # the world's database that is put in place; "" for none
    inputs: tuple[str, ...] = ()
    reads_only: bool = False
    proven: bool = False  # its inputs carry digests: no flipped byte of them is accepted


COMMANDS: dict[str, Command] = {
    "sample": Command(("sample", "made", "--posts", "500"), ""),
    "ingest": Command(("ingest", "sample", "--db", DB), "", ("sample",)),
    "ingest again": Command(("ingest", "sample", "--db", DB), "scored", ("sample",)),
    "link": Command(("link", "rules/rules.csv", "--db", DB), inputs=("rules",)),
    "abnormal": Command(("abnormal", "MADEUP", "--in-volatility", "--db", DB)),
    "score": Command(
        ("score", "--model", "./model", "--db", DB), "ingested", ("model",), proven=True
    ),
    "score files": Command(
        ("score", "--input", "exported/tweets", "--output", "o", "--model", "./model", "--db", DB),
        inputs=("exported", "model"),
    ),
    "evaluate": Command(("evaluate", "--db", DB), reads_only=True),
    "freeze": Command(("freeze", "./model", "--db", DB), inputs=("model",), proven=True),
    "report": Command(("report", "--db", DB, "--output", "page.html"), reads_only=True),
    "query": Command(
        ("query", "FROM scored", "--db", DB, "--output", "q.parquet"), reads_only=True
    ),
    "query csv": Command(
        ("query", "--file", "hit_rate", "--db", DB, "--output", "q.csv"), reads_only=True
    ),
    "info": Command(("info", "--db", DB), reads_only=True),
    "doctor": Command(("doctor", "--db", DB), reads_only=True),
    "export": Command(("export", "out", "--db", DB), reads_only=True),
    "import export": Command(("import", "exported", "--db", DB), "", ("exported",), proven=True),
    "import results": Command(("import", "results", "--db", DB), "ingested", ("results",)),
    "train": Command(("train", "--output", "fresh", "--db", DB, *TRAINING), "ingested"),
    "train over": Command(
        ("train", "--output", "model", "--db", DB, *TRAINING), "ingested", ("model",)
    ),
    "study": Command(
        ("study", "--interval", "30", "--ablation", "30", "--vectors", "random", "--epochs", "1",
         "--db", DB), "ingested",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended."""

    code: int
    said: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int

    @property
    def fault(self) -> str | None:
        """What no run may do, whatever was done to it."""
        if "Traceback" in self.said or "panicked" in self.said:
            return "traceback"
        if self.code < 0 and self.code != -signal.SIGKILL:
            return f"signal {-self.code}"
        if self.code == INTERNAL:
            return "internal error"
        if self.code > 0 and not re.search("^(Error|Usage): ", self.said, re.MULTILINE):
            return None if self.code == BROKEN else "no word about the error"
        if self.cpu_seconds > MOST_CPU_SECONDS or self.seconds > PATIENCE_SECONDS:
            return f"{self.seconds:.0f} s, {self.cpu_seconds:.0f} s of the processor"
        if self.peak_bytes > MOST_BYTES:
            return f"{self.peak_bytes / 1e9:.1f} GB"
        return None


def run(
    folder: Path,
    argv: tuple[str, ...],
    *,
    most_file_bytes: int = resource.RLIM_INFINITY,
    meanwhile: Callable[[subprocess.Popen[bytes]], None] = lambda _: None,
) -> Ended:
    """Run a command in a folder to its end.

    Args:
        folder: where it runs; its temporary files lie in it, too.
        argv: the words of the command.
        most_file_bytes: no file may become larger, as on a full disk.
        meanwhile: what is done while it runs.
    """
    limit = (most_file_bytes, most_file_bytes)
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HOME": home, "PYTHONDONTWRITEBYTECODE": "1"}
        started = time.monotonic()
        running = subprocess.Popen(
            [sys.executable, "-m", "tweetscore", *argv],
            # A file would be as full as all others.
            cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
        )  # fmt: skip
        ending = threading.Timer(PATIENCE_SECONDS + 5, running.kill)
        ending.start()
        meanwhile(running)
        with cast(IO[bytes], running.stderr) as said:
            text = said.read().decode(errors="replace")
        _, status, used = os.wait4(running.pid, 0)
        ending.cancel()
        running.returncode = os.waitstatus_to_exitcode(status)
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    seconds, cpu_seconds = time.monotonic() - started, used.ru_utime + used.ru_stime
    return Ended(running.returncode, text, seconds, cpu_seconds, peak)


Found = Mapping[str, Any]


def found_in(folder: Path) -> Found:
    """What lies in a folder: digests of files, and of databases each table."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.split("/")[0] == LOGS:
            continue
        if path.is_dir():
            found[name] = "folder"
        elif path.suffix == ".html":
            found[name] = "a page"  # with the minute in which it was made
        elif path.suffix == ".duckdb":
            found |= {f"{name}/{table}": rows for table, rows in contents(path).items()}
        else:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


@dataclass(frozen=True, slots=True)
class Expected:
    """What undisturbed runs of a command leave, and how long one takes."""

    seconds: float
    steady: Found  # equal in both
    changing: frozenset[str]  # there in both, with the time of the run in it
    doctor: int

    def differs(self, folder: Path) -> str | None:
        """Return what a folder has other than it should; None if nothing."""
        found = found_in(folder)
        names = self.steady.keys() | self.changing
        wrong = sorted(found.keys() ^ names)
        wrong += [name for name, value in self.steady.items() if found.get(name, value) != value]
        return f"differs in {', '.join(wrong[:4])}" if wrong else None


class World:
    """Inputs of every command, made once, and what undisturbed runs leave."""

    def __init__(self, folder: Path) -> None:
        """Make a small archive, databases, a model, an export and results in a folder."""
        self.folder, self._numbers = folder, count()
        write_sample(folder / "sample", posts=800, days=60)
        (folder / "rules").mkdir()
        (folder / "rules/rules.csv").write_text("symbol,kind,term\nMADEUP,word,great\n")
        steps: list[tuple[str, ...]] = [
            ("ingest", "sample", "--db", "ingested.duckdb"),
            ("train", "--output", "model", "--db", "ingested.duckdb", *TRAINING),
        ]
        scored = ("--db", "scored.duckdb")
        more: list[tuple[str, ...]] = [
            ("score", "--model", "./model", *scored),
            ("export", "exported", *scored),
            ("score", "--input", "exported/tweets", "--output", "results", "--model", "./model",
             *scored),
        ]  # fmt: skip
        for argv in steps:
            self._must(argv)
        shutil.copy(folder / "ingested.duckdb", folder / "scored.duckdb")
        for argv in more:
            self._must(argv)
        shutil.rmtree(folder / LOGS, ignore_errors=True)

    def _must(self, argv: tuple[str, ...]) -> None:
        ended = run(self.folder, argv)
        assert ended.code == 0, (argv, ended.said)

    def put(self, command: Command, name: str = "") -> Path:
        """Make a folder with all that a command needs."""
        folder = self.folder / f"trial-{next(self._numbers)}{name}"
        folder.mkdir()
        self.restore(command, folder)
        if command.before:
            shutil.copy(self.folder / f"{command.before}.duckdb", folder / DB)
        return folder

    def restore(self, command: Command, folder: Path) -> None:
        """Put the inputs of a command into a folder, in the place of damaged ones."""
        for each in command.inputs:
            shutil.rmtree(folder / each, ignore_errors=True)
            shutil.copytree(self.folder / each, folder / each)

    def expected(self, command: Command) -> Expected:
        """Run a command undisturbed, twice in folders of its own, and compare."""
        found, seconds = [], 0.0
        for _ in range(2):
            folder = self.put(command)
            ended = run(folder, command.argv)
            assert ended.code == 0, (command.argv, ended.said)
            seconds = ended.seconds
            found.append(found_in(folder))
            doctor = run(folder, ("doctor", "--db", DB)).code if (folder / DB).exists() else 0
            shutil.rmtree(folder)
        one, other = found
        assert one.keys() == other.keys(), (command.argv, one.keys() ^ other.keys())
        steady = {name: value for name, value in one.items() if other[name] == value}
        return Expected(seconds, steady, frozenset(one.keys() - steady.keys()), doctor)


# --- what is done to a run ------------------------------------------------------------------------

Disturbance = Callable[[Command, Expected, Path, random.Random], list[Ended]]


def killed(command: Command, expected: Expected, folder: Path, draw: random.Random) -> list[Ended]:
    moment = draw.uniform(0.2, 1.1) * expected.seconds

    def kill(running: subprocess.Popen[bytes]) -> None:
        time.sleep(moment)
        running.kill()

    return [run(folder, command.argv, meanwhile=kill)]


def filled(command: Command, __: Expected, folder: Path, draw: random.Random) -> list[Ended]:
    return [run(folder, command.argv, most_file_bytes=int(10 ** draw.uniform(0, 7)))]


def flipped(command: Command, _: Expected, folder: Path, draw: random.Random) -> list[Ended]:
    path = draw.choice(sorted(it for it in folder.rglob("*") if it.is_file() and it.stat().st_size))
    flip(path, draw)
    ended = run(folder, command.argv)
    is_input = path.relative_to(folder).parts[0] in command.inputs
    if command.proven and is_input and ended.code == 0:
        ended = Ended(0, f"Traceback: a flipped byte of {path.name} was accepted", 0, 0, 0)
    return [ended]


def flip(path: Path, draw: random.Random) -> None:
    """Change one bit to eight of one byte."""
    data = bytearray(path.read_bytes())
    data[draw.randrange(len(data))] ^= draw.randrange(1, 256)
    path.write_bytes(data)


def swapped(command: Command, expected: Expected, folder: Path, draw: random.Random) -> list[Ended]:
    """Put another file in the place of one while it is read: cut off, of zeros, or no file."""
    files = [it for it in folder.rglob("*") if it.is_file() and it.stat().st_size]
    path, kind = draw.choice(sorted(files)), draw.randrange(3)
    moment = draw.uniform(0, 0.9) * expected.seconds

    def swap(_: subprocess.Popen[bytes]) -> None:
        time.sleep(moment)
        data = path.read_bytes() if path.exists() else b""
        other = path.with_name("swap")
        other.write_bytes([data[: len(data) // 2], bytes(len(data)), b""][kind])
        if kind == 2:
            other.unlink()
            path.unlink(missing_ok=True)
        else:
            other.replace(path)

    return [run(folder, command.argv, meanwhile=swap)]


def raced(command: Command, expected: Expected, folder: Path, draw: random.Random) -> list[Ended]:
    wait = draw.uniform(0, 0.5) * expected.seconds
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(run, folder, command.argv)
        time.sleep(wait)
        second = pool.submit(run, folder, command.argv)
        both = [first.result(), second.result()]
    if all(it.code for it in both):
        both.append(Ended(INTERNAL, f"neither of two runs ended well: {both}", 0, 0, 0))
    return both


KINDS: dict[str, Disturbance] = {
    "killed": killed, "filled": filled, "flipped": flipped, "swapped": swapped, "raced": raced,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one disturbance of one command."""

    command: str
    kind: str
    seed: str
    codes: tuple[int, ...]
    fault: str | None
    said: str
    cpu_seconds: float
    peak_bytes: int


def attempt(world: World, name: str, kind: str, seed: str, expected: Expected) -> Trial:
    """Disturb a run, run it again, and hold what is there against undisturbed runs."""
    command, draw = COMMANDS[name], random.Random(seed)
    folder = world.put(command)
    ended = KINDS[kind](command, expected, folder, draw)
    fault = next((it.fault for it in ended if it.fault), None)
    said = "\n".join(it.said for it in ended)
    if not fault:
        if kind in ("flipped", "swapped"):  # what an enemy has written into a database stays there
            shutil.rmtree(folder)
            folder = world.put(command)
        fault, more = _healed(world, command, expected, folder)
        said += more
    if not fault:
        shutil.rmtree(folder)
    codes = tuple(it.code for it in ended)
    seconds, peak = max(it.cpu_seconds for it in ended), max(it.peak_bytes for it in ended)
    return Trial(name, kind, seed, codes, fault, said, seconds, peak)


def _healed(
    world: World, command: Command, expected: Expected, folder: Path
) -> tuple[str | None, str]:
    """Run a command again, with whole inputs; return what is wrong then, and what was said."""
    world.restore(command, folder)
    again = run(folder, command.argv)
    done_before = again.code and any(words in again.said for words in DONE_BEFORE)
    if again.fault or (again.code and not done_before):
        return again.fault or f"the next run ends with {again.code}", again.said
    if wrong := expected.differs(folder):
        return wrong, again.said
    if (folder / DB).exists():
        doctor = run(folder, ("doctor", "--db", DB))
        if doctor.code != expected.doctor:
            return f"doctor ends with {doctor.code}, not {expected.doctor}", doctor.said
    return None, ""


def _can(command: Command, kind: str) -> bool:
    """Return whether there is something to disturb."""
    return kind not in ("flipped", "swapped") or bool(command.before or command.inputs)


def trials(world: World, seed: int, seconds: float, at_least: int = 0) -> Iterator[Trial]:
    """Try every command with every disturbance in turn, until the time is over."""
    began, known = time.monotonic(), {}
    plan = [(name, kind) for name in COMMANDS for kind in KINDS if _can(COMMANDS[name], kind)]
    random.Random(seed).shuffle(plan)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for turn in count():
            for place in range(0, len(plan), AT_ONCE):
                if turn * len(plan) + place >= at_least and time.monotonic() - began > seconds:
                    return
                pairs = plan[place : place + AT_ONCE]
                for name, _ in pairs:
                    if name not in known:
                        known[name] = world.expected(COMMANDS[name])
                begun = [
                    pool.submit(attempt, world, name, kind, f"{seed} {turn} {name}", known[name])
                    for name, kind in pairs
                ]
                yield from (each.result() for each in begun)


def bundle_faults(folder: Path, seed: int) -> list[str]:
    """Give some hostile bundles to the commands that read models; return what is wrong, printed."""
    tried = list(try_bundles(folder, sample(BUNDLES, seed), doctor_every=5))
    wrong = [f"{name}: {fault}" for name, it, end in tried if (fault := fault_of(it, end))]
    say("\n".join([f"{BUNDLES} hostile bundles, {len(wrong)} faults", *wrong]))
    return wrong


def main() -> None:
    """Torture for some minutes; print each fault, and a table at the end."""
    import argparse

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    done: list[Trial] = []
    with tempfile.TemporaryDirectory() as folder:
        bundles = bundle_faults(Path(folder), given.seed)
        for trial in trials(World(Path(folder)), given.seed, 60 * given.minutes):
            done.append(trial)
            if trial.fault:
                say(f"{trial.command}, {trial.kind} ({trial.seed}): {trial.fault}; {trial.codes}")
                say(trial.said)
    say("| command | " + " | ".join(KINDS) + " | faults |")
    say("|---" * (len(KINDS) + 2) + "|")
    for name in COMMANDS:
        of_kind = Counter(it.kind for it in done if it.command == name)
        faults = sum(it.command == name and it.fault is not None for it in done)
        say(f"| {name} | " + " | ".join(str(of_kind[it]) for it in KINDS) + f" | {faults} |")
    longest, largest = max(it.cpu_seconds for it in done), max(it.peak_bytes for it in done) / 1e9
    say(
        f"{len(done)} trials; the longest run took {longest:.0f} s of the processor, the largest "
        f"{largest:.2f} GB"
    )
    sys.exit(any(it.fault for it in done) or bool(bundles))


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
