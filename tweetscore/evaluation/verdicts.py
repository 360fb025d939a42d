"""Put figures into words: figures enter; tables, sentences and one verdict for all leave."""

from collections.abc import Sequence

from tweetscore.evaluation.figures import SIGNIFICANCE, Figures
from tweetscore.market.targets import kind_of

NONE = "-"


def overall_verdict(found: Sequence[Figures]) -> str:
    """Say in one sentence what all figures together show."""
    signals = [each.interval_minutes for each in found if each.verdict == "signal"]
    minutes = ", ".join(str(each) for each in dict.fromkeys(signals) if each is not None)
    if minutes:
        return f"Signal beyond the baseline at {minutes} minutes."
    if signals:
        return "Signal beyond the baseline."
    own = bool(found) and all(each.interval_minutes is None for each in found)
    return f"No signal beyond the baseline{'' if own else ' at any interval'}."


def sentence(each: Figures) -> str:
    """Say in plain words what one set of figures shows, and why."""
    what = "your labels" if each.interval_minutes is None else f"{each.interval_minutes} minutes"
    if each.target and kind_of(each.target).of_figures:
        what += f", {each.target}"
    above, rare = each.excess_low > 0, each.p_holm < SIGNIFICANCE
    side = "lies above 0" if above else "lies below 0" if each.excess_high < 0 else "contains 0"
    but = ""
    if rare and not above:
        but = ", which is small, but the interval does not lie above 0"
    elif above and not rare:
        but = f", which is not below {SIGNIFICANCE}"
    return (
        f"{what}: {each.verdict}. Accuracy {100 * each.accuracy:.1f} %, majority "
        f"{100 * each.baseline:.1f} %; the 95 % interval of the difference, "
        f"{100 * each.excess_low:+.1f} to {100 * each.excess_high:+.1f} points, {side}; "
        f"p (Holm) is {each.p_holm:.4f}{but}."
    )


def figure_table(found: Sequence[Figures]) -> tuple[list[str], list[list[str]]]:
    """Return the headings and cells of one model's figures."""
    return table(
        [
            {
                **_name(each),
                "rows": f"{each.rows:,}",
                "days": f"{each.days:,}",
                "accuracy": f"{each.accuracy:.1%}",
                "majority": f"{each.baseline:.1%}",
                "bag of words": _or_none(each.bag_of_words, ".1%"),
                "momentum": _or_none(each.momentum, ".1%"),
                "excess, 95 %": f"{100 * each.excess_low:+.1f} to {100 * each.excess_high:+.1f}",
                "p (Holm)": f"{each.p_holm:.4f}",
                "verdict": each.verdict,
            }
            for each in found
        ]
    )


def quality_table(found: Sequence[Figures]) -> tuple[list[str], list[list[str]]]:
    """Return the headings and cells of how good one model's probabilities are."""
    return table(
        [
            {
                **_name(each),
                "AUC": _or_none(each.auc, ".3f"),
                "balanced accuracy": f"{each.balanced_accuracy:.1%}",
                "MCC": f"{each.mcc:+.3f}",
                "Brier": f"{each.brier:.3f}",
                "log loss": f"{each.log_loss:.3f}",
                "calibration": f"{each.calibration_error:.3f}",
            }
            for each in found
        ]
    )


def _name(each: Figures) -> dict[str, str]:
    return {} if each.interval_minutes is None else {"min": str(each.interval_minutes)}


def _or_none(value: float | None, form: str) -> str:
    return NONE if value is None else format(value, form)


def table(rows: Sequence[dict[str, str]]) -> tuple[list[str], list[list[str]]]:
    """Return the headings and cells of rows, without the columns that are empty."""
    # Stored predictions have no bag of words trained beside them.
    kept = [name for name in rows[0] if any(row[name] != NONE for row in rows)] if rows else []
    return kept, [[row[name] for name in kept] for row in rows]
