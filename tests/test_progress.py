"""What takes a while says so on a terminal, and nowhere else."""

import os
import subprocess
import sys
from contextlib import suppress

import pytest

pytestmark = pytest.mark.slow  # each starts a process
WORK = """
import sys
from tweetscore.cli.progress import working
with working(float(sys.argv[1])) as on_step:
    on_step("measuring the figures")
    sys.stdin.readline()
    on_step("drawing the page")
    sys.stdin.readline()
print("done")
"""
WHOLE_MINUTES = "3600"
SHOW_CURSOR = "\x1b[?25h"


class Worker:
    """A process that works until it is told to go on, with its stderr on a terminal."""

    def __init__(self, patience_seconds: str) -> None:
        pty = pytest.importorskip("pty", reason="terminals of POSIX")
        self.terminal, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORK, patience_seconds],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
        )
        os.close(theirs)
        self.screen = ""

    def read_until(self, text: str) -> None:
        """Read what reaches the terminal until it holds a text."""
        while text not in self.screen:
            self.screen += os.read(self.terminal, 1 << 16).decode()

    def end(self) -> str:
        """Let it come to its end; return what it has printed on stdout."""
        printed, _ = self.process.communicate(b"\n\n")
        with suppress(OSError):  # how Linux reports that the other side has gone
            while piece := os.read(self.terminal, 1 << 16).decode():
                self.screen += piece
        os.close(self.terminal)
        return printed.decode()


def test_what_takes_a_while_is_shown_with_its_time_and_leaves_nothing() -> None:
    worker = Worker("0")
    worker.read_until("measuring the figures")
    worker.read_until("0:00:0")
    assert worker.end() == "done\n"
    assert worker.screen.endswith(f"{SHOW_CURSOR}\r\x1b[1A\x1b[2K")


def test_what_is_done_at_once_shows_nothing() -> None:
    worker = Worker(WHOLE_MINUTES)
    assert worker.end() == "done\n"
    assert worker.screen == ""


@pytest.mark.parametrize("patience_seconds", ["0", WHOLE_MINUTES])
def test_into_a_pipe_goes_nothing(patience_seconds: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", WORK, patience_seconds],
        input="\n\n", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (run.stdout, run.stderr) == ("done\n", "")
