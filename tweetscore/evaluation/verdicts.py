"""Put figures into words: figures enter; tables, sentences and one verdict for all leave."""

from collections.abc import Sequence

from tweetscore.evaluation.figures import POOLED, SIGNIFICANCE, UNTESTED, Figures
from tweetscore.evaluation.intervals import unit_of
from tweetscore.market.horizons import Horizon
from tweetscore.market.symbols import symbols_words
from tweetscore.market.targets import kind_of

NONE = "-"
FIGURES_EXPLAINED = (
    "Majority, bag of words, momentum, balanced accuracy, MCC, Brier, log loss and calibration are "
    "those of these rows, without an interval."
)


def overall_verdict(found: Sequence[Figures]) -> str:
    """Say what all figures together show, and how many models and parts were tried for it."""
    caveats = dict.fromkeys(f" {each.caveat}" for each in found if each.caveat)
    tested = [each for each in found if each.verdict != UNTESTED]
    untested = dict.fromkeys(each.model for each in found if each.verdict == UNTESTED)
    facts = [f"{_shown(tested)}{_tries(tested)}"] if tested or not untested else []
    facts += [_cannot_be_tested(list(untested))] if untested else []
    return f"{' '.join(facts)}{''.join(caveats)}"


def _cannot_be_tested(models: Sequence[str]) -> str:
    have = "has" if len(models) == 1 else "have"
    return (
        f"Cannot be tested: nobody says what {', '.join(models)} {have} seen; say until when with "
        "--trained-until."
    )


def _shown(found: Sequence[Figures]) -> str:
    if signals := [each for each in found if each.verdict == "signal"]:
        several = len({each.model_id for each in found}) > 1
        models = ", ".join(dict.fromkeys(f"{each.model} ({each.model_id})" for each in signals))
        by = f" by {models}" if several else ""
        return f"Signal beyond the baseline{_at(signals)}{_on(signals, found)}{by}."
    if unsure := [each for each in found if each.verdict == "inconclusive"]:
        visible = [each.smallest_auc for each in unsure if each.smallest_auc is not None]
        least = f"only an AUC of {min(visible):.2f} or more" if visible else "no AUC at all"
        return (
            f"Inconclusive{_at(unsure)}: no signal, but so few {_units(found)} would show {least}."
        )
    own = bool(found) and all(each.interval_minutes is None for each in found)
    visible = [each.smallest_auc for each in found if each.smallest_auc is not None]
    most = f": an AUC of {max(visible):.2f} would have shown four times in five" if visible else ""
    return f"No signal beyond the baseline{'' if own else ' at any interval'}{most}."


def _units(found: Sequence[Figures]) -> str:
    return "rows" if all(map(_has_no_days, found)) else "days"


def _has_no_days(each: Figures) -> bool:
    """Return whether the labels have no times: then each row counts by itself."""
    return each.interval_minutes is None and each.days == each.rows


def _tries(found: Sequence[Figures]) -> str:
    models = max((each.models_tried for each in found), default=1)
    parts = max((each.parts_tried for each in found), default=0)
    facts = [f"{models} models were tried on these {_units(found)}"] if models > 1 else []
    if parts:
        one = "1 other selection of the posts was looked at"
        several = f"{parts} other selections of the posts were looked at"
        facts.append(one if parts == 1 else several)
    return f" {', and '.join(facts)}; every p is corrected for all of them." if facts else ""


def _at(found: Sequence[Figures]) -> str:
    minutes = dict.fromkeys(each.interval_minutes for each in found)
    horizons = [Horizon(each) for each in minutes if each is not None]
    named = ", ".join(map(str, horizons))
    unit = "" if any(each.sessions for each in horizons) else " minutes"
    return f" at {named}{unit}" if named else ""


def _on(those: Sequence[Figures], found: Sequence[Figures]) -> str:
    """Name the symbols of some figures, where all are of several."""
    if len({each.symbol for each in found}) < 2:
        return ""
    pooled = ["all together" if each.symbol == POOLED else each.symbol for each in those]
    return f" on {symbols_words(pooled)}"


def sentences(found: Sequence[Figures]) -> list[str]:
    """Say what one model's figures show: of several symbols together, and of each with a signal."""
    several = len({each.symbol for each in found}) > 1
    shown = [each for each in found if each.symbol == POOLED or each.verdict == "signal"]
    together = any(each.symbol == POOLED for each in found)
    return [sentence(each, several=several) for each in (shown if together else found)]


def sentence(each: Figures, *, several: bool = False) -> str:
    """Say in plain words what one set of figures, perhaps of several symbols, shows, and why."""
    what = "your labels" if each.interval_minutes is None else Horizon(each.interval_minutes).words
    if several:
        what = f"{'all symbols together' if each.symbol == POOLED else each.symbol}, {what}"
    if not each.learned:
        what += f" of {each.symbol}, of which it has learned nothing"
    if each.target and kind_of(each.target).of_figures:
        what += f", {each.target}"
    of = " of the training part" if each.baseline_of == "training" else ""
    if each.verdict == UNTESTED:
        return (
            f"{what}: {UNTESTED}. {auc_words(each)}accuracy {100 * each.accuracy:.1f} %, "
            f"majority{of} {100 * each.baseline:.1f} %, on posts whose outcome it may have seen."
        )
    return (
        f"{what}: {each.verdict}. {auc_words(each)}{p_words(each)}{_within(each)}. "
        f"{smallest_words(each)}Accuracy {100 * each.accuracy:.1f} %, majority{of} "
        f"{100 * each.baseline:.1f} %, the difference {100 * each.excess_low:+.1f} to "
        f"{100 * each.excess_high:+.1f} points at 95 %{_beside(each)}.{_unit_words(each)}"
    )


def _beside(each: Figures) -> str:
    if each.bag_of_words is None:
        return ""
    return f"; a bag of words has {100 * each.bag_of_words:.1f} %"


def _unit_words(each: Figures) -> str:
    if _has_no_days(each):
        return " Rows have no times, so each counts by itself, as if none had to do with another."
    unit = unit_of(each.interval_minutes)
    if unit == "day":
        return ""
    return f" Its windows reach into the next days, so {each.days} {unit}s were counted, not days."


def _days(each: Figures) -> str:
    """Return how many days count, or what longer time in their place."""
    if _has_no_days(each):
        return NONE
    unit = unit_of(each.interval_minutes)
    return f"{each.days:,}" if unit == "day" else f"{each.days:,} {unit}s"


def auc_words(each: Figures) -> str:
    """Say what the AUC is, and within which bounds."""
    if each.auc is None:
        return ""
    if each.auc_low is None:
        return f"AUC {each.auc:.3f}, "
    return f"AUC {each.auc:.3f}, at 95 % {each.auc_low:.3f} to {each.auc_high:.3f}; "


def p_words(each: Figures) -> str:
    """Say how likely as much skill is by chance, corrected for what was tried."""
    models = f" of {each.models_tried} models" if each.models_tried > 1 else ""
    together = f", corrected for {each.tests} figures{models}," if each.tests > 1 else ""
    return f"p{together} is {each.p_corrected:.4f}"


def _within(each: Figures) -> str:
    """Say so where days as wholes and their insides disagree."""
    if each.p_within is None or (each.p_value < SIGNIFICANCE) == (each.p_within < SIGNIFICANCE):
        return ""
    return f", uncorrected {each.p_value:.4f}, but within days alone {each.p_within:.4f}"


def smallest_words(each: Figures) -> str:
    """Say which effect these rows would have shown; nothing where a card does not know."""
    if each.smallest_auc is None:
        older = each.accuracy_low is None  # its card knows nothing of it
        return "" if older else f"So few {_units([each])} would show no AUC at all. "
    parts = []
    if each.smallest_points is not None:
        parts.append(f"{each.smallest_points:+.1f} points of accuracy")
    if each.smallest_bps is not None:
        parts.append(f"{each.smallest_bps:.1f} basis points a trade before costs")
    beside = f" ({', '.join(parts)})" if parts else ""
    return f"Four times in five an AUC of {each.smallest_auc:.3f}{beside} would have shown. "


def figure_table(found: Sequence[Figures]) -> tuple[list[str], list[list[str]]]:
    """Return the headings and cells of one model's figures."""
    return table(
        [
            {
                **_name(each, found),
                "rows": f"{each.rows:,}",
                "days": _days(each),
                "accuracy": f"{each.accuracy:.1%}",
                "majority": f"{each.baseline:.1%}",
                "bag of words": _or_none(each.bag_of_words, ".1%"),
                "momentum": _or_none(each.momentum, ".1%"),
                "visible": _or_none(each.smallest_auc, ".3f"),
                "p": NONE if each.verdict == UNTESTED else f"{each.p_corrected:.4f}",
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
                **_name(each, found),
                "accuracy, 95 %": _percents(each.accuracy_low, each.accuracy_high),
                "AUC": _or_none(each.auc, ".3f"),
                "AUC, 95 %": _range(each.auc_low, each.auc_high),
                "excess, 95 %": f"{100 * each.excess_low:+.1f} to {100 * each.excess_high:+.1f}",
                "balanced accuracy": f"{each.balanced_accuracy:.1%}",
                "MCC": f"{each.mcc:+.3f}",
                "Brier": f"{each.brier:.3f}",
                "log loss": f"{each.log_loss:.3f}",
                "calibration": _calibration(each),
            }
            for each in found
        ]
    )


def _name(each: Figures, found: Sequence[Figures]) -> dict[str, str]:
    """Return the cells that tell figures apart."""
    if each.interval_minutes is None:
        return {}
    several = len({one.symbol for one in found}) > 1
    marked = each.symbol if each.learned else f"{each.symbol} (not learned)"
    symbol = {"symbol": marked} if several or not each.learned else {}
    return {**symbol, "min": str(Horizon(each.interval_minutes))}


def _range(low: float | None, high: float | None) -> str:
    return NONE if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _percents(low: float | None, high: float | None) -> str:
    return NONE if low is None or high is None else f"{low:.1%} to {high:.1%}"


def _calibration(each: Figures) -> str:
    """Return the error, and that of a calibrated model after a stroke."""
    expected = each.calibration_expected
    return f"{each.calibration_error:.3f}" + ("" if expected is None else f" / {expected:.3f}")


def _or_none(value: float | None, form: str) -> str:
    return NONE if value is None else format(value, form)


def table(rows: Sequence[dict[str, str]]) -> tuple[list[str], list[list[str]]]:
    """Return the headings and cells of rows, without the columns that are empty."""
    # Stored predictions have no bag of words trained beside them.
    kept = [name for name in rows[0] if any(row[name] != NONE for row in rows)] if rows else []
    return kept, [[row[name] for name in kept] for row in rows]
