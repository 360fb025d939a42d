"""Nothing is written but the output and the database, and no socket leaves this machine."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tweetscore.sample.write import write_sample

pytestmark = pytest.mark.slow

TRAINING = [
    *("--interval", "30", "--vectors", "random", "--embedding-dim", "8", "--hidden", "4"),
    *("--epochs", "1"),
]
GIVEN = ["--predictions", "llm.csv", "--model", "llm", "--interval", "30"]
COMMANDS = [
    ["ingest", "{sample}"],
    ["score", "--interval", "30"],
    ["info"],
    ["evaluate"],
    ["query", "--file", "hit_rate", "--output", "hits.csv"],
    ["query", "SELECT tweet_id, tweet_id % 7 / 7 AS p FROM tweets", "--output", "llm.csv"],
    ["import", *GIVEN],
    ["import", *GIVEN, "--trained-until", "2022"],
    ["compare"],
    ["report", "--model", "llm", "--output", "report.html"],
    ["export", "exported"],
    ["score", "--input", "exported/tweets", "--output", "scored"],
    ["import", "scored", "--db", "imported.duckdb"],
    ["train", "--output", "model", *TRAINING],
    ["doctor"],
]
OUTPUTS = {
    "tweetscore.duckdb", "hits.csv", "llm.csv", "report.html", "exported", "scored",
    "imported.duckdb", "model", "runs",
}  # fmt: skip
TRACED = shutil.which("strace") is not None
LOCAL = ("AF_UNIX", "AF_NETLINK", "127.0.0.1", "::1")


TRACE = ["-f", "-qq", "--seccomp-bpf", "-e", "trace=connect,sendto"]
RUN = """
import json, sys
from tweetscore.cli.app import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["tweetscore", *arguments]
    try:
        main()
    except SystemExit as end:
        assert not end.code, arguments
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every command has run, one after the other, with the home folder beside."""
    folder = tmp_path_factory.mktemp("outside")
    home, here, sample = folder / "home", folder / "here", folder / "sample"
    for each in (home, here):
        each.mkdir()
    write_sample(sample, posts=1_000, days=90)
    own = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
    environment = {**own, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    given = [[each.format(sample=sample) for each in command] for command in COMMANDS]
    trace = ["strace", *TRACE, "-o", str(folder / "trace")]
    done = subprocess.run(
        [*(trace if TRACED else []), sys.executable, "-c", RUN, json.dumps(given)],
        cwd=here, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_only_outputs_and_the_database_are_written(folder: Path) -> None:
    assert {each.name for each in (folder / "here").iterdir()} == OUTPUTS
    assert list((folder / "home").rglob("*")) == []


@pytest.mark.skipif(not TRACED, reason="strace is not installed")
def test_no_socket_leaves_loopback(folder: Path) -> None:
    lines = [line for line in (folder / "trace").read_text().splitlines() if "sa_family" in line]
    assert [line for line in lines if not any(each in line for each in LOCAL)] == []
