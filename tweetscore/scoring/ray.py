"""Score shards on a Ray cluster: a job and shards enter, accounts leave in any order.

Ray places the workers, sends the model and the market to each of them once, and restarts a worker
that has died. Tweets are not sent: each worker reads its shards and writes their results, one at a
time, so its memory does not grow with the archive. Workers share with this machine what the shards
lie in, and nothing else.
"""

import logging
import os
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from tweetscore.errors import InputError
from tweetscore.io.scratch import scratch
from tweetscore.scoring.job import Failed, Finished, Job, Refused, Shard
from tweetscore.scoring.shards import ShardScorer
from tweetscore.scoring.travel import Sent, receive, send

KNOCK_SECONDS = 10
ATTEMPTS = 3  # per shard, whatever the error
ONE_THREAD = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "ARROW_NUM_THREADS"), "1")


class DiffersError(Exception):
    """A worker whose results would not be those of this machine."""


class Worker:
    """One process of the cluster: it loads the job once and scores shard after shard."""

    def __init__(self) -> None:
        self._scorer: ShardScorer | None = None
        self._opened = ExitStack()  # the files of the model, until the process ends

    def score(self, sent: list[Any], shard: Shard) -> Finished:
        """Score one shard on one core.

        Args:
            sent: Ray's reference to the job, in a list: a bare one it would fetch each time.
            shard: the shard.

        Raises:
            DiffersError: other bytes would come of it than on the machine of the job.
        """
        if self._scorer is None:
            import ray

            folder = self._opened.enter_context(scratch())
            scorer, difference = receive(ray.get(sent[0]), folder)
            if difference:
                address = ray.get_runtime_context().get_node_id()[:12]
                place = f"{socket.gethostname()} (node {address})"
                raise DiffersError(f"the worker on {place} {difference}")
            self._scorer = scorer
        return self._scorer.score(shard)


class RayEngine:
    """Workers on a Ray cluster, each on one core."""

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        *,
        sends: Callable[[Job], Sent] = send,
    ) -> None:
        """Choose the cluster.

        Args:
            address: of one that runs, as ``ray start`` prints it, or ``auto``; None starts one on
                this machine for as long as it takes.
            workers: how many; None: one for every core of the cluster.
            sends: packs the job for them.
        """
        self.address = address
        self.workers = workers
        self.sends = sends

    def __call__(self, job: Job, shards: Sequence[Shard]) -> Iterator[Finished | Failed | Refused]:
        """Yield the result of each shard, and the workers that are refused.

        Paths of shards and results must mean the same on every machine, as those of buckets do.

        Raises:
            InputError: no cluster can be reached, or none of its workers gives the same results.
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
            yield from self._run(ray, self.sends(job), shards)
        finally:
            ray.shutdown()

    def _run(
        self, ray: Any, job: Sent, shards: Sequence[Shard]
    ) -> Iterator[Finished | Failed | Refused]:
        remote = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=ATTEMPTS - 1)(Worker)
        sent = [ray.put(job)]
        cores = int(ray.cluster_resources().get("CPU", 1))
        workers = [remote.remote() for _ in range(min(self.workers or cores, len(shards)))]
        waiting = deque((shard, 1) for shard in shards)
        running: dict[Any, tuple[Any, Shard, int]] = {}
        idle, refused = workers, ""
        while (waiting and idle) or running:
            while waiting and idle:
                worker, (shard, attempt) = idle.pop(), waiting.popleft()
                running[worker.score.remote(sent, shard)] = worker, shard, attempt
            (done,), _ = ray.wait(list(running), num_returns=1)
            worker, shard, attempt = running.pop(done)
            try:
                yield ray.get(done)
            except ray.exceptions.RayError as error:
                if isinstance(getattr(error, "cause", None), DiffersError):
                    ray.kill(worker)  # one that is started again may be on the same machine
                    refused = _reason(error)
                    yield Refused(refused)
                    waiting.append((shard, attempt))
                    continue
                if attempt < ATTEMPTS:
                    waiting.append((shard, attempt + 1))
                else:
                    yield Failed(shard.name, _reason(error))
            idle.append(worker)
        if waiting:
            raise InputError(
                f"no worker gives the results of this machine: {refused}; install the same "
                "packages on every machine, or start the job on one of the others"
            )


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
