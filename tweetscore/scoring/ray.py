"""Score shards on a Ray cluster: a job and shards enter, accounts leave in any order.

Ray places the workers, sends the model's path and the market to each of them once, and restarts a
worker that has died. Tweets are not sent: each worker reads its shards and writes their results,
one at a time, so its memory does not grow with the archive.
"""

import logging
import os
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from tweetscore.errors import InputError
from tweetscore.scoring.job import Failed, Finished, Job, Shard
from tweetscore.scoring.shards import ShardScorer

KNOCK_SECONDS = 10
ATTEMPTS = 3  # per shard, whatever the error
ONE_THREAD = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "ARROW_NUM_THREADS"), "1")


class Worker:
    """One process of the cluster: it loads the job once and scores shard after shard."""

    def __init__(self) -> None:
        self._scorer: ShardScorer | None = None

    def score(self, sent: list[Any], shard: Shard) -> Finished:
        """Score one shard on one core.

        Args:
            sent: Ray's reference to the job, in a list: a bare one it would fetch each time.
            shard: the shard.
        """
        if self._scorer is None:
            import ray

            self._scorer = ShardScorer(ray.get(sent[0]), threads=1)
        return self._scorer.score(shard)


class RayEngine:
    """Workers on a Ray cluster, each on one core."""

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        """Choose the cluster.

        Args:
            address: of one that runs, as ``ray start`` prints it, or ``auto``; None starts one on
                this machine for as long as it takes.
            workers: how many; None: one for every core of the cluster.
        """
        self.address = address
        self.workers = workers

    def __call__(self, job: Job, shards: Sequence[Shard]) -> Iterator[Finished | Failed]:
        """Yield the result of each shard; paths must mean the same on every machine.

        Raises:
            InputError: no cluster can be reached.
        """
        if not shards:
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        options: dict[str, Any] = {} if self.address else {"include_dashboard": False}
        try:
            _knock(self.address)
            ray.init(
                address=self.address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                runtime_env={"env_vars": ONE_THREAD},
                **options,
            )
        except (OSError, ValueError) as error:
            fact = str(error).partition("\n")[0]
            raise InputError(
                f"no Ray cluster at {self.address} ({fact}); start one with: ray start --head"
            ) from error
        try:
            yield from self._run(ray, job, shards)
        finally:
            ray.shutdown()

    def _run(self, ray: Any, job: Job, shards: Sequence[Shard]) -> Iterator[Finished | Failed]:
        remote = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=ATTEMPTS - 1)(Worker)
        sent = [ray.put(job)]
        cores = int(ray.cluster_resources().get("CPU", 1))
        workers = [remote.remote() for _ in range(min(self.workers or cores, len(shards)))]
        waiting = deque((shard, 1) for shard in shards)
        running = {}
        for worker in workers:
            shard, attempt = waiting.popleft()
            running[worker.score.remote(sent, shard)] = worker, shard, attempt
        while running:
            (done,), _ = ray.wait(list(running), num_returns=1)
            worker, shard, attempt = running.pop(done)
            try:
                yield ray.get(done)
            except ray.exceptions.RayError as error:
                if attempt < ATTEMPTS:
                    waiting.append((shard, attempt + 1))
                else:
                    yield Failed(shard.name, _reason(error))
            if waiting:
                shard, attempt = waiting.popleft()
                running[worker.score.remote(sent, shard)] = worker, shard, attempt


def _knock(address: str | None) -> None:
    """Fail at once if nothing listens there; Ray itself tries for minutes.

    Raises:
        OSError: nobody does.
    """
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_SECONDS).close()


def _reason(error: Exception) -> str:
    """Return why a shard failed: the worker's own error if it raised one."""
    cause = getattr(error, "cause", None) or error
    return str(cause).strip().partition("\n")[0]
