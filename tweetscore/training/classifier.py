"""What training needs of a network, whichever it is: loop, export and card know this type alone."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The sizes of one network, saved in the card beside its weights."""

    vocabulary_size: int
    heads: int  # one linear head per interval
    classes: int = 2  # in the card's order: ("down", "up")
    embedding_dim: int = 300
    hidden: int = 128
    dropout: float = 0.5
    counts: int = 0  # engagement features beside the state: 0 or 2


class Classifier(nn.Module):
    """A network that turns padded token ids into the logits of every interval."""

    config: NetworkConfig

    @abstractmethod
    def __init__(self, config: NetworkConfig, vectors: Tensor | None = None) -> None:
        """Draw the weights; ``vectors`` (vocabulary_size, embedding_dim) start the embedding."""
        super().__init__()

    @staticmethod
    @abstractmethod
    def describe(config: NetworkConfig) -> str:
        """Say in words which layers a network of these sizes has, for the model card."""

    @abstractmethod
    def forward(self, ids: Tensor, lengths: Tensor, counts: Tensor | None = None) -> Tensor:
        """Return the logits (B, heads, classes) of a batch.

        Args:
            ids: (B, T) token ids, padded on the right; the padding has no effect.
            lengths: (B,) tokens of each text, 1 to T.
            counts: (B, counts) normalised engagement, exactly when the config has counts.

        Raises:
            ValueError: counts are missing, or given to a network without them.
        """

    @abstractmethod
    def to_onnx(self) -> onnx.ModelProto:
        """Return the graph that scores texts of one length.

        Input ``ids`` is int32 (T, B), time-major, T >= 1, all B texts T tokens long, so there is no
        mask. Output ``logits`` is float32 (B, heads * classes) without the part of the counts,
        which ``counts_weight`` gives.
        """

    @abstractmethod
    def counts_weight(self) -> NDArray[np.float32] | None:
        """Return the weights (heads, classes, counts) of the counts; None without counts."""

    def weights(self) -> dict[str, Any]:
        """Return the parameters by name, as float64 tensors on the CPU."""
        return {name: each.detach().cpu().double() for name, each in self.named_parameters()}
