"""Scoring many texts at once gives each text what it would have got alone."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from onnx import TensorProto, helper

from tweetscore.errors import InputError, IntegrityError
from tweetscore.scoring import network as network_module
from tweetscore.scoring.network import BATCH_ROWS, CUDA, CUDA_BATCH_ROWS, KEY_MULTIPLIER, Network
from tweetscore.training.classifier import NetworkConfig
from tweetscore.training.lstm import LstmClassifier

VOCABULARY_SIZE = 20


def classifier(counts: int = 0) -> LstmClassifier:
    torch.manual_seed(3)
    config = NetworkConfig(VOCABULARY_SIZE, 2, 3, embedding_dim=8, hidden=6, counts=counts)
    model = LstmClassifier(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    return model


@pytest.fixture(scope="module")
def graph() -> bytes:
    return bytes(classifier().to_onnx().SerializeToString())


@pytest.fixture(scope="module")
def network(graph: bytes) -> Network:
    return Network(graph, heads=2, classes=3)


@pytest.fixture(scope="module")
def network_with_counts() -> Network:
    model = classifier(counts=2)
    return Network(model.to_onnx().SerializeToString(), 2, 3, model.counts_weight())


def texts(rows: int, width: int = 12) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    random = np.random.default_rng(rows)
    lengths = random.integers(1, width + 1, rows, np.int32)
    ids = random.integers(0, VOCABULARY_SIZE, (rows, width), np.int32)
    ids[np.arange(width) >= lengths[:, None]] = 0
    return ids, lengths


def test_each_text_gets_what_it_gets_alone(network: Network) -> None:
    ids, lengths = texts(700)
    together = network.probabilities(ids, lengths)
    alone = [network.probabilities(ids[[row]], lengths[[row]])[0] for row in range(0, 700, 7)]
    assert together.shape == (700, 2, 3)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together[::7], alone, atol=1e-6)
    np.testing.assert_allclose(together.sum(axis=2), 1, atol=1e-6)
    assert np.ptp(together[:, 0, 0]) > 0.3  # the texts do differ


def test_results_follow_the_order_of_the_rows(network: Network) -> None:
    ids, lengths = texts(700)
    order = np.random.default_rng(0).permutation(700)
    shuffled = network.probabilities(ids[order], lengths[order])
    np.testing.assert_allclose(shuffled, network.probabilities(ids, lengths)[order], atol=1e-6)


def test_copies_of_a_text_get_the_very_same_probabilities(network: Network) -> None:
    ids, lengths = texts(100)
    drawn = np.random.default_rng(0).integers(0, 100, 2000)
    found = network.probabilities(ids[drawn], lengths[drawn])
    _, first, place = np.unique(drawn, return_index=True, return_inverse=True)
    np.testing.assert_array_equal(found, found[first][place])
    np.testing.assert_allclose(found, network.probabilities(ids, lengths)[drawn], atol=1e-6)


def test_a_text_ending_in_the_padding_id_is_not_its_shorter_neighbour(network: Network) -> None:
    ids = np.array([[5, 0, 0], [5, 0, 0], [5, 0, 0]], np.int32)
    lengths = np.array([1, 2, 3], np.int32)
    found = network.probabilities(ids, lengths)
    assert len(np.unique(found[:, 0, 0])) == 3


def test_copies_with_other_counts_differ_only_by_the_counts(network_with_counts: Network) -> None:
    ids, lengths = (np.repeat(part, 5, axis=0) for part in texts(60))
    counts = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
    model = classifier(counts=2).eval()
    with torch.no_grad():
        logits = model(*(torch.from_numpy(part) for part in (ids, lengths, counts)))
    found = network_with_counts.probabilities(ids, lengths, counts)
    np.testing.assert_allclose(found, logits.softmax(dim=2).numpy(), atol=1e-6)
    assert (found[0] != found[1]).all()


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_threads_changes_nothing(graph: bytes, threads: int) -> None:
    ids, lengths = texts(1500)
    found = Network(graph, 2, 3, threads=threads).probabilities(ids, lengths)
    np.testing.assert_array_equal(found, Network(graph, 2, 3).probabilities(ids, lengths))


@pytest.mark.skipif(CUDA in onnxruntime.get_available_providers(), reason="there is CUDA here")
def test_without_cuda_auto_is_the_cpu_and_asking_for_cuda_is_refused(graph: bytes) -> None:
    ids, lengths = texts(90)
    found = Network(graph, 2, 3, device="auto").probabilities(ids, lengths)
    np.testing.assert_array_equal(
        found, Network(graph, 2, 3, device="cpu").probabilities(ids, lengths)
    )
    with pytest.raises(InputError) as refusal:
        Network(graph, 2, 3, device="cuda")
    assert str(refusal.value) == (
        f"--device cuda: onnxruntime {onnxruntime.__version__} is built without CUDA; "
        "pip uninstall onnxruntime and pip install onnxruntime-gpu, or leave --device out"
    )


def test_a_path_and_its_bytes_are_the_same_network(
    graph: bytes, network: Network, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(graph)
    ids, lengths = texts(30)
    found = Network(path, 2, 3).probabilities(ids, lengths)
    np.testing.assert_array_equal(found, network.probabilities(ids, lengths))


def test_other_memory_layouts_and_integer_types_change_nothing(network: Network) -> None:
    ids, lengths = texts(90)
    column_major = np.asfortranarray(ids.astype(np.int64))
    found = network.probabilities(column_major, lengths.astype(np.int16))
    np.testing.assert_array_equal(found, network.probabilities(ids, lengths))


def test_no_rows_give_no_rows(network: Network, network_with_counts: Network) -> None:
    ids, lengths = np.empty((0, 50), np.int32), np.empty(0, np.int32)
    assert network.probabilities(ids, lengths).shape == (0, 2, 3)
    counts = np.empty((0, 2), np.float32)
    assert network_with_counts.probabilities(ids, lengths, counts).shape == (0, 2, 3)


@pytest.mark.parametrize(
    ("ids", "lengths", "fact"),
    [
        ([[1, -1]], [2], "every id must be 0 to 19"),
        ([[1, 20]], [2], "every id must be 0 to 19"),
        ([[1, 2], [0, 0]], [2, 0], "every length must be 1 to 2; skip texts without tokens"),
        ([[1, 2]], [3], "every length must be 1 to 2"),
        ([[]], [1], "every length must be 1 to 0"),
        ([[1, 2]], [1, 1], "not \\(N, T\\) and \\(N,\\)"),
        ([1, 2], [1, 1], "not \\(N, T\\) and \\(N,\\)"),
        ([[1, 2]], [1.0], "must be integers"),
        ([[1.0, 2.0]], [1], "must be integers"),
    ],
)
def test_rows_that_would_score_wrongly_in_silence_are_refused(
    network: Network, ids: list[Any], lengths: list[Any], fact: str
) -> None:
    array = np.array(ids) if ids != [[]] else np.empty((1, 0), np.int32)
    with pytest.raises(ValueError, match=fact):
        network.probabilities(array, np.array(lengths))


@pytest.mark.parametrize(
    ("counts", "fact"),
    [
        (None, "exactly when"),
        ([[0.0, float("nan")]], "finite"),
        ([[float("inf"), 0.0]], "finite"),
        ([[0.0]], "not \\(1, 2\\)"),
        ([0.0, 0.0], "not \\(1, 2\\)"),
    ],
)
def test_counts_that_cannot_be_used_are_refused(
    network_with_counts: Network, counts: list[Any] | None, fact: str
) -> None:
    ids, lengths = texts(1)
    given = None if counts is None else np.array(counts)
    with pytest.raises(ValueError, match=fact):
        network_with_counts.probabilities(ids, lengths, given)


def test_counts_for_a_model_without_them_are_refused(network: Network) -> None:
    with pytest.raises(ValueError, match="exactly when"):
        network.probabilities(*texts(1), np.zeros((1, 2)))


def test_weights_of_counts_for_another_head_are_refused(graph: bytes) -> None:
    with pytest.raises(ValueError, match="counts_weight"):
        Network(graph, 2, 3, np.zeros((3, 2, 2)))


def test_a_graph_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"nowhere\.onnx: onnxruntime .* cannot load it"):
        Network(tmp_path / "nowhere.onnx", 2, 3)
    with pytest.raises(IntegrityError, match=r"the graph: onnxruntime .* cannot load it"):
        Network(b"not a graph", 2, 3)


def test_a_graph_of_other_heads_or_another_maker_is_refused(graph: bytes) -> None:
    with pytest.raises(IntegrityError, match="not a tweetscore graph of 7 heads with 2 classes"):
        Network(graph, 7, 2)
    foreign = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "foreign",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["B", 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", 6])],
    )
    model = helper.make_model(foreign, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    with pytest.raises(IntegrityError, match="not a tweetscore graph"):
        Network(model.SerializeToString(), 2, 3)


@given(hnp.arrays(np.int32, st.tuples(st.integers(1, 60), st.just(3)), elements=st.integers(0, 2)))
def test_distinct_rows_put_in_their_places_are_all_rows_again(ids: NDArray[np.int32]) -> None:
    lengths = 1 + (ids[:, 0] % 2)
    rows, place = network_module._distinct(ids, lengths)
    np.testing.assert_array_equal(ids[rows][place], ids)
    assert len(rows) == len(np.unique(ids, axis=0))


def test_texts_whose_keys_collide_stay_apart() -> None:
    ids = np.array([[KEY_MULTIPLIER, 0], [0, 1], [KEY_MULTIPLIER, 0], [7, 7]])
    rows, place = network_module._distinct(ids, np.full(4, 2))
    np.testing.assert_array_equal(ids[rows][place], ids)
    assert len(rows) == 3


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=1500),
    st.sampled_from([1, BATCH_ROWS, CUDA_BATCH_ROWS]),
)
def test_batches_hold_every_text_once_by_length_longest_first(
    lengths: list[int], batch_rows: int
) -> None:
    array = np.array(lengths)
    batches = network_module._batches(array, batch_rows)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert all(1 <= len(batch) <= batch_rows for batch in batches)
    found = [set(array[batch].tolist()) for batch in batches]
    assert all(len(kinds) == 1 for kinds in found)
    assert [kinds.pop() for kinds in found] == sorted((array[b[0]] for b in batches), reverse=True)


@pytest.mark.slow
def test_scoring_reaches_no_torch_and_no_onnx() -> None:
    code = (
        "import sys, tweetscore.scoring.network, tweetscore.scoring.bundle\n"
        "print(sorted({'torch', 'onnx', 'gensim'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
