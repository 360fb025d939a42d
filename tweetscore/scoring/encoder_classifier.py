"""Predict with a bundle of an encoder and linear heads on it, as ``train --encoder`` exports it.

Posts enter, probabilities leave.
"""

import polars as pl

from tweetscore.errors import IntegrityError
from tweetscore.scoring.bundle import Bundle
from tweetscore.scoring.graphs import AGAIN
from tweetscore.scoring.network import softmax
from tweetscore.scoring.predictors import Device, Encoded, Predictor, Scored
from tweetscore.scoring.text_graph import read_text_graph
from tweetscore.scoring.text_runner import KNOWN_TEXT, TextRunner, Texts


class EncoderClassifier(Predictor):
    """A loaded tokenizer, and the graph of an encoder with its heads."""

    def __init__(self, model: Bundle, device: Device = "cpu", threads: int | None = None) -> None:
        """Load both; see ``Model.load``.

        Args:
            model: what they belong to; its card has ``encoder``.
            device: where the graph runs.
            threads: batches at the same time; by default one per available core.

        Raises:
            InputError: the package tokenizers or the device is not there.
            IntegrityError: one of them is not what the card says.
        """
        card = model.card["encoder"]
        self._shape = (-1, len(model.horizons), len(model.classes))
        try:
            graph = read_text_graph(model.onnx_path)
        except ValueError as error:
            raise IntegrityError(f"{model.onnx_path}: {error}; {AGAIN}") from None
        texts = Texts(
            model.tokenizer_path, model.onnx_path, graph, len(model.horizons) * len(model.classes),
            card["max_tokens"], card["truncation_side"], card["first_position"],
        )  # fmt: skip
        self._runner = TextRunner(texts, device, threads)

    def encode(self, posts: pl.DataFrame) -> Encoded:
        """Tokenize the distinct texts of a frame, and set aside those without one."""
        return self._runner.encode(posts)

    def run(self, encoded: Encoded) -> Scored:
        """Run the graph over encoded rows."""
        found = softmax(self._runner.run(encoded).reshape(self._shape))
        return Scored(encoded.rows, found, encoded.skipped, encoded.words)

    def stop(self) -> None:
        """End what is being predicted, at its next operator."""
        self._runner.stop()

    def known_text(self) -> str:
        """Return a text that every tokenizer can cut."""
        return KNOWN_TEXT
