"""What every exported graph has in common: nodes and constants enter, a checked model leaves."""

from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tweetscore.training.classifier import NetworkConfig

OPSET, IR_VERSION = 17, 8  # old enough for every onnxruntime that pyproject.toml allows


def finished_model(
    config: NetworkConfig, nodes: list[onnx.NodeProto], arrays: dict[str, NDArray[Any]]
) -> onnx.ModelProto:
    """Return nodes from ``ids`` to ``logits`` and their constants as a checked model."""
    outputs = config.heads * config.classes
    graph = helper.make_graph(
        nodes,
        "tweetscore",
        [helper.make_tensor_value_info("ids", TensorProto.INT32, ["T", "B"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["B", outputs])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    onnx_model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="tweetscore",
    )
    helper.set_model_props(onnx_model, {"vocabulary_size": str(config.vocabulary_size)})
    onnx.checker.check_model(onnx_model, full_check=True)
    return onnx_model
