"""Text classifiers of other programs: every convention gives the probabilities made by hand."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tweetscore.errors import InputError, TweetscoreError
from tweetscore.market.horizons import Horizon
from tweetscore.scoring.text_folder import Reading, load_text_folder

pytest.importorskip("tokenizers", reason="needs tweetscore[onnx-text]")
onnx = pytest.importorskip("onnx", reason="makes its graphs with onnx")

from onnx import TensorProto, helper  # noqa: E402  # skipped without
from text_folders import (  # noqa: E402  # skipped without
    BERT,
    DISTILBERT,
    SENTIMENT,
    graph,
    logits,
    text_folder,
    weights,
)

TEXTS = ("stocks up great day", "sad", "tariffs down sad day", "Up UP nobody knows", "up " * 40)


def scored(folder: Path, texts: tuple[str, ...] = TEXTS, **reading: Any) -> Any:
    """Return the probabilities of some texts: (texts, classes)."""
    predictor = load_text_folder(folder, Reading(**reading)).load(threads=2)
    return predictor.probabilities(pl.DataFrame({"text": texts})).probabilities[:, 0]


def softmax(found: Any) -> Any:
    powers = np.exp(found - found.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def by_hand(inputs: tuple[str, ...], labels: int = 3, **given: Any) -> Any:
    return np.array([logits(each, inputs, weights(labels), **given) for each in TEXTS])


@pytest.mark.parametrize(
    ("inputs", "kind"),
    [
        (BERT, TensorProto.INT64),
        (BERT, TensorProto.INT32),
        (DISTILBERT, TensorProto.INT64),
        (("input_ids",), TensorProto.INT64),
        ((*DISTILBERT, "position_ids"), TensorProto.INT64),
    ],
)
def test_a_graph_gets_exactly_the_inputs_that_it_declares(
    tmp_path: Path, inputs: tuple[str, ...], kind: int
) -> None:
    text_folder(tmp_path, model=graph(inputs, weights(3), kind=kind), place="onnx/model.onnx")
    assert scored(tmp_path) == pytest.approx(softmax(by_hand(inputs)), abs=1e-5)


def test_a_roberta_has_two_positions_less_and_begins_behind_the_padding(tmp_path: Path) -> None:
    inputs = (*DISTILBERT, "position_ids")
    config = {"model_type": "roberta", "pad_token_id": 1}
    text_folder(tmp_path, inputs, config=config)
    wanted = softmax(by_hand(inputs, tokens=14, first_position=2))
    assert scored(tmp_path) == pytest.approx(wanted, abs=1e-5)


def test_the_shorter_of_both_lengths_cuts_a_text(tmp_path: Path) -> None:
    text_folder(tmp_path, tokenizer_config={"model_max_length": 5})
    assert scored(tmp_path) == pytest.approx(softmax(by_hand(BERT, tokens=5)), abs=1e-5)


@pytest.mark.parametrize("labels", [SENTIMENT, ("bullish",)])
def test_labels_that_hold_together_have_a_sigmoid_each(
    tmp_path: Path, labels: tuple[str, ...]
) -> None:
    text_folder(tmp_path, labels=labels, config={"problem_type": "multi_label_classification"})
    wanted = 1 / (1 + np.exp(-by_hand(BERT, len(labels))))
    if len(labels) == 1:
        wanted = np.concatenate([wanted, 1 - wanted], axis=1)
    assert scored(tmp_path) == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("config", [{"problem_type": "regression"}, {}])
def test_a_number_without_bounds_is_no_probability(tmp_path: Path, config: dict[str, str]) -> None:
    text_folder(tmp_path, labels=("score",), config=config)
    with pytest.raises(InputError, match=r"gives score as numbers without bounds \(regression\)"):
        scored(tmp_path)


def test_labels_are_read_as_a_direction_and_half_of_the_rest_is_up(tmp_path: Path) -> None:
    text_folder(tmp_path)
    negative, neutral, positive = softmax(by_hand(BERT)).T
    up = scored(tmp_path, reads_as="up=positive,down=negative", horizons=(Horizon(30),))
    assert up[:, 1] == pytest.approx(positive + neutral / 2, abs=1e-5)
    assert up.sum(axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-6)
    wide: dict[str, Any] = {
        "reads_as": "up=positive,up=neutral,down=negative",
        "horizons": (Horizon(5),),
    }
    both = scored(tmp_path, **wide)
    assert both[:, 1] == pytest.approx(1 - negative, abs=1e-5)


def test_what_a_text_gets_depends_on_no_other_text(tmp_path: Path) -> None:
    text_folder(tmp_path)
    alone = np.concatenate([scored(tmp_path, (each,)) for each in TEXTS])
    many = tuple(f"{each} {'day ' * more}" for more in range(9) for each in TEXTS)
    again = scored(tmp_path, (*many, *TEXTS, *TEXTS))
    assert np.array_equal(again[-len(TEXTS) :], alone)
    assert np.array_equal(again[len(many) : len(many) + len(TEXTS)], alone)


def test_a_text_without_letters_is_skipped_and_copies_share_a_score(tmp_path: Path) -> None:
    predictor = load_text_folder(text_folder(tmp_path), Reading()).load()
    posts = pl.DataFrame({"text": ["up", " ", "UP", "down", "", "up"]})
    found = predictor.probabilities(posts)
    assert found.rows["text"].to_list() == ["up", "UP", "down", "up"]
    assert found.skipped == {"empty_text": 2}
    first, second, other, last = found.probabilities[:, 0].tolist()
    assert first == second == last != other
    assert predictor.probabilities(posts.clear()).probabilities.shape == (0, 1, 3)


def quantised(seed: int = 0) -> Any:
    """Return the network with its head in int8, as ``quantize_dynamic`` makes it."""
    made = graph(BERT, weights(3, seed))
    (gemm,) = [each for each in made.graph.node if each.op_type == "Gemm"]
    made.graph.node.remove(gemm)
    head = {each.name: each for each in made.graph.initializer}["head"]
    values = onnx.numpy_helper.to_array(head)
    step = np.float32(abs(values).max() / 127)
    made.graph.initializer.extend(
        [
            onnx.numpy_helper.from_array(np.round(values / step).astype(np.int8), "head_steps"),
            onnx.numpy_helper.from_array(step, "head_step"),
            onnx.numpy_helper.from_array(np.int8(0), "zero"),
        ]
    )
    node = helper.make_node
    made.graph.node.extend(
        [
            node("DynamicQuantizeLinear", ["mean"], ["steps", "step", "zero_step"]),
            node("MatMulInteger", ["steps", "head_steps", "zero_step", "zero"], ["whole"]),
            node("Cast", ["whole"], ["product"], to=TensorProto.FLOAT),
            node("Mul", ["step", "head_step"], ["both"]),
            node("Mul", ["product", "both"], ["scaled"]),
            node("Add", ["scaled", "bias"], ["logits"]),
        ]
    )
    return made


def test_a_quantised_sibling_is_chosen_by_name_and_runs_each_text_by_itself(
    tmp_path: Path,
) -> None:
    text_folder(tmp_path)
    onnx.save(quantised(), str(tmp_path / "model_quantized.onnx"))
    model = load_text_folder(tmp_path, Reading("model_quantized.onnx"))
    plain = load_text_folder(tmp_path, Reading())
    assert (model.name, plain.name) == (f"{tmp_path.name} (model_quantized)", tmp_path.name)
    assert model.model_id != plain.model_id
    assert model.card["text_model"]["texts_alone"]
    alone = np.concatenate(
        [scored(tmp_path, (each,), file="model_quantized.onnx") for each in TEXTS]
    )
    together = scored(tmp_path, file="model_quantized.onnx")
    assert np.array_equal(together, alone)
    assert together == pytest.approx(scored(tmp_path), abs=0.1)


def test_weights_in_a_file_beside_the_graph_count_for_the_id(tmp_path: Path) -> None:
    text_folder(tmp_path)
    whole = scored(tmp_path)
    onnx.save(
        graph(BERT, weights(3)),
        str(tmp_path / "model.onnx"),
        save_as_external_data=True,
        location="model.onnx_data",
        size_threshold=100,
    )
    assert np.array_equal(scored(tmp_path), whole)
    first = load_text_folder(tmp_path, Reading())
    assert set(first.sha256) == {
        "config.json", "model.onnx", "model.onnx_data", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    data = bytearray((tmp_path / "model.onnx_data").read_bytes())
    data[0] ^= 1
    (tmp_path / "model.onnx_data").write_bytes(data)
    assert load_text_folder(tmp_path, Reading()).model_id != first.model_id


# --- folders that are refused ---------------------------------------------------------------------


def spoil_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def outside(folder: Path, location: str) -> None:
    """Keep the weights of the graph at another place."""
    made = graph(BERT, weights(3))
    for each in made.graph.initializer:
        if each.name == "words":
            each.data_location = TensorProto.EXTERNAL
            each.ClearField("raw_data")
            each.external_data.add(key="location", value=location)
    onnx.save(made, str(folder / "model.onnx"))


def link_outside(folder: Path) -> None:
    secret = folder.parent / "secret"
    secret.write_bytes(bytes(1_000))
    (folder / "weights").symlink_to(secret)
    outside(folder, "weights")


def loop(folder: Path) -> None:
    """Give the graph a loop without an end."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["still_on"]),
            helper.make_node("Identity", ["before"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("t", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("still_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, None),
        ],
    )
    node = helper.make_node("Loop", ["", "", "endless"], ["logits"], body=body)
    made = graph(BERT, weights(3), output="endless", extra=[node])
    made.graph.output[0].name = "logits"
    onnx.save(made, str(folder / "model.onnx"))


def with_node(folder: Path, operator: str, domain: str = "") -> None:
    node = helper.make_node(operator, ["first"], ["logits"], domain=domain)
    made = graph(BERT, weights(3), output="first", extra=[node])
    made.graph.output[0].name = "logits"
    onnx.save(made, str(folder / "model.onnx"))


def other_output(folder: Path) -> None:
    """Say another width in the config, where the graph says none."""
    made = graph(BERT, weights(3))
    made.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(made, str(folder / "model.onnx"))
    spoil_config(folder, id2label={"0": "down", "1": "up"})


def bomb(folder: Path) -> None:
    """Let the graph ask for 16 TB of zeros."""
    node = helper.make_node
    extra = [
        node("ConstantOfShape", ["size"], ["zeros"]),
        node("ReduceSum", ["zeros"], ["total"], keepdims=0),
        node("Add", ["first", "total"], ["logits"]),
    ]
    made = graph(BERT, weights(3), output="first", extra=extra)
    made.graph.initializer.append(onnx.numpy_helper.from_array(np.array([2**42]), "size"))
    made.graph.output[0].name = "logits"
    onnx.save(made, str(folder / "model.onnx"))


def few_words(folder: Path) -> None:
    """Give the graph fewer words than the tokenizer has."""
    values = weights(3)
    onnx.save(graph(BERT, values | {"words": values["words"][:2]}), str(folder / "model.onnx"))


def large_tokenizer(folder: Path) -> None:
    with (folder / "tokenizer.json").open("ab") as file:
        file.truncate(500 << 20)


def needs_pictures(folder: Path) -> None:
    made = graph(BERT, weights(3))
    made.graph.input.append(helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, None))
    onnx.save(made, str(folder / "model.onnx"))


HOSTILE: dict[str, Callable[[Path], object]] = {
    "'/etc/passwd', which its graph names, lies outside the folder": lambda folder: outside(
        folder, "/etc/passwd"
    ),
    "'../secret', which its graph names, lies outside the folder": lambda folder: outside(
        folder, "../secret"
    ),
    "weights: lies outside the folder": link_outside,
    "gone.bin is missing": lambda folder: outside(folder, "gone.bin"),
    r"loops \(Loop\), and might for ever": loop,
    r"draws random numbers \(RandomNormalLike\)": lambda folder: with_node(
        folder, "RandomNormalLike"
    ),
    "uses the custom operator 'Spy' of 'evil.com'": lambda folder: with_node(
        folder, "Spy", "evil.com"
    ),
    "uses the custom operator 'EPContext' of 'com.microsoft'": lambda folder: with_node(
        folder, "EPContext", "com.microsoft"
    ),
    "cannot run it .*ConstantOfShape": bomb,
    "cannot run it .*indices element out of data bounds": few_words,
    "tokenizer.json: is larger than 64 MB": large_tokenizer,
    "needs the input 'pixel_values', which is none of input_ids": needs_pictures,
    r"names 2 labels \(down, up\), but model.onnx gives 3 numbers of each text": lambda folder: (
        spoil_config(folder, id2label={"0": "down", "1": "up"})
    ),
    r"numbers of the shape \(2, 3\), but \(2, 2\) is wanted": other_output,
    "id2label names 2 labels, but none is number 1": lambda folder: spoil_config(
        folder, id2label={"0": "down", "2": "up"}
    ),
    "id2label has 'up' twice": lambda folder: spoil_config(folder, id2label={"0": "up", "1": "up"}),
    "id2label has a name that cannot be shown": lambda folder: spoil_config(
        folder, id2label={"0": "\x1b[31m", "1": "up"}
    ),
    "problem_type 'single' is none of single_label": lambda folder: spoil_config(
        folder, problem_type="single"
    ),
    "config.json: not readable as JSON": lambda folder: (folder / "config.json").write_bytes(
        b"[" * 100_000
    ),
    "tokenizer.json: cannot be used": lambda folder: (folder / "tokenizer.json").write_bytes(b"{}"),
    "model.onnx: it is no ONNX file, or cut off": lambda folder: (
        folder / "model.onnx"
    ).write_bytes(b"\x3a\xff\xff\x01no graph"),
    "holds no model.onnx; choose one with --file: model_int8.onnx": lambda folder: (
        folder / "model.onnx"
    ).rename(folder / "model_int8.onnx"),
    "tokenizer.json is missing": lambda folder: (folder / "tokenizer.json").unlink(),
}


@pytest.mark.parametrize("fact", HOSTILE)
def test_a_hostile_folder_is_refused_in_one_line(tmp_path: Path, fact: str) -> None:
    folder = text_folder(tmp_path / "model")
    HOSTILE[fact](folder)
    with pytest.raises(TweetscoreError, match=fact) as refused:
        scored(folder)
    assert "\n" not in str(refused.value)
    assert "; " in str(refused.value)


def test_without_tokenizers_a_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(
        InputError, match=r"needs tokenizers: pip install 'tweetscore\[onnx-text\]'"
    ):
        scored(text_folder(tmp_path))
