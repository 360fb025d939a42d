"""The record of one epoch of training, which needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Epoch:
    """The result of one epoch of training."""

    number: int
    learning_rate: float
    train_loss: float
    held_out_loss: float  # mean over the heads
    held_out_accuracy: tuple[float, ...]  # per head

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Epoch":
        """Make an epoch again from its ``asdict``, also after it has been JSON."""
        return cls(**{**record, "held_out_accuracy": tuple(record["held_out_accuracy"])})
