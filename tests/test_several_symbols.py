"""Models of several symbols: what they learn from, and their figures, together and one by one."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copy

import numpy as np
import polars as pl
import pytest
from results import put_model, put_predictions
from sklearn.metrics import roc_auc_score
from tiny import put_bars, put_tweets

from tweetscore.errors import InputError
from tweetscore.evaluation.evaluate import evaluate
from tweetscore.evaluation.figures import POOLED, Figures
from tweetscore.evaluation.verdicts import figure_table, overall_verdict, sentences
from tweetscore.ingest.links import link
from tweetscore.market.symbols import choose_symbols, symbols_words
from tweetscore.market.windows import ensure_windows
from tweetscore.report.gather import gather
from tweetscore.report.subject import choose
from tweetscore.store.database import Store, open_store
from tweetscore.store.trials import Trial, known_trials, trial_of
from tweetscore.text.rules import TextRules
from tweetscore.training.dataset import clean_rows, market_rows
from tweetscore.training.split import same_text, split_rows

# Forty trading days of XNYS without a change of the clock; the session opens at 13:30 UTC.
DAYS = [datetime(2018, 4, 2, 13, 30) + timedelta(weeks=n // 5, days=n % 5) for n in range(40)]
DRIFT_BPS = {"AAA": 4.0, "BBB": -4.0, "CCC": 0.0}  # a minute
TEXTS = ("$AAA {}", "$BBB {}", "$CCC {}", "$AAA and $BBB {}", "nothing {}")
LEAN = {"AAA": 0.3, "BBB": -0.3, "CCC": 0.0}  # of probabilities: which symbol it is, and no more
CARD = {
    "name": "m",
    "classes": ["down", "up"],
    "intervals": [5],
    "text_rules": TextRules(max_tokens=9).to_dict(),
    "sha256": {"model.onnx": "0123456789abcdef" * 4},
    "split": {"test_from_utc": DAYS[5].isoformat(), "test_until_utc": "2100-01-01T00:00:00"},
    "rows": {"test": {"texts": 9, "days": 9, "sha256": "ab" * 32}},
    "symbols": {
        "AAA": {"texts": {"train": 9}, "majorities": {"5": "up"}},
        "BBB": {"texts": {"train": 9}, "majorities": {"5": "down"}},
        "CCC": {"texts": {"train": 0, "test": 9}, "majorities": {}},
    },
}


def named(text: str) -> list[str]:
    return [word[1:] for word in text.split() if word.startswith("$")]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty days of three symbols, twelve posts a day, and scores that know which symbol it is."""
    rng, path = np.random.default_rng(1), tmp_path_factory.mktemp("several") / "made.duckdb"
    posts: list[tuple[int, str, str]] = []
    with open_store(path) as store:
        store.con.execute("DELETE FROM intervals WHERE interval_minutes <> 5")
        for symbol, drift in DRIFT_BPS.items():
            for day in DAYS:
                steps = rng.normal(drift, 10, 41) / 10_000
                put_bars(store, str(day), (100 * np.exp(steps.cumsum())).tolist(), symbol)
        for day in DAYS:
            for place, minute in enumerate(rng.integers(0, 30, 12).tolist()):
                text = TEXTS[place % len(TEXTS)].format(f"word{rng.integers(1_000)}")
                posts.append((len(posts) + 1, str(day + timedelta(minutes=minute)), text))
        put_tweets(store, posts)
        link(store, None, lambda *_: None, cashtags=True)
        ensure_windows(store, [5])
        put_model(store, (DAYS[0], DAYS[5], datetime(2100, 1, 1)), card=json.dumps(CARD))
        leans = [0.5 + np.mean([LEAN[each] for each in named(text)] or [0]) for _, _, text in posts]
        noise = rng.uniform(-0.1, 0.1, len(posts))
        put_predictions(
            store, [(post[0], p) for post, p in zip(posts, leans + noise, strict=True)], 5
        )
    return path


@pytest.fixture
def several(made: Path, tmp_path: Path) -> Path:
    return Path(copy(made, tmp_path / "several.duckdb"))


@pytest.fixture(scope="module")
def found(made: Path) -> dict[str, Figures]:
    with open_store(made, read_only=True) as store:
        return {each.symbol: each for each in evaluate(store)}


def test_a_row_is_a_post_and_a_symbol_that_it_names(made: Path) -> None:
    with open_store(made, read_only=True) as store:
        rows = market_rows(store, ["AAA", "BBB", "CCC"], "regular", [5], with_counts=False)
        outcomes = store.rows(
            "SELECT tweet_id, symbol, return_bps FROM scored WHERE direction IN ('up', 'down') "
            "ORDER BY posted_utc, tweet_id, symbol"
        )
        texts = dict(store.rows("SELECT tweet_id, text FROM tweets"))
    assert [*rows.select("tweet_id", "symbol", "outcome_5").iter_rows()] == outcomes
    pairs = {(number, symbol) for number, text in texts.items() for symbol in named(text)}
    assert len(pairs) > 400
    assert {pair[:2] for pair in outcomes} <= pairs  # all but those of flat windows
    assert len(outcomes) > 0.95 * len(pairs)


def test_copies_of_a_text_about_two_symbols_stay_on_one_side_of_a_split(several: Path) -> None:
    with open_store(several) as store:
        store.con.execute("UPDATE tweets SET text = '$AAA and $BBB one' WHERE tweet_id % 7 = 0")
        store.con.execute("UPDATE tweets SET text = 'RT $CCC two' WHERE tweet_id % 7 = 1")
        store.con.execute("UPDATE tweets SET text = '$CCC two' WHERE tweet_id % 7 = 2")
        link(store, None, lambda *_: None, cashtags=True)
        rows = market_rows(store, ["AAA", "BBB", "CCC"], "regular", [5], with_counts=False)
    _, parts = split_rows(clean_rows(rows, TextRules(max_tokens=9)), [5])
    of_text = parts.group_by(same_text().alias("same")).agg(pl.col("part").n_unique(), pl.len())
    assert of_text["part"].to_list() == [1] * of_text.height
    assert of_text["len"].max() > 10  # type: ignore[operator]  # a number of rows


def test_the_figures_of_a_symbol_and_of_all_are_those_of_their_rows(
    made: Path, found: dict[str, Figures]
) -> None:
    with open_store(made, read_only=True) as store:
        rows = store.frame(
            "SELECT symbol, probability_up, direction = 'up' AS truth, minute_utc::DATE AS day "
            "FROM scored WHERE split = 'test' AND direction IN ('up', 'down')"
        )
    assert list(found) == [POOLED, "AAA", "BBB", "CCC"]
    # What it has not learned from is no part of what it can do.
    learned = rows.filter(pl.col("symbol") != "CCC")
    up_in_training = {"AAA": True, "BBB": False}
    for symbol, each in found.items():
        own = learned if symbol == POOLED else rows.filter(symbol=symbol)
        truth, p = own["truth"].to_numpy(), own["probability_up"].to_numpy()
        assert (each.rows, each.days) == (own.height, own["day"].n_unique())
        assert each.auc == pytest.approx(roc_auc_score(truth, p), abs=1e-12)
        assert each.accuracy == pytest.approx(((p >= 0.5) == truth).mean(), abs=1e-12)
        assert each.learned == (symbol != "CCC")
        if symbol == "CCC":
            assert each.baseline_of == "rows"
            continue
        majority = own["symbol"].replace_strict(up_in_training, return_dtype=pl.Boolean)
        assert each.baseline_of == "training"
        assert each.baseline == pytest.approx((majority.to_numpy() == truth).mean(), abs=1e-12)


def test_every_figure_is_corrected_for_all_symbols_and_for_all_together(
    found: dict[str, Figures],
) -> None:
    assert {each.tests for each in found.values()} == {4}  # one interval: three symbols and all
    assert all(each.p_corrected >= each.p_value for each in found.values())


def test_to_know_which_symbol_rises_more_often_is_no_skill(found: dict[str, Figures]) -> None:
    together = found[POOLED]
    assert together.auc is not None
    assert together.auc > 0.6
    assert together.auc_low is not None
    assert together.auc_low > 0.55
    assert together.p_value > 0.05
    assert together.verdict != "signal"


def test_the_words_name_all_symbols_and_tell_what_was_not_learned(
    found: dict[str, Figures],
) -> None:
    figures = list(found.values())
    headings, rows = figure_table(figures)
    assert headings[:2] == ["symbol", "min"]
    assert [row[0] for row in rows] == ["all", "AAA", "BBB", "CCC (not learned)"]
    (line,) = sentences(figures)
    assert line.startswith("all symbols together, 5 minutes: ")
    assert overall_verdict(figures).startswith("Inconclusive at 5 minutes: ")
    of_one = [replace(figures[0], verdict="no signal"), replace(figures[1], verdict="signal")]
    assert overall_verdict(of_one) == "Signal beyond the baseline at 5 minutes on AAA."
    assert [each.partition(":")[0] for each in sentences(of_one)] == [
        "all symbols together, 5 minutes",
        "AAA, 5 minutes",
    ]


@pytest.mark.slow
def test_a_look_at_a_part_counts_for_each_symbol_and_for_all(several: Path) -> None:
    with open_store(several) as store:
        whole = {each.symbol: each for each in evaluate(store)}
        part = {each.symbol: each for each in evaluate(store, from_utc=DAYS[20])}
        looks = known_trials(store)
        again = {each.symbol: each for each in evaluate(store)}
    assert {each.tests for each in whole.values()} == {4}
    # The whole, and twice each part: that of every symbol, and of all.
    assert {each.tests for each in part.values()} == {4 + 2 * 4}
    assert {each.tests for each in again.values()} == {4 + 2 * 4}
    assert sorted(str(each.symbol) for each in looks) == ["AAA", "AAA BBB", "BBB", "CCC"]


def test_trials_meet_where_they_share_a_symbol() -> None:
    def trial(symbol: str | None, part: str = "x", day: int = 0) -> Trial:
        begin = DAYS[day]
        return Trial(part, symbol, begin, begin + timedelta(days=3), part, part, part, 1)

    both = trial_of(CARD, "id", "m")
    assert both
    assert (both.symbol, both.tests) == ("AAA BBB CCC", 4)
    assert both.meets(trial("BBB", day=7))
    assert trial("BBB", day=7).meets(both)
    assert not both.meets(trial("DDD", day=7))
    assert not trial("AAA DDD", day=1).meets(trial("BBB", "y", day=1))
    assert trial(None).meets(trial(None))
    assert not trial(None, "x").meets(trial("AAA", "x"))


def test_of_many_symbols_the_first_are_named() -> None:
    six = ["A", "B", "C", "D", "E", "F"]
    assert symbols_words([*six, "A"]) == "A, B, C, D, E, F"
    assert symbols_words(f"S{n:03}" for n in range(1500)) == (
        "S000, S001, S002, S003, S004 and 1,495 more"
    )


def test_symbols_to_learn_from_are_those_named_or_linked_or_must_be_named(several: Path) -> None:
    with open_store(several) as store:
        assert choose_symbols(store, ()) == ("AAA", "BBB", "CCC")
        assert choose_symbols(store, ["ccc", "AAA", "CCC"]) == ("AAA", "CCC")
        with pytest.raises(InputError, match=r"no bars of AAB; it has AAA, BBB, CCC"):
            choose_symbols(store, ["AAA", "AAB"])
        store.con.execute("DELETE FROM link_rules WHERE symbol <> 'BBB'")
        assert choose_symbols(store, ()) == ("BBB",)
        store.con.execute("DELETE FROM link_rules")
        with pytest.raises(InputError, match=r"choose some with --symbol AAA, or link each post"):
            choose_symbols(store, ())


def test_a_report_is_about_what_the_model_has_learned_from(several: Path) -> None:
    def subject(store: Store, symbol: str | None = None) -> tuple[tuple[str, ...], str | None]:
        found = choose(store, model=None, symbol=symbol, session="regular", interval_minutes=None)
        assert found.subject
        return found.subject.symbols, found.subject.symbol

    with open_store(several) as store:
        assert subject(store) == (("AAA", "BBB"), POOLED)
        assert subject(store, "ccc") == (("CCC",), "CCC")
        one = {key: value for key, value in CARD.items() if key != "symbols"} | {"symbol": "BBB"}
        store.con.execute("UPDATE models SET card = $card", {"card": json.dumps(one)})
        assert subject(store) == (("BBB",), "BBB")


@pytest.mark.slow
def test_a_report_shows_all_symbols_together_and_the_price_paths_of_one(several: Path) -> None:
    with open_store(several) as store:
        together, one = gather(store, interval_minutes=5), gather(store, symbol="AAA")
        store.con.execute("UPDATE symbols SET spacing_minutes = 1440")
        daily = gather(store, symbol="AAA")
    assert together.title == "m on AAA, BBB"
    assert [each.symbol for each in together.figures] == [POOLED, "AAA", "BBB", "CCC"]
    assert [each.symbol for each in one.figures] == ["AAA"]
    assert (together.paths.height, daily.paths.height) == (0, 0)
    assert one.paths.height > 0
    assert together.paths_words == (
        "Price paths around posts, and what entries earn, are of one symbol: "
        "tweetscore report --symbol AAA.",
    )
    assert daily.paths_words == ("AAA has daily bars, and so no price path around posts.",)
    # Of a day's twelve posts three are about AAA, three about BBB, and two about both.
    assert sum(together.statuses["predictions"]) == len(DAYS) * (3 + 3 + 2 * 2)
