"""Predict with somebody else's tokenizer and graph: posts enter, probabilities leave."""

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.errors import InputError
from tweetscore.scoring.predictors import Device, Encoded, Predictor, Scored
from tweetscore.scoring.sides import DOWN, UP
from tweetscore.scoring.text_folder import TOKENIZER, TextModel
from tweetscore.scoring.text_runner import KNOWN_TEXT, TextRunner, Texts

Floats = npt.NDArray[np.float32]


class TextClassifier(Predictor):
    """The loaded folder of a text classifier."""

    def __init__(self, model: TextModel, device: Device = "cpu", threads: int | None = None):
        """Load it; see ``Model.load``.

        Args:
            model: what it is.
            device: where the graph runs.
            threads: batches at the same time; by default one per available core.

        Raises:
            InputError: the package tokenizers or the device is not there, or what the model gives
                is no probability.
            IntegrityError: a part of it cannot be loaded, or gives other classes than it says.
        """
        self.model, config = model, model.config
        if config.function == "raw":
            raise InputError(
                f"{model.path}: gives {', '.join(config.labels[:3])} as numbers without "
                "bounds (regression), which are no probabilities; score with a classifier"
            )
        texts = Texts(
            model.path / TOKENIZER, model.onnx_path, model.graph, len(config.labels),
            config.max_tokens, config.truncation_side, config.first_position,
        )  # fmt: skip
        self._runner = TextRunner(texts, device, threads)

    def encode(self, posts: pl.DataFrame) -> Encoded:
        """Tokenize the distinct texts of a frame, and set aside those without one."""
        return self._runner.encode(posts)

    def run(self, encoded: Encoded) -> Scored:
        """Run the graph over encoded rows."""
        of_rows = self._probabilities(self._runner.run(encoded))  # (rows, classes)
        of_heads = np.repeat(of_rows[:, None], len(self.model.horizons), axis=1)
        return Scored(encoded.rows, of_heads, encoded.skipped, encoded.words)

    def stop(self) -> None:
        """End what is being predicted, at its next operator."""
        self._runner.stop()

    def known_text(self) -> str:
        """Return a text that every tokenizer can cut."""
        return KNOWN_TEXT

    def _probabilities(self, logits: Floats) -> Floats:
        """Return the probabilities of the classes of the target: (texts, classes)."""
        model = self.model
        if model.config.function == "softmax":
            powers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
            found = powers / powers.sum(axis=1, keepdims=True)
        else:
            with np.errstate(over="ignore"):
                found = 1 / (1 + np.exp(-logits))
        if len(model.config.classes) > len(model.config.labels):
            found = np.concatenate([found, 1 - found], axis=1)
        if not model.sides:
            return np.asarray(found, np.float32)
        up, down = (self._side(found, side) for side in (UP, DOWN))
        up_of_both = np.clip((1 + up - down) / 2, 0, 1)  # up, and half of what is neither
        return np.stack([1 - up_of_both, up_of_both], axis=1).astype(np.float32)

    def _side(self, found: Floats, side: str) -> Floats:
        """Return the probability of a side's labels; of labels that hold together the largest."""
        places = [self.model.config.classes.index(each) for each in self.model.sides[side]]
        of_side = found[:, places]
        alone = self.model.config.function == "softmax"
        return np.asarray(of_side.sum(axis=1) if alone else of_side.max(axis=1, initial=0))
