"""Ray on hosts that share nothing but a bucket: whatever dies or is cut off, no byte changes."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from faulty_server import (
    Faults,
    Proxy,
    around,
    every_fault,
    objects,
    proxied,
    put,
    reach,
    s3_server,
)
from hosts import PROGRAMS, RAYLET, Cluster, network, wait_until, why_not
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
]

ROWS = int(os.environ.get("TWEETSCORE_HOSTS_ROWS", "20000"))
CUTS = int(os.environ.get("TWEETSCORE_CUTS", "5"))
SEED = int(os.environ.get("TWEETSCORE_SEED", "20"))
SHARDS = int(os.environ.get("TWEETSCORE_HOSTS_SHARDS", "10"))
REQUESTS = 16 * SHARDS  # of a job, and some more
JOB_SECONDS = 900.0
BUCKET = "s3://archive/in"


@dataclass
class Site:
    """A cluster, its bucket, and a job whose bytes are known."""

    cluster: Cluster
    bucket: Proxy
    inputs: Path
    market: Path
    bundle: Bundle
    known: dict[str, bytes]
    draws: random.Random = field(default_factory=lambda: random.Random(SEED))

    def command(self, inputs: str, output: str, *words: str) -> list[str]:
        """Return what scores all shards, on the head."""
        return self.cluster.head.enter(
            sys.executable, "-m", "tweetscore", "score", "--input", inputs, "--output", output,
            "--db", str(self.market), "--model", str(self.bundle.path), "--json", *words,
        )  # fmt: skip

    def on_ray(self, output: str) -> list[str]:
        """Return what scores them on the cluster."""
        cluster = ("--address", self.cluster.address, "--workers", str(len(self.cluster.workers)))
        return self.command(BUCKET, output, "--engine", "ray", *cluster)

    def finish(
        self, command: list[str], job: subprocess.Popen[str] | None = None
    ) -> tuple[dict[str, Any], int]:
        """Repeat a command until it succeeds; return its account, and how often it ran.

        Args:
            command: what scores all shards.
            job: a run of it that may be over.
        """
        for runs in range(1, 6):
            job = job or started(command)
            self.wait(job, requests=sys.maxsize, seconds=JOB_SECONDS)
            out, err = job.communicate(timeout=1)
            if job.returncode == 0:
                return json.loads(out), runs
            print(f"  run {runs} ended with {job.returncode}: {err[-300:]!r}")
            job = None
        raise AssertionError(f"not finished by {runs} runs of the same command")

    def wait(self, job: subprocess.Popen[str], *, requests: int, seconds: float) -> bool:
        """Wait until the bucket has had so many requests; return whether the job goes on then."""
        wait_until(lambda: self.requests() >= requests or self.has_ended(job), seconds)
        return not self.has_ended(job)

    def has_ended(self, job: subprocess.Popen[str]) -> bool:
        """Look at a job, and now and then at the memory of those that score."""
        if self.draws.random() < 0.02:
            self.cluster.measure()
        return job.poll() is not None

    def objects(self, output: str) -> dict[str, bytes]:
        """Return what is there; each object must be whole."""
        there = objects(around(self.bucket), output.removeprefix("s3://"))
        assert there == {name: self.known.get(name) for name in there}
        return there

    def requests(self) -> int:
        return sum(self.bucket.requests.values())


def started(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
        start_new_session=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def site(bundle: Bundle, market: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if reason := why_not():
        pytest.skip(reason)
    here = tmp_path_factory.mktemp("site")
    inputs = write(here / "in", *(posts(ROWS // SHARDS, seed) for seed in range(SHARDS)))
    run(inputs, job_of(market, bundle, here / "out"))
    with (
        network() as hosts,
        s3_server() as server,
        proxied(server, hosts.listener()) as bucket,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")
        reach(bucket, patch)
        around(bucket).create_dir("archive")
        put(around(bucket), inputs, "archive/in")
        cluster = Cluster(hosts, [tmp_path_factory.getbasetemp()])
        cluster.mend()
        yield Site(cluster, bucket, inputs, market, bundle, outputs(here / "out"))


# --- what strikes a job on its way ----------------------------------------------------------------


def cut_link(site: Site, job: subprocess.Popen[str]) -> None:
    """Cut a worker off for a while."""
    host = site.draws.choice(site.cluster.workers)
    site.cluster.network.plug(host, "down")
    until = site.requests() + site.draws.randrange(40)
    site.wait(job, requests=until, seconds=site.draws.uniform(0.1, 20))
    site.cluster.network.plug(host, "up")


def kill_host(site: Site, _job: subprocess.Popen[str]) -> None:
    """End a host, in silence or not, and start another one in its place."""
    host = site.draws.choice(site.cluster.workers)
    if site.draws.random() < 0.5:
        site.cluster.network.plug(host, "down")  # what it had open stays open for the others
    site.cluster.drop(host)
    site.cluster.add_worker()


def kill_worker(site: Site, job: subprocess.Popen[str]) -> None:
    """End a process that scores."""
    host = site.draws.choice(site.cluster.workers)
    wait_until(lambda: bool(site.cluster.scoring(host)) or site.has_ended(job))
    kill(site.cluster.scoring(host))


def kill_ray(site: Site, _job: subprocess.Popen[str]) -> None:
    """End what starts the processes of a host, and them with it."""
    host = site.draws.choice(site.cluster.workers)
    kill([each for each, title in host.processes().items() if RAYLET in title])
    site.cluster.mend()


def kill_job(_site: Site, job: subprocess.Popen[str]) -> None:
    """End the command itself."""
    os.killpg(job.pid, signal.SIGKILL)


def kill(processes: Sequence[int]) -> None:
    for each in processes:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


STRIKES = (cut_link, kill_host, kill_job, kill_worker, kill_ray)


def test_whatever_is_cut_or_dies_the_same_command_gives_the_same_bytes(site: Site) -> None:
    print(f"\n{ROWS:,} rows in {SHARDS} shards, {CUTS} strikes, seed {SEED}")
    strikes = [STRIKES[number % len(STRIKES)] for number in range(CUTS)]
    struck = 0
    while strikes:
        began, output = time.monotonic(), f"s3://archive/out/{len(strikes)}"
        site.bucket.clear()
        site.bucket.faults = every_fault()
        command = site.on_ray(output)
        job, told = started(command), []
        moments = sorted(site.draws.randrange(REQUESTS) for _ in range(site.draws.randint(1, 3)))
        for moment in moments:
            if strikes and site.wait(job, requests=moment, seconds=JOB_SECONDS):
                strike = strikes.pop(0)
                strike(site, job)
                told.append(f"{strike.__name__} at {moment}, {len(site.objects(output))} there")
        account, runs = site.finish(command, job)
        assert (account["failed"], account["rows"]) == ([], ROWS)
        assert site.objects(output) == site.known
        struck += len(told)
        print(
            f"{struck}: {'; '.join(told) or 'nothing'}; {site.requests()} requests, {runs} runs, "
            f"{time.monotonic() - began:.0f} s",
            flush=True,
        )
        site.cluster.mend()
    assert struck == CUTS
    print(f"peak memory of a process that scores: {site.cluster.peak_kb / 1e6:.2f} GB")
    assert site.cluster.peak_kb < 800_000


@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_one_machine_that_is_killed_gives_the_same_bytes(site: Site, place: str) -> None:
    folder = site.inputs.parent / "killed"
    places = {"folder": (str(site.inputs), str(folder)), "bucket": (BUCKET, "s3://archive/killed")}
    command = site.command(*places[place])
    site.bucket.faults = every_fault()
    for _ in range(3):
        job = started(command)
        assert job.stderr
        for _ in range(site.draws.randint(1, SHARDS // 4)):
            job.stderr.readline()  # of a shard that is finished
        kill_job(site, job)
        job.communicate()
    account, _ = site.finish(command)
    assert (account["failed"], account["rows"]) == ([], ROWS)
    found = outputs(folder) if place == "folder" else site.objects("s3://archive/killed")
    assert found == site.known


# --- what cannot go on ----------------------------------------------------------------------------


def in_place_of(path: Path, commands: str) -> str:
    """Return what gives a host another version of a file, made by shell commands."""
    return f"(cat {path}) | {commands} > /tmp/own && mount --bind /tmp/own {path}"


METADATA = next(
    Path(str(each.locate()))
    for each in distribution("onnxruntime").files or ()
    if each.name == "METADATA"
)
ROUNDS_OTHERWISE = """(cat; echo '
class InferenceSession(InferenceSession):
    def run(self, *words):
        return [each * 1.0000001 for each in super().run(*words)]
')"""


@pytest.mark.parametrize(
    ("before", "says"),
    [
        (
            in_place_of(METADATA, "sed 's/^Version: .*/Version: 1.0/'"),
            "has onnxruntime 1.0, here it is 1.",
        ),
        (
            in_place_of(METADATA.parents[1] / "onnxruntime" / "__init__.py", ROUNDS_OTHERWISE),
            "scores the same posts otherwise than this machine",
        ),
    ],
    ids=["version", "arithmetic"],
)
def test_a_host_that_differs_is_refused_by_name(site: Site, before: str, says: str) -> None:
    site.bucket.faults = Faults(delay=1)  # so that no shard is left for whoever comes late
    host = site.cluster.add_worker(before)
    output = f"s3://archive/out/without-{host.name}"
    account, _ = site.finish(site.on_ray(output))
    (refusal,) = account["warnings"]
    assert refusal.startswith(f"the worker on {host.name} (node ")
    assert f") {says}" in refusal
    assert refusal.endswith(": it scores nothing")
    assert site.objects(output) == site.known
    site.cluster.drop(host)


WITHOUT_HOSTS = """
import sys
from pathlib import Path
from jobs import job_of
from tweetscore.errors import InputError
from tweetscore.scoring.bundle import load_bundle
from tweetscore.scoring.files import score_files
from tweetscore.scoring.ray import RayEngine
address, market, model, output = sys.argv[1:]
job = job_of(Path(market), load_bundle(Path(model)), output)
try:
    score_files(["s3://archive/in"], job, RayEngine(address, room_seconds=1), lambda _: None)
except InputError as error:
    print(error)
"""


def test_a_job_whose_hosts_are_gone_ends_in_a_line_and_goes_on_with_others(site: Site) -> None:
    site.bucket.clear()
    site.bucket.faults = Faults(delay=1)
    output = "s3://archive/out/without-hosts"
    given = (site.cluster.address, str(site.market), str(site.bundle.path), output)
    modules = f"{Path(__file__).parent}:{PROGRAMS[0]}"
    words = ("env", f"PYTHONPATH={modules}", sys.executable, "-c", WITHOUT_HOSTS)
    job = started(site.cluster.head.enter(*words, *given))
    assert site.wait(job, requests=REQUESTS // 4, seconds=JOB_SECONDS)
    for host in site.cluster.workers.copy():
        site.cluster.drop(host)
    out, err = job.communicate(timeout=JOB_SECONDS)
    assert out.startswith("the cluster has no host with a core left; start one with: ray st"), err
    assert len(out.splitlines()) == 1
    assert site.objects(output) != site.known
    site.cluster.mend()
    assert site.finish(site.on_ray(output))[0]["failed"] == []
    assert site.objects(output) == site.known
