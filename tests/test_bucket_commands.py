"""Commands and buckets: none tells a secret, and each tells who holds its output."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest
from faulty_server import Faults, Proxy, around, proxied, put, reach, s3_server
from jobs import posts, write
from pyarrow import fs
from typer.testing import CliRunner

from tweetscore.cli.app import app
from tweetscore.io.lock import Owner
from tweetscore.scoring.bundle import Bundle

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("moto") is None, reason="moto is not installed: pip install 'moto[server]'"
    ),
]
SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAHIDDENHIDDEN1234",
    "AWS_SECRET_ACCESS_KEY": "hidden/hidden+hidden0123456789",
    "AWS_SESSION_TOKEN": "hiddenhidden//////token",
}
OPTIONS = ("secret_key", "access_key", "session_token", "account_key", "sas_token")


@pytest.fixture(scope="module")
def passed() -> Iterator[Proxy]:
    """A proxy before an S3 server, by which the environment leads to an empty bucket."""
    with pytest.MonkeyPatch.context() as patch, s3_server() as server, proxied(server) as proxy:
        reach(proxy, patch)
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        around(proxy).create_dir("archive")
        yield proxy


@pytest.fixture
def bucket(passed: Proxy) -> Iterator[Proxy]:
    """The same; faults end with the test."""
    yield passed
    passed.faults = Faults()


def commands(market: Path, bundle: Bundle) -> dict[str, list[str]]:
    """Every command that reaches buckets, with what is left of its arguments."""
    db = ["--db", str(market)]
    model = ["--model", str(bundle.path), "--interval", "5"]
    given = ["--predictions", "s3://archive/told/made.csv", "--model", "made", "--interval", "5"]
    return {
        "score": [
            "--input",
            "s3://archive/told/in",
            "--output",
            "s3://archive/told/out",
            *model,
            *db,
        ],
        "ingest": ["s3://archive/told/in", *db],
        "export": ["s3://archive/told/export", *db],
        "import": ["s3://archive/told/export", *db],
        "import ": [*given, *db],
    }


def told(name: str, arguments: list[str]) -> str:
    """What a command writes to both streams, of which no word may be a secret."""
    output = CliRunner().invoke(app, [name.strip(), *arguments]).output
    assert not [secret for secret in SECRETS.values() if secret in output]
    return output


def test_no_secret_is_in_what_is_told_or_written(
    bucket: Proxy, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    put(around(bucket), write(tmp_path / "in", posts(20), posts(20, 1)), "archive/told/in")
    database = tmp_path / "copy.duckdb"
    database.write_bytes(market.read_bytes())
    every = commands(database, bundle)
    bucket.faults = Faults(refuse=1)
    for name, arguments in every.items():
        refused = told(name, arguments)
        assert "check the credentials in the environment" in refused, (name, refused)
    bucket.faults = Faults()
    for name, arguments in every.items():
        told(name, arguments)
    found = around(bucket).get_file_info(fs.FileSelector("archive/told", recursive=True))
    objects = [
        around(bucket).open_input_stream(each.path).readall()
        for each in found
        if each.type == fs.FileType.File
    ]
    assert len(objects) > 5
    for content in (*objects, database.read_bytes()):
        assert not [secret for secret in SECRETS.values() if secret.encode() in content]


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_that_is_a_secret_is_refused_by_every_command(
    bundle: Bundle, market: Path, option: str
) -> None:
    for name, arguments in commands(market, bundle).items():
        secret = SECRETS["AWS_SECRET_ACCESS_KEY"]
        refused = told(name, [*arguments, "--storage-option", f"{option}={secret}"])
        assert f"--storage-option {option}: everybody on this machine can read" in refused


def test_a_holder_elsewhere_is_named_whatever_its_clock_and_may_be_taken_over(
    bucket: Proxy, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    put(around(bucket), write(tmp_path / "in", posts(20)), "archive/held/in")
    command = [
        "--input", "s3://archive/held/in", "--output", "s3://archive/held/out",
        "--model", str(bundle.path), "--interval", "5", "--db", str(market), "--json",
    ]  # fmt: skip
    lock = "archive/held/out/_manifest/lock"

    def hold(name: str, machine: str, pid: int, hours: int) -> str:
        since = f"{datetime.now(UTC) + timedelta(hours=hours):%Y-%m-%d %H:%M:%S}"
        with around(bucket).open_output_stream(f"{lock}/{name}.json") as file:
            file.write(json.dumps(asdict(Owner("elsewhere", machine, pid, since))).encode())
        return since

    for hours in (-1, 1):
        since = hold("other", "another machine", os.getpid(), hours)
        refused = told("score", command)
        assert f"(process {os.getpid()} of 'elsewhere', since {since} UTC)" in refused
        assert "add --take-over" in refused
        assert json.loads(told("score", [*command, "--take-over"]).splitlines()[-1])["rows"] == 20
    left = around(bucket).get_file_info(fs.FileSelector(lock, allow_not_found=True))
    assert [each for each in left if each.type == fs.FileType.File] == []
