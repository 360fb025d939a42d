"""An LSTM over the words of a text: padded token ids enter, logits of every interval leave."""

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tweetscore.training.classifier import Classifier, NetworkConfig
from tweetscore.training.lstm_graph import folded_graph


class LstmClassifier(Classifier):
    """An embedding, an LSTM layer, the state at the last real token, a linear head per interval."""

    def __init__(self, config: NetworkConfig, vectors: Tensor | None = None) -> None:
        """Draw the weights; ``vectors`` (vocabulary_size, embedding_dim) start the embedding."""
        super().__init__(config)
        self.config = config
        shape = (config.vocabulary_size, config.embedding_dim)
        if vectors is not None and tuple(vectors.shape) != shape:
            raise ValueError(f"vectors have shape {tuple(vectors.shape)}, the config says {shape}")
        self.embedding = nn.Embedding(*shape, padding_idx=0)
        if vectors is not None:
            with torch.no_grad():
                self.embedding.weight[1:] = vectors[1:]  # row 0 stays the zeros of the padding
        self.lstm = nn.LSTM(config.embedding_dim, config.hidden, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        # One Linear for all heads: seven cost the same as one.
        self.head = nn.Linear(config.hidden + config.counts, config.heads * config.classes)

    @staticmethod
    def describe(config: NetworkConfig) -> str:
        """Say in words which layers a network of these sizes has."""
        return (
            f"embedding {config.vocabulary_size:,} x {config.embedding_dim}, one LSTM layer of "
            f"{config.hidden}, the state at the last token, {config.heads} heads of "
            f"{config.classes} classes"
        )

    def forward(self, ids: Tensor, lengths: Tensor, counts: Tensor | None = None) -> Tensor:
        """Return the logits (B, heads, classes) of a batch; see ``Classifier.forward``."""
        if (counts is not None) != (self.config.counts > 0):
            raise ValueError("counts must be given exactly when the config has them")
        states, _ = self.lstm(self.embedding(ids))  # (B, T, H)
        # A gather, not pack_padded_sequence: faster, and padding after the last token is not read.
        rows = torch.arange(len(states), device=states.device)
        state = self.dropout(states[rows, lengths.long() - 1])  # (B, H)
        features = state if counts is None else torch.cat([state, counts], dim=1)  # (B, H + counts)
        logits: Tensor = self.head(features)  # (B, heads * classes)
        return logits.view(-1, self.config.heads, self.config.classes)

    def to_onnx(self) -> onnx.ModelProto:
        """Return the folded graph; see ``Classifier.to_onnx``."""
        return folded_graph(self.config, self.weights())

    def counts_weight(self) -> NDArray[np.float32] | None:
        """Return the head's weights (heads, classes, counts) of the counts; None without counts."""
        config = self.config
        if not config.counts:
            return None
        weight: NDArray[np.float32] = self.head.weight[:, config.hidden :].detach().cpu().numpy()
        return weight.reshape(config.heads, config.classes, config.counts)
