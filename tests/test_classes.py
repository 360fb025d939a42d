"""Moves and labels of one's own: scored like directions, held against what came true."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from tiny import (
    COUNTS_MEAN,
    COUNTS_STD,
    MINUTE,
    RULES,
    VOCABULARY,
    Row,
    class_bundle,
    put_bars,
    put_tweets,
    tiny_bundle,
)

from tweetscore.errors import InputError
from tweetscore.evaluation.correction import romano_wolf
from tweetscore.evaluation.evaluate import evaluate
from tweetscore.evaluation.figures import evidence, figures, judged
from tweetscore.evaluation.skill import clock_and_past
from tweetscore.evaluation.verdicts import sentence
from tweetscore.ingest.account import IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.market.targets import Target
from tweetscore.market.windows import ensure_windows
from tweetscore.sample.write import write_sample
from tweetscore.scoring.bundle import Bundle
from tweetscore.scoring.score import ScoreAccount, score
from tweetscore.store.database import Store, open_store
from tweetscore.training.classifier import NetworkConfig
from tweetscore.training.epoch import Epoch
from tweetscore.training.evaluate_labelled import evaluate_labelled
from tweetscore.training.labelled import read_labelled, split_labelled
from tweetscore.training.lstm import LstmClassifier
from tweetscore.training.made import Callbacks
from tweetscore.training.options import FitOptions, TrainingOptions
from tweetscore.training.run import Trained, train, train_labelled

pytestmark = pytest.mark.slow  # most train a network

STILL_MOVE, MOODS = ("still", "move"), ("calm", "glad", "sad")
Net = tuple[Bundle, LstmClassifier]


@pytest.fixture(scope="module")
def moves(tmp_path_factory: pytest.TempPathFactory) -> Net:
    folder = tmp_path_factory.mktemp("models") / "moves"
    return class_bundle(
        folder,
        "move",
        STILL_MOVE,
        (5, 30),
        session="regular",
        thresholds_bps={"5": 2.5, "30": 40.0},
    )


@pytest.fixture(scope="module")
def moods(tmp_path_factory: pytest.TempPathFactory) -> Net:
    return class_bundle(tmp_path_factory.mktemp("models") / "moods", "label", MOODS, (0,))


def torch_says(
    model: LstmClassifier, tokens: Sequence[str], counts: Sequence[int] | None = None
) -> list[list[float]]:
    """Return torch's own probabilities for one text: (heads, classes)."""
    words = list(VOCABULARY.words)
    ids = [words.index(token) if token in words else 1 for token in tokens[: RULES.max_tokens]]
    z = None
    if counts is not None:
        z = torch.tensor((np.log1p([counts]) - COUNTS_MEAN) / COUNTS_STD, dtype=torch.float32)
    with torch.no_grad():
        logits = model(torch.tensor([ids]), torch.tensor([len(ids)]), z)
    found: list[list[float]] = logits.softmax(-1)[0].tolist()
    return found


TWEETS: tuple[Row, ...] = (
    (1, "2018-12-19 18:59:30", "Stocks UP, great day! https://t.co/abc"),
    (2, "2018-12-19 19:00:00", "sad"),
    (3, "2018-12-19 19:00:00", "https://t.co/onlyalink @somebody"),
    (4, "2018-12-20 03:00:00", "an unknown zebra says: tariffs, tariffs and more tariffs, win win"),
)
TOKENS: dict[int, list[str]] = {
    1: ["stocks", "great", "day"],
    2: ["sad"],
    4: ["unknown", "zebra", "says", "tariffs", "tariffs", "tariffs"],
}
Key = tuple[int, str, int | None, str]


def run(store: Store, bundle: Bundle, *intervals: int) -> ScoreAccount:
    account = score(store, bundle, intervals, lambda _done, _total: None)
    assert account.tweets == account.scored + account.skipped
    assert account.skipped == sum(account.skipped_reasons.values())
    return account


def class_predictions(store: Store) -> dict[Key, float]:
    rows = store.rows(
        "SELECT tweet_id, target, interval_minutes, class, probability FROM probabilities"
    )
    found = {(tweet, target, n, name): p for tweet, target, n, name, p in rows}
    assert len(found) == len(rows)  # one row a tweet, interval and class
    return found


def expected_of(net: Net, intervals: Sequence[int | None], tweets: Sequence[int]) -> dict[Key, Any]:
    """What torch says of the classes that are stored: of moves the positive one alone."""
    bundle, model = net
    stored = bundle.target.kind.stored(bundle.classes)
    return {
        (tweet, bundle.target.name, minutes, name): p
        for tweet in tweets
        for minutes, head in zip(intervals, torch_says(model, TOKENS[tweet]), strict=True)
        for name, p in zip(bundle.classes, head, strict=True)
        if name in stored
    }


# --- scoring --------------------------------------------------------------------------------------


def test_moves_are_scored_as_torch_does_with_a_row_a_tweet_and_interval(
    store: Store, moves: Net
) -> None:
    put_tweets(store, TWEETS)
    account = run(store, moves[0])
    assert (account.scored, account.intervals) == (3, (5, 30))
    assert account.skipped_reasons == {"empty_text": 1}
    expected = expected_of(moves, (5, 30), sorted(TOKENS))
    assert class_predictions(store) == pytest.approx(expected, abs=1e-6)
    assert len({round(p, 4) for p in expected.values()}) == 6  # all are different ones
    assert store.rows("SELECT DISTINCT model_id, platform, class_number FROM predictions") == [
        (moves[0].model_id, "twitter", 2)
    ]


def test_labels_are_scored_without_an_interval(store: Store, moods: Net) -> None:
    put_tweets(store, TWEETS)
    account = run(store, moods[0])
    assert (account.scored, account.skipped_reasons) == (3, {"empty_text": 1})
    expected = expected_of(moods, (None,), sorted(TOKENS))
    assert len(expected) == 9
    assert class_predictions(store) == pytest.approx(expected, abs=1e-6)
    scored = moods[0].load().probabilities(store.frame("FROM tweets ORDER BY tweet_id"))
    of_scorer = {
        (tweet, "label", None, name): float(p)
        for tweet, ps in zip(scored.rows["tweet_id"], scored.probabilities[:, 0], strict=True)
        for name, p in zip(MOODS, ps, strict=True)
    }
    assert class_predictions(store) == of_scorer


def test_a_model_of_classes_with_counts_scores_the_tweets_that_have_them(
    store: Store, tmp_path: Path
) -> None:
    bundle, model = class_bundle(tmp_path / "counting", "label", MOODS, (0,), counts=True)
    text = "stocks up great day"
    put_tweets(
        store,
        [
            (1, "2018-12-19 19:00", text, 10, 200),
            (2, "2018-12-19 19:00", text, 90_000, 0),
            (3, "2018-12-19 19:00", text, None, 5),
        ],
    )
    assert run(store, bundle).skipped_reasons == {"no_counts": 1}
    assert class_predictions(store) == pytest.approx(
        {
            (tweet, "label", None, name): p
            for tweet, counts in ((1, (10, 200)), (2, (90_000, 0)))
            for name, p in zip(MOODS, torch_says(model, TOKENS[1], counts)[0], strict=True)
        },
        abs=1e-6,
    )


@pytest.mark.parametrize("net", ["moves", "moods"])
def test_a_second_run_scores_nothing_and_changes_nothing(
    request: pytest.FixtureRequest, store: Store, net: str
) -> None:
    bundle, _ = request.getfixturevalue(net)
    put_tweets(store, TWEETS)
    run(store, bundle)
    before = class_predictions(store)
    again = run(store, bundle)
    assert (again.scored, again.skipped_reasons) == (0, {"already_scored": 3, "empty_text": 1})
    assert class_predictions(store) == before
    heads = 2 if net == "moves" else 0
    assert store.row("SELECT count(*) FROM models") == (1,)
    assert store.row("SELECT count(*) FROM thresholds") == (heads,)


@pytest.mark.parametrize("order", [(5, 30), (30, 5)])
def test_two_intervals_in_two_runs_are_one_run(
    store: Store, moves: Net, order: tuple[int, int]
) -> None:
    put_tweets(store, TWEETS[:2])
    run(store, moves[0], order[0])
    assert class_predictions(store) == pytest.approx(
        {key: p for key, p in expected_of(moves, (5, 30), (1, 2)).items() if key[2] == order[0]},
        abs=1e-6,
    )
    put_tweets(store, TWEETS[2:])
    store.con.execute("UPDATE predictions SET probability = 0.25")  # not to be touched again
    assert run(store, moves[0], order[1]).scored == 3
    account = run(store, moves[0])
    assert (account.scored, account.skipped_reasons) == (1, {"already_scored": 2, "empty_text": 1})
    expected = expected_of(moves, (5, 30), sorted(TOKENS))
    expected |= {key: 0.25 for key in expected if key[0] != 4 and key[2] == order[0]}
    assert class_predictions(store) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("net", ["moves", "moods"])
def test_what_is_missing_is_completed(
    request: pytest.FixtureRequest, store: Store, net: str
) -> None:
    bundle, _ = request.getfixturevalue(net)
    put_tweets(store, TWEETS)
    run(store, bundle)
    whole = class_predictions(store)
    store.con.execute(
        "DELETE FROM predictions "
        "WHERE tweet_id = 2 OR tweet_id = 1 AND coalesce(interval_minutes, 5) = 5"
    )
    assert len(class_predictions(store)) == 3
    assert run(store, bundle).scored == 2
    assert class_predictions(store) == whole


def test_models_of_all_targets_live_side_by_side(
    store: Store, moves: Net, moods: Net, tmp_path: Path
) -> None:
    put_tweets(store, TWEETS)
    other = class_bundle(tmp_path / "moods", "label", MOODS, (0,), seed=1)[0]
    up = tiny_bundle(tmp_path / "up")[0]
    for bundle in (moves[0], moods[0], other, up):
        assert run(store, bundle).scored == 3
    assert store.rows(
        "SELECT model_id, target, count(*) FROM probabilities GROUP BY ALL ORDER BY ALL"
    ) == sorted(
        [
            (moves[0].model_id, "move", 6),
            (moods[0].model_id, "label", 9),
            (other.model_id, "label", 9),
            (up.model_id, "direction", 6),
        ]
    )
    assert store.row("SELECT count(*) FROM predictions") == (30,)
    assert store.rows("FROM thresholds ORDER BY interval_minutes") == [
        (moves[0].model_id, 5, 2.5),
        (moves[0].model_id, 30, 40.0),
    ]


@pytest.mark.parametrize("intervals", [(5,), (5, 0), (30, 5)])
def test_an_interval_of_a_model_of_labels_is_refused_before_anything_is_written(
    store: Store, moods: Net, intervals: tuple[int, ...]
) -> None:
    put_tweets(store, TWEETS)
    with pytest.raises(InputError) as refusal:
        run(store, moods[0], *intervals)
    assert str(refusal.value) == (
        f"{moods[0].path}: predicts calm, glad, sad, which belong to no interval; "
        "leave out --interval"
    )
    assert store.row("SELECT count(*) FROM models") == (0,)
    assert class_predictions(store) == {}


def test_an_interval_that_a_model_of_moves_has_not_is_refused(store: Store, moves: Net) -> None:
    with pytest.raises(InputError) as refusal:
        run(store, moves[0], 5, 25)
    assert str(refusal.value) == (
        f"{moves[0].path}: does not predict 25 minutes, only 5, 30; "
        "train a model that does with: tweetscore train --interval 25"
    )


def test_class_predictions_go_with_the_input_they_were_made_from(
    store: Store, tmp_path: Path, moods: Net
) -> None:
    def archive(name: str, *posts: tuple[int, str, int]) -> Path:
        path = tmp_path / name
        lines = [
            json.dumps(
                {
                    "id_str": str(number),
                    "text": text,
                    "retweet_count": retweets,
                    "favorite_count": 2,
                    "is_retweet": False,
                    "created_at": "Wed Dec 19 19:00:00 +0000 2018",
                }
            )
            for number, text, retweets in posts
        ]
        path.write_text("\n".join(lines) + "\n")
        return path

    def put(path: Path) -> None:
        (account,) = ingest(store, [path], IngestOptions(), lambda *_: None)
        assert account.error is None

    counting = class_bundle(
        tmp_path / "counting",
        "move",
        STILL_MOVE,
        (5, 30),
        counts=True,
        thresholds_bps={"5": 1.0, "30": 2.0},
    )[0]
    put(archive("1", (1, "sad", 1), (2, "sad", 1), (3, "sad", 1), (4, "great sad", 1)))
    run(store, moods[0])
    run(store, counting)
    put(archive("2", (1, "sad and longer", 1), (2, "sad", 9), (3, "sad", 1), (4, "s", 9)))
    left = store.rows(
        "SELECT target, tweet_id, count(*) FROM probabilities GROUP BY ALL ORDER BY ALL"
    )
    assert left == [
        ("label", 2, 3),
        ("label", 3, 3),
        ("label", 4, 3),
        ("move", 3, 2),
        ("move", 4, 2),
    ]
    assert run(store, moods[0]).scored == 1
    assert run(store, counting).scored == 2


# --- the views ------------------------------------------------------------------------------------


PARTS = {
    "train_from_utc": datetime(2018, 12, 1),
    "validation_from_utc": datetime(2018, 12, 10),
    "test_from_utc": datetime(2018, 12, 15),
    "test_until_utc": datetime(2018, 12, 31),
}


def put_model(
    store: Store,
    name: str,
    predictions: Sequence[tuple[int, str, int | None, str, float]],
    thresholds: Mapping[int, float] = {},
) -> None:
    """Add a model and what it predicts: tweet, target, interval, class and probability."""
    (target,) = {each[1] for each in predictions} or {"direction"}
    classes = {"direction": ("down", "up"), "move": STILL_MOVE, "label": MOODS}[target]
    row = {
        "model_id": f"id of {name}",
        "name": name,
        "target": target,
        "classes": list(classes),
        "uses_counts": False,
        "card": "{}",
        **PARTS,
    }
    store.append("models", pl.DataFrame([row]))
    rows = [
        (f"id of {name}", "twitter", tweet, minutes, classes.index(each) + 1, p)
        for tweet, _, minutes, each, p in predictions
    ]
    names = ["model_id", "platform", "tweet_id", "interval_minutes", "class_number", "probability"]
    schema = {"interval_minutes": pl.Int32}
    store.append("predictions", pl.DataFrame(rows, names, schema_overrides=schema, orient="row"))
    for minutes, bps in thresholds.items():
        store.con.execute(
            "INSERT INTO thresholds VALUES ($id, $minutes, $bps)",
            {"id": f"id of {name}", "minutes": minutes, "bps": bps},
        )


def moving(tweet: int, minutes: int, move: float) -> tuple[int, str, int, str, float]:
    """One prediction of a move."""
    return tweet, "move", minutes, "move", move


def bps(before: float, after: float) -> float:
    return (after / before - 1) * 10_000


def test_a_move_is_a_return_larger_than_the_threshold_either_way(store: Store) -> None:
    # On a regular day of XNYS; the price is known at the end of its minute.
    prices = {0: 100.0, 5: 101.0, 10: 99.0, 15: 99.0, 20: 98.0}
    closes = [prices[max(at for at in prices if at <= n)] for n in range(30)]
    put_bars(store, "2018-12-19 18:59", closes)
    posted = [f"2018-12-19 19:{minute:02}:00" for minute in (0, 5, 10, 15)]
    put_tweets(store, [(n, at, f"text {n}") for n, at in enumerate(posted, 1)])
    put_tweets(store, [(5, "2018-12-20 03:00:00", "at night")])
    ensure_windows(store)
    threshold = bps(100, 101)  # the first return itself is not above it
    predictions = [
        moving(1, 5, 0.75),
        moving(2, 5, 0.75),
        moving(3, 5, 0.25),
        moving(4, 5, 0.5),
        moving(5, 5, 0.25),
    ]
    put_model(store, "moves", predictions, {5: threshold, 30: 1.0})
    rows = store.rows(
        "SELECT tweet_id, model, interval_minutes, probability_move, threshold_bps, predicted, "
        "entry_price, exit_price, return_bps, outcome, correct, status, symbol "
        "FROM scored_moves ORDER BY tweet_id"
    )
    head = ("moves", 5)
    assert [row[:5] for row in rows] == [
        (1, *head, 0.75, threshold),
        (2, *head, 0.75, threshold),
        (3, *head, 0.25, threshold),
        (4, *head, 0.5, threshold),
        (5, *head, 0.25, threshold),
    ]
    assert [row[5:] for row in rows] == [
        ("move", 100.0, 101.0, bps(100, 101), "still", False, "ok", "SPX"),
        ("move", 101.0, 99.0, bps(101, 99), "move", True, "ok", "SPX"),
        ("still", 99.0, 99.0, 0.0, "still", True, "ok", "SPX"),
        ("move", 99.0, 98.0, bps(99, 98), "move", True, "ok", "SPX"),
        ("still", None, None, None, None, None, "no_data", "SPX"),
    ]
    assert store.rows("FROM scored") == store.rows("FROM scored_extended") == []


def test_what_a_bundle_says_of_moves_stands_in_the_view(store: Store, moves: Net) -> None:
    put_tweets(store, TWEETS)
    run(store, moves[0])
    rows = store.rows(
        "SELECT tweet_id, interval_minutes, probability_move, predicted, threshold_bps, status "
        "FROM scored_moves"
    )
    assert {row[:2]: row[2:] for row in rows} == {
        (tweet, minutes): (
            pytest.approx(p, abs=1e-6),
            "move" if p >= 0.5 else "still",
            threshold,
            "no_data",
        )
        for tweet, tokens in TOKENS.items()
        for minutes, threshold, (_, p) in zip(
            (5, 30), (2.5, 40.0), torch_says(moves[1], tokens), strict=True
        )
    }
    assert len(rows) == 6


def test_a_label_is_the_likeliest_class(store: Store, moods: Net) -> None:
    put_tweets(store, TWEETS)
    run(store, moods[0])
    says = [(2, "calm", 0.25), (2, "glad", 0.5), (2, "sad", 0.25), (3, "sad", 1.0)]
    put_model(store, "hand", [(tweet, "label", None, name, p) for tweet, name, p in says])
    put_model(store, "moves", [moving(1, 5, 0.9)], {5: 1.0})
    rows = store.rows(
        "SELECT model, tweet_id, author, posted_utc, text, class, probability FROM scored_labels"
    )
    texts = {tweet: (datetime.fromisoformat(at), text) for tweet, at, text, *_ in TWEETS}
    expected: dict[Any, Any] = {("hand", 2): ("glad", 0.5), ("hand", 3): ("sad", 1.0)}
    for tweet, tokens in TOKENS.items():
        (head,) = torch_says(moods[1], tokens)
        best = int(np.argmax(head))
        expected["moods", tweet] = (MOODS[best], pytest.approx(head[best], abs=1e-6))
    assert {row[:2]: row[2:] for row in rows} == {
        key: ("somebody", *texts[key[1]], *found) for key, found in expected.items()
    }
    assert len(rows) == 5


# --- evaluating moves -----------------------------------------------------------------------------

DAY_OPENS = [datetime(2018, 12, day, 14, 30) for day in (17, 18, 19)]


@pytest.fixture
def market(store: Store) -> tuple[Store, dict[datetime, float]]:
    """Three days of bars and of tweets every seven minutes; the price known at each minute."""
    rng = np.random.default_rng(0)
    known: dict[datetime, float] = {}
    for opens in DAY_OPENS:
        closes = (2_500 + np.cumsum(rng.normal(size=390))).round(2).tolist()
        put_bars(store, f"{opens}", closes)
        known[opens] = closes[0]  # the open of the first bar
        known |= {opens + (n + 1) * MINUTE: close for n, close in enumerate(closes)}
    posted = [opens + n * MINUTE for opens in DAY_OPENS for n in range(0, 390, 7)]
    put_tweets(store, [(n, f"{at}", f"text {n}") for n, at in enumerate(posted)])
    ensure_windows(store, [5, 30])
    return store, known


def volatility_bps(known: dict[datetime, float], at: datetime) -> float:
    """Return the root mean square of the last thirty changes from minute to minute of its day."""
    minutes = [at - n * MINUTE for n in range(30)]
    changes = [bps(known[m - MINUTE], known[m]) for m in minutes if m - MINUTE in known]
    return float(np.sqrt(np.mean(np.square(changes)))) if changes else float("nan")


def test_moves_are_measured_with_momentum_against_what_came_true(
    market: tuple[Store, dict[datetime, float]],
) -> None:
    store, known = market
    tweets = store.rows("SELECT tweet_id, posted_utc FROM tweets ORDER BY tweet_id")
    thresholds = {5: 6.0, 30: 15.0}
    rng = np.random.default_rng(1)
    said = {(tweet, n): float(np.float32(rng.random())) for tweet, _ in tweets for n in thresholds}
    rows = [moving(tweet, n, p) for (tweet, n), p in said.items()]
    put_model(store, "moves", rows, thresholds)
    expected, of_days = [], []
    for n, threshold in thresholds.items():
        probabilities, truth, days, momentum, past = [], [], [], [], []
        for tweet, posted in tweets:
            (opens,) = (each for each in DAY_OPENS if each.date() == posted.date())
            if posted + n * MINUTE > opens + 390 * MINUTE:
                continue
            before = known.get(posted - n * MINUTE) if posted - n * MINUTE >= opens else None
            probabilities.append([1 - said[tweet, n], said[tweet, n]])
            truth.append(abs(bps(known[posted], known[posted + n * MINUTE])) > threshold)
            days.append(opens.toordinal())
            past.append((
                (posted - opens) / MINUTE,
                np.nan if before is None else bps(before, known[posted]),
                volatility_bps(known, posted),
            ))  # fmt: skip
            momentum.append(
                -1 if before is None else int(abs(bps(before, known[posted])) > threshold)
            )
        assert set(momentum) == {-1, 0, 1}
        minute, past_bps, volatility = np.array(past, float).T
        day = np.unique(days, return_inverse=True)[1].astype(np.int64)
        inputs = np.array(probabilities), np.array(truth, np.int64), np.array(days)
        controls = clock_and_past(minute, day, past_bps, volatility)
        found = figures(*inputs, tried=2, controls=controls, momentum=np.array(momentum))
        found = replace(found, model="moves", model_id="id of moves", symbol="SPX", target="move")
        expected.append(replace(found, interval_minutes=n))
        of_days.append(evidence(*inputs, controls))
    corrected = judged(expected, romano_wolf(of_days, 2), 2)
    assert [asdict(each) for each in evaluate(store)] == [asdict(each) for each in corrected]
    assert sentence(evaluate(store)[0]).startswith("5 minutes, move: inconclusive. AUC ")


def test_figures_of_moves_and_of_directions_on_the_same_days_are_corrected_together(
    market: tuple[Store, dict[datetime, float]],
) -> None:
    store, _ = market
    tweets = [tweet for (tweet,) in store.rows("SELECT tweet_id FROM tweets")]
    put_model(
        store,
        "moves",
        [moving(tweet, 5, tweet % 10 / 10) for tweet in tweets],
        {5: 6.0},
    )
    put_model(store, "up", [])
    store.con.execute(
        "INSERT INTO predictions SELECT 'id of up', platform, tweet_id, 5, 2, tweet_id % 10 / 10 "
        "FROM tweets"
    )
    put_model(store, "moods", [(tweet, "label", None, "sad", 1.0) for tweet in tweets])
    found = evaluate(store)
    assert [(each.model, each.target, each.tests, each.models_tried) for each in found] == [
        ("moves", "move", 2, 2),
        ("up", "direction", 2, 2),
    ]
    assert found[0].baseline != found[1].baseline
    assert evaluate(store, model="moves") == found[:1]


def test_a_model_of_labels_alone_has_no_outcomes_to_measure(
    market: tuple[Store, dict[datetime, float]],
) -> None:
    store, _ = market
    put_model(store, "moods", [(1, "label", None, "sad", 1.0)])
    with pytest.raises(InputError) as refusal:
        evaluate(store)
    assert len(str(refusal.value).splitlines()) == 1


# --- examining labels -----------------------------------------------------------------------------

FIRST = datetime(2018, 6, 1, 12)


def labelled_file(
    folder: Path,
    rows: int = 150,
    *,
    times: bool = True,
    classes: Sequence[str] = MOODS,
    name: str = "rows.csv",
) -> Path:
    """Write texts of the vocabulary's words, three on a day, whose first word tells the label."""
    rng = np.random.default_rng(2)
    words = sorted(VOCABULARY.words[2:])
    lines = ["text,label" + (",posted_utc" if times else "")]
    for place in range(rows):
        label = classes[place % len(classes)]
        text = " ".join([f"{label}ly", f"own{place}", *rng.choice(words, 3)])
        time = f",{FIRST + timedelta(hours=8 * place)}" if times else ""
        lines.append(f"{text},{label}{time}")
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def labels_bundle(folder: Path, **card: Any) -> Net:
    return class_bundle(folder / "moods", "label", MOODS, (0,), **card)


def accuracy_of(model: LstmClassifier, rows: pl.DataFrame, classes: Sequence[str]) -> float:
    """The share of rows whose likeliest class, by torch, is the label that they have."""
    right = [
        MOODS[int(np.argmax(torch_says(model, tokens)[0]))] == classes[label]
        for tokens, label in rows.select("tokens", "label").iter_rows()
    ]
    return float(np.mean(right))


@pytest.mark.parametrize("times", [True, False])
def test_of_the_file_that_it_learned_from_only_the_test_part_counts(
    tmp_path: Path, times: bool
) -> None:
    path = labelled_file(tmp_path, times=times)
    table = read_labelled(path, {})
    split, parts = split_labelled(table, RULES, seed=7)
    test = parts.filter(pl.col("part") == "test")
    digest = hashlib.sha256("\0".join(sorted(test["text"])).encode()).hexdigest()
    bundle, model = labels_bundle(
        tmp_path,
        rows={"test": {"texts": test.height, "days": None, "sha256": digest}},
        data=[{"name": "other.csv", "sha256": "0" * 64}, {"name": "x", "sha256": table.sha256}],
        vectors={"source": "random"},
        config=asdict(NetworkConfig(len(VOCABULARY), 1, len(MOODS), 8, 4)),
        training={
            "vectors": "random",
            "vocabulary_size": 9,
            "max_tokens": 50,
            "embedding_dim": 8,
            "counts": False,
            "seed": 7,
            "shuffle_labels": False,
            "best_epoch": 1,
            "epochs_run": 1,
            "validation_loss": 0.5,
        },
        split={} if split is None else {key: f"{each}" for key, each in asdict(split).items()},
    )
    found = evaluate_labelled(bundle, table, path)
    assert found.fact == "the test part of the file that it was trained on"
    (one,) = found.figures
    assert (one.rows, one.days) == (test.height, test["session_date"].n_unique())
    assert one.accuracy == pytest.approx(accuracy_of(model, test, MOODS))
    assert one.baseline == pytest.approx(test["label"].value_counts()["count"].max() / test.height)  # type: ignore[operator]  # a column of counts
    assert (one.model, one.symbol, one.interval_minutes, one.target) == ("moods", "", None, "label")
    assert one.verdict in ("signal", "no signal", "inconclusive")


def test_of_another_file_only_rows_after_what_it_learned_count(tmp_path: Path) -> None:
    path = labelled_file(tmp_path)
    test_from = FIRST + timedelta(hours=8 * 100)
    bundle, model = labels_bundle(
        tmp_path,
        data=[{"name": "x", "sha256": "0" * 64}],
        split={"test_from_utc": test_from.isoformat()},
    )
    table = read_labelled(path, {})
    found = evaluate_labelled(bundle, table, path)
    assert found.fact == f"rows from {test_from} on"
    (one,) = found.figures
    later = read_labelled(path, {}).rows.with_row_index("place").filter(pl.col("place") >= 100)
    tokens = [
        [word for word in text.split() if word not in ("up", "down")] for text in later["text"]
    ]
    later = later.with_columns(tokens=pl.Series(tokens))
    assert one.rows == 50  # the first of them exactly at that moment
    assert one.days == 18
    assert one.accuracy == pytest.approx(accuracy_of(model, later, MOODS))


@pytest.mark.parametrize("times", [True, False])
def test_the_same_file_in_another_order_shows_only_what_was_not_learned(
    tmp_path: Path, times: bool
) -> None:
    path = labelled_file(tmp_path, times=times)
    done, _ = trained_on(path, tmp_path)
    header, *lines = path.read_text().splitlines()
    other = tmp_path / "sorted.csv"
    other.write_text("\n".join([header, *sorted(lines, key=lambda line: line[::-1])]) + "\n")
    found = evaluate_labelled(done.bundle, read_labelled(other, {}), other)
    (one,), (measured,) = found.figures, done.figures
    assert (one.rows, one.accuracy) == (measured.rows, measured.accuracy)
    learned = 0 if times else len(lines) - measured.rows
    assert found.fact.endswith(f", but for {learned} whose texts it has learned from")
    # A retweet of a text is that text.
    again = tmp_path / "retweets.csv"
    again.write_text("\n".join([header, *(f"rt {line}" for line in lines)]) + "\n")
    retold = evaluate_labelled(done.bundle, read_labelled(again, {}), again)
    assert retold.fact == found.fact
    assert retold.figures[0].rows == measured.rows


@pytest.mark.parametrize("of_file", [True, False])
def test_without_times_on_both_sides_all_rows_count_and_that_is_told(
    tmp_path: Path, of_file: bool
) -> None:
    path = labelled_file(tmp_path, 30, times=of_file)
    split = {} if of_file else {"test_from_utc": "2018-06-05T00:00:00"}
    bundle, _ = labels_bundle(tmp_path, split=split)
    found = evaluate_labelled(bundle, read_labelled(path, {}), path)
    assert found.fact == (
        "all rows: without times, copies of texts from its training cannot be excluded"
    )
    assert (found.figures[0].rows, found.figures[0].days) == (30, 30)


def test_labels_are_held_against_the_models_own_classes(tmp_path: Path) -> None:
    path = labelled_file(tmp_path, 40, times=False, classes=("sad", "calm"))
    bundle, model = labels_bundle(tmp_path)
    table = read_labelled(path, {})
    assert table.classes == ("calm", "sad")  # the second of two here is the third there
    (one,) = evaluate_labelled(bundle, table, path).figures
    _, parts = split_labelled(table, RULES, 0)
    assert one.accuracy == pytest.approx(accuracy_of(model, parts, ("calm", "sad")))
    assert one.baseline == 0.5
    assert one.auc is None


def test_a_label_that_the_model_does_not_know_is_refused(tmp_path: Path) -> None:
    path = labelled_file(tmp_path, 30, classes=("calm", "mad", "sad"))
    bundle, _ = labels_bundle(tmp_path)
    with pytest.raises(InputError) as refusal:
        evaluate_labelled(bundle, read_labelled(path, {}), path)
    assert str(refusal.value) == (
        f"{path}: has the label 'mad', which {bundle.path} does not know; it predicts calm, glad, "
        "sad"
    )


def test_a_model_of_the_market_is_refused(tmp_path: Path, moves: Net) -> None:
    path = labelled_file(tmp_path, 30)
    for bundle, target in ((moves[0], "move"), (tiny_bundle(tmp_path / "up")[0], "direction")):
        with pytest.raises(InputError) as refusal:
            evaluate_labelled(bundle, read_labelled(path, {}), path)
        assert str(refusal.value) == (
            f"{bundle.path}: predicts the market's {target}, not labels; leave out --labelled"
        )


def test_a_file_of_which_nothing_is_unseen_is_refused(tmp_path: Path) -> None:
    path = labelled_file(tmp_path, 30)
    bundle, _ = labels_bundle(tmp_path, split={"test_from_utc": "2019-01-01T00:00:00"})
    with pytest.raises(InputError) as refusal:
        evaluate_labelled(bundle, read_labelled(path, {}), path)
    assert str(refusal.value) == (
        f"{path}: no row is left that the model was not trained on; "
        "rows from 2019-01-01 00:00:00 on"
    )


# --- from a file of labels to a bundle ------------------------------------------------------------

OPTIONS = TrainingOptions(
    vectors="random",
    max_tokens=6,
    embedding_dim=8,
    hidden=4,
    seed=3,
    device="cpu",
    fit=FitOptions(epochs=4, batch_rows=32, learning_rate=0.05),
)


def trained_on(
    file: Path,
    folder: Path,
    columns: Mapping[str, str] = {},
    progress: Any = lambda _: None,
    *,
    resume: bool = False,
) -> tuple[Trained, list[str]]:
    told: list[str] = []
    done = train_labelled(
        file,
        columns,
        OPTIONS,
        folder / "mine",
        log_folder=folder / "log",
        callbacks=Callbacks(progress, told.append),
        resume=resume,
    )
    return done, told


@pytest.mark.parametrize("times", [True, False])
def test_labels_of_a_file_become_a_bundle_that_tells_them(
    store: Store, tmp_path: Path, times: bool
) -> None:
    path = labelled_file(tmp_path, times=times)
    done, told = trained_on(path, tmp_path)
    card = done.bundle.card
    assert (card["name"], card["target"], card["classes"]) == ("mine", "label", list(MOODS))
    assert (card["intervals"], card["symbol"], card["session"]) == ([0], None, None)
    assert card["data"] == [
        {"name": "rows.csv", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    ]
    split, parts = split_labelled(read_labelled(path, {}), RULES, seed=3)
    assert card["split"] == (
        {key: each.isoformat() for key, each in asdict(split).items()} if split else {}
    )
    assert {name: each["texts"] for name, each in card["rows"].items()} == dict(
        parts["part"].value_counts().iter_rows()
    )
    assert card["thresholds_bps"] == {}
    readme = " ".join((done.bundle.path / "README.md").read_text("utf-8").split())
    assert " Which of these a text is: calm, glad, sad. " in readme
    assert f"rows.csv ({card['data'][0]['sha256'][:12]})" in readme
    drawn = "rows have no times: the split is random, with copies of a text together"
    assert (drawn in told) == (not times)
    assert ("drawn at random, because the rows have no times" in readme) == (not times)

    # What training measured with torch, examining measures with the bundle.
    (measured,) = done.figures
    (found,) = evaluate_labelled(done.bundle, read_labelled(path, {}), path).figures
    test = parts.filter(pl.col("part") == "test")
    assert (found.rows, found.days) == (measured.rows, measured.days)
    assert found.rows == test.height
    assert found.accuracy == measured.accuracy
    assert found.log_loss == pytest.approx(measured.log_loss, abs=1e-5)
    assert measured.bag_of_words == 1  # the first word tells it
    put_tweets(store, [(n, "2018-12-19 19:00", text) for n, text in enumerate(test["text"])])
    assert run(store, done.bundle).scored == test.height
    classes = dict(store.rows("SELECT tweet_id, class FROM scored_labels"))
    right = [classes[n] == MOODS[label] for n, label in enumerate(test["label"])]
    assert np.mean(right) == pytest.approx(measured.accuracy)


def test_an_interrupted_training_is_resumed_as_itself(tmp_path: Path) -> None:
    path = labelled_file(tmp_path)
    whole, _ = trained_on(path, tmp_path / "whole")

    def interrupt(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    part, _ = trained_on(path, tmp_path, progress=interrupt)
    assert (part.bundle.card["training"]["interrupted"], len(part.fitted.history)) == (True, 2)
    resumed, _ = trained_on(path, tmp_path, resume=True)
    # The interrupted model was measured, too: it is a trial before this one.
    assert [each["model_id"] for each in resumed.bundle.card["trials"]] == [part.bundle.model_id]
    assert resumed.figures[0].models_tried == 2
    judged = ("trials", "figures")
    cards = [
        {name: each for name, each in one.bundle.card.items() if name not in judged}
        for one in (resumed, whole)
    ]
    assert cards[0] == cards[1]
    assert not list((tmp_path / "log").glob("*.pt"))


def test_rows_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    path = labelled_file(tmp_path)
    path.write_text(f"{path.read_text()},calm,2018-06-01 12:00:00\nsad,,2018-06-01 12:00:00\n")
    _, told = trained_on(path, tmp_path)
    assert told[0] == f"{path}: 2 rows cannot be used; the first is line 152: has no text"


def test_a_file_is_split_as_it_was_when_it_was_learned(tmp_path: Path) -> None:
    path = labelled_file(tmp_path)
    done, _ = trained_on(path, tmp_path, {"posted_utc": ""})  # at random
    (measured,) = done.figures
    try:
        (found,) = evaluate_labelled(done.bundle, read_labelled(path, {}), path).figures  # by time
    except InputError:
        return
    assert (found.rows, found.accuracy) == (measured.rows, measured.accuracy)


def test_a_file_of_two_times_is_split_by_the_one_it_was_learned_by(tmp_path: Path) -> None:
    path = labelled_file(tmp_path)
    header, *lines = path.read_text().splitlines()
    times = [line.rpartition(",")[2] for line in lines]
    lines = [f"{line},{time}" for line, time in zip(lines, times[::-1], strict=True)]
    path.write_text("\n".join([f"{header},other_utc", *lines]) + "\n")
    done, _ = trained_on(path, tmp_path, {"posted_utc": "other_utc"})
    with pytest.raises(InputError):
        evaluate_labelled(done.bundle, read_labelled(path, {}), path)


# --- from the market to a bundle ------------------------------------------------------------------


@pytest.mark.parametrize("target", ["direction", "move"])
def test_what_training_measures_is_what_evaluate_measures_of_the_stored_scores(
    tmp_path: Path, target: Any
) -> None:
    made = write_sample(tmp_path / "sample", posts=700, days=60)
    options = replace(OPTIONS, intervals=(5, 30), target=Target.of_market(target, 0.75))
    with open_store(tmp_path / "new.duckdb") as store:
        ingest(store, [made.archive, made.bars], IngestOptions(), lambda *_: None)
        done = train(
            store,
            options,
            tmp_path / "mine",
            log_folder=tmp_path / "log",
            callbacks=Callbacks(lambda _: None, lambda _: None),
        )
        run(store, done.bundle)
        found = evaluate(store)
        thresholds = dict(store.rows("SELECT interval_minutes, threshold_bps FROM thresholds"))
    assert thresholds == {int(n): bps for n, bps in done.bundle.card["thresholds_bps"].items()}
    readme = " ".join((done.bundle.path / "README.md").read_text("utf-8").split())
    if target == "move":
        assert "moves by more than a threshold" in readme
        assert all(f"{bps:.1f} at {n} minutes" in readme for n, bps in thresholds.items())
    else:
        assert thresholds == {}
        assert "The probability that MADEUP is higher" in readme
    assert len(found) == len(done.figures) == 2
    for stored, measured in zip(found, done.figures, strict=True):
        assert stored.momentum is not None
        same = ("model", "symbol", "interval_minutes", "target", "rows", "days", "accuracy",
                "baseline", "momentum", "verdict")  # fmt: skip
        assert [getattr(stored, name) for name in same] == [
            getattr(measured, name) for name in same
        ]
        assert stored.brier == pytest.approx(measured.brier, abs=1e-5)
        assert stored.p_value == pytest.approx(measured.p_value, abs=1e-3)
