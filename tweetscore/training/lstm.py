"""The classifier that training fits: padded token ids enter, logits of every interval leave."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class LstmConfig:
    """The sizes of one classifier, saved in the card beside its weights."""

    vocabulary_size: int
    heads: int  # one linear head per interval
    classes: int = 2  # in the card's order: ("down", "up")
    embedding_dim: int = 300
    hidden: int = 128
    dropout: float = 0.5
    counts: int = 0  # engagement features beside the state: 0 or 2


class LstmClassifier(nn.Module):
    """An embedding, an LSTM layer, the state at the last real token, a linear head per interval."""

    def __init__(self, config: LstmConfig, vectors: Tensor | None = None) -> None:
        """Draw the weights; ``vectors`` (vocabulary_size, embedding_dim) start the embedding."""
        super().__init__()
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

    def forward(self, ids: Tensor, lengths: Tensor, counts: Tensor | None = None) -> Tensor:
        """Return the logits (B, heads, classes) of a batch.

        Args:
            ids: (B, T) token ids, padded on the right; what stands in the padding has no effect.
            lengths: (B,) tokens of each text, 1 to T.
            counts: (B, counts) normalised engagement, exactly when the config has counts.

        Raises:
            ValueError: counts are missing, or given to a model without them.
        """
        if (counts is not None) != (self.config.counts > 0):
            raise ValueError("counts must be given exactly when the config has them")
        states, _ = self.lstm(self.embedding(ids))  # (B, T, H)
        # A gather, not pack_padded_sequence: faster, and padding after the last token is not read.
        rows = torch.arange(len(states), device=states.device)
        state = self.dropout(states[rows, lengths.long() - 1])  # (B, H)
        features = state if counts is None else torch.cat([state, counts], dim=1)  # (B, H + counts)
        logits: Tensor = self.head(features)  # (B, heads * classes)
        return logits.view(-1, self.config.heads, self.config.classes)
