"""Score stored tweets with a bundle: chunks of text enter, predictions leave, each chunk at once.

Only what this model has not scored at these intervals is scored, so a run that was ended anywhere
is finished by running it again.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.errors import InputError
from tweetscore.io.pipeline import prefetch
from tweetscore.market.targets import OWN_LABEL
from tweetscore.market.windows import ensure_windows
from tweetscore.posts.canonical import COUNTS
from tweetscore.scoring.bundle import Bundle
from tweetscore.scoring.network import Device, Network
from tweetscore.store.database import Store, statement
from tweetscore.text.encode import encode
from tweetscore.text.rules import TextRules
from tweetscore.text.vocabulary import Vocabulary

CHUNK_ROWS = 65_536  # larger chunks are a little faster, and hold more in memory


@dataclass(frozen=True, slots=True)
class ScoreAccount:
    """What became of every tweet: tweets = scored + skipped."""

    model: str
    model_id: str
    intervals: tuple[int, ...]
    tweets: int
    scored: int
    skipped: int
    skipped_reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class Encoded:
    """One chunk before the network: the rows that can be scored, and why the others cannot."""

    rows: pl.DataFrame
    ids: npt.NDArray[np.int32]  # (rows, max_tokens)
    lengths: npt.NDArray[np.int32]  # (rows,)
    counts: npt.NDArray[np.float32] | None  # (rows, 2)
    skipped: Counter[str]


@dataclass(frozen=True, slots=True)
class Scored:
    """One chunk: the rows that have a score, their probabilities, and why the others have none."""

    rows: pl.DataFrame
    probabilities: npt.NDArray[np.float32]  # (rows, heads, classes)
    skipped: Counter[str]


class Scorer:
    """A loaded bundle: a frame of tweets enters, a ``Scored`` leaves. It knows no database."""

    def __init__(self, bundle: Bundle, device: Device = "cpu", threads: int | None = None) -> None:
        """Load vocabulary, rules and graph; so many threads at most, or one for every core.

        Raises:
            InputError: the device is not there.
            IntegrityError: one of them is not what the card says.
        """
        self.rules = TextRules.from_dict(bundle.card["text_rules"])
        self.vocabulary = Vocabulary.load(bundle.vocabulary_path)
        self.counts: dict[str, Any] | None = bundle.card["counts"]
        self.network = Network(
            bundle.onnx_path,
            len(bundle.intervals),
            len(bundle.classes),
            self.counts["weight"] if self.counts else None,
            threads=threads,
            device=device,
        )

    def probabilities(self, tweets: pl.DataFrame) -> Scored:
        """Score a frame with ``text`` and, for a model with counts, both engagement counts."""
        return self.run(self.encode(tweets))

    def encode(self, tweets: pl.DataFrame) -> Encoded:
        """Clean the texts of a frame and tell what cannot be scored."""
        tokens = encode(tweets["text"], self.rules, self.vocabulary)
        empty = tokens.lengths == 0
        uncounted = np.zeros(len(empty), bool)
        if self.counts:
            unknown = tweets.select(pl.any_horizontal(pl.col(COUNTS).is_null())).to_series()
            uncounted = unknown.to_numpy() & ~empty
        kept = ~(empty | uncounted)
        rows = tweets.filter(pl.Series(kept))
        counts = normalised_counts(rows, self.counts) if self.counts else None
        skipped = Counter(empty_text=int(empty.sum()), no_counts=int(uncounted.sum()))
        return Encoded(rows, tokens.ids[kept], tokens.lengths[kept], counts, +skipped)

    def run(self, encoded: Encoded) -> Scored:
        """Run the network over encoded rows."""
        found = self.network.probabilities(encoded.ids, encoded.lengths, encoded.counts)
        return Scored(encoded.rows, found, encoded.skipped)


def normalised_counts(rows: pl.DataFrame, card: dict[str, Any]) -> npt.NDArray[np.float32]:
    """Return log1p of both counts, z-scored by the training part's mean and std: (N, 2)."""
    z = (log_counts(rows) - np.array(card["mean"])) / np.array(card["std"])
    return np.asarray(z, np.float32)


def log_counts(rows: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Return log1p of retweet and favourite counts: (N, 2)."""
    counts = rows.select(COUNTS).to_numpy().astype(np.float64)
    return np.asarray(np.log1p(counts))


@dataclass(frozen=True, slots=True)
class _Table:
    """Where the predictions of a target are kept: what to ask for the rest, and how to add."""

    pending: str
    insert: str
    column: str  # of the probabilities that are added
    classes: tuple[str, ...]  # whose probabilities they are
    names: dict[str, object]  # the parameters of pending
    insert_names: dict[str, object]


def _table(bundle: Bundle, wanted: Sequence[int]) -> _Table:
    names: dict[str, object] = {"model_id": bundle.model_id, "intervals": list(wanted)}
    if bundle.target == "direction":
        return _Table(
            "scoring/pending",
            "scoring/insert_predictions",
            "probabilities_up",
            ("up",),
            names,
            names,
        )
    names |= {"target": bundle.target}
    return _Table(
        "scoring/pending_classes", "scoring/insert_class_predictions", "probabilities",
        bundle.classes, names, {**names, "classes": list(bundle.classes)},
    )  # fmt: skip


def score(
    store: Store,
    bundle: Bundle,
    intervals: Sequence[int],
    progress: Callable[[int, int], None],
    device: Device = "cpu",
) -> ScoreAccount:
    """Score every tweet that this model has not scored at these intervals.

    Args:
        store: the open database.
        bundle: the model.
        intervals: minutes to predict; none means every head of the model.
        progress: called with the tweets done and all tweets to do, after each chunk.
        device: where the network runs.

    Raises:
        InputError: the model has no head for an interval, or the device is not there.
    """
    wanted = tuple(sorted(set(intervals or bundle.intervals)))
    check_heads(bundle, wanted)
    scorer = Scorer(bundle, device)
    with store.transaction():
        register_model(store, bundle.name, bundle.model_id, bundle.card)
    ensure_windows(store, [minutes for minutes in wanted if minutes != OWN_LABEL])
    table = _table(bundle, wanted)
    pending = statement(table.pending)
    (tweets,) = store.row("SELECT count(*) FROM tweets")
    (to_do,) = store.row(f"SELECT count(*) FROM ({pending.rstrip().rstrip(';')})", **table.names)
    reasons = Counter(already_scored=tweets - to_do)
    done = scored = 0
    heads = [bundle.intervals.index(minutes) for minutes in wanted]
    classes = [bundle.classes.index(name) for name in table.classes]
    # Reading and writing meet on one connection only through two cursors.
    reader = store.con.cursor()
    batches = reader.sql(pending, params=table.names).to_arrow_reader(CHUNK_ROWS)
    # While one chunk is stored, the next is in the network and the one after is being cleaned.
    encoded = prefetch(scorer.encode(pl.DataFrame(batch)) for batch in batches)
    for chunk in prefetch(scorer.run(each) for each in encoded):
        found = chunk.probabilities[:, heads][:, :, classes]  # (rows, intervals, classes)
        flat = np.ascontiguousarray(found.reshape(len(found), len(heads) * len(classes)))
        probabilities = pl.Series(table.column, flat)
        rows = chunk.rows.select("platform", "tweet_id", "done", probabilities)
        with store.transaction():
            store.run(table.insert, rows, **table.insert_names)
        scored += chunk.rows.height
        reasons += chunk.skipped
        done += chunk.rows.height + chunk.skipped.total()
        progress(done, to_do)
    reader.close()
    return ScoreAccount(
        bundle.name, bundle.model_id, wanted, tweets, scored, tweets - scored, dict(+reasons)
    )


def check_heads(bundle: Bundle, wanted: Sequence[int]) -> None:
    """Refuse an interval that the model has no head for.

    Raises:
        InputError: there is one.
    """
    unknown = [minutes for minutes in wanted if minutes not in bundle.intervals]
    if unknown and bundle.target == "label":
        raise InputError(
            f"{bundle.path}: tells {', '.join(bundle.classes[:3])}, which belong to no interval; "
            "leave out --interval"
        )
    if unknown:
        raise InputError(
            f"{bundle.path}: has no head for {unknown[0]} minutes, only for "
            f"{', '.join(map(str, bundle.intervals))}; "
            f"train one with: tweetscore train --interval {unknown[0]}"
        )


def register_model(store: Store, name: str, model_id: str, card: dict[str, Any]) -> None:
    """Write a model's row, once."""
    if store.rows("FROM models WHERE model_id = $model_id", model_id=model_id):
        return
    models, thresholds = model_rows(name, model_id, card)
    store.append("models", models)
    store.append("move_thresholds", thresholds)


def model_rows(name: str, model_id: str, card: dict[str, Any]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows of a bundle in the tables models and move_thresholds."""
    split = card.get("split") or {}
    bounds = ("train_from_utc", "validation_from_utc", "test_from_utc", "test_until_utc")
    row = pl.DataFrame(
        {
            "model_id": [model_id],
            "name": [name],
            "session": [card.get("session")],
            "uses_counts": [card["counts"] is not None],
            **{bound: [split.get(bound)] for bound in bounds},
            "card": [json.dumps(card, ensure_ascii=False)],
        }
    )
    times = [pl.col(bound).cast(pl.String).str.to_datetime(time_unit="us") for bound in bounds]
    thresholds: dict[str, float] = card.get("thresholds_bps") or {}
    heads = pl.DataFrame(
        {
            "model_id": [model_id] * len(thresholds),
            "interval_minutes": [int(minutes) for minutes in thresholds],
            "threshold_bps": list(thresholds.values()),
        },
        schema={
            "model_id": pl.String, "interval_minutes": pl.Int64, "threshold_bps": pl.Float64
        },
    )  # fmt: skip
    return row.with_columns(times), heads
