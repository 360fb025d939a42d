"""Models on the rows that they share: what brute force finds, and known truth."""

import html
import json
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from results import DAYS, SPANS, fill, put_model, put_predictions
from scipy import stats
from simulated_comparisons import measured
from tiny import put_bars
from typer.testing import CliRunner

from tweetscore.cli.app import app
from tweetscore.errors import InputError
from tweetscore.evaluation.compare import compare
from tweetscore.evaluation.compare_words import comparison_sentences, comparison_table
from tweetscore.evaluation.intervals import auc_difference, auc_of, auc_shares
from tweetscore.market.news import News
from tweetscore.market.windows import ensure_windows
from tweetscore.report.gather import gather
from tweetscore.report.page import page
from tweetscore.store.database import Store
from tweetscore.store.trials import Trial, record_trials

Floats = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]


def wins(score: float, others: Any) -> float:
    """The share of others that lie below, ties as half."""
    return float(sum((score > each) + (score == each) / 2 for each in others) / len(others))


tenths = st.integers(0, 4).map(lambda n: n / 4)
rows = st.lists(
    st.tuples(tenths, tenths, st.booleans(), st.integers(0, 7)), min_size=4, max_size=20
)


@examples(60)
@given(rows)
def test_differences_of_auc_are_those_of_all_pairs_and_bounded_by_all_subsets_of_days(
    found: list[tuple[float, float, bool, int]],
) -> None:
    first, second, up, day = (np.array(each) for each in zip(*found, strict=True))
    truth = up.astype(np.int64)
    if len(set(truth.tolist())) < 2:
        return
    ups, downs = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)
    deviation = np.zeros(len(truth))
    value = 0.0
    for sign, score in ((1, first), (-1, second)):
        auc = sum(wins(score[n], score[downs]) for n in ups) / len(ups)
        value += sign * auc
        for n in ups:
            deviation[n] += sign * (wins(score[n], score[downs]) - auc) / len(ups)
        for n in downs:
            deviation[n] += sign * (1 - wins(score[n], score[ups]) - auc) / len(downs)
    weight = np.where(truth == 1, 0.5 / len(ups), 0.5 / len(downs))
    by_day = [
        (deviation[day == d].sum(), weight[day == d].sum()) for d in sorted(set(day.tolist()))
    ]
    ratios = sorted(
        sum(a for a, _ in some) / sum(b for _, b in some)
        for size in range(1, len(by_day) + 1)
        for some in combinations(by_day, size)
    )
    outside = int(0.025 * (len(ratios) + 1) + 1e-9)
    bounds = (ratios[outside - 1], ratios[-outside]) if outside else (None, None)
    computed = auc_difference(first, second, truth, day.astype(np.int64))
    assert computed.value == pytest.approx(value, abs=1e-12)
    if bounds[0] is None or bounds[1] is None:
        assert (computed.low, computed.high) == (None, None)
    else:
        assert computed.low == pytest.approx(value + bounds[0], abs=1e-9)
        assert computed.high == pytest.approx(value + bounds[1], abs=1e-9)
    scores = np.stack([1 - first, first], axis=1)
    assert auc_shares(first, truth).sum() == pytest.approx(auc_of(scores, truth))


# --- known truth ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("mood", [0.0, 1.0])
def test_of_two_equal_models_the_interval_covers_nothing_and_one_that_is_better_is_found(
    mood: float,
) -> None:
    runs = 400
    auc, accuracy, false, found = (runs * each for each in measured(60, 6, mood, runs))
    least, most = stats.binom.ppf([0.001, 0.999], runs, 0.95)
    assert least - 0.015 * runs <= auc <= most + 0.015 * runs
    assert least - 0.015 * runs <= accuracy <= most + 0.015 * runs
    assert false <= stats.binom.ppf(0.999, runs, 0.05)
    assert found >= (0.9 if mood == 0 else 0.4) * runs


# --- from the database ----------------------------------------------------------------------------


@pytest.fixture
def several(store: Store) -> Store:
    """Three models of direction that know different days, and one of which nobody says."""
    fill(store, spans=None)
    store.con.execute("DELETE FROM predictions; DELETE FROM models")
    rng = np.random.default_rng(3)
    up = dict(
        store.rows(
            "SELECT t.tweet_id, w.return_bps > 0 FROM tweets t JOIN windows w "
            "ON w.minute_utc = entry_minute(t.posted_utc) AND w.session = 'regular' "
            "AND w.interval_minutes = 30 AND w.return_bps <> 0"
        )
    )
    for name, lift, known in (
        ("good", 0.6, DAYS[0]), ("fair", 0.2, DAYS[1]), ("late", 0.0, DAYS[3]), ("new", 0.9, None),
    ):  # fmt: skip
        put_model(store, None, name, knows_until_utc=known)
        guesses = [
            (n, float(np.clip(0.5 + lift * (up.get(n, False) - 0.5) + rng.normal(0, 0.3), 0, 1)))
            for n in range(1, 241)
        ]
        put_predictions(store, guesses, model=name)
    return store


def test_models_are_measured_on_the_posts_that_none_may_have_seen(several: Store) -> None:
    found = compare(several)
    posted = several.rows(
        "SELECT tweet_id, outcome = 'up', list(probability ORDER BY model) FROM scored_any "
        "WHERE session = 'regular' AND correct IS NOT NULL AND posted_utc >= $known "
        "AND model IN ('good', 'fair', 'late') GROUP BY ALL ORDER BY 1",
        known=DAYS[3],
    )
    up = np.array([each for _, each, _ in posted])
    names = ("fair", "good", "late")
    expected = {}
    for name, scores in zip(names, np.array([each for *_, each in posted]).T, strict=True):
        ups, downs = scores[up], scores[~up]
        expected[name] = np.mean([wins(each, downs) for each in ups])
    assert {each.model: each.auc for each in found.standings} == pytest.approx(expected)
    order = sorted(names, key=lambda name: -expected[name])
    assert [(each.place, each.model) for each in found.standings] == list(enumerate(order, 1))
    assert {(each.rows, each.days) for each in found.standings} == {(len(posted), 3)}
    assert [(each.better_id, each.other_id) for each in found.pairs] == [*combinations(order, 2)]
    for standing in found.standings[1:]:
        (pair,) = (
            each
            for each in found.pairs
            if (each.better_id, each.other_id) == (order[0], standing.model_id)
        )
        assert standing.behind == pair.auc
        assert pair.auc.value == pytest.approx(expected[order[0]] - expected[standing.model])
        assert standing.p_corrected == pair.p_corrected
    assert (found.models_tried, found.tests) == (3, 3)
    assert found.left_out == (
        "new (new) is left out: nobody says what it has seen; say until when with --trained-until",
    )
    headings, cells = comparison_table(found)
    assert headings[:4] == ["min", "place", "model", "AUC"]
    assert [row[2] for row in cells] == order
    (told,) = comparison_sentences(found)
    assert told.startswith(
        f"30 minutes: of 3 models on {len(posted)} shared rows of 3 days, {order[0]} has the "
    )


@pytest.mark.slow
def test_p_values_are_corrected_for_models_of_which_only_the_ledger_knows(several: Store) -> None:
    before = compare(several)
    trial = Trial("x", "SPX", DAYS[0], DAYS[5], "gone", "gone", "gone", 1)
    record_trials(several, [trial, replace(trial, trial_id="gone too")])
    after = compare(several)
    assert (after.models_tried, after.tests) == (5, 10)
    assert all(
        one.p_corrected <= two.p_corrected and one.auc == two.auc
        for one, two in zip(before.pairs, after.pairs, strict=True)
    )
    assert before.pairs != after.pairs


@pytest.mark.slow
def test_with_several_symbols_the_rows_of_all_and_of_each_are_compared(several: Store) -> None:
    for day in DAYS:
        put_bars(several, str(day), [100 + n % 11 for n in range(390)], "NDX")
    ensure_windows(several, [30])
    found = compare(several, ["good", "fair"])
    symbols = list(dict.fromkeys(each.symbol for each in found.standings))
    assert symbols == ["all", "NDX", "SPX"]
    rows = {each.symbol: each.rows for each in found.standings}
    assert rows["all"] == rows["NDX"] + rows["SPX"]
    assert (found.models_tried, found.tests) == (3, 3 * 3)  # who is left out has looked, too


@pytest.mark.slow
def test_without_a_shared_row_the_models_that_leave_none_are_told(several: Store) -> None:
    several.con.execute("DELETE FROM predictions WHERE model_id = 'late' AND tweet_id % 2 = 0")
    several.con.execute("DELETE FROM predictions WHERE model_id = 'fair' AND tweet_id % 2 = 1")
    with pytest.raises(InputError) as refused:
        compare(several, ["good", "fair", "late"])
    line = str(refused.value)
    assert "30 minutes: no post that all of fair, good, late may not have seen: fair (fair)" in line
    assert line.endswith("compare them with --model good --model late")
    assert len(compare(several, ["good", "late"]).pairs) == 1
    with pytest.raises(InputError) as refused:
        compare(several, ["fair", "late"])
    assert "no post that all of fair, late may not have seen: their posts are" in str(refused.value)


def test_what_cannot_be_compared_is_refused_in_a_line(several: Store) -> None:
    for models, told in (
        (["good", "nobody"], "no model nobody has scored here; it has: fair, good, late, new"),
        (["good"], "two models are needed that predict the direction after posts which they have"),
        (["good", "new"], "here: good; new (new) is left out: nobody says what it has seen; say"),
    ):
        with pytest.raises(InputError) as refused:
            compare(several, models)
        assert told in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_equal_models_are_not_told_apart_by_anything(store: Store) -> None:
    fill(store)
    put_model(store, SPANS, "twin")
    query = "INSERT INTO predictions SELECT * REPLACE ('twin' AS model_id) FROM predictions"
    store.con.execute(query)
    found = compare(store)
    assert [each.auc.value for each in found.pairs] == [0, 0, 0]
    assert [each.p_corrected for each in found.pairs] == [1, 1, 1]
    assert len({each.auc for each in found.standings}) == 3  # one an interval
    assert comparison_sentences(found)[0].endswith("it is not told apart from twin.")


@pytest.mark.slow
def test_the_command_prints_what_the_function_returns(several: Store) -> None:
    expected = compare(several)
    path = several.path
    several.con.close()
    asked = ["compare", "--db", str(path)]
    run = CliRunner()
    found = json.loads(run.invoke(app, [*asked, "--json"]).stdout)
    assert len(found["standings"]) == len(expected.standings)
    assert found["pairs"][0]["auc"]["value"] == expected.pairs[0].auc.value
    told = run.invoke(app, asked)
    assert comparison_sentences(expected)[0] in told.stdout
    assert expected.left_out[0] in told.stderr


@pytest.mark.slow
def test_the_report_of_one_model_shows_all_of_them(several: Store) -> None:
    found = gather(several, model="good", session="regular")
    assert found.comparison == compare(several)
    shown = page(found)
    assert "All models on the same tweets" in shown
    assert comparison_sentences(found.comparison)[0] in html.unescape(shown)
    noon = News("x", pl.Series([DAYS[3] + timedelta(minutes=100)]), 0, 400)
    far = gather(several, model="good", news=noon).comparison
    assert far is not None
    assert far.standings[0].days == 2
    several.con.execute("DELETE FROM predictions WHERE model_id <> 'good'")
    alone = gather(several)
    assert alone.comparison is None
    assert "All models on the same tweets" not in page(alone)
