"""Words that tell classes apart are those a formula by hand finds, and chance finds hardly any."""

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from tweetscore.evaluation.words import (
    LEAST_TEXTS,
    LEAST_Z,
    MOST_WORDS,
    PRIOR_WORDS,
    WORDS,
    distinctive_words,
)
from tweetscore.text.rules import TextRules

RULES = TextRules(max_tokens=50)
CLASSES = ("down", "up")
Row = tuple[str, str, float, int, int]


def frame(texts: Sequence[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(texts, schema=["text", "class"], orient="row")


def by_hand(texts: Sequence[tuple[str, str]]) -> list[Row]:
    """Score every word by Monroe, Colaresi and Quinn's formulas, one at a time."""
    counts = {name: {word: 0 for text, _ in texts for word in text.split()} for name in CLASSES}
    for text, name in texts:
        for word in set(text.split()):
            counts[name][word] += 1
    total = {name: sum(each.values()) for name, each in counts.items()}
    both = {word: counts["down"][word] + counts["up"][word] for word in counts["up"]}
    rows: list[Row] = []
    for name, other in (CLASSES, CLASSES[::-1]):
        found = []
        for word, texts_with in both.items():
            prior = PRIOR_WORDS * texts_with / sum(both.values())
            here, there = counts[name][word], counts[other][word]
            odds = [
                (count + prior) / (total[each] + PRIOR_WORDS - count - prior)
                for each, count in ((name, here), (other, there))
            ]
            deviation = math.sqrt(1 / (here + prior) + 1 / (there + prior))
            z = (math.log(odds[0]) - math.log(odds[1])) / deviation
            if texts_with >= LEAST_TEXTS and z >= LEAST_Z:
                found.append((name, word, z, here, there))
        rows += sorted(found, key=lambda row: (-row[2], row[1]))[:MOST_WORDS]
    return rows


def drawn(seed: int, count: int, lean: float) -> list[tuple[str, str]]:
    """Texts of words that are each likelier in one class, by so much."""
    rng = np.random.default_rng(seed)
    words = np.array([f"word{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(150)])
    shares = 1 / (np.arange(150) + 5)
    likelier = {"up": shares * (1 + lean * (np.arange(150) % 3)), "down": shares}
    texts = []
    for name, part in zip(CLASSES, (2 * count // 5, 3 * count // 5), strict=True):
        p = likelier[name] / likelier[name].sum()
        texts += [(" ".join(each), name) for each in rng.choice(words, (part, 8), p=p)]
    return texts


def test_words_are_scored_as_by_hand() -> None:
    texts = drawn(1, 600, lean=1.5)
    found, wanted = distinctive_words([frame(texts)], RULES, CLASSES), by_hand(texts)
    assert [row[:2] + row[3:] for row in found.rows()] == [row[:2] + row[3:] for row in wanted]
    assert found["z"].to_list() == pytest.approx([row[2] for row in wanted])
    assert found["class"].n_unique() == 2
    assert found.schema == pl.Schema(WORDS)


def test_batches_give_what_the_whole_gives() -> None:
    whole = frame(drawn(2, 500, lean=1.5))
    batches = [whole[at : at + 70] for at in range(0, 500, 70)]
    found = distinctive_words(iter(batches), RULES, CLASSES)
    assert found.height > 10
    assert found.equals(distinctive_words([whole], RULES, CLASSES))


def test_a_class_has_at_most_twenty_words_the_highest_first() -> None:
    texts = [(f"{chr(97 + n % 26)}{chr(97 + n // 26)}z", "up") for n in range(60)] * 40
    texts += [("old stuff", "down")] * 3_000
    found = distinctive_words([frame(texts)], RULES, CLASSES)
    up = found.filter(pl.col("class") == "up")
    assert up["word"].to_list() == sorted({text for text, name in texts if name == "up"})[:20]
    assert found.filter(pl.col("class") == "down")["word"].to_list() == ["old", "stuff"]


@pytest.mark.parametrize(("texts", "least"), [(300, 0.1), (3_000, 0.5)])
def test_without_a_difference_hardly_a_word_is_found(texts: int, least: float) -> None:
    rounds = 8
    found = [
        distinctive_words([frame(drawn(seed, texts, lean=0))], RULES, CLASSES).height
        for seed in range(rounds)
    ]
    expected = 150 * 0.0455  # beyond two deviations of a normal distribution, of 150 words
    assert least * expected < sum(found) / rounds < 1.2 * expected


def test_a_word_counts_once_a_text_and_rarely_used_ones_do_not_count() -> None:
    texts = [("gain gain gain", "up"), ("loss", "down")] * 300 + [("four", "up")] * 4
    texts += [("five", "up")] * 5
    found = distinctive_words([frame(texts)], RULES, CLASSES)
    assert [(row[0], row[1], *row[3:]) for row in found.rows()] == [
        ("down", "loss", 300, 0),
        ("up", "gain", 300, 0),
    ]
    many = [("a1 four", "up"), ("b1 five", "up"), ("five", "up")]
    assert distinctive_words([frame(many)], RULES, CLASSES).is_empty()


def test_what_a_model_does_not_read_is_no_word_of_its() -> None:
    texts = [("gain behind", "up"), ("loss behind", "down"), ("gain up", "up")] * 100
    read = distinctive_words([frame(texts)], TextRules(max_tokens=1), CLASSES)
    assert set(read["word"]) == {"gain", "loss"}


def test_of_one_class_alone_no_word_tells_anything() -> None:
    texts = [("gain", "up"), ("gain more", "up"), ("loss", "up")] * 50
    assert distinctive_words([frame(texts)], RULES, CLASSES).is_empty()
    nothing = distinctive_words([], RULES, CLASSES)
    assert nothing.is_empty()
    assert nothing.schema == pl.Schema(WORDS)
