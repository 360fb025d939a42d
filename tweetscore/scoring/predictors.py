"""Whatever gives a post probabilities: posts enter, probabilities of their classes leave.

A ``Model`` is what is known before anything is loaded; a ``Predictor`` is the same, loaded. Scoring
into a database, from files to files, and the doctor know these two and no network.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.market.horizons import Horizon
from tweetscore.market.targets import Target
from tweetscore.text.known import WordCounts

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """One chunk before the prediction: rows that can be scored, and why the others cannot."""

    rows: pl.DataFrame
    inputs: Any  # for the predictor that made them
    skipped: Counter[str]
    words: WordCounts = field(default_factory=WordCounts)  # of a predictor with a vocabulary


@dataclass(frozen=True, slots=True)
class Scored:
    """One chunk: the rows that have a score, their probabilities, and why the others have none."""

    rows: pl.DataFrame
    probabilities: npt.NDArray[np.float32]  # (rows, horizons, classes)
    skipped: Counter[str]
    words: WordCounts = field(default_factory=WordCounts)


class Model(Protocol):
    """What is known of a predictor before it is loaded; small enough to send to other machines."""

    @property
    def path(self) -> Path:
        """Where it is, for messages."""

    @property
    def name(self) -> str:
        """Its name for users."""

    @property
    def model_id(self) -> str:
        """16 hex digits; anything that changes a score changes them."""

    @property
    def target(self) -> Target:
        """What it predicts, and its classes in the order of the probabilities."""

    @property
    def horizons(self) -> tuple[Horizon, ...]:
        """How far ahead, in the order of the probabilities."""

    @property
    def uses_counts(self) -> bool:
        """Whether it also needs the engagement counts."""

    @property
    def knows_until_utc(self) -> datetime | None:
        """The time from which it has seen nothing; None if unknown."""

    @property
    def chunk_rows(self) -> int:
        """Posts scored and stored at once."""

    @property
    def card(self) -> dict[str, Any]:
        """Its description, as JSON values."""

    @property
    def files(self) -> Sequence[str]:
        """The files of its folder that it is loaded from; none of a model that is no folder."""

    def moved_to(self, folder: Path) -> "Model":
        """Return the same model, whose files lie in another folder."""

    def load(self, device: Device = "cpu", threads: int | None = None) -> "Predictor":
        """Load it.

        Args:
            device: where it runs; auto is cuda where there is one.
            threads: at most so many; None is one for every core.

        Raises:
            InputError: the device is not there.
            IntegrityError: a part of it is damaged.
        """


class Predictor(Protocol):
    """A loaded model."""

    def encode(self, posts: pl.DataFrame) -> Encoded:
        """Prepare a frame with ``text`` and, if the model uses them, both engagement counts."""

    def run(self, encoded: Encoded) -> Scored:
        """Predict rows that ``encode`` has prepared."""

    def stop(self) -> None:
        """End what is being predicted in other threads; it can predict nothing more."""

    def known_text(self) -> str:
        """Return a text that it must be able to score.

        Raises:
            IntegrityError: it knows none.
        """

    def probabilities(self, posts: pl.DataFrame) -> Scored:
        """Prepare and predict a frame."""
        return self.run(self.encode(posts))
