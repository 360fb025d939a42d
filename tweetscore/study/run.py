"""Repeat the 2019 study's two comparisons: rows by interval enter, stored runs leave.

The interval comparison trains one network per interval; the ablation trains one with and without
trained word vectors and engagement counts. Under the original protocol both carry the study's
faults, each named; the honest one shows what is left of its findings.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import polars as pl

from tweetscore.errors import InputError
from tweetscore.market.targets import Target
from tweetscore.store.database import Store
from tweetscore.store.trials import Trial, in_one, known_trials, record_trials
from tweetscore.study.options import StudyCell, StudyOptions
from tweetscore.study.runs import StudyRun, keep_run, stored_run
from tweetscore.study.source import StudySource
from tweetscore.text.rules import TextRules
from tweetscore.training.dataset import texts_hash
from tweetscore.training.epoch import Epoch
from tweetscore.training.features import prepare
from tweetscore.training.held_out import held_out_figures
from tweetscore.training.learn import Learned, learn
from tweetscore.training.options import PROTOCOLS, TrainingOptions
from tweetscore.training.split import Split, split_rows, walk_forward

ORIGINAL_TRAIN_SHARE = 0.8
TABLES = "2019-tables"  # the symbol of their trials: they name none


def study(
    store: Store,
    source: StudySource,
    options: StudyOptions,
    *,
    log_folder: Path,
    resume: bool,
    progress: Callable[[StudyCell, int, Epoch], None],
) -> Iterator[StudyRun]:
    """Train every cell with every seed, and store each run when it is done.

    Args:
        store: where ``study_runs`` is.
        source: the rows.
        options: what to compare.
        log_folder: for TensorBoard, with a folder per network.
        resume: yield runs that are already stored instead of training them again.
        progress: called with the cell, the seed and the epoch after every epoch.

    Raises:
        InputError: the source lacks an interval, or has too few rows.
    """
    wanted = {cell.interval_minutes for cell in options.cells}
    if lacking := sorted(wanted - set(source.intervals)):
        raise InputError(
            f"{source.name}: has no table {lacking[0]}.csv, only for "
            f"{', '.join(map(str, source.intervals))} minutes; name these with --interval"
        )
    own = set()
    for seed in options.seeds:
        for cell in options.cells:
            rows = source.rows(cell.interval_minutes, cell.counts)
            fingerprint = _fingerprint(rows, source.posts_hash, cell, seed, options)
            own.add(fingerprint)
            kept = stored_run(store, fingerprint)
            if kept and resume:
                yield kept
                continue
            folder = log_folder / _folder_name(cell, seed)
            others = [each for each in known_trials(store) if each.trial_id not in own]
            run, trials = _run(
                source, rows, cell, seed, options, folder, fingerprint, others,
                lambda epoch, cell=cell, seed=seed: progress(cell, seed, epoch),  # type: ignore[misc]  # typed by its use
            )  # fmt: skip
            keep_run(store, run)
            with store.transaction():
                record_trials(store, trials)
            yield run


def _learned(
    source: StudySource,
    splits: Iterable[tuple[Split | None, pl.DataFrame]],
    own: TrainingOptions,
    options: StudyOptions,
    log_folder: Path,
    progress: Callable[[Epoch], None],
) -> list[Learned]:
    """Train one network for each split.

    Raises:
        KeyboardInterrupt: it was interrupted: a run that was trained in part is not stored.
    """
    protocol, learned = PROTOCOLS[options.protocol], list[Learned]()
    for number, (split, parts) in enumerate(splits, 1):
        prepared = prepare(
            parts, split, own, TextRules(max_tokens=own.max_tokens),
            protocol=protocol, symbols=tuple(filter(None, [source.symbol])),
            posts_until=source.posts_until,
        )  # fmt: skip
        folder = log_folder / f"fold-{number}" if options.folds > 1 else log_folder
        learned.append(learn(prepared, own, folder, progress, protocol=protocol))
        if learned[-1].fitted.interrupted:
            raise KeyboardInterrupt
    return learned


def _run(
    source: StudySource,
    rows: pl.DataFrame,
    cell: StudyCell,
    seed: int,
    options: StudyOptions,
    log_folder: Path,
    fingerprint: str,
    others: Sequence[Trial],
    progress: Callable[[Epoch], None],
) -> tuple[StudyRun, list[Trial]]:
    """Train one cell with one seed, fold by fold; return also the trial that it is.

    ``others`` than those of the study may have looked at the same days.
    """
    begun = time.monotonic()
    own = _own_options(cell, seed, options, source.target)
    splits = _splits(rows, cell, seed, options)
    learned = _learned(source, splits, own, options, log_folder, progress)
    last = learned[-1]
    history, last_parts = last.fitted.history, last.prepared.parts
    test = last_parts["test"].labels[:, 0]
    found, trials = None, []
    if options.protocol == "honest":
        trials = [_trial(learned, source.name, fingerprint)]
        beside = sum(each.tests for each in others if each.meets(trials[0]))
        tried = len(options.cells) * len(options.seeds) + beside
        (found,) = held_out_figures(learned, own, options.protocol, tried=tried)
        best, best_accuracy = last.fitted.best, found.accuracy
    else:
        best = max(history, key=lambda epoch: epoch.held_out_accuracy[0])
        best_accuracy = best.held_out_accuracy[0]
    run = StudyRun(
        fingerprint=fingerprint,
        source=source.name,
        protocol=options.protocol,
        target=own.target.name,
        **asdict(cell),
        seed=seed,
        folds=options.folds,
        train_rows=len(last_parts["train"]),
        test_rows=found.rows if found else len(test),
        best_epoch=best.number,
        best_accuracy=best_accuracy,
        last_accuracy=None if found else history[-1].held_out_accuracy[0],
        majority=found.baseline if found else float(np.bincount(test).max() / len(test)),
        train_loss=history[-1].train_loss,
        seconds=time.monotonic() - begun,
        figures=found,
        history=history,
    )
    return run, trials


def _trial(learned: Sequence[Learned], source: str, fingerprint: str) -> Trial:
    """Return what a run has looked at: the test parts of its folds follow one another."""
    texts = pl.concat([each.prepared.parts["test"].rows["text"] for each in learned])
    first, last = learned[0].prepared.split, learned[-1].prepared.split
    return Trial(
        test_part=texts_hash(texts)[:16],
        symbol=in_one(learned[0].prepared.symbols) or TABLES,
        test_from_utc=first.test_from_utc if first else None,
        test_until_utc=last.test_until_utc if last else None,
        trial_id=fingerprint,
        model_id=fingerprint,
        name=f"study of {source}",
        tests=1,
    )


def _own_options(
    cell: StudyCell, seed: int, options: StudyOptions, target: Target
) -> TrainingOptions:
    own = options.training
    return replace(
        own,
        intervals=(cell.interval_minutes,),
        target=target,
        vectors=own.vectors if cell.vectors else "random",
        counts=cell.counts,
        seed=seed,
        fit=replace(own.fit, fresh_optimiser=options.protocol == "original"),
    )


def _splits(
    rows: pl.DataFrame, cell: StudyCell, seed: int, options: StudyOptions
) -> Iterator[tuple[Split | None, pl.DataFrame]]:
    """Cut the rows by the protocol: by time, once or walk-forward, or at random like the study."""
    intervals = [cell.interval_minutes]
    if options.protocol == "original":
        place = np.random.default_rng(seed).permutation(rows.height)
        train = pl.Series(place < ORIGINAL_TRAIN_SHARE * rows.height)
        part = pl.when(train).then(pl.lit("train")).otherwise(pl.lit("test"))
        yield None, rows.with_columns(part=part)
    elif options.folds > 1:
        yield from walk_forward(rows, intervals, options.folds)
    else:
        yield split_rows(rows, intervals)


def _folder_name(cell: StudyCell, seed: int) -> str:
    parts = [f"{cell.interval_minutes:02}-minutes"]
    parts += ["vectors"] if cell.vectors else ["random"]
    parts += ["counts"] if cell.counts else []
    return "-".join([*parts, f"seed-{seed}"])


def _fingerprint(
    rows: pl.DataFrame, posts_hash: str, cell: StudyCell, seed: int, options: StudyOptions
) -> str:
    """Return a hash of a run: of its rows and settings."""
    digest = hashlib.sha256(rows.drop("tokens").write_json().encode())
    if cell.vectors and options.training.vectors == "archive":
        digest.update(posts_hash.encode())
    # A study shuffles nothing; older versions wrote that as false, and their runs are kept.
    training = asdict(options.training) | {"shuffle_labels": False}
    training["symbol"] = next(iter(training.pop("symbols")), None)
    del training["intervals"]  # a run has that of its cell, whichever others are compared
    settings = [options.protocol, options.folds, asdict(cell), seed, training]
    digest.update(json.dumps(settings, sort_keys=True).encode())
    return digest.hexdigest()[:16]
