"""Say what a job would do: files enter, what is finished, what is left and how long it takes leave.

Nothing is written where the results go, and no lock is taken.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pyarrow.parquet as pq

from tweetscore.errors import InputError
from tweetscore.io.parquet import opened
from tweetscore.io.parquet_pages import is_among
from tweetscore.io.places import LocalPlace
from tweetscore.io.scratch import scratch
from tweetscore.scoring.files import to_score
from tweetscore.scoring.inputs import find_shards
from tweetscore.scoring.job import Failed, Job, Shard
from tweetscore.scoring.manifest import finished_in
from tweetscore.scoring.predictions import check_horizons
from tweetscore.scoring.shard_reader import columns_of
from tweetscore.scoring.shards import ShardScorer

_AT_ONCE = 8
_TRIED_ROWS = 65_536  # the smallest shard of so many shows how long the others take


@dataclass(frozen=True, slots=True)
class FilesPlan:
    """What a job would do."""

    model: str
    model_id: str
    shards: int
    already_finished: int
    rows: int  # of the shards that are not finished, as below
    bytes: int
    bytes_to_read: int  # of the columns that are needed
    unreadable: tuple[Failed, ...]
    tried: str | None  # the shard that was scored to see how long it takes
    seconds: float | None  # on this machine


@dataclass(frozen=True, slots=True)
class _Look:
    """What the footer of a shard says."""

    shard: Shard
    rows: int
    bytes_to_read: int


def plan_files(
    inputs: Sequence[str], job: Job, options: Mapping[str, str] | None = None
) -> FilesPlan:
    """Look at the shards of a job, and score one of them into nowhere.

    Args:
        inputs: files, folders or patterns, on this machine or in buckets.
        job: model, market and output.
        options: how buckets are reached.

    Raises:
        InputError: as ``score_files`` would.
    """
    check_horizons(job.model, job.horizons)
    shards = find_shards(inputs, job.output, options)
    to_do = to_score(shards, finished_in(job))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        looks = list(pool.map(lambda each: _look(each, job), to_do))
    good = [each for each in looks if isinstance(each, _Look)]
    bad = [each for each in looks if isinstance(each, Failed)]
    rows = sum(each.rows for each in good)
    tried, seconds = _tried(good, job)
    return FilesPlan(
        model=job.model.name,
        model_id=job.model.model_id,
        shards=len(shards),
        already_finished=len(shards) - len(to_do),
        rows=rows,
        bytes=sum(each.bytes for each in to_do),
        bytes_to_read=sum(each.bytes_to_read for each in good),
        unreadable=tuple(sorted(bad, key=lambda each: each.name)),
        tried=tried.shard.name if tried else None,
        seconds=seconds * rows / tried.rows if tried else None,
    )


def _look(shard: Shard, job: Job) -> _Look | Failed:
    """Read the footer of a shard."""
    name = str(shard.place)
    try:
        parts = shard.place.parquet(lambda _: [])  # without a column there is one
        with next(parts).opened() as path, opened(path, name, "write it again") as parquet:
            columns = columns_of(name, parquet.schema_arrow, counts=job.model.uses_counts)
            return _Look(shard, parquet.metadata.num_rows, _bytes_of(parquet.metadata, columns))
    except InputError as error:
        return Failed(shard.name, str(error))


def _bytes_of(metadata: pq.FileMetaData, columns: Sequence[str]) -> int:
    return sum(
        metadata.row_group(group).column(place).total_compressed_size
        for place in range(metadata.num_columns)
        if is_among(metadata.schema.column(place).path, columns)
        for group in range(metadata.num_row_groups)
    )


def _tried(looks: Sequence[_Look], job: Job) -> tuple[_Look | None, float]:
    """Score one shard; return it, and the seconds that it took."""
    some = [each for each in looks if each.rows]
    if not some:
        return None, 0.0
    by_rows = sorted(some, key=lambda each: (each.rows, each.shard.name))
    tried = next((each for each in by_rows if each.rows >= _TRIED_ROWS), by_rows[-1])
    with scratch() as folder:
        scorer = ShardScorer(replace(job, output=LocalPlace(folder)))
        started = time.monotonic()
        scorer.score(tried.shard)
        return tried, time.monotonic() - started
