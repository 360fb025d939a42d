"""A cluster gives what one machine gives, whatever dies on the way."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from jobs import job_of, outputs, posts, run, write

from tweetscore.errors import InputError
from tweetscore.scoring.bundle import Bundle, load_bundle
from tweetscore.scoring.files import score_files
from tweetscore.scoring.job import Failed, Finished, Job, Refused, Shard
from tweetscore.scoring.ray import RayEngine
from tweetscore.scoring.travel import Probe, send

pytestmark = [
    pytest.mark.slow,
    # Looked up, not imported: the quick tests, which collect this file too, have no use for Ray.
    pytest.mark.skipif(
        find_spec("ray") is None, reason="ray is not installed: pip install 'tweetscore[ray]'"
    ),
]

README = Path(__file__).parents[1] / "tweetscore" / "scoring" / "README.md"


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Two nodes of one core each, every one with its own processes."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    nodes = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    nodes.add_node(num_cpus=1)
    yield nodes.address
    nodes.shutdown()  # type: ignore[no-untyped-call]


def on_ray(inputs: Path, job: Job, engine: RayEngine) -> dict[str, bytes]:
    account = score_files([str(inputs)], job, engine, lambda *_: None)
    assert account.failed == ()
    assert account.rows == account.scored + account.skipped + account.rejected
    return outputs(Path(str(job.output)))


def test_two_nodes_give_what_one_machine_gives(
    cluster: str, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in", *(posts(500, seed) for seed in range(8)))
    run(inputs, job_of(market, bundle, tmp_path / "local"))
    found = on_ray(inputs, job_of(market, bundle, tmp_path / "ray"), RayEngine(cluster))
    assert found == outputs(tmp_path / "local")
    assert len(found) == 8


def test_a_worker_that_is_killed_loses_nothing_and_prints_nothing(
    cluster: str,
    bundle: Bundle,
    market: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    inputs = write(tmp_path / "in", *(posts(20_000, seed) for seed in range(12)))
    run(inputs, job_of(market, bundle, tmp_path / "local"))
    shutil.copytree(bundle.path, tmp_path / "models" / "tiny")
    own = load_bundle(tmp_path / "models" / "tiny")
    killed: list[int] = []

    def kill_after_the_second(
        job: Job, shards: Sequence[Shard]
    ) -> Iterator[Finished | Failed | Refused]:
        for number, each in enumerate(RayEngine(cluster)(job, shards)):
            if number == 1:
                shutil.rmtree(own.path)  # workers have the model from the job, not from a folder
                killed.append(kill_a_worker())
            yield each

    job = job_of(market, own, tmp_path / "ray")
    account = score_files([str(inputs)], job, kill_after_the_second, lambda *_: None)
    assert killed
    assert (account.failed, account.rows) == ((), 240_000)
    assert capsys.readouterr().out == ""  # where results stand
    assert outputs(tmp_path / "ray") == outputs(tmp_path / "local")
    assert not list(tmp_path.rglob("*.part"))


def test_workers_that_would_give_other_bytes_are_refused_by_name(
    cluster: str, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in", *(posts(50, seed) for seed in range(3)))
    job = job_of(market, bundle, tmp_path / "ray")
    here = send(job)
    other = Probe(here.probe.versions | {"onnxruntime": "1.0"}, here.probe.scores)
    engine = RayEngine(cluster, sends=lambda job: replace(send(job), probe=other))
    told = f"the worker on {socket.gethostname()} (node "
    with pytest.raises(InputError) as refusal:
        score_files([str(inputs)], job, engine, lambda _: None)
    message = str(refusal.value)
    assert message.startswith(f"no worker gives the results of this machine: {told}")
    assert message.count("has onnxruntime ") == 1
    assert outputs(tmp_path / "ray") == {}
    other = Probe(here.probe.versions, "0" * 64)
    assert here.probe.difference(here.probe) is None
    assert str(here.probe.difference(other)).startswith("scores the same posts otherwise than this")
    on_ray(inputs, job, RayEngine(cluster))


def kill_a_worker() -> int:
    """Kill one process that scores, as the machine would that ran out of memory."""
    for _ in range(10_000):  # it may have ended a shard, and wait for the next
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                title = (folder / "cmdline").read_text()
                if title.startswith("ray::Worker") and is_ours(int(folder.name)):
                    os.kill(int(folder.name), signal.SIGKILL)
                    return int(folder.name)
    raise AssertionError("there is no worker")


def is_ours(pid: int) -> bool:
    """Tell whether a process descends from this one, and not from another run of these tests."""
    while pid > 1 and pid != os.getpid():
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pid == os.getpid()


def test_a_poisoned_shard_is_tried_again_and_then_listed(
    cluster: str, bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in", *(posts(50, seed) for seed in range(4)))
    path = inputs / "2.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    job = job_of(market, bundle, tmp_path / "ray")
    account = score_files([str(inputs)], job, RayEngine(cluster), lambda *_: None)
    (failed,) = account.failed
    assert failed.name == "2.parquet"
    assert failed.reason.startswith(f"{path}: unreadable Parquet (")
    assert set(outputs(tmp_path / "ray")) == {"0.parquet", "1.parquet", "3.parquet"}


def test_a_cluster_on_this_machine_is_started_and_ended(
    bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in", posts(100), posts(100, seed=1))
    run(inputs, job_of(market, bundle, tmp_path / "local"))
    done = subprocess.run(
        [
            sys.executable, "-m", "tweetscore", "score", "--input", str(inputs), "--output",
            str(tmp_path / "ray"), "--engine", "ray", "--workers", "2", "--db", str(market),
            "--model", str(bundle.path), "--json",
        ],
        capture_output=True, text=True, check=True, timeout=600,
    )  # fmt: skip
    assert json.loads(done.stdout)["shards"] == 2
    assert [json.loads(line)["shards"] for line in done.stderr.splitlines()] == [1, 2]
    assert outputs(tmp_path / "ray") == outputs(tmp_path / "local")


def test_a_cluster_that_is_not_there_is_one_clear_error(
    bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in", posts(3))
    with pytest.raises(InputError, match=r"no Ray cluster at 127\.0\.0\.1:1 "):
        on_ray(inputs, job_of(market, bundle, tmp_path / "ray"), RayEngine("127.0.0.1:1"))


def test_the_cluster_that_the_documents_describe_is_one_of_ray() -> None:
    import yaml
    from ray.autoscaler._private.util import prepare_config, validate_config

    (written,) = README.read_text(encoding="utf-8").split("```yaml\n")[1:]
    validate_config(prepare_config(yaml.safe_load(written.partition("```")[0])))
