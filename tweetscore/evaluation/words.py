"""Find the words that distinguish two classes of texts: texts enter, words with a score leave.

A word's score compares its share in the texts of one class with that in those of the other. Texts
of one day speak of the same things, and texts of one author in the same words, so what counts is on
how many days, or by how many authors, the difference shows. Of all words tested, those shown are
chosen so that among them few are there by chance (Benjamini and Hochberg 1995, Controlling the
false discovery rate).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl
from scipy import stats

from tweetscore.text.rules import TextRules
from tweetscore.text.tokens import tokenize

FALSE_SHARE = 0.05  # at most so much of what is shown is there by chance, on average
LEAST_DAYS = 10  # with a word: fewer could not show it among thousands
LEAST_AUTHORS = 10  # in all: fewer are no sample of authors
AUTHOR_GROUPS = 16_384
MOST_WORDS = 20
DIGITS = 6  # those beyond depend on the order of summing
WORDS = {
    "class": pl.String,
    "word": pl.String,
    "z": pl.Float64,
    "p_adjusted": pl.Float64,
    "texts_in_class": pl.Int64,
    "texts_elsewhere": pl.Int64,
}
_COUNTS = {"unit": pl.Int32, "word": pl.UInt64, "texts": pl.UInt32, "first": pl.UInt32}


def distinctive_words(
    batches: Iterable[pl.DataFrame], rules: TextRules, classes: tuple[str, str]
) -> pl.DataFrame:
    """Return the words that occur in texts of one class more often than in those of the other.

    The score is the difference between a word's share in both classes, in standard errors over
    days, or over authors where these are ten or more and the error is larger (a score test with
    clustered variance: Cameron and Miller 2015, A practitioner's guide to cluster-robust
    inference). A word counts once per text.

    Args:
        batches: frames with text, class, day and author (null where unknown: then the day counts),
            so many rows at a time as fit into memory.
        rules: how to cut texts into words; words after ``max_tokens`` are not read.
        classes: both of them.

    Returns:
        The columns of ``WORDS``; of each class at most 20 words, the highest score first. Only
        words of ten days or more are tested.
    """
    first, second = classes
    days, authors, names = _counted(batches, rules, first)
    tested = _tested(days, authors).join(names, on="word").drop("word").rename({"name": "word"})
    found = [
        tested.filter(pl.col("z") * side > 0)
        .select(
            pl.lit(name).alias("class"),
            "word",
            pl.col("z").abs(),
            "p_adjusted",
            texts_in_class=here,
            texts_elsewhere=pl.col("texts") - here,
        )
        .sort("z", "word", descending=[True, False])
        .head(MOST_WORDS)
        for name, side, here in (
            (first, 1, pl.col("first")),
            (second, -1, pl.col("texts") - pl.col("first")),
        )
    ]
    digits = pl.col("z", "p_adjusted").round_sig_figs(DIGITS)
    return pl.concat([pl.DataFrame(schema=WORDS), *found]).with_columns(digits)


@dataclass(slots=True)
class _Counts:
    """Texts, and those of the first class, by day or author: of each word, and of all."""

    with_word: pl.DataFrame
    texts: pl.DataFrame

    def add(self, rows: pl.DataFrame, unit: str) -> None:
        """Add rows with a unit, their words and whether they are of the first class."""
        rows = rows.select(pl.col(unit).cast(pl.Int32).alias("unit"), "words", "first")
        one = pl.lit(1, pl.UInt32).alias("texts")
        words = rows.explode("words").drop_nulls().rename({"words": "word"})
        self.with_word = _summed(self.with_word, words.with_columns(one), "unit", "word")
        self.texts = _summed(self.texts, rows.with_columns(one), "unit")


def _summed(counts: pl.DataFrame, more: pl.DataFrame, *by: str) -> pl.DataFrame:
    sums = pl.col("texts", "first").sum()
    more = more.group_by(by).agg(sums).select(counts.columns)
    return pl.concat([counts, more]).group_by(by).agg(sums).select(counts.columns)


def _counted(
    batches: Iterable[pl.DataFrame], rules: TextRules, first: str
) -> tuple[_Counts, _Counts, pl.DataFrame]:
    """Count by day and by author, and name the words, which are counted by their hashes."""
    of_all = pl.DataFrame(schema=_COUNTS)
    days, authors = (_Counts(of_all, of_all.drop("word")) for _ in range(2))
    names = pl.DataFrame(schema={"word": pl.UInt64, "name": pl.String})
    for batch in batches:
        read = tokenize(batch["text"], rules).list.head(rules.max_tokens).list.unique()
        named = pl.DataFrame({"name": read.explode().drop_nulls().unique()})
        named = named.select(pl.col("name").hash().alias("word"), "name")
        names = pl.concat([names, named.join(names, on="word", how="anti")])
        day = pl.col("day").cast(pl.Int32)
        rows = batch.select(
            day=day,
            # So many groups of authors at most, so that memory does not grow with them.
            author=pl.coalesce(pl.col("author").hash(), day.cast(pl.UInt64)) % AUTHOR_GROUPS,
            first=(pl.col("class") == first).cast(pl.UInt32),
            words=read.list.eval(pl.element().hash()),
        )
        days.add(rows, "day")
        authors.add(rows, "author")
    return days, authors, names


def _tested(days: _Counts, authors: _Counts) -> pl.DataFrame:
    """Return the words told from chance, with their scores: positive of the first class."""
    scores = _scores(days).filter(pl.col("units") >= LEAST_DAYS)
    if authors.texts.height >= LEAST_AUTHORS:
        by_author = _scores(authors).select("word", by_author="error")
        scores = scores.join(by_author, on="word").with_columns(
            error=pl.max_horizontal("error", "by_author")
        )
    scores = scores.filter(pl.col("error") > 0).with_columns(
        z=pl.col("difference") / pl.col("error")
    )
    p = 2 * stats.norm.sf(scores["z"].abs().to_numpy())
    adjusted = stats.false_discovery_control(p) if len(p) else p
    return scores.with_columns(p_adjusted=pl.Series(adjusted, dtype=pl.Float64)).filter(
        pl.col("p_adjusted") <= FALSE_SHARE
    )


def _scores(counts: _Counts) -> pl.DataFrame:
    """Return each word's difference, up to a factor, and its standard error over units.

    With x whether a text holds the word, and c whether it is of the first class, a unit contributes
    the sum of (c - mean c)(x - mean x) over its texts.
    """
    texts = counts.texts
    count = max(int(texts["texts"].sum()), 1)
    share = int(texts["first"].sum()) / count
    leaning = texts.with_columns(lean=pl.col("first") - share * pl.col("texts"))
    words = counts.with_word.join(leaning.select("unit", "lean"), on="unit").with_columns(
        own=pl.col("first") - share * pl.col("texts")
    )
    return (
        words.group_by("word")
        .agg(
            pl.col("texts", "first").cast(pl.Int64).sum(),
            units=pl.len(),
            difference=pl.col("own").sum(),
            squares=(pl.col("own") ** 2).sum(),
            products=(pl.col("own") * pl.col("lean")).sum(),
        )
        .with_columns(held=pl.col("texts") / count)
        .with_columns(
            error=(
                pl.col("squares")
                - 2 * pl.col("held") * pl.col("products")
                + pl.col("held") ** 2 * (leaning["lean"] ** 2).sum()
            )
            .clip(0)
            .sqrt()
        )
    )
