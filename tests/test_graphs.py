"""A graph is held against the layout that training writes: any other one is refused unrun."""

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import helper, numpy_helper
from tiny import VOCABULARY

from tweetscore.errors import InputError, IntegrityError
from tweetscore.scoring.graphs import check_graph, check_sizes
from tweetscore.scoring.network import Network
from tweetscore.store.database import shipped
from tweetscore.text.vocabulary import Vocabulary
from tweetscore.training.classifier import NetworkConfig
from tweetscore.training.network import NETWORK

Change = Callable[[onnx.ModelProto], None]
WORDS, OUTPUTS = len(VOCABULARY), 6


def model_of() -> onnx.ModelProto:
    config = NetworkConfig(WORDS, heads=3, classes=2, embedding_dim=5, hidden=4)
    return NETWORK(config).to_onnx()


def refusal(path: Path, model: onnx.ModelProto) -> str:
    path.write_bytes(model.SerializeToString())
    with pytest.raises(IntegrityError) as error:
        check_graph(path, WORDS, OUTPUTS)
    return str(error.value)


def test_what_training_writes_has_the_layout(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(model_of().SerializeToString())
    check_graph(path, WORDS, OUTPUTS)
    for words, outputs in ((WORDS + 1, OUTPUTS), (WORDS, OUTPUTS - 1)):
        with pytest.raises(IntegrityError, match=r"model\.onnx: is no graph of tweetscore \("):
            check_graph(path, words, outputs)


def test_the_shipped_graphs_have_the_layout() -> None:
    folder = shipped("models") / "reference"
    words = len(Vocabulary.load(folder / "vocabulary.txt"))
    check_graph(folder / "model.onnx", words, 7 * 2)


def endless(model: onnx.ModelProto) -> None:
    (one,) = [each for each in model.graph.initializer if each.name == "one"]
    one.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(one) - 2**62, "one"))


def outside(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def inside_the_loop(model: onnx.ModelProto) -> None:
    (loop,) = [each for each in model.graph.node if each.op_type == "Loop"]
    loop.attribute[0].g.node[0].op_type = "Not"


CHANGES: dict[str, Change] = {
    "'Not' stands where Sigmoid makes i": lambda model: setattr(
        model.graph.node[0], "op_type", "Not"
    ),
    "'Not' stands where Identity makes still_on": inside_the_loop,
    "'one' is () of type 7 (-4611686018427387903), not () of type 7 (1)": endless,
    "it keeps weights in another file": outside,
    "it has 15 nodes, not 14": lambda model: model.graph.node.append(
        helper.make_node("Identity", ["logits"], ["more"])
    ),
    "'head' is there twice": lambda model: model.graph.initializer.append(
        model.graph.initializer[0]
    ),
    "it uses operators of 'ai.onnx.ml'": lambda model: model.opset_import.append(
        helper.make_opsetid("ai.onnx.ml", 3)
    ),
    "the attribute 'alpha' is unknown": lambda model: model.graph.node[-1].attribute.append(
        helper.make_attribute("alpha", 2.0)
    ),
    f"vocabulary_size is not {WORDS}": lambda model: helper.set_model_props(
        model, {"vocabulary_size": "many"}
    ),
    "field 25 of the model is unknown": lambda model: model.functions.append(
        onnx.FunctionProto(name="f")
    ),
}


@pytest.mark.parametrize("fact", CHANGES)
def test_another_graph_is_refused_with_what_differs(tmp_path: Path, fact: str) -> None:
    model = model_of()
    CHANGES[fact](model)
    assert f"is no graph of tweetscore ({fact})" in refusal(tmp_path / "model.onnx", model)


def test_a_graph_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path, content = tmp_path / "model.onnx", model_of().SerializeToString()
    for length in range(0, len(content), 61):
        path.write_bytes(content[:length])
        with pytest.raises(IntegrityError, match="is no graph of tweetscore"):
            check_graph(path, WORDS, OUTPUTS)


def test_a_network_too_large_to_load_is_refused_before_it_is_trained() -> None:
    check_sizes(10_000, 1_024, 14)
    for sizes in ((200_000, 128, 14), (100, 5_000, 14), (100, 8, 1_001)):
        with pytest.raises(InputError, match="choose a smaller --hidden"):
            check_sizes(*sizes)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_text_without_a_probability_is_refused(number: float) -> None:
    import numpy as np

    model = model_of()
    (bias,) = [each for each in model.graph.initializer if each.name == "bias"]
    values = numpy_helper.to_array(bias).copy()
    values[3] = number
    bias.CopyFrom(numpy_helper.from_array(values, "bias"))
    network = Network(model.SerializeToString(), 3, 2)
    with pytest.raises(IntegrityError, match="gives a text no probability but NaN or infinity"):
        network.probabilities(np.array([[2, 3]], np.int32), np.array([2], np.int32))
