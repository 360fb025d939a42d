"""Texts whose words bunch by day and author, and classes that know of one word or of none.

``python -m tests.simulated_words`` prints the figures of tests/README.md.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from tweetscore.evaluation.words import distinctive_words
from tweetscore.text.rules import TextRules

WORDS_A_TEXT, VOCABULARY = 8, 400
CLASSES = ("down", "up")
RUNS = 150
CELLS = (  # days, posts a day, authors, what draws a class
    (30, 8, 1, "text"), (60, 20, 1, "text"), (60, 20, 1, "day"),
    (60, 20, 40, "text"), (60, 20, 40, "day"), (60, 20, 40, "author"), (200, 10, 100, "author"),
)  # fmt: skip
RULES = TextRules(max_tokens=50)


def texts_of(
    rng: np.random.Generator, days: int, posts: int, authors: int, classes: str, planted: str = ""
) -> pl.DataFrame:
    """Draw texts whose class is drawn anew for each text, day or author.

    ``planted`` is a word that stands in two of five texts of the class up.
    """
    day, author = np.repeat(np.arange(days), posts), rng.integers(0, authors, days * posts)
    words = np.array([f"qq{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(VOCABULARY)])
    shares = 1 / (np.arange(VOCABULARY) + 5)
    topics, habits = (rng.exponential(1, (n, VOCABULARY)) ** 2 for n in (days, authors))
    weights = shares * topics[day] * habits[author]
    keys = rng.exponential(1, weights.shape) / weights
    chosen = words[np.argpartition(keys, WORDS_A_TEXT, axis=1)[:, :WORDS_A_TEXT]]
    unit = {"text": np.arange(len(day)), "day": day, "author": author}[classes]
    up = (rng.random(int(unit.max()) + 1) < 0.5)[unit]
    extra = np.where(up & (rng.random(len(day)) < 0.4), planted, "")
    return pl.DataFrame(
        {
            "text": [" ".join(each) for each in np.column_stack([chosen, extra])],
            "class": np.where(up, "up", "down"),
            "day": day,
            "author": [f"author {n}" for n in author],
        }
    )


def found_in(
    days: int, posts: int, authors: int, classes: str, runs: int, planted: str = ""
) -> Iterator[pl.DataFrame]:
    """Look for words in so many worlds."""
    rng = np.random.default_rng(1)
    for _ in range(runs):
        texts = texts_of(rng, days, posts, authors, classes, planted)
        yield distinctive_words([texts], RULES, CLASSES)


def main() -> None:
    """Write the table."""
    table = Table(title=f"{RUNS} worlds a cell")
    for heading in ("days", "posts a day", "authors", "classes drawn by", "a word is shown"):
        table.add_column(heading)
    for days, posts, authors, classes in CELLS:
        found = found_in(days, posts, authors, classes, RUNS)
        shown = np.mean([each.height > 0 for each in found])
        table.add_row(str(days), str(posts), str(authors), classes, f"{shown:.1%}")
    planted = list(found_in(40, 8, 1, "text", RUNS, "zzz"))
    console = Console(width=160)
    console.print(table)
    console.print(f"planted: {np.mean(['zzz' in each['word'] for each in planted]):.1%} found")
    others = sum((each["word"] != "zzz").sum() for each in planted)
    console.print(f"beside it {others} words in {RUNS} worlds")


if __name__ == "__main__":
    main()
