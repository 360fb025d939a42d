"""Score Parquet files into Parquet files: files enter, files of scored tweets leave.

Shards that the manifest has are not scored again, so a job that was ended anywhere is finished by
running it again.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tweetscore.errors import TweetscoreError
from tweetscore.io.fetched import Part
from tweetscore.io.pipeline import prefetch
from tweetscore.market.symbols import without_windows
from tweetscore.scoring.inputs import find_shards
from tweetscore.scoring.job import Engine, Failed, Finished, Job, Refused, Shard
from tweetscore.scoring.manifest import Held, finishing, only_run
from tweetscore.scoring.predictions import check_horizons
from tweetscore.scoring.shards import ShardScorer, Written
from tweetscore.text.known import WordCounts


@dataclass(frozen=True, slots=True)
class FilesAccount:
    """Result of all shards; over those that finished, rows = scored + skipped + rejected."""

    model: str
    model_id: str
    intervals: tuple[int, ...]
    shards: int
    already_finished: int
    rows: int
    scored: int
    skipped: int
    rejected: int
    reasons: dict[str, int] = field(default_factory=dict)
    failed: tuple[Failed, ...] = ()
    known_words: dict[str, float] = field(default_factory=dict)  # as in ``ScoreAccount``
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come; of shards that this run does."""

    shards: int
    shards_to_do: int
    rows: int
    bytes: int  # of the files, of which only the columns that are needed are read
    bytes_to_do: int
    seconds: float

    @property
    def seconds_left(self) -> float | None:
        """By the bytes; None before the first shard."""
        if not self.bytes:
            return None
        return self.seconds * (self.bytes_to_do - self.bytes) / self.bytes


def score_files(
    inputs: Sequence[str],
    job: Job,
    engine: Engine,
    progress: Callable[[Progress], None],
    options: Mapping[str, str] | None = None,
    *,
    take_over: bool = False,
) -> FilesAccount:
    """Score every shard that is not in the manifest yet, the largest first.

    Args:
        inputs: files, folders or patterns, on this machine or in buckets.
        job: model, market and output.
        engine: scores the shards, in any order.
        progress: called after each shard.
        options: how buckets are reached.
        take_over: whether a run that holds the output, a bucket, loses it.

    Raises:
        InputError: there are no shards, or two have the same name, or the output holds results of
            another job, or lies among the inputs, or a bucket cannot be read or written.
        LockedError: another run writes to the output.
    """
    check_horizons(job.model, job.horizons)
    shards = find_shards(inputs, job.output, options)
    with only_run(job, take_over=take_over) as held:
        return _score(shards, job, engine, progress, held)


def to_score(shards: Sequence[Shard], finished: Sequence[Finished]) -> list[Shard]:
    """Return those that are not finished, or are others now; the largest first."""
    stamps = {each.name: each.stamp for each in finished}
    to_do = [each for each in shards if stamps.get(each.name) != each.stamp]
    return sorted(to_do, key=lambda each: (-each.bytes, each.name))


def _score(
    shards: Sequence[Shard],
    job: Job,
    engine: Engine,
    progress: Callable[[Progress], None],
    held: Held,
) -> FilesAccount:
    known = {each.name: each for each in held.finished}
    to_do = to_score(shards, held.finished)
    sizes = {each.name: each.bytes for each in to_do}
    failed: list[Failed] = []
    refused: list[str] = []
    rows = done = number = 0
    started = time.monotonic()
    with finishing(held) as add:
        for each in engine(job, to_do):
            if isinstance(each, Refused):
                refused.append(f"{each.reason}: it scores nothing")
                continue
            number += 1
            if isinstance(each, Failed):
                failed.append(each)
            else:
                known[each.name] = each
                add(each)
                rows += each.rows
            done += sizes[each.name]
            seconds = time.monotonic() - started
            progress(Progress(number, len(to_do), rows, done, sum(sizes.values()), seconds))
    there = [known[each.name] for each in shards if each.name in known]
    account = _account(job, shards, to_do, there, failed)
    return replace(account, warnings=(*refused, *account.warnings))


def _account(
    job: Job,
    shards: Sequence[Shard],
    to_do: Sequence[Shard],
    there: Sequence[Finished],
    failed: Sequence[Failed],
) -> FilesAccount:
    counts = [WordCounts(Counter(each.words), Counter(each.known)) for each in there]
    words = sum(counts, WordCounts())
    return FilesAccount(
        model=job.model.name,
        model_id=job.model.model_id,
        intervals=job.horizons,
        shards=len(shards),
        already_finished=len(shards) - len(to_do),
        rows=sum(each.rows for each in there),
        scored=sum(each.scored for each in there),
        skipped=sum(each.skipped for each in there),
        rejected=sum(each.rejected for each in there),
        reasons=dict(sum((Counter(each.reasons) for each in there), Counter[str]())),
        failed=tuple(sorted(failed, key=lambda each: each.name)),
        known_words=words.shares(),
        warnings=(
            *words.warnings(job.model.name),
            *without_windows(job.market.symbols, job.horizons),
        ),
    )


def local_engine(job: Job, shards: Sequence[Shard]) -> Iterator[Finished | Failed]:
    """Score shards one after another, each on every core.

    While one is scored, the next one is fetched, and the results of the last are put there.
    """
    scorer = ShardScorer(job)
    written = prefetch(_written(scorer, shards), scorer.stop)
    try:
        for each in written:
            yield each if isinstance(each, Failed) else _put(scorer, each)
    finally:
        scorer.stop()  # whoever has enough waits for nothing


def _put(scorer: ShardScorer, written: Written) -> Finished | Failed:
    try:
        return scorer.put(written)
    except TweetscoreError as error:
        return Failed(written.shard.name, str(error))


def _written(scorer: ShardScorer, shards: Sequence[Shard]) -> Iterator[Written | Failed]:
    for shard, parts in _fetched(scorer, shards):
        try:
            yield scorer.write(shard, parts)
        except TweetscoreError as error:
            yield Failed(shard.name, str(error))


def _fetched(
    scorer: ShardScorer, shards: Sequence[Shard]
) -> Iterator[tuple[Shard, Iterator[Part]]]:
    """Yield shards while the next one is fetched."""
    begun: deque[tuple[Shard, Iterator[Part]]] = deque()
    for shard in shards:
        begun.append((shard, scorer.fetch(shard)))
        if len(begun) > 1:
            yield begun.popleft()
    yield from begun
