"""What every exported graph has in common: a layout and constants enter, a checked model leaves."""

from collections.abc import Sequence
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from tweetscore.scoring.graphs import Graph, Node, Value
from tweetscore.training.classifier import NetworkConfig

OPSET, IR_VERSION = 17, 8  # old enough for every onnxruntime that pyproject.toml allows


def finished_model(
    config: NetworkConfig, layout: Graph, arrays: dict[str, NDArray[Any]]
) -> onnx.ModelProto:
    """Return a layout with its constants as a checked model."""
    onnx_model = helper.make_model(
        _graph("tweetscore", layout, arrays),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="tweetscore",
    )
    helper.set_model_props(onnx_model, {"vocabulary_size": str(config.vocabulary_size)})
    onnx.checker.check_model(onnx_model, full_check=True)
    return onnx_model


def _graph(name: str, layout: Graph, arrays: dict[str, NDArray[Any]]) -> onnx.GraphProto:
    return helper.make_graph(
        list(map(_node, layout.nodes)),
        name,
        _values(layout.inputs),
        _values(layout.outputs),
        [numpy_helper.from_array(array, each) for each, array in arrays.items()],
    )


def _node(node: Node) -> onnx.NodeProto:
    attributes = {"body": _graph("step", node.body, {})} if node.body else {}
    return helper.make_node(node.op, list(node.inputs), list(node.outputs), **attributes)


def _values(values: Sequence[Value]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(v.name, v.kind, list(v.shape)) for v in values]
