"""What a model predicts of a text, for each of its heads."""

from dataclasses import dataclass
from typing import Literal

OWN_LABEL = 0  # the head of labels that belong to no market interval

TargetName = Literal["direction", "move", "label"]


@dataclass(frozen=True, slots=True)
class Target:
    """What a model says of a text, for each of its heads."""

    name: TargetName = "direction"
    classes: tuple[str, ...] = ("down", "up")
    move_quantile: float = 0.5  # of the training part's absolute returns; a move lies above it

    @classmethod
    def of_market(cls, name: Literal["direction", "move"], move_quantile: float = 0.5) -> "Target":
        """Return the target that the market itself labels."""
        classes = ("down", "up") if name == "direction" else ("still", "move")
        return cls(name, classes, move_quantile)
