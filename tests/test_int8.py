"""Scores in int8: the arithmetic is the promised one, the card names its drift, rows stay apart."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from typer.testing import CliRunner

from tweetscore.cli.app import app
from tweetscore.sample.write import write_sample
from tweetscore.scoring.bundle import load_bundle
from tweetscore.scoring.graphs import Precision
from tweetscore.scoring.network import Network
from tweetscore.store.database import Store, open_store
from tweetscore.training.card import worded_drift
from tweetscore.training.classifier import NetworkConfig
from tweetscore.training.export import Drift, Texts, measure_drift, random_texts
from tweetscore.training.features import prepare_market
from tweetscore.training.lstm import LstmClassifier
from tweetscore.training.options import TrainingOptions

pytestmark = pytest.mark.slow

VOCABULARY_SIZE, HIDDEN = 30, 6
EDGE = 1e-3  # of a step
PRECISIONS: tuple[Precision, ...] = ("float32", "int8")


def classifier(**changes: int) -> LstmClassifier:
    torch.manual_seed(7)
    sizes = {"vocabulary_size": VOCABULARY_SIZE, "heads": 3, "embedding_dim": 8, "hidden": HIDDEN}
    model = LstmClassifier(NetworkConfig(**(sizes | changes))).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return model


def network_of(model: LstmClassifier, precision: Precision) -> Network:
    config, graph = model.config, model.to_onnx(precision).SerializeToString()
    return Network(graph, config.heads, config.classes, model.counts_weight())


def texts(model: LstmClassifier, rows: int, width: int = 12) -> Texts:
    random = np.random.default_rng(rows)
    lengths = random.integers(1, width + 1, rows, np.int32)
    ids = random.integers(0, VOCABULARY_SIZE, (rows, width), np.int32)
    counts = model.config.counts
    return ids, lengths, random.normal(size=(rows, counts)) if counts else None


def softmax(logits: NDArray[Any]) -> NDArray[Any]:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def in_whole_numbers(
    model: LstmClassifier, ids: NDArray[Any], lengths: NDArray[Any], counts: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The arithmetic of int8, word by word; and how near a state of each text came to an edge.

    On the edge between two steps the last bit of a state decides: neither side is wrong.
    """
    weights = {name: tensor.detach().double().numpy() for name, tensor in model.named_parameters()}
    table = weights["embedding.weight"] @ weights["lstm.weight_ih_l0"].T
    table += weights["lstm.bias_ih_l0"] + weights["lstm.bias_hh_l0"]
    table = table.astype(np.float16).astype(float)
    step = np.abs(weights["lstm.weight_hh_l0"]).max(axis=1) / 63  # (4H,) of each unit of each gate
    recurrent = np.rint(weights["lstm.weight_hh_l0"] / np.maximum(step, 1e-30)[:, None])

    def sigmoid(x: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(1 / (1 + np.exp(-x)))

    logits, nearest = [], []
    for place, (row, length) in enumerate(zip(ids, lengths, strict=True)):
        h = c = np.zeros(model.config.hidden)
        near = 1.0
        for word in row[:length]:
            near = min(near, float(np.abs(127 * h % 1 - 0.5).min()))
            i, f, g, o = np.split(table[word] + recurrent @ np.rint(127 * h) * step / 127, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        features = h if counts is None else np.append(h, counts[place])
        logits.append(weights["head.weight"] @ features + weights["head.bias"])
        nearest.append(near)
    config = model.config
    return softmax(np.array(logits).reshape(-1, config.heads, config.classes)), np.array(nearest)


@pytest.mark.parametrize("changes", [{}, {"classes": 3, "counts": 2}])
def test_the_graph_multiplies_whole_numbers(changes: dict[str, int]) -> None:
    model = classifier(**changes)
    ids, lengths, counts = texts(model, 200)
    expected, nearest = in_whole_numbers(model, ids, lengths, counts)
    clear = nearest > EDGE
    found = network_of(model, "int8").probabilities(ids, lengths, counts)
    assert clear.sum() > 150
    np.testing.assert_allclose(found[clear], expected[clear], atol=1e-6)
    exact = network_of(model, "float32").probabilities(ids, lengths, counts)
    assert 1e-4 < np.abs(found - exact).max() < 0.05  # they are others, and near


@pytest.mark.filterwarnings("error")
def test_weights_that_are_all_zero_have_steps_too() -> None:
    model = classifier()
    with torch.no_grad():
        dict(model.named_parameters())["lstm.weight_hh_l0"].zero_()
    ids, lengths, _ = texts(model, 50)
    expected, _ = in_whole_numbers(model, ids, lengths, None)
    found = network_of(model, "int8").probabilities(ids, lengths)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_two_products_fit_in_16_bits() -> None:
    constants = classifier().to_onnx("int8").graph.initializer
    arrays = {each.name: numpy_helper.to_array(each) for each in constants}
    largest = max(int(np.abs(arrays[f"recurrent_{gate}"].astype(int)).max()) for gate in "ifgo")
    assert 2 * 255 * largest < 2**15
    assert largest == 63


def test_a_score_does_not_depend_on_the_texts_beside_it() -> None:
    model = classifier()
    network = network_of(model, "int8")
    ids, lengths, _ = texts(model, 300)
    together = network.probabilities(ids, lengths)
    alone = [network.probabilities(ids[[row]], lengths[[row]])[0] for row in range(0, 300, 5)]
    np.testing.assert_allclose(together[::5], alone, atol=1e-6)


def test_the_file_is_half_as_large() -> None:
    model = classifier(vocabulary_size=3_000, embedding_dim=64, hidden=32)
    sizes = {each: len(model.to_onnx(each).SerializeToString()) for each in PRECISIONS}
    assert sizes["int8"] < 0.55 * sizes["float32"]


def test_drift_is_over_all_texts_and_none_between_a_graph_and_itself() -> None:
    model = classifier()
    graph = model.to_onnx()
    some = [texts(model, 20), texts(model, 30)]
    assert measure_drift(model, graph, graph, some) == Drift(50, 0, 0, 0)
    other = classifier()
    with torch.no_grad():
        other.head.weight[:2].neg_()
        other.head.bias[:2].neg_()
    # Negated logits swap the classes of the first of three heads: a probability becomes the other.
    found = measure_drift(model, graph, other.to_onnx(), some)
    p = np.concatenate([network_of(model, "float32").probabilities(*each) for each in some])
    moved = np.abs(p[..., 1] - p[..., 0]) * [1, 0, 0]
    assert found.flipped == 1
    assert (found.largest, found.mean) == pytest.approx((moved.max(), moved.mean()), abs=1e-6)


# --- a trained bundle -----------------------------------------------------------------------------


def invoke(*arguments: object) -> Any:
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, (result.stderr, result.exception)
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Any]:
    """A database, the bundle trained on it, and what training printed."""
    folder = tmp_path_factory.mktemp("trained")
    db, model = folder / "tweetscore.duckdb", folder / "model"
    made = write_sample(folder, posts=700, days=60)
    invoke("ingest", made.archive, made.bars, "--db", db)
    printed = invoke(
        "train", "--interval", 5, "--interval", 30, "--vectors", "random", "--epochs", 3,
        "--embedding-dim", 8, "--hidden", 8, "--learning-rate", 0.05,
        "--output", model, "--log-dir", folder / "runs", "--db", db,
    )  # fmt: skip
    return db, model, printed


def one_by_one(graph: Path, ids: NDArray[Any], lengths: NDArray[Any]) -> NDArray[Any]:
    """Probabilities (N, heads, 2) straight from onnxruntime."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    found = [
        session.run(None, {"ids": row[:length, None].astype(np.int32)})[0][0].reshape(-1, 2)
        for row, length in zip(ids, lengths, strict=True)
    ]
    return softmax(np.array(found))


def test_the_card_has_the_drift_over_the_texts_of_training_and_validation(
    trained: tuple[Path, Path, Any],
) -> None:
    db, model, printed = trained
    with open_store(db) as store:
        prepared = prepare_market(store, TrainingOptions(intervals=(5, 30), vectors="random"))
    parts = [prepared.parts[name].tokens for name in ("train", "validation")]
    ids, lengths = (
        np.concatenate(each) for each in zip(*[(p.ids, p.lengths) for p in parts], strict=True)
    )
    exact, int8 = (
        one_by_one(model / name, ids, lengths)[..., 1] for name in ("model.onnx", "model.int8.onnx")
    )
    moved = np.abs(int8 - exact)
    card = load_bundle(model).card["int8_drift"]["learned"]
    assert card["texts"] == len(ids) > 50
    assert (card["largest"], card["mean"]) == pytest.approx((moved.max(), moved.mean()), abs=1e-6)
    assert card["flipped"] == ((exact > 0.5) != (int8 > 0.5)).any(axis=1).mean()
    assert card["largest"] > 1e-4
    assert printed["int8_drift"]["learned"] == card


def test_the_card_has_the_drift_over_the_texts_of_the_gate(
    trained: tuple[Path, Path, Any],
) -> None:
    bundle, int8 = (load_bundle(trained[1], each) for each in PRECISIONS)
    networks = [Network(each.onnx_path, 2, 2) for each in (bundle, int8)]
    drawn = list(random_texts(bundle.card["config"]["vocabulary_size"], 0, seed=0))
    exact, found = (np.concatenate([n.probabilities(*each) for each in drawn]) for n in networks)
    moved = np.abs(found - exact)[..., 0]
    assert bundle.card["int8_drift"]["random"] == pytest.approx(
        {
            "texts": len(exact),
            "largest": moved.max(),
            "mean": moved.mean(),
            "flipped": (exact.argmax(2) != found.argmax(2)).any(axis=1).mean(),
        },
        abs=1e-6,
    )


def test_the_readme_of_the_bundle_has_drift_and_device_in_words(
    trained: tuple[Path, Path, Any],
) -> None:
    readme = " ".join((trained[1] / "README.md").read_text("utf-8").split())
    card = load_bundle(trained[1]).card
    assert (
        f"Over the texts of training and validation {worded_drift(card['int8_drift']['learned'])}"
        in readme
    )
    assert f"over random texts {worded_drift(card['int8_drift']['random'])}" in readme
    assert f"seed 0; trained on {card['training']['device']}." in readme
    drift = {"texts": 1_256, "largest": 0.0123, "mean": 0.000456, "flipped": 0.0215}
    assert worded_drift(drift) == (
        "a probability moves by up to 1.2e-02, 4.6e-04 on average, and 2.15% of 1,256 texts get "
        "another class at some interval"
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_without_cuda_training_by_default_is_on_the_cpu(trained: tuple[Path, Path, Any]) -> None:
    _, model, printed = trained
    assert printed["device"] == load_bundle(model).card["training"]["device"] == "cpu"


def predictions(store: Store, model: str) -> dict[Any, float]:
    rows = store.rows(
        "SELECT tweet_id, interval_minutes, probability_up FROM scored WHERE model = $model",
        model=model,
    )
    return {(tweet, minutes): p for tweet, minutes, p in rows}


def test_scores_in_both_precisions_live_in_one_database(trained: tuple[Path, Path, Any]) -> None:
    db, model, _ = trained
    int8 = invoke("score", "--model", model, "--precision", "int8", "--db", db)
    exact = invoke("score", "--model", model, "--db", db)
    assert (exact["model"], int8["model"]) == ("model", "model (int8)")
    assert exact["model_id"] == load_bundle(model).model_id != int8["model_id"]
    assert exact["scored"] == int8["scored"] > 600
    again = invoke("score", "--model", model, "--precision", "int8", "--db", db)
    assert again["scored"] == 0
    with open_store(db, read_only=True) as store:
        one, other = (predictions(store, name) for name in ("model", "model (int8)"))
    assert one.keys() == other.keys()
    assert len(one) == 2 * exact["scored"]
    moved = np.abs([one[key] - other[key] for key in one])
    drift = load_bundle(model).card["int8_drift"]
    assert 0 < moved.max() < 2 * max(each["largest"] for each in drift.values())
    found = invoke("evaluate", "--db", db)["figures"]
    assert [each["model"] for each in found] == ["model"] * 2 + ["model (int8)"] * 2
    (figures, _) = invoke("evaluate", "--model", "model (int8)", "--db", db)["figures"]
    assert figures == found[2]
    hits = invoke("query", "--file", "hit_rate", "--db", db)
    assert {each["model"] for each in hits} == {"model", "model (int8)"}
