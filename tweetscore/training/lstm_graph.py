"""The folded ONNX graph of an LSTM classifier: its weights enter, the graph that scores leaves.

The input half of the LSTM is folded into the embedding: one row of each gate per word. Each gate
has a table and a Gemm of its own, because splitting the product of a common one copies it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import Tensor

from tweetscore.scoring.bundle import Precision
from tweetscore.training.classifier import NetworkConfig
from tweetscore.training.graph import finished_model

# Torch's order of the rows of weight_ih and weight_hh; ONNX's own LSTM would have i, o, f, c.
GATES = "ifgo"
STATE_STEPS = 127  # of int8, from 0 to the largest state, which is 1 in every LSTM
# From 0 to the largest weight of a column. Not 127: processors without VNNI add two products in 16
# bits, where 2 * 255 * 127 overflows, and the scores would depend on the processor.
WEIGHT_STEPS = 63


def folded_graph(
    config: NetworkConfig, weights: Mapping[str, Tensor], precision: Precision
) -> onnx.ModelProto:
    """Build the graph of ``Classifier.to_onnx``.

    In int8 the states and the recurrent weights are whole numbers of steps, and the table is stored
    in half precision. The steps are fixed: found anew for each batch they would be finer, but a
    text's score would depend on its neighbours.
    """
    arrays = _constants(config, weights)
    nodes = []
    if precision == "int8":
        arrays = _in_int8(arrays)
        # Constants, too: in memory the table is as wide as ever.
        nodes = [
            helper.make_node("Cast", [f"half_{gate}"], [f"table_{gate}"], to=TensorProto.FLOAT)
            for gate in GATES
        ]
    nodes += [*_first_step(), *_further_steps(config.hidden, precision)]
    return finished_model(config, nodes, arrays)


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
        "state_zero": np.array(128, np.uint8),  # a state is stored as 1 to 255
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


def _first_step() -> list[onnx.NodeProto]:
    """Return what gives the state after the first token: first_h and first_c (B, H).

    The first step starts from nothing, so its outcome depends on one word alone. Sigmoid, Tanh and
    Mul have constants as inputs: onnxruntime computes them once for the whole vocabulary when it
    loads.
    """
    node = helper.make_node
    return [
        node("Sigmoid", ["table_i"], ["i"]),
        node("Tanh", ["table_g"], ["g"]),
        node("Sigmoid", ["table_o"], ["o"]),
        node("Mul", ["i", "g"], ["c"]),
        node("Tanh", ["c"], ["squashed"]),
        node("Mul", ["o", "squashed"], ["h"]),
        node("Gather", ["ids", "zero"], ["first"]),  # (B,)
        node("Gather", ["h", "first"], ["first_h"]),  # (B, H)
        node("Gather", ["c", "first"], ["first_c"]),  # (B, H)
    ]


def _further_steps(hidden: int, precision: Precision) -> list[onnx.NodeProto]:
    """Return what goes from the state after the first token to the logits.

    A Loop, because a Scan fails on the zero further steps of a text of one token. The c that nobody
    reads has a name, because onnxruntime crashes on an output left out here.
    """
    node = helper.make_node
    return [
        node("Shape", ["ids"], ["shape"]),
        node("Gather", ["shape", "zero"], ["length"]),
        node("Sub", ["length", "one"], ["further"]),
        node(
            "Loop",
            ["further", "", "first_h", "first_c"],
            ["last_h", "last_c"],
            body=_step(hidden, precision),
        ),
        node("Gemm", ["last_h", "head", "bias"], ["logits"]),
    ]


def _step(hidden: int, precision: Precision) -> onnx.GraphProto:
    """Return the loop's body, one further token: t, go_on, h, c to go_on, h, c."""
    node, value = helper.make_node, helper.make_tensor_value_info
    nodes = [
        node("Identity", ["go_on"], ["still_on"]),
        node("Add", ["t", "one"], ["now"]),
        node("Gather", ["ids", "now"], ["tokens"]),  # (B,)
    ]
    if precision == "int8":
        nodes += [
            node("QuantizeLinear", ["h_in", "state_step", "state_zero"], ["h_steps"]),  # (B, H)
            # One, but not a constant: onnxruntime multiplies constants when it loads, and then does
            # not see that a product, its Cast and its step are one operator of its own.
            node("Cast", ["go_on"], ["unit"], to=TensorProto.FLOAT),
        ]
    for gate in GATES:
        nodes += [
            node("Gather", [f"table_{gate}", "tokens"], [f"x_{gate}"]),  # (B, H)
            *_recurrence(gate, precision),
            node("Tanh" if gate == "g" else "Sigmoid", [f"z_{gate}"], [f"gate_{gate}"]),
        ]
    nodes += [
        node("Mul", ["gate_f", "c_in"], ["kept"]),
        node("Mul", ["gate_i", "gate_g"], ["added"]),
        node("Add", ["kept", "added"], ["c_out"]),
        node("Tanh", ["c_out"], ["squashed_c"]),
        node("Mul", ["gate_o", "squashed_c"], ["h_out"]),
    ]
    state: list[str | int | None] = ["B", hidden]
    inputs = [
        value("t", TensorProto.INT64, []),
        value("go_on", TensorProto.BOOL, []),
        value("h_in", TensorProto.FLOAT, state),
        value("c_in", TensorProto.FLOAT, state),
    ]
    outputs = [
        value("still_on", TensorProto.BOOL, []),
        value("h_out", TensorProto.FLOAT, state),
        value("c_out", TensorProto.FLOAT, state),
    ]
    return helper.make_graph(nodes, "step", inputs, outputs)


def _recurrence(gate: str, precision: Precision) -> list[onnx.NodeProto]:
    """Return what makes z (B, H) of a gate: the state times its weights, and x."""
    node = helper.make_node
    if precision == "float32":
        return [node("Gemm", ["h_in", f"recurrent_{gate}", f"x_{gate}"], [f"z_{gate}"])]
    return [
        node("MatMulInteger", ["h_steps", f"recurrent_{gate}", "state_zero"], [f"steps_{gate}"]),
        node("Cast", [f"steps_{gate}"], [f"float_{gate}"], to=TensorProto.FLOAT),
        node("Mul", ["unit", f"product_step_{gate}"], [f"step_{gate}"]),
        node("Mul", [f"float_{gate}", f"step_{gate}"], [f"product_{gate}"]),
        node("Add", [f"product_{gate}", f"x_{gate}"], [f"z_{gate}"]),
    ]
