"""Repeat the 2019 study's two comparisons: rows by interval enter, a table of runs leaves.

The interval comparison trains one network per interval; the ablation trains one with and without
trained word vectors and engagement counts. Under the seed's protocol both carry its faults, each
named; under the honest one they say what is left of its findings.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from tweetscore.errors import InputError
from tweetscore.market.symbols import choose_symbol
from tweetscore.market.targets import Target
from tweetscore.market.windows import ensure_windows
from tweetscore.store.database import STANDARD_INTERVALS, Store
from tweetscore.study.summary import (
    LABEL_FAULTS,
    Cell,
    StudyRun,
    ablation_cells,
    compared_cells,
    keep_run,
    stored_run,
)
from tweetscore.text.tokens import TextRules
from tweetscore.training.dataset import (
    Split,
    clean_rows,
    market_rows,
    split_rows,
    texts_until,
    walk_forward,
)
from tweetscore.training.epoch import Epoch
from tweetscore.training.labelled import read_study_table, study_minutes
from tweetscore.training.learn import (
    HONEST,
    SEED,
    Learned,
    LearnOptions,
    held_out_figures,
    learn,
    prepare,
)

ABLATION_MINUTES = 5
SEED_TRAIN_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """What a study compares, and how."""

    protocol: Literal["honest", "seed"] = "honest"
    intervals: tuple[int, ...] = STANDARD_INTERVALS
    ablation_minutes: int = ABLATION_MINUTES
    seeds: tuple[int, ...] = (0,)
    folds: int = 1  # of walk-forward, under the honest protocol
    learn: LearnOptions = field(default_factory=LearnOptions)  # of each network

    @property
    def compared(self) -> list[Cell]:
        """The interval comparison."""
        return compared_cells(self.protocol, self.intervals)

    @property
    def ablation(self) -> list[Cell]:
        """The ablation."""
        return ablation_cells(self.ablation_minutes)

    @property
    def cells(self) -> list[Cell]:
        """The cells of both; they share one."""
        return list(dict.fromkeys([*self.compared, *self.ablation]))


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rows of each interval come from."""

    name: str
    intervals: tuple[int, ...]
    rows: Callable[[int, bool], pl.DataFrame]  # minutes, with counts
    posts_until: Callable[[datetime], pl.Series] | None = None
    posts_hash: str = ""  # of all posts, which word vectors may be trained on
    symbol: str = ""
    target: Target = field(default_factory=Target)
    faults: tuple[str, ...] = ()  # of its labels, which no protocol takes out


def table_source(folder: Path, options: StudyOptions) -> Source:
    """Return the study's own tables, ``<minutes>.csv``.

    Raises:
        InputError: the folder holds none, or lacks one of the intervals.
    """
    known = study_minutes(folder)
    if not known:
        raise InputError(f"{folder}: holds no table such as 5.csv; name the folder that does")
    rules = TextRules(max_tokens=options.learn.max_tokens)

    def rows(minutes: int, _: bool) -> pl.DataFrame:
        table = read_study_table(folder, minutes)
        day = pl.col("posted_utc").dt.truncate("1d")
        return clean_rows(
            table.with_columns(
                pl.col("label").alias(f"outcome_{minutes}"),
                pl.col("posted_utc").dt.offset_by(f"{minutes}m").alias(f"exit_{minutes}"),
                session_date=day.dt.date(),
                close_utc=day.dt.offset_by("1d"),
            ),
            rules,
        )

    # Its labels are classes already, not returns.
    target = Target("label", ("down", "up"))
    return Source(str(folder), tuple(known), rows, target=target, faults=LABEL_FAULTS)


def database_source(store: Store, options: StudyOptions) -> Source:
    """Return the tweets and windows of a database.

    Raises:
        InputError: there are no bars, or a symbol must be named.
    """
    wanted = options.learn
    symbol = choose_symbol(store, wanted.symbol)
    minutes_wanted = tuple(dict.fromkeys([*options.intervals, options.ablation_minutes]))
    ensure_windows(store, minutes_wanted)
    rules = TextRules(max_tokens=wanted.max_tokens)

    def rows(minutes: int, with_counts: bool) -> pl.DataFrame:
        found = market_rows(
            store, symbol, wanted.session, [minutes],
            with_counts=with_counts, target=wanted.target.name,
        )  # fmt: skip
        return clean_rows(found, rules)

    (posts_hash,) = store.row(
        "SELECT concat_ws(' ', count(*), sum(hash(posted_utc, text))) FROM tweets"
    )
    return Source(
        str(store.path), minutes_wanted, rows, partial(texts_until, store), posts_hash, symbol,
        wanted.target,
    )  # fmt: skip


def study(
    store: Store,
    source: Source,
    options: StudyOptions,
    *,
    log_folder: Path,
    resume: bool,
    progress: Callable[[Cell, int, Epoch], None],
) -> Iterator[StudyRun]:
    """Train every cell with every seed, and store each run when it is done.

    Args:
        store: where ``study_runs`` is.
        source: the rows.
        options: what to compare.
        log_folder: one TensorBoard run folder, with a folder a network.
        resume: yield a run that is stored already instead of training it again.
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
    for seed in options.seeds:
        for cell in options.cells:
            rows = source.rows(cell.interval_minutes, cell.counts)
            fingerprint = _fingerprint(rows, source.posts_hash, cell, seed, options)
            kept = stored_run(store, fingerprint)
            if kept and resume:
                yield kept
                continue
            folder = log_folder / _folder_name(cell, seed)
            run = _run(
                source, rows, cell, seed, options, folder, fingerprint,
                lambda epoch, cell=cell, seed=seed: progress(cell, seed, epoch),  # type: ignore[misc]  # typed by its use
            )  # fmt: skip
            keep_run(store, run)
            yield run


def _run(
    source: Source,
    rows: pl.DataFrame,
    cell: Cell,
    seed: int,
    options: StudyOptions,
    log_folder: Path,
    fingerprint: str,
    progress: Callable[[Epoch], None],
) -> StudyRun:
    """Train one cell with one seed, fold by fold."""
    begun = time.monotonic()
    own = _own_options(cell, seed, options, source.target)
    rules = TextRules(max_tokens=own.max_tokens)
    protocol = SEED if options.protocol == "seed" else HONEST
    learned: list[Learned] = []
    for number, (split, parts) in enumerate(_splits(rows, cell, seed, options), 1):
        prepared = prepare(
            parts, split, own, rules,
            protocol=protocol, symbol=source.symbol, posts_until=source.posts_until,
        )  # fmt: skip
        folder = log_folder / f"fold-{number}" if options.folds > 1 else log_folder
        learned.append(learn(prepared, own, folder, progress, protocol=protocol))
        if learned[-1].fitted.interrupted:
            raise KeyboardInterrupt  # what was trained in part is no run to keep
    last = learned[-1]
    history, last_parts = last.fitted.history, last.prepared.parts
    test = last_parts["test"].labels.numpy()[:, 0]
    found = None
    if options.protocol == "honest":
        (found,) = held_out_figures(learned, own, options.protocol)
        best, best_accuracy = last.fitted.best, found.accuracy
    else:
        best = max(history, key=lambda epoch: epoch.held_out_accuracy[0])
        best_accuracy = best.held_out_accuracy[0]
    return StudyRun(
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


def _own_options(cell: Cell, seed: int, options: StudyOptions, target: Target) -> LearnOptions:
    own = options.learn
    return replace(
        own,
        intervals=(cell.interval_minutes,),
        target=target,
        vectors=own.vectors if cell.vectors else "random",
        counts=cell.counts,
        seed=seed,
        fit=replace(own.fit, fresh_optimiser=options.protocol == "seed"),
    )


def _splits(
    rows: pl.DataFrame, cell: Cell, seed: int, options: StudyOptions
) -> Iterator[tuple[Split | None, pl.DataFrame]]:
    """Cut the rows by the protocol: by time, once or walking forward, or at random as the study."""
    intervals = [cell.interval_minutes]
    if options.protocol == "seed":
        place = np.random.default_rng(seed).permutation(rows.height)
        train = pl.Series(place < SEED_TRAIN_SHARE * rows.height)
        part = pl.when(train).then(pl.lit("train")).otherwise(pl.lit("test"))
        yield None, rows.with_columns(part=part)
    elif options.folds > 1:
        yield from walk_forward(rows, intervals, options.folds)
    else:
        yield split_rows(rows, intervals)


def _folder_name(cell: Cell, seed: int) -> str:
    parts = [f"{cell.interval_minutes:02}-minutes"]
    parts += ["vectors"] if cell.vectors else ["random"]
    parts += ["counts"] if cell.counts else []
    return "-".join([*parts, f"seed-{seed}"])


def _fingerprint(
    rows: pl.DataFrame, posts_hash: str, cell: Cell, seed: int, options: StudyOptions
) -> str:
    """Return what tells one run from another: its rows, and all that it was told."""
    digest = hashlib.sha256(rows.drop("tokens").write_json().encode())
    if cell.vectors and options.learn.vectors == "archive":
        digest.update(posts_hash.encode())
    told = [options.protocol, options.folds, asdict(cell), seed, asdict(options.learn)]
    digest.update(json.dumps(told, sort_keys=True).encode())
    return digest.hexdigest()[:16]
