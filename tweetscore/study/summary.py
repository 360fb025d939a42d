"""Sum up what a study found: runs of ``study_runs`` enter, tables, sentences and a verdict leave.

Nothing here trains, so charts and reports of studies need no torch.
"""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import polars as pl

from tweetscore.evaluation.figures import Figures, with_verdicts
from tweetscore.evaluation.verdicts import NONE, overall_verdict, sentence
from tweetscore.store.database import Store, statement
from tweetscore.training.epoch import Epoch

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


class Options(Protocol):
    """What of a study's options is asked here: they hold those of learning, and so need torch."""

    @property
    def protocol(self) -> str:
        """Honest, or seed."""

    @property
    def compared(self) -> list[Cell]:
        """The interval comparison."""

    @property
    def ablation(self) -> list[Cell]:
        """The ablation."""


class Source(Protocol):
    """What of the source of a study's rows is asked here."""

    @property
    def name(self) -> str:
        """A folder of tables, or a database."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Of its labels, which no protocol takes out."""


def compared_cells(protocol: str, intervals: Sequence[int]) -> list[Cell]:
    """Return the interval comparison; the study says that its own read counts."""
    return [Cell(minutes, True, protocol == "seed") for minutes in intervals]


def ablation_cells(minutes: int) -> list[Cell]:
    """Return the ablation: with and without trained vectors and counts."""
    return [Cell(minutes, *each) for each in REPORTED_ABLATION]


def summarise(runs: Sequence[StudyRun], source: Source, options: Options) -> Found:
    """Sum up all runs of a study; a signal is one that every seed finds."""
    return _found(
        runs, options.protocol, source.name, options.compared, options.ablation, source.faults
    )


def _found(
    runs: Sequence[StudyRun],
    protocol: str,
    source: str,
    compared: Sequence[Cell],
    ablation: Sequence[Cell],
    label_faults: tuple[str, ...],
) -> Found:
    summed = summaries(runs, compared)
    agreed = [
        replace(each.figures[0], verdict="signal" if _everywhere(each) else "no signal")
        for each in summed
        if each.figures
    ]
    honest = protocol == "honest"
    return Found(
        protocol,
        source,
        tuple(summed),
        tuple(summaries(runs, ablation)),
        overall_verdict(agreed) if honest else SEED_VERDICT,
        label_faults if honest else SEED_FAULTS,
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
    return _worded(rows)


def _worded(rows: Sequence[dict[str, str]]) -> tuple[list[str], list[list[str]]]:
    kept = [name for name in rows[0] if any(row[name] != NONE for row in rows)] if rows else []
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


# --- the rows of study_runs -----------------------------------------------------------------------


def keep_run(store: Store, run: StudyRun) -> None:
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


def stored_run(store: Store, fingerprint: str) -> StudyRun | None:
    """Return a run that is stored already."""
    frame = store.frame(
        "SELECT * EXCLUDE (finished_utc) FROM study_runs WHERE fingerprint = $it", it=fingerprint
    )
    return _run_of(frame.row(0, named=True)) if frame.height else None


def stored_studies(store: Store) -> list[tuple[Found, list[StudyRun]]]:
    """Return every study whose runs are stored, with the latest run of each cell and seed.

    Runs of one study have source, protocol, target, folds and symbol in common. What it compared is
    told by its runs: those with the vectors and counts of the interval comparison, and those of the
    first interval at which all four networks of the ablation are. Of a study that has not ended,
    that is what there is so far.
    """
    frame = store.frame(statement("study/runs"))
    runs = [_run_of(row) for row in frame.iter_rows(named=True)]
    return [(_found_in(each), each) for each in _by_study(runs)]


def _by_study(runs: Sequence[StudyRun]) -> list[list[StudyRun]]:
    """Gather the runs of each study; of one cell and seed the last stays, in the first's place."""
    studies: dict[tuple[object, ...], dict[tuple[int, Cell], StudyRun]] = {}
    for run in runs:
        symbol = run.figures.symbol if run.figures else ""
        key = (run.source, run.protocol, run.target, run.folds, symbol)
        studies.setdefault(key, {})[run.seed, run.cell] = run
    return [list(each.values()) for each in studies.values()]


def _found_in(runs: Sequence[StudyRun]) -> Found:
    """Sum up the runs of one study, by what they are of."""
    first, there = runs[0], {run.cell for run in runs}
    intervals = sorted({cell.interval_minutes for cell in there})
    compared = compared_cells(first.protocol, intervals)
    whole = [each for each in map(ablation_cells, intervals) if there.issuperset(each)]
    faults = LABEL_FAULTS if first.target == "label" else ()
    return _found(
        runs, first.protocol, first.source, [cell for cell in compared if cell in there],
        whole[0] if whole else [], faults,
    )  # fmt: skip


def _run_of(row: dict[str, Any]) -> StudyRun:
    found = json.loads(row["figures"]) if row["figures"] else None
    epochs = tuple(map(Epoch.from_record, json.loads(row["history"])))
    return StudyRun(**{**row, "figures": found and Figures.from_card(found), "history": epochs})
