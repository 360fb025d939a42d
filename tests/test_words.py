"""Words that tell classes apart are those that loops by hand find, and chance finds hardly any."""

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from scipy import stats
from simulated_words import CLASSES, RULES, found_in, texts_of

from tweetscore.evaluation.words import LEAST_DAYS, MOST_WORDS, WORDS, distinctive_words
from tweetscore.text.rules import TextRules

Row = tuple[str, str, float, float, int, int]


def frame(texts: Sequence[tuple[str, str]], days: int = 40) -> pl.DataFrame:
    """Texts and classes, on so many days in turn, by nobody known."""
    named = pl.DataFrame(texts, schema=["text", "class"], orient="row")
    day = np.arange(len(texts)) % days
    return named.with_columns(day=pl.Series(day), author=pl.lit(None, pl.String))


def by_hand(rows: pl.DataFrame) -> list[Row]:
    """Score every word by loops over days, and over authors if they are ten or more."""
    up = [name == "up" for name in rows["class"]]
    held = [set(text.split()) for text in rows["text"]]
    days = rows["day"].to_list()
    units = [days]
    if rows["author"].n_unique() >= 10:
        units.append([day if who is None else who for who, day in zip(rows["author"], days)])  # noqa: B905 - one frame's
    share = sum(up) / len(up)
    found = []
    for word in sorted(set().union(*held)):
        has = [word in words for words in held]
        mean = sum(has) / len(has)
        parts = [(c - share) * (x - mean) for c, x in zip(up, has, strict=True)]
        errors = []
        for unit in units:
            sums: dict[object, float] = defaultdict(float)
            for which, part in zip(unit, parts, strict=True):
                sums[which] += part
            errors.append(math.sqrt(sum(each**2 for each in sums.values())))
        if len({day for day, x in zip(days, has, strict=True) if x}) >= LEAST_DAYS:
            there = sum(c for c, x in zip(up, has, strict=True) if x)
            found.append((word, sum(parts) / max(errors), there, sum(has) - there))
    p = stats.false_discovery_control([2 * stats.norm.sf(abs(z)) for _, z, _, _ in found])
    wanted: list[Row] = []
    for name, side in zip(CLASSES, (-1, 1), strict=True):
        own = [
            (name, word, abs(z), adjusted, *((there, others) if side > 0 else (others, there)))
            for (word, z, there, others), adjusted in zip(found, p, strict=True)
            if z * side > 0 and adjusted <= 0.05
        ]
        wanted += sorted(own, key=lambda row: (-row[2], row[1]))[:MOST_WORDS]
    return wanted


@pytest.mark.parametrize("authors", [1, 30])
def test_words_are_scored_as_by_hand(authors: int) -> None:
    texts = texts_of(np.random.default_rng(1), 40, 12, authors, "day", planted="zzz")
    leaning = pl.when(pl.col("text").str.contains("qqa[a-c]")).then(pl.lit("down"))
    texts = texts.with_columns(leaning.otherwise("class").alias("class"))
    found, wanted = distinctive_words([texts], RULES, CLASSES), by_hand(texts)
    assert found["class"].n_unique() == 2
    assert found.drop("z", "p_adjusted").rows() == [row[:2] + row[4:] for row in wanted]
    assert found["z"].to_list() == pytest.approx([row[2] for row in wanted], rel=1e-5)
    assert found["p_adjusted"].to_list() == pytest.approx([row[3] for row in wanted], rel=1e-5)
    assert found.schema == pl.Schema(WORDS)


def test_the_score_is_that_of_statsmodels_with_days_as_clusters() -> None:
    """GEE.compare_score_test of statsmodels 0.15, Gaussian and independent, of first on has."""
    n = np.arange(120)
    has = n * n % 7 < 3
    first = (n * n % 11 + 3 * has + n // 10 % 3) > 6
    texts = pl.DataFrame(
        {
            "text": np.where(has, "zzz and", "and"), "day": n // 10,
            "class": np.where(first, CLASSES[0], CLASSES[1]),
        }
    )  # fmt: skip
    texts = texts.with_columns(author=pl.lit(None, pl.String))
    ((name, word, z, *_),) = distinctive_words([texts], RULES, CLASSES).rows()
    assert (name, word) == (CLASSES[0], "zzz")
    assert z == pytest.approx(8.824389129938345**0.5, rel=1e-5)


def test_authors_who_are_unknown_count_as_their_days() -> None:
    texts = texts_of(np.random.default_rng(2), 40, 12, 5, "text", planted="zzz")
    unknown = texts.with_columns(author=pl.lit(None, pl.String))
    days = [distinctive_words([each], RULES, CLASSES) for each in (texts, unknown)]
    assert days[0].height > 0
    assert days[0].equals(days[1])


def test_batches_give_what_the_whole_gives() -> None:
    whole = texts_of(np.random.default_rng(3), 40, 12, 30, "text", planted="zzz")
    batches = [whole[at : at + 70] for at in range(0, whole.height, 70)]
    found = distinctive_words(iter(batches), RULES, CLASSES)
    assert found.height > 0
    known = distinctive_words([whole], RULES, CLASSES)
    assert found.drop("z", "p_adjusted").equals(known.drop("z", "p_adjusted"))
    assert found["z"].to_list() == pytest.approx(known["z"].to_list())


def test_a_class_has_at_most_twenty_words_the_highest_first() -> None:
    texts = [(f"{chr(97 + n % 26)}{chr(97 + n // 26)}z", "up") for n in range(60)] * 40
    texts += [("old stuff", "down")] * 3_000
    found = distinctive_words([frame(texts, days=97)], RULES, CLASSES)
    up = found.filter(pl.col("class") == "up")
    assert up.height == MOST_WORDS
    assert up["z"].is_sorted(descending=True)
    assert found.filter(pl.col("class") == "down")["word"].to_list() == ["old", "stuff"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("authors", "classes"), [(1, "text"), (1, "day"), (40, "text"), (40, "day"), (40, "author")]
)
def test_of_random_classes_hardly_a_world_shows_a_word(authors: int, classes: str) -> None:
    """Classes that a text, a day or an author draws: at most 5 % of worlds."""
    runs = 60
    shown = sum(each.height > 0 for each in found_in(40, 15, authors, classes, runs))
    assert shown <= stats.binom.ppf(0.999, runs, 0.05)


@pytest.mark.slow
def test_a_planted_word_is_found_and_next_to_nothing_else() -> None:
    found = list(found_in(40, 10, 1, "text", 20, planted="zzz"))
    assert sum("zzz" in each["word"] for each in found) >= 19
    assert sum(each.height for each in found) <= 25


def test_a_word_of_one_day_tells_nothing_however_often_it_is_there() -> None:
    rows = frame([("burst words", "up")] * 400 + [("other words", "down")] * 400)
    burst = rows.with_columns(day=pl.when(pl.col("class") == "up").then(99).otherwise("day"))
    assert distinctive_words([burst], RULES, CLASSES).is_empty()


def test_a_word_counts_once_a_text() -> None:
    texts = [("gain gain gain", "up"), ("loss", "down")] * 300
    found = distinctive_words([frame(texts, days=41)], RULES, CLASSES)
    assert [(row[0], row[1], *row[4:]) for row in found.rows()] == [
        ("down", "loss", 300, 0),
        ("up", "gain", 300, 0),
    ]


def test_what_a_model_does_not_read_is_no_word_of_its() -> None:
    texts = [("gain behind", "up"), ("loss behind", "down"), ("gain up", "up")] * 100
    read = distinctive_words([frame(texts, days=41)], TextRules(max_tokens=1), CLASSES)
    assert set(read["word"]) == {"gain", "loss"}


def test_of_one_class_alone_no_word_tells_anything() -> None:
    texts = [("gain", "up"), ("gain more", "up"), ("loss", "up")] * 50
    assert distinctive_words([frame(texts)], RULES, CLASSES).is_empty()
    nothing = distinctive_words([], RULES, CLASSES)
    assert nothing.is_empty()
    assert nothing.schema == pl.Schema(WORDS)
