"""Find the words that distinguish two classes of texts: texts enter, words with a score leave.

A word's score compares its share in the texts of one class with that in those of the other. Texts
of one day speak of the same things, and texts of one author in the same words, so what counts is on
how many days, or by how many authors, the difference shows. Of all words tested, those shown are
chosen so that among them few are there by chance (Benjamini and Hochberg 1995, Controlling the
false discovery rate).
"""

from collections.abc import Iterable

import polars as pl
from scipy import stats

from tweetscore.text.rules import TextRules
from tweetscore.text.tokens import tokenize

FALSE_SHARE = 0.05  # at most so much of what is shown is there by chance, on average
LEAST_DAYS = 10  # with a word: fewer could not show it among thousands
LEAST_AUTHORS = 10  # in all: fewer are no sample of authors
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
_UNITS = ("day", "author")
_COUNTS = {"unit": pl.UInt64, "word": pl.String, "texts": pl.Int64, "first": pl.Int64}


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
    with_word, texts = _counted(batches, rules, first)
    tested = _tested(with_word, texts)
    found = [
        tested.filter(pl.col("z") * side > 0)
        .select(
            pl.lit(name).alias("class"), "word", pl.col("z").abs(), "p_adjusted",
            texts_in_class=here, texts_elsewhere=pl.col("texts") - here,
        )
        .sort("z", "word", descending=[True, False])
        .head(MOST_WORDS)
        for name, side, here in (
            (first, 1, pl.col("first")),
            (second, -1, pl.col("texts") - pl.col("first")),
        )
    ]  # fmt: skip
    digits = pl.col("z", "p_adjusted").round_sig_figs(DIGITS)
    return pl.concat([pl.DataFrame(schema=WORDS), *found]).with_columns(digits)


def _counted(
    batches: Iterable[pl.DataFrame], rules: TextRules, first: str
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """Count texts, and those of the first class, by unit and word, and by unit alone."""
    with_word = {unit: pl.DataFrame(schema=_COUNTS) for unit in _UNITS}
    texts = {unit: each.drop("word") for unit, each in with_word.items()}
    for batch in batches:
        read = tokenize(batch["text"], rules).list.head(rules.max_tokens)
        day = pl.col("day").cast(pl.String)
        rows = batch.select(
            day=day.hash(),
            author=pl.coalesce("author", day).hash(),
            word=read.list.unique(),
            own=(pl.col("class") == first).cast(pl.Int64),
        )
        words = rows.explode("word").drop_nulls("word")
        for unit in _UNITS:
            with_word[unit] = _added(with_word[unit], words, unit, "word")
            texts[unit] = _added(texts[unit], rows, unit)
    return with_word, texts


def _added(counts: pl.DataFrame, rows: pl.DataFrame, unit: str, *word: str) -> pl.DataFrame:
    more = rows.group_by(pl.col(unit).alias("unit"), *word).agg(
        texts=pl.len().cast(pl.Int64), first=pl.col("own").sum()
    )
    both = pl.concat([counts, more.select(counts.columns)])
    return both.group_by("unit", *word).agg(pl.col("texts", "first").sum()).select(counts.columns)


def _tested(with_word: dict[str, pl.DataFrame], texts: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Return the words told from chance, with their scores: positive of the first class."""
    scores = _scores(with_word["day"], texts["day"]).filter(pl.col("units") >= LEAST_DAYS)
    if texts["author"].height >= LEAST_AUTHORS:
        by_author = _scores(with_word["author"], texts["author"]).select("word", by_author="error")
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


def _scores(with_word: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """Return each word's difference, up to a factor, and its standard error over units.

    With x whether a text holds the word, and c whether it is of the first class, a unit contributes
    the sum of (c - mean c)(x - mean x) over its texts.
    """
    count = max(int(texts["texts"].sum()), 1)
    share = int(texts["first"].sum()) / count
    leaning = texts.with_columns(lean=pl.col("first") - share * pl.col("texts"))
    words = with_word.join(leaning.select("unit", "lean"), on="unit").with_columns(
        own=pl.col("first") - share * pl.col("texts")
    )
    return (
        words.group_by("word")
        .agg(
            pl.col("texts", "first").sum(),
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
