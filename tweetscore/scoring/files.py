"""Score Parquet files into Parquet files: files enter, files of scored tweets leave.

Shards that the manifest has are not scored again, so a job that was ended anywhere is finished by
running it again.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tweetscore.errors import TweetscoreError
from tweetscore.market.symbols import without_windows
from tweetscore.scoring.job import Engine, Failed, Finished, Job, Shard
from tweetscore.scoring.manifest import find_shards, finishing, only_run
from tweetscore.scoring.predictions import check_horizons
from tweetscore.scoring.shards import ShardScorer
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


def score_files(
    inputs: Sequence[str],
    job: Job,
    engine: Engine,
    progress: Callable[[int, int], None],
) -> FilesAccount:
    """Score every shard that is not in the manifest yet.

    Args:
        inputs: files, folders or patterns.
        job: model, market and output.
        engine: scores the shards, in any order.
        progress: called with the rows done and to do.

    Raises:
        InputError: there are no shards, or two have the same name, or the output holds results of
            another job, or lies among the inputs.
        LockedError: another run writes to the output.
    """
    check_horizons(job.model, job.horizons)
    shards = find_shards(inputs, job.output)
    with only_run(job) as finished:
        return _score(shards, job, engine, progress, finished)


def _score(
    shards: Sequence[Shard],
    job: Job,
    engine: Engine,
    progress: Callable[[int, int], None],
    finished: Sequence[Finished],
) -> FilesAccount:
    """Score those that are not finished, or whose content is another now."""
    known = {each.name: each for each in finished}
    to_do = [
        each
        for each in shards
        if each.name not in known or known[each.name].fingerprint != each.fingerprint
    ]
    rows = {each.name: each.rows for each in to_do}
    done, total = 0, sum(rows.values())
    failed = []
    with finishing(job) as add:
        for each in engine(job, to_do):
            done += rows[each.name]
            progress(done, total)
            if isinstance(each, Failed):
                failed.append(each)
                continue
            known[each.name] = each
            add(each)
    there = [known[each.name] for each in shards if each.name in known]
    return _account(job, shards, to_do, there, failed)


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
    """Score shards one after another, each on every core."""
    scorer = ShardScorer(job)
    for shard in shards:
        try:
            yield scorer.score(shard)
        except TweetscoreError as error:
            yield Failed(shard.name, str(error))
