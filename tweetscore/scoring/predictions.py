"""The table of predictions: which tweets a model has not scored yet, and how scores are stored.

Everything that writes probabilities into the table ``predictions`` does it here.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from tweetscore.errors import InputError
from tweetscore.market.horizons import NO_HORIZON, Horizon
from tweetscore.scoring.predictors import Model, Scored
from tweetscore.store.database import Store, statement, subquery
from tweetscore.store.trials import record_model

CHUNK_ROWS = 65_536  # larger chunks are a little faster, and hold more in memory
_OR_AS = ", or say which label means up and which down: --as up=LABEL,down=LABEL"


class Predictions:
    """The predictions of one model at some of its horizons, in one database."""

    def __init__(self, store: Store, model: Model, horizons: Sequence[Horizon]) -> None:
        """Choose them.

        Args:
            store: the open database.
            model: the one that predicts.
            horizons: some of the model's, sorted.
        """
        self.store = store
        self.model_id = model.model_id
        self.horizons = list(map(int, horizons))
        self._heads = [model.horizons.index(each) for each in horizons]
        classes = model.target.classes
        self._classes = [classes.index(each) for each in model.target.kind.stored(classes)]

    def pending(self) -> int:
        """Count the tweets that are not scored at every horizon."""
        query = f"SELECT count(*) FROM {subquery('scoring/pending')}"
        (count,) = self.store.row(query, **self._asked)
        return int(count)

    def chunks(self, chunk_rows: int = CHUNK_ROWS) -> Iterator[pl.DataFrame]:
        """Yield these tweets: text, counts, and ``done``, a bit for each horizon that is there."""
        # Reading and writing meet on one connection only through two cursors.
        with self.store.con.cursor() as reader:
            query = reader.sql(statement("scoring/pending"), params=self._asked)
            for batch in query.to_arrow_reader(chunk_rows):
                yield pl.DataFrame(batch)

    def insert(self, chunk: Scored) -> None:
        """Add the probabilities of a chunk, whose rows have platform, tweet_id and done."""
        found = chunk.probabilities[:, self._heads][:, :, self._classes]
        heads, each = len(self._heads), len(self._classes)
        flat = np.ascontiguousarray(found.reshape(len(found), heads * each))
        rows = chunk.rows.select("platform", "tweet_id", "done", probabilities=pl.Series(flat))
        self.store.run(
            "scoring/insert_predictions",
            rows,
            model_id=self.model_id,
            places=[place for place in range(heads) for _ in range(each)],
            intervals=[minutes for minutes in self.horizons for _ in range(each)],
            class_numbers=[place + 1 for place in self._classes] * heads,
        )
        if chunk.words.words:
            words = chunk.words.rows().with_columns(model_id=pl.lit(self.model_id))
            self.store.append("known_words", words)

    @property
    def _asked(self) -> dict[str, object]:
        return {"model_id": self.model_id, "intervals": self.horizons}


def check_horizons(model: Model, wanted: Sequence[Horizon]) -> None:
    """Refuse a horizon at which the model does not predict.

    Raises:
        InputError: there is one.
    """
    unknown = [each for each in wanted if each not in model.horizons]
    if not unknown:
        return
    if NO_HORIZON in model.horizons:
        raise InputError(
            f"{model.path}: predicts {', '.join(model.target.classes[:3])}, which belong to no "
            f"interval; leave out --interval{_OR_AS * ('text_model' in model.card)}"
        )
    raise InputError(
        f"{model.path}: does not predict {unknown[0].words}, only "
        f"{', '.join(map(str, model.horizons))}; "
        f"train a model that does with: tweetscore train --interval {unknown[0]}"
    )


def register_model(store: Store, model: Model) -> None:
    """Write a model's row, once."""
    register_card(store, model.name, model.model_id, model.target.name, model.card)


def register_card(
    store: Store, name: str, model_id: str, target: str, card: dict[str, Any]
) -> None:
    """Write the row of a model, known by its card alone, once.

    Its card has the dates of its split, or ``knows_until_utc`` (as ``seen.seen_until`` reads it)
    where it has none of its own. Without both nothing is known to be unseen. What it has seen may
    be said later, and not be said otherwise: whoever moves the date until he likes the figures has
    looked each time.

    Raises:
        InputError: something else was said of what it has seen.
    """
    models, thresholds = _model_rows(name, model_id, target, card)
    query = "SELECT name, knows_until_utc FROM models WHERE model_id = $model_id"
    if there := store.rows(query, model_id=model_id):
        _say_seen(store, models, *there[0])
        return
    store.append("models", models)
    store.append("thresholds", thresholds)
    record_model(store, card, model_id, name)


def _say_seen(store: Store, said: pl.DataFrame, name: str, known_utc: datetime | None) -> None:
    """Note until when a model may have seen posts, if that is not known yet."""
    model_id, card, said_utc = said.select("model_id", "card", "knows_until_utc").row(0)
    if said_utc is None or said_utc == known_utc:
        return
    if known_utc is not None:
        raise InputError(
            f"{store.path}: {name} may have seen posts until {known_utc.isoformat()} UTC, as was "
            f"said before, not until {said_utc.isoformat()}; leave the date out, or give the model "
            "another name"
        )
    store.rows(
        "UPDATE models SET knows_until_utc = $said, card = $card WHERE model_id = $model_id",
        said=said_utc, card=card, model_id=model_id,
    )  # fmt: skip


def _model_rows(
    name: str, model_id: str, target: str, card: dict[str, Any]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a model's rows in the tables models and thresholds."""
    split = card.get("split") or {}
    bounds = ("train_from_utc", "validation_from_utc", "test_from_utc", "test_until_utc")
    known = split.get("test_from_utc") or card.get("knows_until_utc")
    row = pl.DataFrame(
        {
            "model_id": [model_id],
            "name": [name],
            "target": [target],
            "classes": [card["classes"]],
            "session": [card.get("session")],
            "uses_counts": [card.get("counts") is not None],
            **{bound: [split.get(bound)] for bound in bounds},
            "card": [json.dumps(card, ensure_ascii=False)],
            "knows_until_utc": [known],
        }
    )
    times = pl.col(*bounds, "knows_until_utc").cast(pl.String).str.to_datetime(time_unit="us")
    thresholds: dict[str, float] = card.get("thresholds_bps") or {}
    heads = pl.DataFrame(
        {
            "model_id": [model_id] * len(thresholds),
            "interval_minutes": [int(minutes) for minutes in thresholds],
            "threshold_bps": list(thresholds.values()),
        },
        schema={"model_id": pl.String, "interval_minutes": pl.Int64, "threshold_bps": pl.Float64},
    )
    return row.with_columns(times), heads
