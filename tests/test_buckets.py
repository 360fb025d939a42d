"""Shards in buckets: the bytes of files on this machine, whatever fails on the way."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from faulty_server import Faults, Proxy, proxied, s3_server
from jobs import job_of, outputs, posts, run, write
from pyarrow import fs

from tweetscore.scoring.bundle import Bundle

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("moto") is None, reason="moto is not installed: pip install 'moto[server]'"
    ),
]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, int]]:
    with s3_server() as target:
        yield target


@pytest.fixture(scope="module")
def bucket(server: tuple[str, int]) -> Iterator[Proxy]:
    """A proxy before the server, by which the environment leads to an empty bucket."""
    with pytest.MonkeyPatch.context() as patch, proxied(server) as proxy:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_ENDPOINT_URL", proxy.url)
        patch.setenv("AWS_REGION", "us-east-1")
        host, port = server
        address = f"http://{host}:{port}"
        fs.S3FileSystem(
            endpoint_override=address, region="us-east-1", allow_bucket_creation=True
        ).create_dir("archive")
        yield proxy


@pytest.fixture
def direct(server: tuple[str, int], bucket: Proxy) -> fs.S3FileSystem:
    """The way around the proxy; faults end with the test."""
    bucket.faults = Faults()
    host, port = server
    return fs.S3FileSystem(endpoint_override=f"http://{host}:{port}", region="us-east-1")


def put(direct: fs.S3FileSystem, folder: Path, to: str) -> None:
    fs.copy_files(
        str(folder), to, source_filesystem=fs.LocalFileSystem(), destination_filesystem=direct
    )


def objects(direct: fs.S3FileSystem, folder: str) -> dict[str, bytes]:
    found = direct.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True))
    return {
        each.path.removeprefix(f"{folder}/"): direct.open_input_stream(each.path).readall()
        for each in found
        if each.path.endswith(".parquet")
    }


def test_a_bucket_gives_the_bytes_of_files(
    direct: fs.S3FileSystem, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in" / "year=2018", posts(500), posts(300, 1), posts(400, 2))
    put(direct, tmp_path / "in", "archive/same/in")
    local = run(inputs.parent, job_of(market, bundle, tmp_path / "out"))
    account = run("s3://archive/same/in", job_of(market, bundle, "s3://archive/same/out"))
    assert account == local
    assert objects(direct, "archive/same/out") == outputs(tmp_path / "out")
    pattern = "s3://archive/same/in/year=*/[01].parquet"
    assert run(pattern, job_of(market, bundle, "s3://archive/same/some")).rows == 800
