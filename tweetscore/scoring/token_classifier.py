"""Predict with a vocabulary and a graph over token ids, as training exports them.

Posts enter, probabilities leave. Which network the graph holds does not matter here.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.errors import IntegrityError
from tweetscore.posts.canonical import COUNTS
from tweetscore.scoring.graphs import AGAIN, check_graph
from tweetscore.scoring.network import Network
from tweetscore.scoring.predictors import Device, Encoded, Model, Predictor, Scored
from tweetscore.text.encode import encode
from tweetscore.text.rules import TextRules
from tweetscore.text.vocabulary import SPECIAL_WORDS, UNKNOWN_ID, Vocabulary


@dataclass(frozen=True, slots=True)
class _Inputs:
    ids: npt.NDArray[np.int32]  # (rows, max_tokens)
    lengths: npt.NDArray[np.int32]  # (rows,)
    counts: npt.NDArray[np.float32] | None  # (rows, 2)


class TokenClassifier(Predictor):
    """A loaded vocabulary and graph."""

    def __init__(
        self,
        model: Model,
        onnx_path: Path,
        vocabulary_path: Path,
        device: Device = "cpu",
        threads: int | None = None,
    ) -> None:
        """Load both; see ``Model.load``.

        Args:
            model: what they belong to; its card has ``text_rules`` and ``counts``.
            onnx_path: the graph.
            vocabulary_path: the tokens, one a line, each in the line of its id.
            device: where the graph runs.
            threads: at most so many.

        Raises:
            InputError: the device is not there.
            IntegrityError: one of them is not what the card says.
        """
        self.rules = TextRules.from_dict(model.card["text_rules"])
        self.vocabulary = Vocabulary.load(vocabulary_path)
        self.counts: dict[str, Any] | None = model.card["counts"]
        heads, classes = len(model.horizons), len(model.target.classes)
        check_graph(onnx_path, len(self.vocabulary), heads * classes)
        self.network = Network(
            onnx_path,
            heads,
            classes,
            self.counts["weight"] if self.counts else None,
            threads=threads,
            device=device,
        )
        self._vocabulary_path = vocabulary_path

    def encode(self, posts: pl.DataFrame) -> Encoded:
        """Clean the texts of a frame, and set aside what cannot be scored."""
        tokens = encode(posts["text"], self.rules, self.vocabulary)
        empty = tokens.lengths == 0
        uncounted = np.zeros(len(empty), bool)
        if self.counts:
            unknown = posts.select(pl.any_horizontal(pl.col(COUNTS).is_null())).to_series()
            uncounted = unknown.to_numpy() & ~empty
        kept = ~(empty | uncounted)
        rows = posts.filter(pl.Series(kept))
        counts = normalised_counts(rows, self.counts) if self.counts else None
        skipped = Counter(empty_text=int(empty.sum()), no_counts=int(uncounted.sum()))
        inputs = _Inputs(tokens.ids[kept], tokens.lengths[kept], counts)
        return Encoded(rows, inputs, +skipped, tokens.words)

    def run(self, encoded: Encoded) -> Scored:
        """Run the graph over encoded rows."""
        inputs: _Inputs = encoded.inputs
        found = self.network.probabilities(inputs.ids, inputs.lengths, inputs.counts)
        return Scored(encoded.rows, found, encoded.skipped, encoded.words)

    def stop(self) -> None:
        """End what is being predicted; see ``Predictor.stop``."""
        self.network.stop()

    def known_text(self) -> str:
        """Return a text of words of the vocabulary.

        Raises:
            IntegrityError: the text rules change every one of them into an unknown word.
        """
        # The last words have the highest ids, which a graph with fewer words would refuse.
        words = self.vocabulary.words[len(SPECIAL_WORDS) :][-self.rules.max_tokens :]
        text = " ".join(words)
        if not (encode(pl.Series([text]), self.rules, self.vocabulary).ids > UNKNOWN_ID).any():
            raise IntegrityError(
                f"{self._vocabulary_path}: its text rules find none of its words; {AGAIN}"
            )
        return text


def normalised_counts(rows: pl.DataFrame, card: dict[str, Any]) -> npt.NDArray[np.float32]:
    """Return log1p of both counts, z-scored by the training part's mean and std: (N, 2)."""
    z = (log_counts(rows) - np.array(card["mean"])) / np.array(card["std"])
    return np.asarray(z, np.float32)


def log_counts(rows: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Return log1p of retweet and favourite counts: (N, 2)."""
    counts = rows.select(COUNTS).to_numpy().astype(np.float64)
    return np.asarray(np.log1p(counts))
