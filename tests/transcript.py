"""README's transcript: `python -m tests.transcript` writes it from a real run, a test holds it.

Lines are cut where README says so; a training's numbers differ in their last places between
machines, so the test holds them to a tolerance and everything else to the letter.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- transcript: just docs -->\n```console\n", "```\n"
COLUMNS = 120
COMMANDS = (
    "tweetscore sample demo",
    "tweetscore ingest demo/*",
    "tweetscore train --epochs 20 --output demo-model",
    "tweetscore score --interval 30 --model demo-model",
    "tweetscore evaluate",
    "tweetscore query --file statuses",
    "tweetscore report --interval 30",
)


def in_readme() -> str:
    """Return the transcript as README has it."""
    text = (ROOT / "README.md").read_text("utf-8")
    return text.split(BEGIN)[1].split(END)[0]


def run(folder: Path) -> str:
    """Run the commands as a user would, in an empty folder, and return what a person sees."""
    plain = {
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TWEETSCORE")}
    lines = []
    for command in COMMANDS:
        done = subprocess.run(
            ["bash", "-c", f"{command} 2>&1"],
            cwd=folder,
            env={**kept, **plain},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{shlex.quote(command)}: {done.stdout}")
        lines += [f"$ {command}", *map(_cut, done.stdout.splitlines())]
    return "\n".join(line for line in lines if not line.startswith("epoch ")) + "\n"


def numbers(text: str) -> list[float]:
    """Return every number of a transcript, in order."""
    return [float(each.replace(",", "")) for each in re.findall(NUMBER, re.sub(ID, "", text))]


def words(text: str) -> str:
    """Return a transcript with a mark in the place of every id, number and the space around it."""
    return re.sub(rf"\s*(?:{NUMBER})\s*", " # ", re.sub(ID, "id", text))


ID = r"\b[0-9a-f]{16}\b"  # of a model, which hangs on its weights' last places
NUMBER = r"\d[\d,]*(?:\.\d+)?(?:e[-+]\d+)?"


def _cut(line: str) -> str:
    return line if len(line) <= COLUMNS else line[: COLUMNS - 1] + "…"


if __name__ == "__main__":
    readme = ROOT / "README.md"
    before, rest = readme.read_text("utf-8").split(BEGIN)
    _, after = rest.split(END, 1)
    with tempfile.TemporaryDirectory() as scratch:
        readme.write_text(before + BEGIN + run(Path(scratch)) + END + after, "utf-8")
