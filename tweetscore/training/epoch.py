"""One epoch of training, as a record that can be read where torch is not installed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch of training came to."""

    number: int
    learning_rate: float
    train_loss: float
    held_out_loss: float  # mean over the heads
    held_out_accuracy: tuple[float, ...]  # per head

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Epoch":
        """Make an epoch again from its ``asdict``, also after it has been JSON."""
        return cls(**{**record, "held_out_accuracy": tuple(record["held_out_accuracy"])})
