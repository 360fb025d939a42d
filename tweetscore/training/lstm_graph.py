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

from tweetscore.scoring.graphs import GATES, STATE_STEPS, STATE_ZERO, Precision, lstm_graph
from tweetscore.training.classifier import NetworkConfig
from tweetscore.training.graph import finished_model

# From 0 to the largest weight of a column. Not 127: processors without VNNI add two products in 16
# bits, where 2 * 255 * 127 overflows, and the scores would depend on the processor.
WEIGHT_STEPS = 63


def folded_graph(
    config: NetworkConfig, weights: Mapping[str, Tensor], precision: Precision
) -> onnx.ModelProto:
    """Build the graph of ``Classifier.to_onnx``.

    The steps of int8 are fixed: found anew for each batch they would be finer, but a text's score
    would depend on its neighbours.
    """
    arrays = _constants(config, weights)
    if precision == "int8":
        arrays = _in_int8(arrays)
    outputs = config.heads * config.classes
    layout = lstm_graph(precision, config.vocabulary_size, config.hidden, outputs)
    return finished_model(config, layout, arrays)


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


def _in_int8(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the constants with the recurrent weights in steps and the tables in half precision."""
    found: dict[str, NDArray[Any]] = {
        "state_step": np.array(1 / STATE_STEPS, np.float32),
        "state_zero": np.array(STATE_ZERO, np.uint8),
    }
    for name, array in arrays.items():
        kind, _, gate = name.partition("_")
        if kind == "recurrent":
            step = np.maximum(np.abs(array).max(axis=0) / WEIGHT_STEPS, 1e-30)  # (H,) of a column
            found[name] = np.rint(array / step).astype(np.int8)
            found[f"product_step_{gate}"] = np.array(step / STATE_STEPS, np.float32)
        elif kind == "table":
            found[f"half_{gate}"] = array.astype(np.float16)
        else:
            found[name] = array
    return found
