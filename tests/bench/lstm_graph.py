"""Write the graph that ours is held against: the same weights in onnxruntime's own LSTM."""

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from tweetscore.training.lstm import LstmClassifier


def lstm_graph(model: LstmClassifier, *, padded: bool) -> bytes:
    """Build the graph: ids (T, B) enter, probabilities (B, heads, classes) leave.

    With ``padded`` it computes every step and reads the state where ``last`` (B,) says, as an
    export of the study's network does; else all texts of a batch are T tokens long.
    """
    config = model.config
    weights = {name: tensor.detach().cpu() for name, tensor in model.named_parameters()}

    def reordered(name: str) -> npt.NDArray[np.float32]:
        i, f, g, o = weights[name].chunk(4, 0)  # torch's order of the gates; ONNX has i, o, f, c
        return np.concatenate([i, o, f, g])[None]

    constants = {
        "embedding": weights["embedding.weight"].numpy(),
        "W": reordered("lstm.weight_ih_l0"),
        "R": reordered("lstm.weight_hh_l0"),
        "B": np.concatenate([reordered("lstm.bias_ih_l0"), reordered("lstm.bias_hh_l0")], axis=1),
        "head": weights["head.weight"].numpy().T.copy(),
        "bias": weights["head.bias"].numpy(),
        "heads": np.array([0, config.heads, config.classes]),
        "flat": np.array([-1, config.hidden]),
    }
    outputs = ["Y", ""] if padded else ["", "Y_h"]
    nodes = [
        helper.make_node("Gather", ["embedding", "ids"], ["x"]),  # (T, B, E)
        helper.make_node("LSTM", ["x", "W", "R", "B"], outputs, hidden_size=config.hidden),
        helper.make_node("Reshape", [outputs[0] or "Y_h", "flat"], ["states"]),  # (T * B, H)
        *([helper.make_node("Gather", ["states", "last"], ["state"])] if padded else []),
        helper.make_node("Gemm", ["state" if padded else "states", "head", "bias"], ["logits"]),
        helper.make_node("Reshape", ["logits", "heads"], ["by_head"]),
        helper.make_node("Softmax", ["by_head"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "lstm",
        [
            helper.make_tensor_value_info("ids", TensorProto.INT32, ["T", "B"]),
            *([helper.make_tensor_value_info("last", TensorProto.INT64, ["B"])] if padded else []),
        ],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    found: onnx.ModelProto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    return bytes(found.SerializeToString())
