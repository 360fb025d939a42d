"""Put a comparison of models into words: it enters; a table and sentences leave."""

from collections.abc import Sequence

from tweetscore.evaluation.compare import Comparison, Standing
from tweetscore.evaluation.figures import POOLED, SIGNIFICANCE
from tweetscore.evaluation.intervals import Bounded, unit_of
from tweetscore.evaluation.verdicts import NONE, table
from tweetscore.market.horizons import Horizon

COMPARED_EXPLAINED = (
    "All models of an interval are measured on the same rows: posts that all have predicted and "
    "none may have seen. Behind is by how much an AUC is below the best, with the 95 % interval "
    "of this difference alone, over days; p is two-sided, and corrected for all pairs of models "
    "known to have been tried on these days."
)


def comparison_table(found: Comparison) -> tuple[list[str], list[list[str]]]:
    """Return the headings and cells of all models, the best of each interval first."""
    several = len({each.symbol for each in found.standings}) > 1
    ambiguous = len({each.model for each in found.standings}) < len(
        {each.model_id for each in found.standings}
    )
    return table(
        [
            {
                **({"symbol": each.symbol} if several else {}),
                "min": str(Horizon(each.interval_minutes)),
                "place": str(each.place),
                "model": f"{each.model} ({each.model_id})" if ambiguous else each.model,
                "AUC": f"{each.auc:.3f}",
                "AUC, 95 %": _range(each.auc_low, each.auc_high),
                "behind": NONE if each.behind is None else _bounded(each.behind),
                "p": NONE if each.p_corrected is None else f"{each.p_corrected:.4f}",
                "accuracy": f"{each.accuracy:.1%}",
                "Brier": f"{each.brier:.3f}",
                "log loss": f"{each.log_loss:.3f}",
            }
            for each in found.standings
        ]
    )


def comparison_sentences(found: Comparison) -> list[str]:
    """Say in plain words which model is the best at each interval, and whether that is certain."""
    several = len({each.symbol for each in found.standings}) > 1
    of_part: dict[tuple[int, str], list[Standing]] = {}
    for each in found.standings:
        of_part.setdefault((each.interval_minutes, each.symbol), []).append(each)
    return [_sentence(own, several=several) for own in of_part.values()]


def _sentence(own: Sequence[Standing], *, several: bool) -> str:
    best, *others = own
    what = Horizon(best.interval_minutes).words
    if several:
        what = f"{'all symbols together' if best.symbol == POOLED else best.symbol}, {what}"
    told = [each.model for each in others if (each.p_corrected or 0) < SIGNIFICANCE]
    alike = [each.model for each in others if each.model not in told]
    facts = [f"better than {', '.join(told)}"] if told else []
    facts += [f"not told apart from {', '.join(alike)}"] if alike else []
    unit = unit_of(best.interval_minutes)
    return (
        f"{what}: of {len(own)} models on {best.rows:,} shared rows of {best.days:,} {unit}s, "
        f"{best.model} has the highest AUC, {best.auc:.3f}; it is {' and '.join(facts)}."
    )


def _range(low: float | None, high: float | None) -> str:
    return NONE if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _bounded(found: Bounded) -> str:
    if found.low is None or found.high is None:
        return f"{found.value:.3f} (too few days)"
    return f"{found.value:.3f} ({found.low:+.3f} to {found.high:+.3f})"
