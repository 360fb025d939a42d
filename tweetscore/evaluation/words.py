"""Find the words that distinguish two classes of texts: texts enter, words with a score leave."""

from collections.abc import Iterable

import polars as pl

from tweetscore.text.rules import TextRules
from tweetscore.text.tokens import tokenize

PRIOR_WORDS = 500  # the prior weighs as much as so many words, in each class
LEAST_TEXTS = 5
MOST_WORDS = 20
LEAST_Z = 2.0  # by chance alone, one word in forty at most reaches it
WORDS = {
    "class": pl.String,
    "word": pl.String,
    "z": pl.Float64,
    "texts_in_class": pl.Int64,
    "texts_elsewhere": pl.Int64,
}
_COUNTS = {"word": pl.String, "class": pl.String, "texts": pl.Int64}


def distinctive_words(
    batches: Iterable[pl.DataFrame], rules: TextRules, classes: tuple[str, str]
) -> pl.DataFrame:
    """Return the words that occur in texts of one class more often than in those of the other.

    The score is the log-odds ratio with an informative Dirichlet prior, in standard deviations
    (Monroe, Colaresi and Quinn 2008, section 3.3); a word counts once per text. The prior is each
    word's share in all texts: it draws rare words towards no difference. Where the classes do not
    differ, the scores of frequent words are about standard normal, and smaller for few texts.

    Args:
        batches: frames with text and class, so many rows at a time as fit into memory.
        rules: how to cut texts into words; words after ``max_tokens`` are not read.
        classes: both of them.

    Returns:
        The columns of ``WORDS``; of each class at most 20 words with a score of two or more that
        are in five texts or more of both together, the highest first.
    """
    counts = pl.DataFrame(schema=_COUNTS)
    for batch in batches:
        counts = pl.concat([counts, _texts_with(batch, rules)])
        counts = counts.group_by("word", "class").agg(pl.col("texts").sum())
    by_word = counts.group_by("word").agg(
        pl.col("texts").filter(pl.col("class") == name).sum().alias(name) for name in classes
    )
    first, second = classes
    return pl.concat([_highest(by_word, first, second), _highest(by_word, second, first)])


def _texts_with(batch: pl.DataFrame, rules: TextRules) -> pl.DataFrame:
    """Count the texts of each class that hold each word."""
    read = tokenize(batch["text"], rules).list.head(rules.max_tokens)
    words = batch.select("class", word=read.list.unique()).explode("word").drop_nulls("word")
    return words.group_by("word", "class").agg(texts=pl.len().cast(pl.Int64))


def _highest(by_word: pl.DataFrame, name: str, other: str) -> pl.DataFrame:
    """Return the words of the class of this name."""
    here, elsewhere = pl.col(name), pl.col(other)
    scored = by_word.select(
        "word", z=_z(here, elsewhere), texts_in_class=here, texts_elsewhere=elsewhere
    )
    often = pl.col("texts_in_class") + pl.col("texts_elsewhere") >= LEAST_TEXTS
    kept = scored.filter(often, pl.col("z") >= LEAST_Z).sort("z", "word", descending=[True, False])
    return kept.head(MOST_WORDS).select(pl.lit(name).alias("class"), pl.all())


def _z(here: pl.Expr, elsewhere: pl.Expr) -> pl.Expr:
    """Return the log-odds ratio of a word's counts, divided by its standard deviation."""
    both = here + elsewhere
    prior = PRIOR_WORDS * both / both.sum()

    def log_odds(texts: pl.Expr) -> pl.Expr:
        rest = texts.sum() + PRIOR_WORDS - texts - prior
        return ((texts + prior) / rest).log()

    variance = 1 / (here + prior) + 1 / (elsewhere + prior)
    return (log_odds(here) - log_odds(elsewhere)) / variance.sqrt()
