"""Ray on hosts that share nothing but a bucket: one is cut off, one dies, and no byte changes."""

import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from hosts import BRIDGE, RAY, Network, allowed, network
from jobs import job_of, outputs, posts, run, write

from tweetscore.scoring.bundle import Bundle

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("ray") is None or find_spec("moto") is None,
        reason="ray or moto is not installed: pip install 'tweetscore[ray,dev]'",
    ),
    pytest.mark.skipif(
        not os.environ.get("TWEETSCORE_HOSTS"), reason="a cluster of hosts is tried by: just hosts"
    ),
    pytest.mark.skipif(not allowed(), reason="this machine allows no network namespaces"),
]

PORT, SHARDS = 9000, 10
SERVER = """
import sys, time
from pathlib import Path
from pyarrow import fs
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="{address}", port={port}, verbose=False)
server.start()
s3 = fs.S3FileSystem(
    endpoint_override="http://{address}:{port}", region="us-east-1", allow_bucket_creation=True
)
s3.create_dir("archive")
def copy(source, to, at, there):
    fs.copy_files(source, to, source_filesystem=at, destination_filesystem=there)
copy("{inputs}", "archive/in", fs.LocalFileSystem(), s3)
Path("{inputs}.there").touch()
while not Path("{inputs}.done").exists():
    listed = s3.get_file_info(fs.FileSelector("archive/out", recursive=True, allow_not_found=True))
    done = [each for each in listed if each.path.endswith(".parquet")]
    Path("{inputs}.count").write_text(str(len(done)))
    time.sleep(0.1)
Path("{outputs}").mkdir()
copy("archive/out", "{outputs}", s3, fs.LocalFileSystem())
"""


def wait_for(path: Path, *, until: int = 0, seconds: int = 60) -> None:
    """Wait for a file, or for a number in it."""
    for _ in range(seconds * 20):
        if path.exists() and int(path.read_text() or 0) >= until:
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} is not there after {seconds} s")


def start_ray(hosts: Network, tmp_path: Path) -> None:
    head, *others = [(name, hosts.add(name)) for name in ("head", "first", "second")]
    common = ["--object-store-memory", "100000000", "--include-dashboard", "false"]
    at = ["--head", "--port", "6379", "--num-cpus", "0"]
    address = ["--node-ip-address", head[1]]
    hosts.start(head[0], [*RAY, *at, *address, *common], tmp_path / "head.log")
    time.sleep(6)
    for name, own in others:
        at = ["--address", f"{head[1]}:6379", "--num-cpus", "1", "--node-ip-address", own]
        hosts.start(name, [*RAY, *at, *common[:2]], tmp_path / f"{name}.log", alone=True)


def test_a_host_that_dies_and_one_that_is_cut_off_take_nothing_with_them(
    bundle: Bundle, market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = write(tmp_path / "in", *(posts(20_000, seed) for seed in range(SHARDS)))
    run(inputs, job_of(market, bundle, tmp_path / "local"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{BRIDGE}:{PORT}")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    server = SERVER.format(address=BRIDGE, port=PORT, inputs=inputs, outputs=tmp_path / "found")
    with network() as hosts:
        s3 = hosts.start("", [sys.executable, "-c", server], tmp_path / "s3.log")
        start_ray(hosts, tmp_path)
        wait_for(Path(f"{inputs}.there"))
        time.sleep(4)
        command = [
            "ip", "netns", "exec", hosts.space("head"), sys.executable, "-m", "tweetscore", "score",
            "--input", "s3://archive/in", "--output", "s3://archive/out", "--engine", "ray",
            "--address", "10.77.0.2:6379", "--workers", "2", "--db", str(market), "--model",
            str(bundle.path), "--json",
        ]  # fmt: skip
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
        ) as job:
            wait_for(Path(f"{inputs}.count"), until=2)
            hosts.plug("second", "down")
            time.sleep(1)
            hosts.plug("second", "up")
            wait_for(Path(f"{inputs}.count"), until=4)
            hosts.kill("first")
            assert job.poll() is None
            out, err = job.communicate(timeout=300)
        assert job.returncode == 0, err
        account = json.loads(out)
        Path(f"{inputs}.done").touch()
        s3.wait(60)
    assert (account["failed"], account["rows"]) == ([], SHARDS * 20_000)
    assert outputs(tmp_path / "found") == outputs(tmp_path / "local")
