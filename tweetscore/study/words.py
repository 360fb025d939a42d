"""Put a study into words: summaries enter, tables and sentences leave."""

import statistics
from collections.abc import Sequence
from dataclasses import astuple

from tweetscore.evaluation.verdicts import NONE, sentence, table
from tweetscore.study.reported import FINAL_REPORT, FIRST_REPORT, reported_ablation
from tweetscore.study.summary import Summary, agreed_verdict


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
    return table(rows)


def ablation_table(found: Sequence[Summary]) -> tuple[list[str], list[list[str]]]:
    """Return headings and worded cells of the ablation."""
    rows = [
        {
            "vectors": "trained" if each.cell.vectors else "random",
            "counts": "yes" if each.cell.counts else "no",
            **_cells(each),
            "final report": _reported(each, reported_ablation(*astuple(each.cell))),
        }
        for each in found
    ]
    return table(rows)


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
    return table(rows)


def _reported(each: Summary, percent: float | None) -> str:
    """Return what the study reported; only figures of its own protocol compare with it."""
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
    verdict = agreed_verdict(found)
    if len(found) > 1:
        verdict += f", {agreed} of {len(found)} seeds"
    return {
        "rows": f"{each.rows:,}",
        "accuracy": f"{each.best_accuracy:.1%}{spread}",
        "majority": f"{each.majority:.1%}",
        "bag of words": _mean([one.bag_of_words for one in found], ".1%"),
        "momentum": _mean([one.momentum for one in found], ".1%"),
        "visible": _mean([one.smallest_auc for one in found], ".3f"),
        "p": "-".join(dict.fromkeys(f"{p:.3f}" for p in _ends([o.p_corrected for o in found]))),
        "verdict": verdict,
    }


def _ends(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def _mean(values: Sequence[float | None], form: str) -> str:
    known = [each for each in values if each is not None]
    return format(statistics.mean(known), form) if known else NONE


def sentences(compared: Sequence[Summary], ablation: Sequence[Summary]) -> list[str]:
    """Say in plain words what each network shows, by its first seed, and what figures mean.

    Nothing is said of a study without figures.
    """
    intervals = {each.cell for each in compared}
    found = [
        (name, each)
        for name, each in (
            *(("", each) for each in compared),
            *((_network(each), each) for each in ablation if each.cell not in intervals),
        )
        if each.figures
    ]
    told = [
        f"{f'first of {each.seeds} seeds, ' if each.seeds > 1 else ''}{name}"
        f"{sentence(each.figures[0])}"
        for name, each in found
    ]
    return [*told, *_explained([each for _, each in found])]


def _network(each: Summary) -> str:
    vectors, counts = each.cell.vectors, each.cell.counts
    return f"{'trained' if vectors else 'random'} vectors, {'' if counts else 'no '}counts, "


def _explained(found: Sequence[Summary]) -> list[str]:
    if not found:
        return []
    first = found[0].figures[0]
    seeds = (
        " Of several seeds the tables show means, from the smallest p to the largest, and after ± "
        "the standard deviation of accuracy, which is no interval of the truth."
    )
    return [
        f"Every p is corrected for {first.tests} figures of {first.models_tried} models (Holm): "
        "those of each interval, ablation and seed of the study, and of every other model known "
        "to have looked at these days. Intervals are in the sentences; where there is none, a "
        f"figure is of these rows alone.{seeds if found[0].seeds > 1 else ''}"
    ]
