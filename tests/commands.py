"""Run many commands quickly, each in a process of its own: how one ended, and what it took.

Nothing heavy is imported here: every such process imports this module, and finds the program ready.
"""

import json
import multiprocessing
import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

READY = (
    "tweetscore.cli.app",
    "tweetscore.checks.doctor",
    "tweetscore.scoring.score",
    "tweetscore.scoring.token_classifier",
    "tweetscore.api.database",
    "onnxruntime",
)
PATIENCE_SECONDS = 300  # on the wall, on a machine that is busy with other things


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    exit_code: int
    told: str  # on both streams
    seconds: float  # of processor
    megabytes: int  # at most


def run_command(arguments: list[str], log: Path) -> Ended:
    """Run a command, and kill it when it takes too long."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(READY))
    took = log.with_suffix(".json")
    took.write_text(f"[{PATIENCE_SECONDS}, 0]")
    child = context.Process(target=_run, args=(arguments, log, took))
    child.start()
    child.join(PATIENCE_SECONDS)
    if child.exitcode is None:
        child.kill()
        child.join()
    seconds, megabytes = json.loads(took.read_text())
    code = child.exitcode if child.exitcode is not None else -1
    return Ended(code, log.read_text("utf-8", "replace"), seconds, megabytes)


def _run(arguments: list[str], log: Path, took: Path) -> None:
    with log.open("wb") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    sys.argv = ["tweetscore", *arguments]
    from tweetscore.cli.app import main

    try:
        main()
    finally:
        sys.stdout.flush()
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        took.write_text(json.dumps([time.process_time(), largest]))
