"""Put earnings into words: earnings enter; tables and sentences leave."""

from collections.abc import Sequence

from tweetscore.evaluation.earnings import Earnings, Estimate
from tweetscore.evaluation.verdicts import NONE, table
from tweetscore.market.horizons import Horizon

EARNINGS_EXPLAINED = (
    "Basis points per entry, with 95 % intervals over days: long where up is predicted, short "
    "where down, out after the interval. Break-even is what an entry earns before costs, so the "
    "cost of a round trip at which nothing is left. Late entries leave at the same minute. At once "
    "counts the positions open as one is entered. Intervals are not corrected for the number of "
    "models and intervals looked at."
)


def net_table(found: Sequence[Earnings]) -> tuple[list[str], list[list[str]]]:
    """Return the headings and cells of what is left after each cost, and of always being long."""
    return table(
        [
            {
                "min": str(Horizon(each.interval_minutes)),
                "entries": f"{each.entries:,}",
                "days": f"{each.days:,}",
                "break-even": _estimated(each.break_even_bps),
                **{f"net of {net.cost_bps:g}": _estimated(net.bps) for net in each.net},
                "always long": _estimated(each.long),
            }
            for each in found
        ]
    )


def entry_table(found: Sequence[Earnings]) -> tuple[list[str], list[list[str]]]:
    """Return the headings and cells of late entries, of turnover and of positions at once."""
    return table(
        [
            {
                "min": str(Horizon(each.interval_minutes)),
                **{
                    f"{late.minutes} min late": _estimated(late.bps) if late.bps else NONE
                    for late in each.late
                },
                "beyond long": _estimated(each.beyond_long),
                "entries a day": _estimated(each.entries_a_day, signed=False),
                "at once": _estimated(each.at_once, signed=False),
                "most at once": f"{each.most_at_once:,}",
            }
            for each in found
        ]
    )


def earnings_sentence(each: Earnings) -> str:
    """Say in plain words at which costs an entry earns."""
    found, beyond = each.break_even_bps, each.beyond_long
    horizon = Horizon(each.interval_minutes).words
    told = f"{horizon}: breaks even at {_estimated(found)} bps a round trip"
    if found.low is None or found.low <= 0:
        return f"{told}; it is not shown to earn anything, even without costs."
    if beyond.low is None or beyond.low <= 0:
        return f"{told}; it is not shown to earn more than always being long."
    return f"{told}; it is shown to earn something only at costs below {found.low:.2f} bps."


def _estimated(estimate: Estimate, *, signed: bool = True) -> str:
    form = "+.2f" if signed else ".1f"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:{form}} (too few days)"
    return f"{estimate.value:{form}} ({estimate.low:{form}} to {estimate.high:{form}})"
