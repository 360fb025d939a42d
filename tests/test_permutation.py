"""Shuffled days: what of labels stays, what a real signal and none of it give, and what is told."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats
from sklearn import metrics

from tweetscore.text.rules import TextRules
from tweetscore.training.dataset import clean_rows
from tweetscore.training.features import Prepared, prepare
from tweetscore.training.learn import Learned, learn
from tweetscore.training.loop import predict
from tweetscore.training.options import FitOptions, TrainingOptions
from tweetscore.training.permutation import Permuted, days_shuffled, permutation_test
from tweetscore.training.split import split_rows

RULES = TextRules(max_tokens=6)
OPTIONS = TrainingOptions(
    intervals=(30,),
    vectors="random",
    max_tokens=6,
    embedding_dim=8,
    hidden=4,
    device="cpu",
    fit=FitOptions(epochs=2, batch_rows=32, learning_rate=0.02),
    shuffle_labels=19,
)


def prepared_rows(signal: float, seed: int = 0, days: int = 60, posts: int = 4) -> Prepared:
    """Days whose posts share their market and their mood, and where words tell of it if wanted."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for day in range(days):
        market, mood = rng.normal(0, 1, 2)
        for place in range(posts):
            ups = rng.random(4) < stats.norm.cdf(mood + rng.normal(0, 0.5))
            posted = datetime(2018, 6, 1, 14, 30) + timedelta(days=day, minutes=40 * place)
            outcome = market + rng.normal(0, 0.5) + signal * (ups.sum() - 2)
            rows.append(
                {
                    "text": f"own{len(rows)} " + " ".join(np.where(ups, "bull", "bear")),
                    "posted_utc": posted,
                    "session_date": date(2018, 6, 1) + timedelta(days=day),
                    "close_utc": datetime(2018, 6, 1, 21) + timedelta(days=day),
                    "outcome_30": outcome, "exit_30": posted + timedelta(minutes=30),
                    "past_30": None, "minute_of_session": 40 * place,
                }
            )  # fmt: skip
    frame = pl.DataFrame(rows, schema_overrides={"past_30": pl.Float64})
    split, parts = split_rows(clean_rows(frame, RULES), (30,))
    return prepare(parts, split, OPTIONS, RULES)


def learned(tmp_path: Path, prepared: Prepared, options: TrainingOptions = OPTIONS) -> Learned:
    return learn(prepared, options, tmp_path / "logs", lambda _: None)


def test_each_day_gets_the_labels_of_one_other_day_of_its_part() -> None:
    prepared = prepared_rows(0.0)
    shuffled = days_shuffled(prepared, np.random.default_rng(0))
    for name, part in prepared.parts.items():
        other = shuffled.parts[name]
        assert other.rows.equals(part.rows)
        assert other.tokens is part.tokens
        day = part.rows["session_date"].to_numpy()
        own, given = (
            {each: tuple(labels[day == each, 0]) for each in np.unique(day)}
            for labels in (part.labels, other.labels)
        )
        # Every day has four posts at the same times, so that labels move as wholes.
        assert sorted(own.values()) == sorted(given.values())
        if len(own) > 5:
            assert own != given


def test_a_post_gets_the_label_of_the_nearest_time_of_the_other_day() -> None:
    prepared = prepared_rows(0.0, days=40, posts=4)
    part = prepared.parts["test"]
    days = part.rows["session_date"].unique().sort().to_list()
    kept = pl.Series(
        [not (day == days[0] and at > 40) for day, at in
         zip(part.rows["session_date"], part.rows["minute_of_session"], strict=True)]
    )  # fmt: skip
    rows = part.rows.filter(kept).with_columns(place=pl.int_range(pl.len()))
    numbered = np.arange(rows.height)[:, None]
    small = replace(part, rows=rows, labels=numbered)
    for seed in range(5):
        parts = {"test": small}
        found = days_shuffled(replace(prepared, parts=parts), np.random.default_rng(seed))
        labels = found.parts["test"].labels[:, 0]
        at = rows["minute_of_session"].to_numpy()
        for day in days:
            mine = (rows["session_date"] == day).to_numpy()
            theirs = rows["session_date"].to_numpy()[labels[mine]]
            assert len(set(theirs)) == 1  # one other day
            candidates = at[(rows["session_date"].to_numpy() == theirs[0])]
            for minute, label in zip(at[mine], labels[mine], strict=True):
                assert abs(at[label] - minute) == np.abs(candidates - minute).min()


@pytest.mark.slow
def test_a_signal_is_found_and_the_auc_is_scikit_learns(tmp_path: Path) -> None:
    fitted = learned(tmp_path, prepared_rows(2.0), replace(OPTIONS, fit=FitOptions(15, 32, 0.03)))
    told: list[str] = []
    found = permutation_test(fitted, replace(OPTIONS, shuffle_labels=19), tmp_path, told.append)
    assert found is not None
    test = fitted.prepared.parts["test"]
    up = predict(fitted.model, test).softmax(2)[:, 0, 1].numpy()
    assert found.auc == pytest.approx(metrics.roc_auc_score(test.labels[:, 0], up))
    assert found.p_value == 1 / 20
    assert len(found.shuffled_aucs) == len(told) == 19
    assert abs(np.mean(found.shuffled_aucs) - 0.5) < 0.15
    assert found.sentence.endswith("at most in 19 trainings; p 0.0500")


def test_the_p_value_is_the_share_that_does_as_well() -> None:
    sentence = Permuted(0.61, (0.5, 0.62, 0.61), 0.75).sentence
    assert sentence == (
        "shuffled days: AUC 0.610; with the labels of other days 0.577 on average and 0.620 at "
        "most in 3 trainings; p 0.7500"
    )


@pytest.mark.slow
def test_without_a_signal_p_values_are_uniform(tmp_path: Path) -> None:
    """Posts of a day share market and mood, and mood knows nothing of the market."""
    p_values = []
    for seed in range(20):
        fitted = learned(tmp_path, prepared_rows(0.0, seed, days=40))
        found = permutation_test(
            fitted, replace(OPTIONS, shuffle_labels=9), tmp_path, lambda _: None
        )
        assert found is not None
        p_values.append(found.p_value)
    assert np.mean(p_values) == pytest.approx(0.55, abs=0.2)  # of 0.1, 0.2 … 1: three errors
    low, high = stats.binom.interval(0.998, len(p_values), 0.1)
    assert low <= sum(each <= 0.1 for each in p_values) <= high
