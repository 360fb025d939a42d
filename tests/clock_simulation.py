"""Audit thousands of made-up files of ten markets, and count how often the verdict is right.

Run ``just clocks``: the table that it prints is in tweetscore/bars/README.md.
"""

import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from market_bars import MARKETS, Recipe, any_recipe, make

from tweetscore.bars.clock import Claims, audit_bars
from tweetscore.errors import InputError

FILES = 2_400
MANY_DAYS = 60
HEADINGS = (
    "market", "files", "false proofs", f"of {MANY_DAYS} days or more", "clock proven",
    "stamp proven", "calendar proven", "calendar left open", "asked",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What the audit says of one file; a proof counts only where it is right."""

    recipe: Recipe
    clock: bool = False
    stamp: bool = False
    calendar: bool = False
    open_calendar: bool = False
    asked: bool = False
    false: tuple[str, ...] = ()


def outcome(seed: int) -> Outcome:
    """Make a file, audit it without any claim, and hold the verdict against the truth.

    Only currencies have a symbol that names their market, as they always do.
    """
    recipe = any_recipe(seed)
    bars = make(recipe)
    try:
        claims = Claims(symbol="EURUSD" if recipe.market == "currencies" else None)
        found = audit_bars("made up", bars.stamps, claims, sizes=bars.sizes, flat=bars.flat)
    except InputError:
        return Outcome(recipe, asked=True)
    shift = timedelta(minutes=int(recipe.stamp == "end"))
    right = {
        # A clock of another name is right if it gives the same times.
        "clock": not (found.clock.to_utc(bars.stamps) - shift != bars.starts_utc).any(),
        "stamp": found.stamp == recipe.stamp,
        "calendar": found.calendar == recipe.calendar,
    }
    words = (found.clock_word, found.stamp_word, found.calendar_word)
    proven = {name for name, word in zip(right, words, strict=True) if word == "proven"}
    return Outcome(
        recipe,
        **{name: right[name] and name in proven for name in right},
        open_calendar=found.calendar is None,
        false=tuple(sorted(name for name in proven if not right[name])),
    )


def table(outcomes: Iterable[Outcome]) -> list[tuple[str | int, ...]]:
    """Count the outcomes of each market, and of all that can be proven."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in [*MARKETS, "all but coins"]}
    for each in outcomes:
        names = [each.recipe.market]
        names += ["all but coins"] if each.recipe.market != "coins" else []
        many = each.recipe.days >= MANY_DAYS
        for name in names:
            counts[name] += Counter(
                files=1,
                false=len(each.false),
                many=many,
                clock=many and each.clock,
                stamp=many and each.stamp,
                calendar=many and each.calendar,
                open=many and each.open_calendar,
                asked=many and each.asked,
            )
    columns = ("files", "false", "many", "clock", "stamp", "calendar", "open", "asked")
    return [(name, *(each[column] for column in columns)) for name, each in counts.items()]


def main(files: int = FILES) -> None:
    """Print the table as Markdown, and name each false proof."""
    with ProcessPoolExecutor(2) as pool:
        outcomes = list(pool.map(outcome, range(files), chunksize=10))
    for row in [HEADINGS, ("---",) * len(HEADINGS), *table(outcomes)]:
        print("|", " | ".join(map(str, row)), "|")
    for each in outcomes:
        if each.false:
            print(f"FALSE {', '.join(each.false)}: {each.recipe}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
