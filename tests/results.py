"""A database with results by hand: models, predictions, posts around six days of bars, studies."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from tiny import OF_DIRECTION, UP, put_bars, put_tweets

from tweetscore.market.windows import ensure_windows
from tweetscore.store.database import Store
from tweetscore.study.options import StudyCell
from tweetscore.study.runs import StudyRun
from tweetscore.text.rules import TextRules
from tweetscore.training.epoch import Epoch

DAYS = [datetime(2023, 1, day, 14, 30) for day in (3, 4, 5, 6, 9, 10)]  # the opens of XNYS, in UTC
FAR_AHEAD = datetime(2100, 1, 1)
Spans = tuple[datetime, datetime, datetime]  # where training and test begin, and where test ends
CARD = json.dumps(
    {
        "name": "m",
        "intervals": [5, 30, 50],
        "text_rules": TextRules(max_tokens=9).to_dict(),
        "sha256": {"model.onnx": "0123456789abcdef" * 4},
    }
)
TEST_FROM = DAYS[2] - timedelta(hours=1)
SPANS = (DAYS[0] - timedelta(hours=1), TEST_FROM, FAR_AHEAD)
MOODS = ("up great day", "sad down", "wall and tariff", "jobs jobs", "great wall", "sad sad trade")


def put_model(store: Store, spans: Spans | None, name: str = "m", **more: Any) -> None:
    """Add a model that has learned from what lies between its first two moments."""
    train, test, until = spans or (None, None, None)
    row = {
        "model_id": name, "name": name, **OF_DIRECTION, "session": "regular", "uses_counts": False,
        "train_from_utc": train, "validation_from_utc": test, "test_from_utc": test,
        "test_until_utc": until, "card": "{}", "knows_until_utc": test, **more,
    }  # fmt: skip
    times = {column: pl.Datetime("us") for column in row if column.endswith("_utc")}
    store.append("models", pl.DataFrame([row], schema_overrides=times))


def link_by_words(store: Store) -> None:
    """Link posts to two symbols by the words in their texts; some name both, some none."""
    store.con.execute("INSERT INTO link_rules VALUES (1, 'TSLA', 'word', 'wall', NULL, NULL)")
    store.con.execute("INSERT INTO link_rules VALUES (2, 'SPX', 'word', 'sad', NULL, NULL)")
    store.con.execute(
        "INSERT INTO links SELECT platform, tweet_id, s, [r] FROM tweets, "
        "(VALUES ('TSLA', 1, 'wall'), ('SPX', 2, 'sad'), ('SPX', 2, 'great')) v(s, r, w) "
        "WHERE contains(text, w)"
    )


def put_predictions(
    store: Store, rows: Sequence[tuple[int, float]], minutes: int = 30, model: str = "m"
) -> None:
    """Add predictions of direction: tweet and probability of up."""
    store.append(
        "predictions",
        pl.DataFrame(
            {
                "model_id": [model] * len(rows),
                "platform": ["twitter"] * len(rows),
                "tweet_id": [row[0] for row in rows],
                "interval_minutes": [minutes] * len(rows),
                "class_number": [UP] * len(rows),
                "probability": [row[1] for row in rows],
            }
        ),
    )


def fill(store: Store, spans: Any = SPANS, *, bars: bool = True) -> None:
    """Six days of bars, and 240 tweets around them, scored at 5, 30 and 50 minutes."""
    rng = np.random.default_rng(0)
    if bars:
        for day in DAYS:
            put_bars(store, str(day), (4_000 * np.exp(rng.normal(0, 3e-4, 390).cumsum())).tolist())
    posts = []
    for n in range(240):
        time = DAYS[n % 6] + timedelta(seconds=int(rng.integers(-7_200, 30_000)))
        posts.append((n + 1, time.isoformat(), f"{MOODS[rng.integers(6)]} {n // 3}"))
    put_tweets(store, posts)
    put_model(store, spans, card=CARD)
    for minutes in (5, 30, 50):
        guesses = rng.random(240).round(2).tolist()
        put_predictions(store, [(n + 1, guess) for n, guess in enumerate(guesses)], minutes)
    ensure_windows(store, [5, 30, 50])


def study_run(cell: StudyCell, seed: int, accuracies: list[float]) -> StudyRun:
    history = [
        Epoch(number, 3e-4, 1 / number, 0.7, (accuracy,))
        for number, accuracy in enumerate(accuracies, 1)
    ]
    return StudyRun(
        fingerprint=f"{cell} {seed}", source="x", protocol="original", target="label",
        interval_minutes=cell.interval_minutes, vectors=cell.vectors, counts=cell.counts,
        seed=seed, folds=1, train_rows=80, test_rows=20, best_epoch=1,
        best_accuracy=max(accuracies), last_accuracy=accuracies[-1], majority=0.5,
        train_loss=0.1, seconds=1.0, figures=None, history=tuple(history),
    )  # fmt: skip
