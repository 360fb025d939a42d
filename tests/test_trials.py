"""Whoever tries often is corrected for it: by what is known of the tries, or by their number."""

import json
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from results import CARD, DAYS, SPANS, TEST_FROM, fill, put_model, put_predictions
from tiny import MINUTE, put_bars, tiny_bundle
from typer.testing import CliRunner

from tweetscore.cli.app import app
from tweetscore.evaluation.correction import Evidence, holm, romano_wolf
from tweetscore.evaluation.evaluate import evaluate
from tweetscore.evaluation.skill import Resampling
from tweetscore.evaluation.verdicts import overall_verdict
from tweetscore.ingest.links import link, unlink
from tweetscore.market.news import News
from tweetscore.market.windows import ensure_windows, set_rules
from tweetscore.store.database import Store, open_store, statement
from tweetscore.store.trials import (
    Trial,
    carried,
    known_trials,
    record_model,
    record_outside,
    record_trials,
    trial_of,
)

TRIAL = Trial(
    "texts", "SPX", datetime(2023, 1, 5), datetime(2023, 1, 20), "graph", "id", "somebody", 7
)


# --- correction -----------------------------------------------------------------------------------


def signs_of_all(found: list[Evidence]) -> np.ndarray[Any, Any]:
    """Return the scaled sums of each test under every pattern of signs: (patterns, tests)."""
    days = sorted({day for each in found for day in each.day.tolist()})
    rows = []
    for signs in product((-1, 1), repeat=len(days)):
        of_day = dict(zip(days, signs, strict=True))
        rows.append(
            [
                sum(of_day[d] * s for d, s in zip(each.day.tolist(), each.sums, strict=True))
                / np.sqrt((each.sums**2).sum())
                for each in found
            ]
        )
    return np.array(rows)


def test_the_step_down_is_that_of_all_signs_of_days() -> None:
    rng = np.random.default_rng(0)
    common = rng.standard_normal(9)
    found = [
        Evidence(np.arange(9)[part], (common + rng.standard_normal(9) + lift)[part])
        for part, lift in ((slice(0, 9), 1.2), (slice(0, 9), 0.1), (slice(3, 9), 0.6))
    ]
    under_all = signs_of_all(found)
    observed = under_all[-1]  # all signs as they are
    left, expected, least = list(range(3)), np.empty(3), 0.0
    for test in np.argsort(-observed):
        beaten = (under_all[:, left].max(axis=1) >= observed[test] - 1e-12).mean()
        least = expected[test] = max(least, beaten)
        left.remove(int(test))
    assert romano_wolf(found, 3) == pytest.approx(expected, abs=0.02)
    alone = [(under_all[:, k] >= observed[k] - 1e-12).mean() for k in range(3)]
    for k, each in enumerate(found):
        assert romano_wolf([each], 1) == pytest.approx([alone[k]], abs=0.02)
        assert romano_wolf([each], 5) == pytest.approx([min(1, 5 * alone[k])], abs=0.06)


def test_the_same_scores_again_cost_nothing_and_others_as_much_as_holm_at_most() -> None:
    rng = np.random.default_rng(1)
    one = Evidence(np.arange(40), rng.standard_normal(40) + 0.4)
    (alone,) = romano_wolf([one], 1)
    assert 0.001 < alone < 0.05
    assert romano_wolf([one] * 5, 5) == pytest.approx([alone] * 5)
    others = [Evidence(np.arange(40), rng.standard_normal(40)) for _ in range(4)]
    together = romano_wolf([one, *others], 5)
    by_holm = holm([romano_wolf([each], 1)[0] for each in (one, *others)], 5)
    assert (together <= by_holm + 0.01).all()
    assert together[0] > alone


@given(st.integers(0, 2**32 - 1))
def test_no_correction_makes_a_p_value_smaller(seed: int) -> None:
    rng = np.random.default_rng(seed)
    few = Resampling(draws=200)
    found = [
        Evidence(np.arange(12), rng.integers(-2, 3, 12).astype(float))
        for _ in range(rng.integers(1, 5))
    ]
    tests = int(rng.integers(0, 8))
    alone = np.array([romano_wolf([each], 1, resampling=few)[0] for each in found])
    corrected = romano_wolf(found, tests, resampling=few)
    assert ((alone - 1e-12 <= corrected) & (corrected <= 1)).all()


def test_independent_days_give_the_p_values_and_the_models_of_arch() -> None:
    """SPA (each alone, the upper p) and StepM of arch 8.0, blocks of one day, 9,999 draws."""
    day = np.arange(60)
    lifts = (0.35, 0.28, 0.05, -0.1, 0.0)
    found = [Evidence(day, np.sin(day * (k + 1.7)) + lift) for k, lift in enumerate(lifts)]
    alone = [romano_wolf([each], 1)[0] for each in found]
    assert alone == pytest.approx([0.0, 0.0006, 0.3336, 0.8534, 0.7321], abs=0.02)
    assert (np.flatnonzero(romano_wolf(found, 5) < 0.05) == [0, 1]).all()


def test_what_says_nothing_has_a_p_value_of_one() -> None:
    nothing = Evidence(np.arange(5), np.zeros(5))
    something = Evidence(np.arange(5), np.ones(5))
    assert romano_wolf([nothing, something], 2)[0] == 1.0
    assert romano_wolf([], 3).tolist() == holm([], 3).tolist() == []


# --- the ledger -----------------------------------------------------------------------------------


def test_trials_meet_on_days_of_one_symbol_or_on_the_same_texts() -> None:
    later = replace(TRIAL, test_part="x", test_from_utc=datetime(2023, 1, 19))
    after = replace(TRIAL, test_part="x", test_from_utc=datetime(2023, 1, 20))
    assert TRIAL.meets(replace(later, test_until_utc=datetime(2023, 2, 1)))
    assert not TRIAL.meets(replace(after, test_until_utc=datetime(2023, 2, 1)))
    assert not TRIAL.meets(replace(TRIAL, symbol="NDX"))
    of_labels = replace(TRIAL, symbol=None, test_from_utc=None, test_until_utc=None)
    assert of_labels.meets(replace(of_labels, trial_id="other"))
    assert not of_labels.meets(replace(of_labels, test_part="x"))


def test_a_card_carries_the_trials_before_its_own(tmp_path: Path) -> None:
    card = {
        "split": {"test_from_utc": "2023-01-05T00:00:00", "test_until_utc": "2023-01-20T00:00:00"},
        "rows": {"test": {"sha256": "texts" + "0" * 59}}, "sha256": {"model.onnx": "graph" * 10},
        "symbol": "SPX", "intervals": [5, 30],
        "trials": [TRIAL.record(), replace(TRIAL, symbol=None, test_until_utc=None).record()],
    }  # fmt: skip
    again = json.loads(json.dumps(card))
    assert carried(again) == [TRIAL, replace(TRIAL, symbol=None, test_until_utc=None)]
    own = trial_of(again, "model", "mine")
    assert own == replace(
        TRIAL, test_part="texts" + "0" * 11, trial_id="graphgraphgraphg", model_id="model",
        name="mine", tests=2,
    )  # fmt: skip
    bundle, _ = tiny_bundle(tmp_path / "older")  # without rows and symbol on its card
    assert trial_of(bundle.card, bundle.model_id, bundle.name) is None
    assert carried(bundle.card) == []


def test_trainings_on_one_file_without_times_meet_whatever_rows_their_seeds_draw() -> None:
    of_file = {"intervals": [0], "data": [{"name": "x.csv", "sha256": "file" * 16}], "split": {}}
    first, second = (
        trial_of(
            of_file | {"rows": {"test": {"sha256": rows}}, "sha256": {"model.onnx": rows}},
            rows,
            "m",
        )
        for rows in ("a" * 64, "b" * 64)
    )
    assert first
    assert second
    assert first.trial_id != second.trial_id
    assert first.meets(second)
    assert not first.meets(replace(second, test_part="another file"))


def test_the_ledger_has_each_trial_of_the_market_once(store: Store) -> None:
    other = replace(TRIAL, trial_id="other", name="another", tests=1)
    of_labels = replace(TRIAL, symbol=None, trial_id="labels")
    record_trials(store, [TRIAL, other, of_labels, replace(TRIAL, name="the same again")])
    record_trials(store, [TRIAL, other])
    assert {each.name for each in known_trials(store)} <= {"somebody", "another", "the same again"}
    assert [each.trial_id for each in known_trials(store)] == ["graph", "other"]
    card = {"intervals": [5], "trials": [replace(TRIAL, trial_id="carried").record()]}
    record_model(store, card, "m", "m")
    assert [each.trial_id for each in known_trials(store)] == ["carried", "graph", "other"]


# --- from the database ----------------------------------------------------------------------------


@pytest.fixture
def several(store: Store) -> Store:
    """A database in which two models have scored the same posts, and a third other days."""
    fill(store)
    card = store.row("SELECT card FROM models")[0]
    put_model(store, (datetime(2022, 1, 1), datetime(2022, 1, 2), datetime(2100, 1, 1)), "n")
    put_predictions(store, [(n, 0.3 + n % 5 / 10) for n in range(1, 241)], model="n")
    store.con.execute("UPDATE models SET card = $card", {"card": card})
    return store


@pytest.mark.slow
def test_figures_are_corrected_for_every_model_that_scored_these_days(several: Store) -> None:
    found = evaluate(several)
    assert [(f.model_id, f.interval_minutes) for f in found] == [
        ("m", 5), ("m", 30), ("m", 50), ("n", 30),
    ]  # fmt: skip
    assert {(f.tests, f.models_tried) for f in found} == {(6, 2)}  # three heads on each card
    assert evaluate(several, model="n") == found[3:]
    assert all(f.p_corrected >= f.p_value for f in found)


@pytest.mark.slow
def test_trials_of_which_only_the_ledger_knows_are_counted(several: Store) -> None:
    before = evaluate(several)
    first, last = datetime(2022, 1, 5), datetime(2022, 2, 1)
    record_trials(several, [
        replace(TRIAL, trial_id="a"), replace(TRIAL, trial_id="b", tests=1),
        replace(TRIAL, trial_id="c", symbol="NDX"),
        replace(TRIAL, trial_id="d", test_from_utc=first, test_until_utc=last),
    ])  # fmt: skip
    after = evaluate(several)
    assert {(f.tests, f.models_tried) for f in after} == {(14, 4)}
    assert [f.p_value for f in after] == [f.p_value for f in before]
    for one, two in zip(before, after, strict=True):
        assert one.p_corrected <= two.p_corrected
        assert two.smallest_auc is None or (one.smallest_auc or 1) < two.smallest_auc


def counted(store: Store, **asked: Any) -> set[tuple[int, int, int]]:
    """Return how many figures, models and parts the figures of one look are corrected for."""
    found = evaluate(store, **asked)
    assert all(each.p_corrected >= each.p_value for each in found)
    return {(each.tests, each.models_tried, each.parts_tried) for each in found}


@pytest.mark.slow
def test_each_look_at_a_part_of_the_posts_is_counted_once_and_kept(store: Store) -> None:
    fill(store)
    late, early = {"from_utc": DAYS[4]}, {"from_utc": TEST_FROM, "until_utc": DAYS[4]}
    assert counted(store) == {(3, 1, 0)}
    before = evaluate(store)
    # The whole counts beside its part, whether anybody has looked at it or not.
    assert counted(store, **late) == counted(store, **late) == {(9, 1, 1)}
    assert counted(store, from_utc=DAYS[3] + timedelta(hours=12)) == {(9, 1, 1)}  # the same posts
    assert counted(store, **early) == {(9, 1, 1)}  # on other days
    assert counted(store) == {(15, 1, 2)}
    noon = News("x", pl.Series([DAYS[5] + timedelta(minutes=200)]), 0, 30)
    assert counted(store, news=noon) == {(21, 1, 3)}
    nothing = News("x", pl.Series([DAYS[0] - timedelta(days=9)]), 0, 30)
    assert counted(store, news=nothing) == counted(store, from_utc=TEST_FROM) == {(21, 1, 3)}
    put_model(store, SPANS, "n", card=CARD.replace("0123", "4567"))
    put_predictions(store, [(n, n % 7 / 7) for n in range(1, 241)], model="n")
    assert counted(store, model="n") == {(24, 2, 3)}
    after = evaluate(store, model="m")
    for one, two in zip(before, after, strict=True):
        assert one.p_value == two.p_value
        assert one.p_corrected <= two.p_corrected
    assert overall_verdict(after).endswith(
        " 2 models were tried on these days, and 3 other selections of the posts were looked at; "
        "every p is corrected for all of them."
    )
    listed = store.frame(statement("queries/trials"))
    assert listed.select("model", "tests", "models_tried").unique().rows() == [("m", 6, 1)]
    assert listed["part"].n_unique() == 3


@pytest.mark.slow
def test_whoever_changes_what_counts_has_looked_at_it_as_it_was(
    store: Store, tmp_path: Path
) -> None:
    fill(store)
    set_rules(store, max_gap_minutes=5, flat_bps=0.0)  # as they are
    assert counted(store) == {(3, 1, 0)}
    set_rules(store, max_gap_minutes=None, flat_bps=3.0)
    assert counted(store) == {(9, 1, 1)}
    (tmp_path / "rules.csv").write_text("symbol,kind,term\nSPX,word,sad\n")
    for _ in range(2):
        link(store, tmp_path / "rules.csv", lambda *_: None)
        assert counted(store) == {(15, 1, 2)}
    assert unlink(store) == 1
    # Without rules the posts are those of before: no other look.
    set_rules(store, max_gap_minutes=4, flat_bps=3.0)
    ensure_windows(store, [5, 30, 50])
    assert counted(store) == {(21, 1, 3)}


@pytest.mark.slow
def test_only_what_can_have_been_judged_before_has_been(store: Store, tmp_path: Path) -> None:
    set_rules(store, max_gap_minutes=4, flat_bps=3.0)
    assert known_trials(store) == []  # nothing has learned or scored yet
    fill(store)
    put_bars(store, str(DAYS[5]), [4_000.0 + n % 9 for n in range(120)], symbol="NDX")
    of_study = replace(TRIAL, trial_id="run", model_id="run")
    record_trials(store, [TRIAL, of_study])

    def looked() -> list[tuple[str | None, str, int]]:
        return [(t.symbol, t.network, t.tests) for t in known_trials(store) if t.of_a_part]

    (tmp_path / "rules.csv").write_text("symbol,kind,term\nSPX,word,sad\n")
    link(store, tmp_path / "rules.csv", lambda *_: None)
    first = [("SPX", "graph", 14), ("NDX", "m", 6), ("SPX", "m", 6)]
    assert sorted(looked()) == sorted(first)
    (tmp_path / "rules.csv").write_text("symbol,kind,term\nSPX,word,sad\nNDX,word,day\n")
    link(store, tmp_path / "rules.csv", lambda *_: None)
    assert sorted(looked()) == sorted(first)  # no post met NDX
    (tmp_path / "rules.csv").write_text("symbol,kind,term\nSPX,word,sad\nNDX,word,great\n")
    link(store, tmp_path / "rules.csv", lambda *_: None)
    assert sorted(looked()) == sorted([*first, ("NDX", "m", 6)])


@pytest.mark.slow
def test_a_look_at_a_part_counts_for_each_symbol(store: Store) -> None:
    fill(store)
    for day in DAYS:
        put_bars(store, str(day), [4_000.0 + n * n % 7 for n in range(390)], symbol="NDX")
    ensure_windows(store, [5, 30, 50])
    assert counted(store) == {(6, 1, 0)}
    assert counted(store, from_utc=DAYS[4]) == {(18, 1, 2)}
    assert counted(store) == {(18, 1, 2)}


@pytest.mark.slow
def test_another_session_than_that_of_the_training_is_a_part(store: Store) -> None:
    fill(store)
    put_bars(store, str(DAYS[5] + timedelta(minutes=400)), [4_000.0 + n % 9 for n in range(120)])
    ensure_windows(store, [5, 30, 50])
    (found,) = counted(store, session="extended")
    assert found == (9, 1, 1)
    assert counted(store) == {(9, 1, 1)}


@pytest.mark.slow
def test_without_leave_to_write_a_look_is_said_not_to_be_counted(tmp_path: Path) -> None:
    with open_store(tmp_path / "x.duckdb") as store:
        fill(store)
    told: list[str] = []
    with open_store(tmp_path / "x.duckdb", read_only=True) as store:
        evaluate(store, on_message=told.append)
        assert told == []
        evaluate(store, from_utc=DAYS[4], on_message=told.append)
        assert known_trials(store) == []
    assert told == [
        f"{tmp_path / 'x.duckdb'}: open for reading only, so later figures are not corrected for "
        "this look at a part of the posts"
    ]


@pytest.mark.slow
def test_the_commands_note_looks_and_work_where_they_cannot(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    with open_store(path) as store:
        fill(store)
    call = ["evaluate", "--db", str(path), "--json"]

    def looked(*more: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [*call, *more])
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout)["figures"][0]["parts_tried"], done.stderr

    original = path.read_bytes()
    assert looked() == (0, "")
    assert path.read_bytes() == original
    reading = f"import duckdb; c = duckdb.connect({str(path)!r}, read_only=True); print(); input()"
    with Popen([sys.executable, "-c", reading], stdin=PIPE, stdout=PIPE, text=True) as reader:
        assert reader.stdout
        reader.stdout.readline()
        count, told = looked("--from", "2023-01-09")
        reader.communicate("\n")
    assert count == 1
    assert "not corrected for this look" in told
    assert looked("--from", "2023-01-10")[0] == 1
    assert looked("--from", "2023-01-09")[0] == 2
    page = ["report", "--db", str(path), "--output", str(tmp_path / "r.html"), "--interval", "30"]
    assert CliRunner().invoke(app, page).exit_code == 0
    assert "2 other selections of the posts were looked at" in (tmp_path / "r.html").read_text()


@pytest.mark.slow
def test_three_trainings_into_one_folder_are_three_tries_and_every_row_says_whose_it_is(
    tmp_path: Path,
) -> None:
    def invoke(*arguments: object) -> Any:
        result = CliRunner().invoke(app, [*map(str, arguments)])
        assert result.exit_code == 0, (result.stderr, result.exception)
        return result.stdout

    written = json.loads(invoke("sample", tmp_path / "made", "--posts", "1500", "--json"))
    common = ["--db", tmp_path / "db"]
    invoke("ingest", written["archive"], written["bars"], *common)
    trained = []
    for seed in (0, 1, 1, 2):
        small = ["--vectors", "random", "--embedding-dim", "8", "--hidden", "4", "--epochs", "2"]
        one = ["--interval", "30", "--seed", seed, "--output", tmp_path / "m"]
        trained.append(json.loads(invoke(
            "train", *small, *one, "--log-dir", tmp_path / "runs", "--json", *common
        )))  # fmt: skip
        invoke("score", "--model", tmp_path / "m", *common)
    # The second training with seed 1 is the same network: no other try.
    assert [each["figures"][0]["models_tried"] for each in trained] == [1, 2, 2, 3]
    assert trained[1]["model_id"] == trained[2]["model_id"]
    ids = list(dict.fromkeys(each["model_id"] for each in trained))
    card = json.loads((tmp_path / "m" / "card.json").read_text())
    assert {each["model_id"] for each in card["trials"]} == set(ids[:2])
    shown = invoke("evaluate", *common)
    tries = "3 models were tried on these days; every p is corrected for all of them."
    assert shown.count(tries) == 4  # of all, and of each
    assert all(f"m ({each}) on MADEUP: " in shown for each in ids)
    found = json.loads(invoke("evaluate", "--json", *common))
    assert {(each["tests"], each["models_tried"]) for each in found["figures"]} == {(3, 3)}
    # A bundle carries its tries to another database.
    invoke("ingest", written["archive"], written["bars"], "--db", tmp_path / "other")
    invoke("score", "--model", tmp_path / "m", "--db", tmp_path / "other")
    (other,) = json.loads(invoke("evaluate", "--json", "--db", tmp_path / "other"))["figures"]
    assert (other["tests"], other["models_tried"]) == (3, 3)


def test_who_has_looked_at_posts_outside_what_a_model_knew_is_in_the_ledger(store: Store) -> None:
    fill(store)
    put_model(store, None, "hub", knows_until_utc=DAYS[3])
    put_model(store, None, "nobody says")
    rows = [(n, n % 7 / 7) for n in range(1, 241)]
    for minutes, model in ((5, "hub"), (30, "hub"), (30, "nobody says")):
        put_predictions(store, rows, minutes, model)
    for _ in range(2):  # once more changes nothing
        record_outside(store)
        own, other = known_trials(store)
        first, last = store.row(
            "SELECT min(posted_utc), max(posted_utc) FROM tweets WHERE posted_utc >= $t", t=DAYS[3]
        )
        assert own == Trial("hub", "SPX", first, last + MINUTE, "hub", "hub", "hub", 2)
    assert not own.is_of_model  # what is not a training of ours
    # Of the other all posts are shown.
    (first,) = store.row("SELECT min(posted_utc) FROM tweets")
    assert (other.name, other.test_from_utc, other.tests) == ("nobody says", first, 1)
    store.con.execute("DELETE FROM predictions WHERE model_id <> 'm'")
    assert counted(store, model="m") == {(6, 3, 0)}  # who has looked has looked
