"""The classifier and its graph against a hand-written LSTM, and the gate between them."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import numpy_helper

from tweetscore.errors import TweetscoreError
from tweetscore.scoring.network import Network
from tweetscore.training.classifier import NetworkConfig
from tweetscore.training.export import TOLERANCE, check_parity
from tweetscore.training.lstm import LstmClassifier

VOCABULARY_SIZE = 30
FORMS = [
    pytest.param({}, id="two classes"),
    pytest.param({"classes": 3}, id="three classes"),
    pytest.param({"counts": 2}, id="counts"),
    pytest.param({"classes": 4, "heads": 1, "counts": 2}, id="one head, four classes, counts"),
]


@pytest.fixture(scope="module", autouse=True)
def one_torch_thread() -> Iterator[None]:
    """Threads that share one small matrix wait for each other longer than they compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def classifier(seed: int = 7, **changes: Any) -> LstmClassifier:
    """A small network whose weights are large enough that every gate matters.

    Not larger: an LSTM of large recurrent weights is chaotic, and any rounding grows with the text.
    """
    torch.manual_seed(seed)
    sizes = {"vocabulary_size": VOCABULARY_SIZE, "heads": 3, "embedding_dim": 8, "hidden": 6}
    model = LstmClassifier(NetworkConfig(**(sizes | changes)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    return model.eval()


def network_of(model: LstmClassifier) -> Network:
    config = model.config
    graph = model.to_onnx().SerializeToString()
    return Network(graph, config.heads, config.classes, model.counts_weight())


def texts(model: LstmClassifier, rows: int, width: int = 50) -> tuple[NDArray[Any], ...]:
    random = np.random.default_rng(rows)
    lengths = random.integers(1, width + 1, rows, np.int32)
    ids = random.integers(0, VOCABULARY_SIZE, (rows, width), np.int32)
    ids[np.arange(width) >= lengths[:, None]] = 0
    return ids, lengths, random.normal(size=(rows, model.config.counts)).astype(np.float32)


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float64)


def by_hand(
    model: LstmClassifier, ids: NDArray[Any], lengths: NDArray[Any], counts: NDArray[Any]
) -> NDArray[np.float64]:
    """The textbook equations, text by text and word by word, in double precision."""
    weights = {name: tensor.detach().double().numpy() for name, tensor in model.named_parameters()}

    def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1 / (1 + np.exp(-x))

    logits = []
    for row, length, extra in zip(ids, lengths, counts, strict=True):
        h = c = np.zeros(model.config.hidden)
        for word in row[:length]:
            z = weights["lstm.weight_ih_l0"] @ weights["embedding.weight"][word]
            z += weights["lstm.weight_hh_l0"] @ h
            z += weights["lstm.bias_ih_l0"] + weights["lstm.bias_hh_l0"]
            i, f, g, o = np.split(z, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        logits.append(weights["head.weight"] @ np.append(h, extra) + weights["head.bias"])
    return softmax(np.array(logits).reshape(len(ids), model.config.heads, model.config.classes))


def forward(
    model: LstmClassifier, ids: NDArray[Any], lengths: NDArray[Any], counts: NDArray[Any]
) -> NDArray[Any]:
    with torch.no_grad():
        logits = model(
            torch.from_numpy(ids),
            torch.from_numpy(lengths),
            torch.from_numpy(counts) if model.config.counts else None,
        )
    return logits.numpy()  # type: ignore[no-any-return]  # torch does not type it


@pytest.mark.parametrize("form", FORMS)
def test_classifier_is_the_lstm_of_the_textbook(form: dict[str, int]) -> None:
    model = classifier(**form)
    ids, lengths, counts = texts(model, 40)
    found = softmax(forward(model, ids, lengths, counts))
    np.testing.assert_allclose(found, by_hand(model, ids, lengths, counts), atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_graph_is_the_lstm_of_the_textbook(form: dict[str, int]) -> None:
    model = classifier(**form)
    ids, lengths, counts = texts(model, 40)
    lengths[:3] = 1, 2, 50
    found = network_of(model).probabilities(ids, lengths, counts if model.config.counts else None)
    np.testing.assert_allclose(found, by_hand(model, ids, lengths, counts), atol=1e-6)


def test_logits_do_not_depend_on_the_padding() -> None:
    model = classifier()
    ids, lengths, counts = texts(model, 40, width=20)
    garbage = np.random.default_rng(0).integers(1, VOCABULARY_SIZE, (40, 50), np.int32)
    past_the_end = np.arange(50) >= lengths[:, None]
    wide = np.where(past_the_end, garbage, np.pad(ids, ((0, 0), (0, 30))))
    found = forward(model, wide, lengths, counts)
    np.testing.assert_allclose(found, forward(model, ids, lengths, counts), atol=1e-6)


def test_ids_of_32_and_64_bits_give_the_same_logits() -> None:
    model = classifier()
    ids, lengths, counts = texts(model, 5)
    long = forward(model, ids.astype(np.int64), lengths.astype(np.int64), counts)
    np.testing.assert_array_equal(long, forward(model, ids, lengths, counts))


@pytest.mark.slow
def test_vectors_start_the_embedding_and_training_moves_all_but_its_padding() -> None:
    vectors = torch.randn(VOCABULARY_SIZE, 8)
    config = NetworkConfig(VOCABULARY_SIZE, heads=1, embedding_dim=8, hidden=6)
    model = LstmClassifier(config, vectors)
    np.testing.assert_array_equal(model.embedding.weight[1:].detach(), vectors[1:])
    assert not model.embedding.weight[0].any()
    model(torch.tensor([[3, 0, 4], [5, 0, 0]]), torch.tensor([3, 1])).sum().backward()
    gradient = model.embedding.weight.grad
    assert gradient is not None
    assert gradient.any(dim=1).nonzero().flatten().tolist() == [3, 4, 5]


def test_vectors_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1, 8\), the config says \(30, 8\)"):
        LstmClassifier(NetworkConfig(30, heads=1, embedding_dim=8), torch.zeros(1, 8))


@pytest.mark.parametrize("counts", [0, 2])
def test_classifier_takes_counts_exactly_when_its_config_has_them(counts: int) -> None:
    model = classifier(counts=counts)
    given = None if counts else torch.zeros(1, 2)
    with pytest.raises(ValueError, match="exactly when"):
        model(torch.tensor([[1]]), torch.tensor([1]), given)


def test_graph_holds_standard_operators_and_a_table_only() -> None:
    graph = classifier(embedding_dim=300).to_onnx().graph
    (loop,) = [node for node in graph.node if node.op_type == "Loop"]
    body = next(attribute.g for attribute in loop.attribute if attribute.name == "body")
    assert {node.domain for node in [*graph.node, *body.node]} == {""}
    shapes = {constant.name: tuple(constant.dims) for constant in graph.initializer}
    assert {shapes[f"table_{gate}"] for gate in "ifgo"} == {(VOCABULARY_SIZE, 6)}
    assert (VOCABULARY_SIZE, 300) not in shapes.values()


def test_the_same_weights_give_the_same_bytes() -> None:
    first, second = (classifier().to_onnx().SerializeToString() for _ in range(2))
    assert first == second


def test_weights_of_half_precision_export(tmp_path: Path) -> None:
    model = classifier().half()
    onnx.save(model.to_onnx(), tmp_path / "model.onnx")
    ids, lengths, counts = texts(model, 10)
    found = Network(tmp_path / "model.onnx", 3, 2).probabilities(ids, lengths)
    np.testing.assert_allclose(found, by_hand(model, ids, lengths, counts), atol=1e-6)


@pytest.mark.parametrize(
    "form",
    [
        FORMS[0],
        *(pytest.param(each.values[0], id=each.id, marks=pytest.mark.slow) for each in FORMS[1:]),
    ],
)
def test_gate_passes_a_true_graph_and_returns_the_difference(form: dict[str, int]) -> None:
    model = classifier(**form)
    parity = check_parity(model, model.to_onnx(), VOCABULARY_SIZE, seed=1)
    assert 0 < parity.graph <= TOLERANCE
    assert 0 < parity.float32 <= TOLERANCE


@examples(5)
@given(
    weights_seed=st.integers(0, 2**32),
    texts_seed=st.integers(0, 2**32),
    classes=st.integers(2, 4),
    heads=st.integers(1, 7),
    hidden=st.integers(1, 20),
    counts=st.sampled_from([0, 2]),
)
@pytest.mark.slow
def test_gate_passes_whatever_the_weights_and_sizes(
    weights_seed: int, texts_seed: int, classes: int, heads: int, hidden: int, counts: int
) -> None:
    model = classifier(weights_seed, classes=classes, heads=heads, hidden=hidden, counts=counts)
    check_parity(model, model.to_onnx(), VOCABULARY_SIZE, texts_seed)


def test_gate_leaves_a_model_in_training_as_it_was() -> None:
    model = classifier().train()
    before = copy.deepcopy(model.state_dict())
    check_parity(model, model.to_onnx(), VOCABULARY_SIZE, seed=1)
    assert model.training
    after = model.state_dict()
    assert after.keys() == before.keys()
    for name, weights in before.items():
        np.testing.assert_array_equal(after[name], weights)


def changed(onnx_model: onnx.ModelProto, name: str, times: float) -> onnx.ModelProto:
    result = copy.deepcopy(onnx_model)
    (constant,) = [tensor for tensor in result.graph.initializer if tensor.name == name]
    constant.CopyFrom(
        numpy_helper.from_array(numpy_helper.to_array(constant) * np.float32(times), name)
    )
    return result


@pytest.mark.parametrize("kind", ["table", "recurrent"])
@pytest.mark.parametrize("gate", "ifgo")
@pytest.mark.slow
def test_gate_refuses_a_change_in_any_gate(kind: str, gate: str) -> None:
    model = classifier()
    graph = changed(model.to_onnx(), f"{kind}_{gate}", times=1.01)
    with pytest.raises(TweetscoreError, match="differs from the trained network"):
        check_parity(model, graph, VOCABULARY_SIZE, seed=1)


@pytest.mark.parametrize(
    ("times", "fact"),
    [
        (1.01, "is allowed; the model is not saved"),
        (float("nan"), "the trained network gives some text NaN or infinity; the model is not"),
    ],
)
def test_gate_refuses_a_changed_head_and_one_without_numbers(times: float, fact: str) -> None:
    model = classifier()
    graph = changed(model.to_onnx(), "head", times)
    with pytest.raises(TweetscoreError, match=fact):
        check_parity(model, graph, VOCABULARY_SIZE, seed=1)


def test_gate_refuses_the_graph_of_another_model() -> None:
    model = classifier(counts=2)
    other = copy.deepcopy(model)
    with torch.no_grad():
        dict(other.named_parameters())["lstm.weight_hh_l0"][0, 0] += 0.1
    with pytest.raises(TweetscoreError):
        check_parity(other, model.to_onnx(), VOCABULARY_SIZE, seed=1)
