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
from contextlib import ExitStack, contextmanager
from typing import Any

from tweetscore.errors import InputError
from tweetscore.io.scratch import scratch
from tweetscore.scoring.job import Failed, Finished, Job, Refused, Shard
from tweetscore.scoring.shards import ShardScorer
from tweetscore.scoring.travel import Sent, receive, send

KNOCK_SECONDS = 10
ROOM_SECONDS = 600.0  # a host of a cloud has started by then, and has its packages
ATTEMPTS = 3  # per shard, whatever the error
ONE_THREAD = {
    "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",  # as the program itself does
}  # fmt: skip


class DiffersError(Exception):
    """A worker whose results would not be those of this machine."""


class Worker:
    """One process of the cluster: it loads the job once and scores shard after shard."""

    def __init__(self) -> None:
        self._scorer: ShardScorer | None = None
        self._opened = ExitStack()  # the files of the model, until the process ends

    def begin(self, sent: list[Any]) -> None:
        """Load the job.

        Args:
            sent: Ray's reference to the job, in a list: a bare one it would fetch each time.

        Raises:
            DiffersError: other bytes would come of it than on the machine of the job.
        """
        import ray

        folder = self._opened.enter_context(scratch())
        self._scorer, difference = receive(ray.get(sent[0]), folder)
        if difference:
            node = ray.get_runtime_context().get_node_id()[:12]
            raise DiffersError(f"the worker on {socket.gethostname()} (node {node}) {difference}")

    def score(self, shard: Shard) -> Finished:
        """Score one shard on one core."""
        assert self._scorer is not None
        return self._scorer.score(shard)


class RayEngine:
    """Workers on a Ray cluster, each on one core."""

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        *,
        sends: Callable[[Job], Sent] = send,
        room_seconds: float = ROOM_SECONDS,
    ) -> None:
        """Choose the cluster.

        Args:
            address: of one that runs, as ``ray start`` prints it, or ``auto``; None starts one on
                this machine for as long as it takes.
            workers: how many; None: one for every core of the cluster.
            sends: packs the job for them.
            room_seconds: how long to wait for a host where the cluster has none with a core.
        """
        self.address = address
        self.workers = workers
        self.sends = sends
        self.room_seconds = room_seconds

    def __call__(self, job: Job, shards: Sequence[Shard]) -> Iterator[Finished | Failed | Refused]:
        """Yield the result of each shard, and the workers that are refused.

        Paths of shards and results must mean the same on every machine, as those of buckets do.

        Raises:
            InputError: no cluster can be reached, or none of its workers gives the same results,
                or it has no host with a core.
        """
        if not shards:
            return
        with self._connected() as ray:
            resources: dict[str, float] = ray.cluster_resources()
            cores = int(resources.get("CPU", self.workers or 1))
            count = max(1, min(self.workers or cores, len(shards)))
            yield from _Crew(ray, self.sends(job), count, self.room_seconds).score(shards)

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        """Join the cluster for a while.

        Raises:
            InputError: it cannot be reached.
        """
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
        # What befalls the hosts Ray prints among our results, whatever log_to_driver says.
        ray._private.worker._worker_logs_enabled = False
        try:
            yield ray
        finally:
            ray.shutdown()
            ray._private.worker._worker_logs_enabled = True


class _Crew:
    """The workers of a job; another one is started for each that dies, where there is room."""

    def __init__(self, ray: Any, job: Sent, count: int, room_seconds: float) -> None:
        self.ray = ray
        self.room_seconds = room_seconds
        self.sent = [ray.put(job)]
        self.kind = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(Worker)
        self.starting: dict[Any, Any] = {}  # of a promise, its worker
        self.idle: list[Any] = []
        self.running: dict[Any, tuple[Any, Shard, int]] = {}
        self.starts_left = ATTEMPTS * count  # that may fail
        self.refused = ""
        for _ in range(count):
            self._start()

    def score(self, shards: Sequence[Shard]) -> Iterator[Finished | Failed | Refused]:
        """Yield the result of each shard as it is there.

        Raises:
            InputError: no worker is left, or no host for one.
        """
        waiting = deque((shard, 1) for shard in shards)
        while waiting or self.running:
            while waiting and self.idle:
                worker, (shard, attempt) = self.idle.pop(), waiting.popleft()
                self.running[worker.score.remote(shard)] = worker, shard, attempt
            promises = [*self.running, *self.starting]
            if not promises:
                raise InputError(
                    f"no worker gives the results of this machine: {self.refused}; install the "
                    "same packages on every machine, or start the job on one of the others"
                )
            ready, _ = self.ray.wait(promises, num_returns=1, timeout=self.room_seconds)
            if not ready:
                self._check_room()
                continue
            (done,) = ready
            if done in self.starting:
                yield from self._started(done)
                continue
            _, shard, attempt = self.running[done]
            found = self._result(done)
            if isinstance(found, Failed) and attempt < ATTEMPTS:
                waiting.append((shard, attempt + 1))
            else:
                yield found

    def _check_room(self) -> None:
        """Stop waiting for a core where no host is left that has one.

        Raises:
            InputError: none is.
        """
        if not self.running and not self.ray.cluster_resources().get("CPU"):
            raise InputError(
                "the cluster has no host with a core left; start one with: ray start --address "
                "HEAD:PORT, and run the command again: what is finished is kept"
            )

    def _start(self) -> None:
        worker = self.kind.remote()
        self.starting[worker.begin.remote(self.sent)] = worker

    def _started(self, done: Any) -> Iterator[Refused]:
        """Take a worker that has loaded the job, or yield why it is refused."""
        worker = self.starting.pop(done)
        try:
            self.ray.get(done)
        except self.ray.exceptions.RayError as error:
            self.ray.kill(worker)
            self.refused = _reason(error)
            self.starts_left -= 1
            if isinstance(getattr(error, "cause", None), DiffersError):
                yield Refused(self.refused)  # another one may be on the same machine
            elif self.starts_left > 0:
                self._start()
        else:
            self.idle.append(worker)

    def _result(self, done: Any) -> Finished | Failed:
        """Return what became of a shard; its worker takes another one unless it has died."""
        worker, shard, _ = self.running.pop(done)
        try:
            found: Finished = self.ray.get(done)
        except self.ray.exceptions.RayActorError as error:  # dead, or out of reach
            self.ray.kill(worker)
            self._start()
            return Failed(shard.name, _reason(error))
        except self.ray.exceptions.RayError as error:
            self.idle.append(worker)
            return Failed(shard.name, _reason(error))
        self.idle.append(worker)
        return found


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
