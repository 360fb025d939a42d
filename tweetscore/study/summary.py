"""Sum up what a study found: runs enter, means over the seeds and a verdict leave."""

import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from tweetscore.evaluation.figures import Figures, with_verdicts
from tweetscore.evaluation.verdicts import overall_verdict
from tweetscore.market.targets import kind_of
from tweetscore.store.database import Store
from tweetscore.store.trials import Trial, distinct, known_trials
from tweetscore.study.options import StudyCell, StudyOptions, ablation_cells, compared_cells
from tweetscore.study.reported import LABEL_FAULTS, ORIGINAL_FAULTS, ORIGINAL_VERDICT
from tweetscore.study.runs import StudyRun, runs_by_study
from tweetscore.study.source import StudySource


@dataclass(frozen=True, slots=True)
class Summary:
    """One cell over its seeds: means, and the standard deviation of the accuracy."""

    cell: StudyCell
    seeds: int
    best_accuracy: float
    spread: float | None  # None of one seed
    last_accuracy: float | None
    majority: float
    train_loss: float
    rows: int
    figures: tuple[Figures, ...]  # of each seed, corrected for all that looked at their days


@dataclass(frozen=True, slots=True)
class StudyResult:
    """What a study found."""

    protocol: str
    source: str
    compared: tuple[Summary, ...]  # the interval comparison
    ablation: tuple[Summary, ...]
    verdict: str
    faults: tuple[str, ...]  # that the figures carry


def summarise(
    runs: Sequence[StudyRun],
    source: StudySource,
    options: StudyOptions,
    ledger: Sequence[Trial] = (),
) -> StudyResult:
    """Sum up all runs of a study; a signal is one that every seed finds.

    ``ledger`` has the trials that may have looked at the same days.
    """
    return _result(
        runs, options.protocol, source.name, options.compared, options.ablation, source.faults,
        ledger,
    )  # fmt: skip


def _result(
    runs: Sequence[StudyRun],
    protocol: str,
    source: str,
    compared: Sequence[StudyCell],
    ablation: Sequence[StudyCell],
    label_faults: tuple[str, ...],
    ledger: Sequence[Trial],
) -> StudyResult:
    summed = summaries(runs, compared, ledger)
    agreed = [
        replace(each.figures[0], verdict=agreed_verdict(each.figures))
        for each in summed
        if each.figures
    ]
    honest = protocol == "honest"
    return StudyResult(
        protocol,
        source,
        tuple(summed),
        tuple(summaries(runs, ablation, ledger)),
        overall_verdict(agreed) if honest else ORIGINAL_VERDICT,
        label_faults if honest else (*ORIGINAL_FAULTS, *label_faults),
    )


def summaries(
    runs: Sequence[StudyRun], cells: Sequence[StudyCell], ledger: Sequence[Trial] = ()
) -> list[Summary]:
    """Sum up the runs of one comparison, cell by cell.

    p-values are corrected for all ``runs``, every interval, ablation and seed of the study, and for
    the trials of the ``ledger`` that have looked at some of the same days.
    """
    measured = {run.fingerprint: run.figures for run in runs if run.figures}
    others = _beside(ledger, measured)
    models = len(measured) + len({each.network for each in others})
    parts = sum(each.of_a_part for each in others)
    tested = [
        replace(each, models_tried=models, parts_tried=parts)
        for each in with_verdicts(
            [*measured.values()], tried=len(measured) + sum(each.tests for each in others)
        )
    ]
    corrected = dict(zip(measured, tested, strict=True))
    return [_summary(cell, runs, corrected) for cell in cells]


def _beside(ledger: Sequence[Trial], own: Collection[str]) -> list[Trial]:
    """Return the trials that have looked at some days of those named, and are none of them."""
    named = [each for each in ledger if each.trial_id in own]
    return distinct(
        each
        for each in ledger
        if each.trial_id not in own and any(each.meets(one) for one in named)
    )


def _summary(cell: StudyCell, runs: Sequence[StudyRun], corrected: dict[str, Figures]) -> Summary:
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


def agreed_verdict(found: Sequence[Figures]) -> str:
    """Return the verdict of all seeds: a signal is one that every seed finds."""
    verdicts = {each.verdict for each in found}
    if verdicts == {"signal"}:
        return "signal"
    return "inconclusive" if "inconclusive" in verdicts else "no signal"


def stored_studies(store: Store) -> list[tuple[StudyResult, list[StudyRun]]]:
    """Return every stored study, with its runs.

    The runs themselves show what it compared: those with the vectors and counts of the interval
    comparison, and those of the first interval at which all four networks of the ablation are. Of a
    study that has not ended, that is what there is so far.
    """
    ledger = known_trials(store)
    return [(_result_of(each, ledger), each) for each in runs_by_study(store)]


def _result_of(runs: Sequence[StudyRun], ledger: Sequence[Trial]) -> StudyResult:
    """Sum up the runs of one study, by what they are of."""
    first, there = runs[0], {run.cell for run in runs}
    intervals = sorted({cell.interval_minutes for cell in there})
    compared = compared_cells(first.protocol, intervals)
    whole = [each for each in map(ablation_cells, intervals) if there.issuperset(each)]
    faults = () if kind_of(first.target).is_market else LABEL_FAULTS
    return _result(
        runs,
        first.protocol,
        first.source,
        [cell for cell in compared if cell in there],
        whole[0] if whole else [],
        faults,
        ledger,
    )
