"""Every tweet has its score or a reason for none; where a run ended does not matter."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny import RULES, Row, put_bars, put_tweets, tiny_bundle, torch_probabilities

from tweetscore.errors import InputError, IntegrityError
from tweetscore.scoring.bundle import Bundle, load_bundle
from tweetscore.scoring.score import ScoreAccount, score
from tweetscore.store.database import Store, open_store

TWEETS: tuple[Row, ...] = (
    (1, "2018-12-19 18:59:30", "Stocks UP, great day! https://t.co/abc"),
    (2, "2018-12-19 19:00:00", "sad"),
    (3, "2018-12-19 19:00:00", "https://t.co/onlyalink @somebody"),
    (4, "2018-12-20 03:00:00", "an unknown zebra says: tariffs, tariffs and more tariffs, win win"),
    (2**62 + 1, "2018-12-20 03:00:00", "stocks up great day"),
)
TOKENS: dict[int, list[str]] = {
    1: ["stocks", "great", "day"],
    2: ["sad"],
    4: ["unknown", "zebra", "says", "tariffs", "tariffs", "tariffs", "win", "win"],
    2**62 + 1: ["stocks", "great", "day"],
}
Pair = tuple[Bundle, Any]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A bundle with heads for 5 and 30 minutes, and its network."""
    return tiny_bundle(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The same with a network that reads engagement counts."""
    return tiny_bundle(tmp_path_factory.mktemp("models") / "counting", counts=True)


def run(store: Store, bundle: Bundle, *intervals: int) -> ScoreAccount:
    return score(store, bundle, intervals, lambda _done, _total: None)


def predictions(store: Store) -> dict[tuple[int, int], float]:
    rows = store.rows(
        "SELECT tweet_id, interval_minutes, probability FROM probabilities WHERE class = 'up'"
    )
    found = {(tweet, minutes): p for tweet, minutes, p in rows}
    assert len(found) == len(rows)  # one row a tweet and interval
    return found


def outcome(account: ScoreAccount) -> tuple[int, int, int, dict[str, int]]:
    assert account.tweets == account.scored + account.skipped
    assert account.skipped == sum(account.skipped_reasons.values())
    return account.tweets, account.scored, account.skipped, account.skipped_reasons


def test_every_tweet_is_scored_or_skipped_for_a_reason(store: Store, pair: Pair) -> None:
    bundle, _ = pair
    put_tweets(store, TWEETS)
    account = run(store, bundle)
    assert outcome(account) == (5, 4, 1, {"empty_text": 1})
    assert (account.model, account.model_id, account.intervals) == (
        "tiny",
        bundle.model_id,
        (5, 30),
    )
    assert sorted(predictions(store)) == [(t, n) for t in sorted(TOKENS) for n in (5, 30)]


def test_the_probabilities_are_torchs_for_each_text_and_head(store: Store, pair: Pair) -> None:
    bundle, model = pair
    put_tweets(store, TWEETS)
    run(store, bundle)
    expected = {
        (tweet, minutes): p
        for tweet, tokens in TOKENS.items()
        for minutes, p in zip(bundle.horizons, torch_probabilities(model, tokens), strict=True)
    }
    assert len(TOKENS[4]) > RULES.max_tokens
    assert predictions(store) == pytest.approx(expected, abs=1e-6)
    assert len({round(p, 4) for p in expected.values()}) == 6  # three texts, two heads


def test_a_second_run_scores_nothing_and_changes_nothing(store: Store, pair: Pair) -> None:
    bundle, _ = pair
    put_tweets(store, TWEETS)
    run(store, bundle)
    before = predictions(store)
    assert outcome(run(store, bundle)) == (5, 0, 5, {"already_scored": 4, "empty_text": 1})
    assert predictions(store) == before
    assert store.row("SELECT count(*) FROM models") == (1,)


@pytest.mark.slow
def test_all_intervals_after_one_adds_only_the_missing_ones(store: Store, pair: Pair) -> None:
    bundle, _ = pair
    put_tweets(store, TWEETS)
    assert outcome(run(store, bundle, 30)) == (5, 4, 1, {"empty_text": 1})
    assert {minutes for _, minutes in predictions(store)} == {30}
    store.con.execute("UPDATE predictions SET probability = 0.25")  # not to be touched again
    assert outcome(run(store, bundle)) == (5, 4, 1, {"empty_text": 1})
    found = predictions(store)
    assert len(found) == 8
    assert {p for (_, minutes), p in found.items() if minutes == 30} == {0.25}
    assert 0.25 not in {p for (_, minutes), p in found.items() if minutes == 5}
    already = {"already_scored": 4, "empty_text": 1}
    assert outcome(run(store, bundle, 5, 5)) == (5, 0, 5, already)


@pytest.mark.slow
def test_one_interval_of_some_tweets_is_completed(store: Store, pair: Pair) -> None:
    bundle, _ = pair
    put_tweets(store, TWEETS)
    run(store, bundle)
    whole = predictions(store)
    store.con.execute("DELETE FROM predictions WHERE tweet_id = 1 AND interval_minutes = 5")
    store.con.execute("DELETE FROM predictions WHERE tweet_id = 2")
    expected = {"already_scored": 2, "empty_text": 1}
    assert outcome(run(store, bundle, 30, 5)) == (5, 2, 3, expected)
    assert predictions(store) == whole


def test_new_tweets_are_scored_alone(store: Store, pair: Pair) -> None:
    bundle, _ = pair
    put_tweets(store, TWEETS[:2])
    run(store, bundle)
    put_tweets(store, TWEETS[2:])
    expected = {"already_scored": 2, "empty_text": 1}
    assert outcome(run(store, bundle)) == (5, 2, 3, expected)
    assert {tweet for tweet, _ in predictions(store)} == set(TOKENS)


def test_another_model_scores_everything_again(store: Store, pair: Pair, tmp_path: Path) -> None:
    put_tweets(store, TWEETS)
    run(store, pair[0])
    other, _ = tiny_bundle(tmp_path / "tiny", seed=1)
    assert outcome(run(store, other)) == (5, 4, 1, {"empty_text": 1})
    assert store.row("SELECT count(*), count(DISTINCT model_id) FROM predictions") == (16, 2)
    assert store.row("SELECT count(*), count(DISTINCT name) FROM models") == (2, 1)


def many_tweets(store: Store, rows: int) -> None:
    """Texts of one to six words, a tenth of them without any."""
    words = ["stocks", "up", "great", "day", "sad", "tariffs", "china"]
    texts = [
        " ".join(words[(n * k) % 7] for k in range(1, n % 7)) if n % 10 else "https://t.co/x"
        for n in range(rows)
    ]
    put_tweets(store, [(n + 1, "2018-12-19 19:00:00", text) for n, text in enumerate(texts)])


@pytest.mark.parametrize("rows", [499, 2_048, 1 << 20])
@pytest.mark.slow
def test_the_size_of_a_chunk_does_not_matter(store: Store, pair: Pair, rows: int) -> None:
    many_tweets(store, 5_000)
    told: list[tuple[int, int]] = []
    account = score(store, pair[0], (), lambda done, total: told.append((done, total)), "cpu", rows)
    texts = dict(store.rows("SELECT tweet_id, text FROM tweets"))
    by_text: dict[tuple[str, int], set[float]] = {}
    for (tweet, minutes), p in predictions(store).items():
        by_text.setdefault((texts[tweet], minutes), set()).add(round(p, 6))
    assert all(len(values) == 1 for values in by_text.values())  # copies have one score
    assert account.scored == len({tweet for tweet, _ in predictions(store)})
    assert outcome(account)[2] == account.skipped_reasons["empty_text"] > 500
    assert told[-1] == (5_000, 5_000)
    assert len(told) == 1 if rows > 5_000 else len(told) > 1
    assert [done for done, _ in told] == sorted({done for done, _ in told})


@pytest.mark.slow
def test_a_run_that_ends_after_a_chunk_is_finished_by_the_next(store: Store, pair: Pair) -> None:
    many_tweets(store, 7_000)
    run(store, pair[0])
    whole = predictions(store)
    store.con.execute("DELETE FROM predictions")

    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(store, pair[0], (), stop, chunk_rows=2_048)
    kept = predictions(store)
    assert 0 < len(kept) < len(whole)
    account = run(store, pair[0])
    assert account.skipped_reasons["already_scored"] == len(kept) / 2
    assert predictions(store) == whole


def test_a_chunk_that_cannot_be_stored_leaves_nothing_of_itself(
    store: Store, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_tweets(store, TWEETS)
    execute = Store.run

    def fail_after(self: Store, name: str, *given: Any, **parameters: Any) -> None:
        execute(self, name, *given, **parameters)
        if name == "scoring/insert_predictions":
            raise OSError("no space left")

    monkeypatch.setattr(Store, "run", fail_after)
    with pytest.raises(OSError, match="no space"):
        run(store, pair[0])
    assert predictions(store) == {}


def test_a_head_that_the_model_has_not_is_refused_before_anything_is_written(
    store: Store, pair: Pair
) -> None:
    put_tweets(store, TWEETS)
    with pytest.raises(InputError) as refusal:
        run(store, pair[0], 30, 25)
    assert str(refusal.value) == (
        f"{pair[0].path}: does not predict 25 minutes, only 5, 30; "
        "train a model that does with: tweetscore train --interval 25"
    )
    assert store.row("SELECT count(*) FROM models") == (0,)
    assert (25,) not in store.rows("FROM intervals")


@pytest.mark.parametrize("name", ["model.onnx", "vocabulary.txt"])
def test_a_bundle_with_a_changed_byte_is_refused(tmp_path: Path, name: str) -> None:
    tiny_bundle(tmp_path / "tiny")
    path = tmp_path / "tiny" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=name) as refusal:
        load_bundle(tmp_path / "tiny")
    assert refusal.value.exit_code == 5


def counted(store: Store) -> None:
    text = "stocks up great day"
    rows: Sequence[Row] = [
        (1, "2018-12-19 19:00:00", text, 10, 200),
        (2, "2018-12-19 19:00:00", text, 90_000, 0),
        (3, "2018-12-19 19:00:00", text, None, 5),
        (4, "2018-12-19 19:00:00", text, 5, None),
        (5, "2018-12-19 19:00:00", "https://t.co/x", None, None),
    ]
    put_tweets(store, rows)


def test_a_model_with_counts_skips_rows_without_them(store: Store, counting: Pair) -> None:
    counted(store)
    expected = {"empty_text": 1, "no_counts": 2}
    assert outcome(run(store, counting[0])) == (5, 2, 3, expected)
    assert {tweet for tweet, _ in predictions(store)} == {1, 2}


def test_a_model_with_counts_scores_as_torch_does_with_normalised_counts(
    store: Store, counting: Pair
) -> None:
    bundle, model = counting
    counted(store)
    run(store, bundle)
    tokens = ["stocks", "great", "day"]
    expected = {
        (tweet, minutes): p
        for tweet, counts in ((1, (10, 200)), (2, (90_000, 0)))
        for minutes, p in zip((5, 30), torch_probabilities(model, tokens, counts), strict=True)
    }
    assert predictions(store) == pytest.approx(expected, abs=1e-6)
    assert abs(expected[1, 5] - expected[2, 5]) > 0.01


def test_a_model_without_counts_does_not_ask_for_them(store: Store, pair: Pair) -> None:
    counted(store)
    assert outcome(run(store, pair[0])) == (5, 4, 1, {"empty_text": 1})


def test_a_database_without_tweets_has_nothing_to_score(store: Store, pair: Pair) -> None:
    assert outcome(run(store, pair[0])) == (0, 0, 0, {})
    assert predictions(store) == {}


def test_without_bars_a_score_keeps_its_row(store: Store, pair: Pair) -> None:
    put_tweets(store, TWEETS)
    run(store, pair[0], 30)
    rows = store.rows("SELECT tweet_id, symbol, status, direction FROM scored ORDER BY tweet_id")
    assert rows == [(tweet, None, "no_data", None) for tweet in sorted(TOKENS)]


def test_a_head_for_25_minutes_has_windows_of_25_minutes(store: Store, tmp_path: Path) -> None:
    bundle, _ = tiny_bundle(tmp_path / "odd", (25,))
    put_tweets(store, TWEETS)
    put_bars(store, "2018-12-19 18:00:00", [100 + n / 8 for n in range(180)])
    run(store, bundle)
    rows = store.rows(
        "SELECT tweet_id, interval_minutes, minute_utc::VARCHAR, entry_price, exit_price, status "
        "FROM scored ORDER BY tweet_id"
    )
    # The bar of 18:59 closes at 107.375 and is known at 19:00; 25 minutes later 25 / 8 more.
    nineteen = (25, "2018-12-19 19:00:00", 107.375, 110.5, "ok")
    night = (25, "2018-12-20 03:00:00", None, None, "no_data")
    assert rows == [(1, *nineteen), (2, *nineteen), (4, *night), (2**62 + 1, *night)]
    assert (25,) in store.rows("FROM intervals")


RUNAWAY = """
import os, random, signal, sys, threading
from pathlib import Path
from tiny import VOCABULARY, put_tweets
from tweetscore.scoring.bundle import load_bundle, write_bundle
from tweetscore.scoring.score import score
from tweetscore.store.database import open_store
from tweetscore.text.rules import TextRules
from tweetscore.training.classifier import NetworkConfig
from tweetscore.training.network import NETWORK

folder = Path(sys.argv[1])
network = NETWORK(NetworkConfig(len(VOCABULARY), 1, 2, 8, 2_048)).eval()
bundle = write_bundle(
    folder / "slow",
    onnx_model=network.to_onnx().SerializeToString(),
    vocabulary=VOCABULARY.words,
    card={"name": "slow", "classes": ["down", "up"], "intervals": [5], "counts": None,
          "text_rules": TextRules(max_tokens=1_000).to_dict()},
    readme="",
)
draw = random.Random(1)
texts = [" ".join(draw.choices(VOCABULARY.words[2:], k=1_000)) for _ in range(500)]
signal.signal(signal.SIGINT, signal.default_int_handler)
with open_store(folder / "slow.duckdb") as store:
    put_tweets(store, [(n, "2020-01-01", text) for n, text in enumerate(texts)])
    threading.Timer(3, os.kill, [os.getpid(), signal.SIGINT]).start()
    score(store, bundle, (), print)
"""


@pytest.mark.slow
def test_ctrl_c_does_not_wait_for_a_network_that_takes_minutes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUNAWAY, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout == ""
    assert done.stderr.endswith("KeyboardInterrupt\n")
    with open_store(tmp_path / "slow.duckdb") as store:
        assert store.row("SELECT count(*) FROM predictions") == (0,)
