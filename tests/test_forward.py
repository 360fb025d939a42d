"""A frozen model is judged by posts after its freeze, by evidence that looking cannot spoil."""

import json
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from results import DAYS, fill
from scipy import stats
from simulated_scores import peeking
from tiny import tiny_bundle
from typer.testing import CliRunner

from tweetscore.cli.app import app
from tweetscore.evaluation.evaluate import evaluate
from tweetscore.evaluation.forward import EFFECTS, MOST_LOST, e_values, known_at_entry
from tweetscore.evaluation.forward_record import forward_records
from tweetscore.report.gather import gather
from tweetscore.scoring.freeze import freeze
from tweetscore.store.database import Store


def drawn(seed: int, days: int = 12, skill: float = 0.0) -> tuple[Any, ...]:
    """Scores, outcomes, days, and controls of several rows a day."""
    rng = np.random.default_rng(seed)
    day = np.sort(rng.integers(0, days, 5 * days))
    observed = (rng.random(len(day)) < 0.5).astype(float)
    scores = rng.random(len(day)) + skill * observed
    minute, volatility = rng.uniform(0, 390, len(day)), rng.exponential(5, len(day))
    past = np.where(rng.random(len(day)) < 0.1, np.nan, rng.normal(0, 20, len(day)))
    known = known_at_entry(minute, np.full(len(day), 390.0), past, volatility)
    return scores, observed, day, known


def test_without_skill_no_day_is_expected_to_win() -> None:
    """Whatever came before: over all orders of a day's scores, the mean of the e-value stays."""
    rng = np.random.default_rng(0)
    day = np.repeat([0, 1, 2], 5)
    observed = np.array([1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0], float)
    scores, one = rng.random(15), np.ones((15, 1))
    forward = (day > 0).astype(float)
    before = e_values(scores, observed, day, one, forward)[0]
    last = []
    for order in permutations(range(10, 15)):
        shuffled = np.r_[scores[:10], scores[list(order)]]
        last.append(e_values(shuffled, observed, day, one, forward)[1])
    assert np.mean(last) == pytest.approx(before)
    assert np.std(last) > 0.001


@given(st.integers(0, 2**32 - 1))
def test_what_was_seen_stays_and_no_day_loses_more_than_half(seed: int) -> None:
    scores, observed, day, known = drawn(seed)
    forward = (day >= 4).astype(float)
    found = e_values(scores, observed, day, known, forward)
    assert len(found) == len(np.unique(day[day >= 4]))
    assert (found[1:] >= (1 - MOST_LOST) * found[:-1] - 1e-12).all()
    early = day < 9
    short = e_values(scores[early], observed[early], day[early], known[early], forward[early])
    assert short == pytest.approx(found[: len(short)])


def test_the_first_day_is_that_of_the_formula() -> None:
    scores, observed = np.array([0.2, 0.4, 0.9]), np.array([0.0, 0.0, 1.0])
    (found,) = e_values(scores, observed, np.zeros(3, int), np.ones((3, 1)), np.ones(3))
    deviation = scores - 0.5
    size = np.sqrt((deviation**2).sum())
    stakes = np.minimum(2 * np.array(EFFECTS) / (size / np.sqrt(3)), 0.5 / (size * np.sqrt(3) / 2))
    assert found == pytest.approx(np.mean(1 + stakes * (deviation @ (observed - 1 / 3))))
    same = e_values(np.full(3, 0.7), observed, np.zeros(3, int), np.ones((3, 1)), np.ones(3))
    assert same.tolist() == [1.0]  # scores that are all alike bet nothing


@pytest.mark.slow
@pytest.mark.parametrize("confounder", ["none", "clock", "slow drift"])
def test_who_looks_every_day_sees_a_false_signal_in_one_of_twenty_worlds_at_most(
    confounder: str,
) -> None:
    runs = 150
    assert peeking(120, 5, confounder, 0.5, runs) <= stats.binom.ppf(0.999, runs, 0.05) / runs
    assert peeking(120, 8, confounder, 0.6, 20) >= 0.8


# --- from the database ----------------------------------------------------------------------------

LATER = DAYS[4]  # four of the six days are before


@pytest.mark.slow
def test_only_posts_after_the_freeze_are_forward(store: Store) -> None:
    fill(store)
    assert forward_records(store) == []  # nobody has frozen it
    store.con.execute("INSERT INTO frozen VALUES ('m', 'ab', $now)", {"now": LATER})
    found = forward_records(store)
    rows = store.rows(
        "SELECT interval_minutes, count(*), count(DISTINCT posted_utc::DATE) FROM scored "
        "WHERE correct IS NOT NULL AND posted_utc >= $now GROUP BY ALL ORDER BY ALL", now=LATER,
    )  # fmt: skip
    assert [(f.interval_minutes, f.rows, f.days) for f in found] == rows
    assert {(f.model, f.symbol, f.frozen_utc, f.needed) for f in found} == {
        ("m", "SPX", LATER, 3 / 0.05)  # three heads
    }
    assert all(0 < f.e_value <= f.highest and f.verdict == "open" for f in found)
    assert found[0].sentence.startswith("forward since 2023-01-09 14:30 UTC, 5 minutes: open. ")
    # What came before the freeze does not count for the figures.
    store.con.execute("UPDATE frozen SET frozen_utc = $now", {"now": DAYS[-1] + timedelta(days=9)})
    assert [(f.rows, f.e_value, f.auc) for f in forward_records(store)] == [(0, 1.0, None)] * 3
    words = {each.sentence for each in forward_records(store, model="m")}
    assert words == {"forward since 2023-01-19 14:30 UTC: no post with an outcome yet."}
    assert gather(store, symbol="SPX").sentences[-1] == f"F{words.pop()[1:]}"
    assert forward_records(store, model="another") == []
    assert len(evaluate(store)) == 3


@pytest.mark.slow
def test_a_freeze_stays_and_a_changed_bundle_starts_anew(store: Store, tmp_path: Path) -> None:
    bundle, _ = tiny_bundle(tmp_path / "m")
    first = freeze(store, bundle, datetime(2026, 1, 1))
    again = freeze(store, bundle, datetime(2026, 2, 1))
    assert (first.frozen_utc, first.again) == (again.frozen_utc, not again.again)
    assert first.frozen_utc == datetime(2026, 1, 1)
    (bundle.path / "README.md").write_text("# other words\n")
    assert freeze(store, bundle, datetime(2026, 3, 1)).again
    changed, _ = tiny_bundle(tmp_path / "m", seed=1)
    anew = freeze(store, changed, datetime(2026, 4, 1))
    assert (anew.again, anew.frozen_utc) == (False, datetime(2026, 4, 1))
    assert anew.model_id != first.model_id
    assert anew.bundle_sha256 != first.bundle_sha256
    assert store.row("SELECT count(*) FROM frozen") == (2,)
    assert store.row("SELECT count(*) FROM models") == (2,)
    before = datetime.now() - timedelta(days=2)
    assert freeze(store, tiny_bundle(tmp_path / "n", seed=2)[0]).frozen_utc > before


@pytest.mark.slow
def test_a_model_is_frozen_by_the_command_and_evaluate_shows_its_record(
    filled: Path, tmp_path: Path
) -> None:
    db = tmp_path / "copy.duckdb"
    db.write_bytes(filled.read_bytes())
    bundle, _ = tiny_bundle(tmp_path / "m")

    def invoke(*arguments: object) -> Any:
        result = CliRunner().invoke(app, [*map(str, arguments), "--db", str(db)])
        assert result.exit_code == 0, (result.stderr, result.exception)
        return result.stdout

    assert f"m ({bundle.model_id}) is frozen since " in invoke("freeze", tmp_path / "m")
    again = json.loads(invoke("freeze", tmp_path / "m", "--json"))
    assert (again["model_id"], again["again"]) == (bundle.model_id, True)
