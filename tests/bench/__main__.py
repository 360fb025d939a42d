"""The command line: ``python -m tests.bench --rows 1000000 --repeats 3``."""

import argparse
import os
import shlex
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from . import report
from .measure import Row, Setup, alone

SECTIONS = (
    "network",
    "text",
    "ingest",
    "whole",
    "memory",
    "windows",
    "links",
    "browse",
    "shards",
    "training",
    "parity",
    "classifier",
)


def main() -> None:
    """Measure each section in a process of its own, write the file and print the table."""
    arguments = _arguments()
    load = os.getloadavg()[0]
    rows: list[Row] = []
    with TemporaryDirectory() as scratch:
        folder = (arguments.folder or Path(scratch)) / str(arguments.rows)
        setup = Setup(folder.resolve(), arguments.rows, arguments.repeats)
        _say(f"the archive of {setup.rows:,} rows and its model, in {setup.folder}")
        alone("material", "make", setup)
        for section in arguments.only:
            started = time.perf_counter()
            rows += alone(section, "measure", setup)
            _say(f"{section}: {time.perf_counter() - started:,.0f} s")
    command = shlex.join(["python", "-m", "tests.bench", *sys.argv[1:]])
    every = report.write(rows, setup, command, load, arguments.out)
    report.show(every, Console(width=None if sys.stdout.isatty() else 200))
    _say(f"written: {arguments.out}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Our way beside the others, interleaved."
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the generated archive")
    parser.add_argument("--repeats", type=int, default=3, help="rounds, of which medians are taken")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=SECTIONS,
        default=SECTIONS,
        metavar="NAME",
        help=f"sections, of {', '.join(SECTIONS)}",
    )
    parser.add_argument("--out", type=Path, default=Path("bench.json"), help="the JSON file")
    parser.add_argument("--folder", type=Path, help="keeps archive and model for another run")
    return parser.parse_args()


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
