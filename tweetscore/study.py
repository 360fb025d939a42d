"""Repeat the 2019 study's two comparisons: rows by interval enter, a table of runs leaves.

The interval comparison trains one network per interval; the ablation trains one with and without
trained word vectors and engagement counts. Under the seed's protocol both carry its faults, each
named; under the honest one they say what is left of its findings.
"""

import hashlib
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from tweetscore.card import NONE
from tweetscore.dataset import (
    Split,
    Target,
    choose_symbol,
    clean_rows,
    market_rows,
    split_rows,
    texts_until,
    walk_forward,
)
from tweetscore.errors import InputError
from tweetscore.evaluate import Figures, overall_verdict, sentence, with_verdicts
from tweetscore.fit import Epoch
from tweetscore.labelled import read_study_table, study_minutes
from tweetscore.learn import (
    HONEST,
    SEED,
    Learned,
    LearnOptions,
    held_out_figures,
    learn,
    prepare,
)
from tweetscore.store import STANDARD_INTERVALS, Store
from tweetscore.tokens import TextRules
from tweetscore.windows import ensure_windows

ABLATION_MINUTES = 5
SEED_TRAIN_SHARE = 0.8
# Test accuracies in per cent, as its two reports print them.
FIRST_REPORT = {5: 53.00, 10: 54.13, 15: 55.18, 20: 55.77, 30: 56.18, 40: 55.47, 50: 53.69}
FINAL_REPORT = {5: 52.95, 10: 53.82, 15: 53.31, 20: 55.28, 30: 50.92, 40: 53.22}
REPORTED_ABLATION = {
    (True, True): 52.95, (True, False): 52.63, (False, True): 52.71, (False, False): 51.38
}  # fmt: skip
LABEL_FAULTS = (
    "labels: tweets in UTC were read against prices in New York time, so each label is 4 or 5 "
    "hours off",
    "labels: an equal price counts as down",
)
SEED_FAULTS = (
    "split: at random, so neighbours in time and copies of a text stand on both sides",
    "vocabulary and trained word vectors: over all rows, those of the test part too",
    "best epoch: chosen on the test part, so it is the luckiest of all epochs",
    "counts: read days after the window. The study's own train.py never passes them to the "
    "network, so its figures with counts are without; here they are connected",
    "optimiser: a new Adam every epoch, which forgets its moments",
    *LABEL_FAULTS,
)


SEED_VERDICT = (
    "These accuracies are no evidence of skill: the best epoch was chosen on the rows that it is "
    "measured on. Ask for --protocol honest."
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One network of a comparison."""

    interval_minutes: int
    vectors: bool  # trained ones, or drawn at random
    counts: bool  # engagement counts beside the state


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
    def main_counts(self) -> bool:
        """Whether the interval comparison reads counts: the study says that it did."""
        return self.protocol == "seed"

    @property
    def compared(self) -> list[Cell]:
        """The interval comparison."""
        return [Cell(minutes, True, self.main_counts) for minutes in self.intervals]

    @property
    def ablation(self) -> list[Cell]:
        """The ablation."""
        return [Cell(self.ablation_minutes, *each) for each in REPORTED_ABLATION]

    @property
    def cells(self) -> list[Cell]:
        """The cells of both; they share one."""
        return list(dict.fromkeys([*self.compared, *self.ablation]))


@dataclass(frozen=True, slots=True)
class StudyRun:
    """One network: one row of ``study_runs``.

    Under the seed's protocol ``best_accuracy`` is the highest of all epochs on the test part, and
    there are no figures; under the honest one it is that of the epoch chosen on validation.
    """

    fingerprint: str  # of data, options and seed: equal ones are one run
    source: str
    protocol: str
    target: str
    interval_minutes: int
    vectors: bool
    counts: bool
    seed: int
    folds: int
    train_rows: int
    test_rows: int
    best_epoch: int  # of the last fold
    best_accuracy: float
    last_accuracy: float | None  # on the test part; the honest protocol does not look
    majority: float
    train_loss: float  # of the last epoch
    seconds: float
    figures: Figures | None
    history: tuple[Epoch, ...]  # of the last fold

    @property
    def cell(self) -> Cell:
        """The cell that this is one seed of."""
        return Cell(self.interval_minutes, self.vectors, self.counts)


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
            kept = _stored(store, fingerprint)
            if kept and resume:
                yield kept
                continue
            folder = log_folder / _folder_name(cell, seed)
            run = _run(
                source, rows, cell, seed, options, folder, fingerprint,
                lambda epoch, cell=cell, seed=seed: progress(cell, seed, epoch),  # type: ignore[misc]  # typed by its use
            )  # fmt: skip
            _keep(store, run)
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


def _keep(store: Store, run: StudyRun) -> None:
    """Store a run, in the place of an equal one."""
    row = {name: getattr(run, name) for name in run.__dataclass_fields__}
    row["figures"] = json.dumps(asdict(run.figures)) if run.figures else None
    row["history"] = json.dumps([asdict(epoch) for epoch in run.history])
    row["finished_utc"] = datetime.now(UTC).replace(tzinfo=None)
    nullable = {"figures": pl.String, "last_accuracy": pl.Float64}
    frame = pl.DataFrame([row], schema_overrides=nullable)
    with store.transaction():
        store.con.execute("DELETE FROM study_runs WHERE fingerprint = $it", {"it": run.fingerprint})
        store.append("study_runs", frame)


def _stored(store: Store, fingerprint: str) -> StudyRun | None:
    """Return a run that is stored already."""
    frame = store.frame(
        "SELECT * EXCLUDE (finished_utc) FROM study_runs WHERE fingerprint = $it", it=fingerprint
    )
    if frame.is_empty():
        return None
    row = frame.row(0, named=True)
    found = json.loads(row["figures"]) if row["figures"] else None
    epochs = [
        Epoch(**{**each, "held_out_accuracy": tuple(each["held_out_accuracy"])})
        for each in json.loads(row["history"])
    ]
    return StudyRun(
        **{**row, "figures": found and Figures.from_card(found), "history": tuple(epochs)}
    )


# --- what the runs say together -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Summary:
    """One cell over its seeds: means, and the standard deviation of the accuracy."""

    cell: Cell
    seeds: int
    best_accuracy: float
    spread: float | None  # None of one seed
    last_accuracy: float | None
    majority: float
    train_loss: float
    rows: int
    figures: tuple[Figures, ...]  # of each seed, corrected for the number of cells


@dataclass(frozen=True, slots=True)
class Found:
    """What a study found."""

    protocol: str
    source: str
    compared: tuple[Summary, ...]  # the interval comparison
    ablation: tuple[Summary, ...]
    verdict: str
    faults: tuple[str, ...]  # that the figures carry


def summarise(runs: Sequence[StudyRun], source: Source, options: StudyOptions) -> Found:
    """Sum up all runs of a study; a signal is one that every seed finds."""
    compared = summaries(runs, options.compared)
    agreed = [
        replace(each.figures[0], verdict="signal" if _everywhere(each) else "no signal")
        for each in compared
        if each.figures
    ]
    honest = options.protocol == "honest"
    return Found(
        options.protocol,
        source.name,
        tuple(compared),
        tuple(summaries(runs, options.ablation)),
        overall_verdict(agreed) if honest else SEED_VERDICT,
        source.faults if honest else SEED_FAULTS,
    )


def summaries(runs: Sequence[StudyRun], cells: Sequence[Cell]) -> list[Summary]:
    """Sum up the runs of one comparison, cell by cell; p-values are corrected within each seed."""
    compared = [run for run in runs if run.cell in cells]
    corrected: dict[str, Figures] = {}
    for seed in dict.fromkeys(run.seed for run in compared):
        measured = [run for run in compared if run.seed == seed and run.figures]
        found = with_verdicts([run.figures for run in measured if run.figures])
        corrected |= {run.fingerprint: each for run, each in zip(measured, found, strict=True)}
    return [_summary(cell, compared, corrected) for cell in cells]


def _summary(cell: Cell, runs: Sequence[StudyRun], corrected: dict[str, Figures]) -> Summary:
    own = [run for run in runs if run.cell == cell]
    best = [run.best_accuracy for run in own]
    last = [run.last_accuracy for run in own if run.last_accuracy is not None]
    return Summary(
        cell=cell,
        seeds=len(own),
        best_accuracy=statistics.mean(best),
        spread=statistics.stdev(best) if len(best) > 1 else None,
        last_accuracy=statistics.mean(last) if last else None,
        majority=statistics.mean(run.majority for run in own),
        train_loss=statistics.mean(run.train_loss for run in own),
        rows=own[0].test_rows,
        figures=tuple(corrected[run.fingerprint] for run in own if run.figures),
    )


def interval_table(found: Sequence[Summary]) -> tuple[list[str], list[list[str]]]:
    """Return headings and worded cells of the interval comparison."""
    rows = [
        {
            "min": str(each.cell.interval_minutes),
            **_cells(each),
            "first report": _reported(each, FIRST_REPORT.get(each.cell.interval_minutes)),
            "final report": _reported(each, FINAL_REPORT.get(each.cell.interval_minutes)),
        }
        for each in found
    ]
    return _worded(rows)


def ablation_table(found: Sequence[Summary]) -> tuple[list[str], list[list[str]]]:
    """Return headings and worded cells of the ablation."""
    rows = [
        {
            "vectors": "trained" if each.cell.vectors else "random",
            "counts": "yes" if each.cell.counts else "no",
            **_cells(each),
            "final report": _reported(each, REPORTED_ABLATION[each.cell.vectors, each.cell.counts]),
        }
        for each in found
    ]
    return _worded(rows)


def study_quality_table(found: Sequence[Summary]) -> tuple[list[str], list[list[str]]]:
    """Return headings and worded cells of how good the probabilities are; none without figures."""
    measures = {
        "AUC": ("auc", ".3f"),
        "balanced accuracy": ("balanced_accuracy", ".1%"),
        "MCC": ("mcc", "+.3f"),
        "Brier": ("brier", ".3f"),
        "log loss": ("log_loss", ".3f"),
        "calibration": ("calibration_error", ".3f"),
    }
    rows = [
        {"min": str(each.cell.interval_minutes)}
        | {
            heading: _mean([getattr(one, name) for one in each.figures], form)
            for heading, (name, form) in measures.items()
        }
        for each in found
        if each.figures
    ]
    return _worded(rows) if rows else ([], [])


def _worded(rows: Sequence[dict[str, str]]) -> tuple[list[str], list[list[str]]]:
    kept = [name for name in rows[0] if any(row[name] != NONE for row in rows)]
    return kept, [[row[name] for name in kept] for row in rows]


def _reported(each: Summary, percent: float | None) -> str:
    """Word what the study reported, beside its own protocol only: no other compares with it."""
    return NONE if percent is None or each.figures else f"{percent:.1f}%"


def _cells(each: Summary) -> dict[str, str]:
    spread = "" if each.spread is None else f" ± {100 * each.spread:.1f}"
    if not each.figures:
        return {
            "rows": f"{each.rows:,}",
            "seeds": str(each.seeds),
            "best epoch": f"{each.best_accuracy:.1%}{spread}",
            "last epoch": NONE if each.last_accuracy is None else f"{each.last_accuracy:.1%}",
            "majority": f"{each.majority:.1%}",
            "training loss": f"{each.train_loss:.3f}",
        }
    found = each.figures
    agreed = sum(one.verdict == "signal" for one in found)
    said = "signal" if agreed == len(found) else "no signal"
    if len(found) > 1:
        said += f", {agreed} of {len(found)} seeds"
    return {
        "rows": f"{each.rows:,}",
        "accuracy": f"{each.best_accuracy:.1%}{spread}",
        "majority": f"{each.majority:.1%}",
        "bag of words": _mean([one.bag_of_words for one in found], ".1%"),
        "momentum": _mean([one.momentum for one in found], ".1%"),
        "excess, 95 %": _mean([100 * one.excess_low for one in found], "+.1f")
        + " to " + _mean([100 * one.excess_high for one in found], "+.1f"),
        "p (Holm)": "-".join(dict.fromkeys(f"{p:.3f}" for p in _ends([o.p_holm for o in found]))),
        "verdict": said,
    }  # fmt: skip


def _ends(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def _mean(values: Sequence[float | None], form: str) -> str:
    known = [each for each in values if each is not None]
    return format(statistics.mean(known), form) if known else NONE


def sentences(found: Sequence[Summary]) -> list[str]:
    """Say in plain words what each interval shows, by its first seed."""
    return [sentence(each.figures[0]) for each in found if each.figures]


def _everywhere(summary: Summary) -> bool:
    return all(each.verdict == "signal" for each in summary.figures)
