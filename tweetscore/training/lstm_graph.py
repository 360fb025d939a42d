"""The folded ONNX graph of an LSTM classifier: its weights enter, the graph that scores leaves.

The input half of the LSTM is folded into the embedding: one row of each gate per word. Each gate
has a table and a Gemm of its own, because splitting the product of a common one copies it. The
nodes are those of ``scoring.graphs.lstm_graph``, against which a graph is held before it runs.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from torch import Tensor

from tweetscore.scoring.graphs import GATES, lstm_graph
from tweetscore.training.classifier import NetworkConfig
from tweetscore.training.graph import finished_model


def folded_graph(config: NetworkConfig, weights: Mapping[str, Tensor]) -> onnx.ModelProto:
    """Build the graph of ``Classifier.to_onnx``."""
    outputs = config.heads * config.classes
    layout = lstm_graph(config.vocabulary_size, config.hidden, outputs)
    return finished_model(config, layout, _constants(config, weights))


def _constants(config: NetworkConfig, weights: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Return the head, and a table (V, H) and recurrent weights (H, H) of each gate."""
    bias = weights["lstm.bias_ih_l0"] + weights["lstm.bias_hh_l0"]
    table = weights["embedding.weight"] @ weights["lstm.weight_ih_l0"].T + bias  # (V, 4H)
    recurrent = weights["lstm.weight_hh_l0"].T  # (H, 4H)
    constants = {"head": weights["head.weight"][:, : config.hidden].T, "bias": weights["head.bias"]}
    for gate, rows, product in zip(GATES, table.chunk(4, 1), recurrent.chunk(4, 1), strict=True):
        constants |= {f"table_{gate}": rows, f"recurrent_{gate}": product}
    arrays = {name: np.array(t.numpy(), np.float32, order="C") for name, t in constants.items()}
    return arrays | {"zero": np.array(0), "one": np.array(1)}
