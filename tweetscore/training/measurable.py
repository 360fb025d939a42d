"""What the figures of a test part need of whatever has been learned."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from tweetscore.training.features import Prepared
from tweetscore.training.loop import Fitted


class Measurable(Protocol):
    """A network, or heads on an encoder."""

    @property
    def prepared(self) -> Prepared:
        """What it has learned from, and the test part."""

    @property
    def fitted(self) -> Fitted:
        """How its training went."""

    @property
    def device(self) -> str:
        """Where it was trained."""

    def tested(self) -> npt.NDArray[np.float64]:
        """Return what it predicts of the test part: (rows, heads, classes)."""
