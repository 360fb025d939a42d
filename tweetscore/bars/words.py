"""Word what the audit found: candidates enter, phrases for messages and tables leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tweetscore.bars.evidence import Fit

Word = Literal["proven", "consistent", "refuted", "not testable"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row of the table of evidence."""

    calendar: str
    kind: str  # how the market stops
    clock: str
    days: int  # breaks that it explains
    word: Word
    against: str  # what refutes it


def tally(fits: Sequence[Fit], days: int) -> str:
    """Word the shares: of the first, whatever it is, and of the best few others that fit at all."""
    shown = dict.fromkeys(fit for fit in fits[:1])
    shown |= dict.fromkeys(fit for fit in fits[1:] if fit.days)
    shares = [
        f"{fit.clock.name} {fit.days} ({fit.days / max(days, 1):.0%})" for fit in list(shown)[:5]
    ]
    return f"of {days} testable days fit {', '.join(shares)}"


def listed(parts: Sequence[str], word: str) -> str:
    """Join phrases: a, b and c."""
    *most, last = parts
    return f"{', '.join(most)} {word} {last}" if most else last
