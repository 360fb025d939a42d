"""Small text classifiers in ONNX, made by hand in the shapes of BERT, RoBERTa and DistilBERT.

The network is one layer: an embedding, its mean over the tokens that are not masked, and a head.
It is small, and every convention of a folder shows in what it gives.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

WORDS = (
    "[PAD]",
    "[CLS]",
    "[SEP]",
    "[UNK]",
    "up",
    "down",
    "great",
    "sad",
    "stocks",
    "day",
    "tariffs",
)
PADDING, CLS, SEP, UNKNOWN = range(4)
HIDDEN, MAX_POSITIONS = 8, 16
SENTIMENT = ("negative", "neutral", "positive")
BERT = ("input_ids", "attention_mask", "token_type_ids")
DISTILBERT = ("input_ids", "attention_mask")
Array = npt.NDArray[np.float32]


def weights(labels: int, seed: int = 0) -> dict[str, Array]:
    """Return the weights of a network whose probabilities are far from even."""
    random = np.random.default_rng(seed)
    shapes = {
        "words": (len(WORDS), HIDDEN),
        "types": (2, HIDDEN),
        "positions": (MAX_POSITIONS, HIDDEN),
        "head": (HIDDEN, labels),
        "bias": (labels,),
    }
    return {name: random.normal(0, 2, shape).astype("f") for name, shape in shapes.items()}


def graph(
    inputs: Sequence[str],
    values: Mapping[str, Array],
    *,
    kind: int = TensorProto.INT64,
    extra: Sequence[onnx.NodeProto] = (),
    output: str = "logits",
    sizes: Sequence[Any] = ("batch", "sequence"),
) -> onnx.ModelProto:
    """Return the network with these inputs; without a mask every token counts."""
    node = helper.make_node
    nodes = [node("Gather", ["words", "input_ids"], ["embedded"])]
    last = "embedded"
    for name, table in (("token_type_ids", "types"), ("position_ids", "positions")):
        if name in inputs:
            nodes += [
                node("Gather", [table, name], [f"of_{name}"]),
                node("Add", [last, f"of_{name}"], [f"with_{name}"]),
            ]
            last = f"with_{name}"
    if "attention_mask" in inputs:
        nodes += [
            node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            node("Unsqueeze", ["mask", "two"], ["wide"]),
            node("Mul", [last, "wide"], ["kept"]),
            node("ReduceSum", ["kept", "one"], ["sum"], keepdims=0),
            node("ReduceSum", ["mask", "one"], ["tokens"], keepdims=1),
            node("Div", ["sum", "tokens"], ["mean"]),
        ]
    else:
        nodes.append(node("ReduceMean", [last, "one"], ["mean"], keepdims=0))
    nodes += [node("Gemm", ["mean", "head", "bias"], [output]), *extra]
    labels = values["head"].shape[1]
    made = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, kind, list(sizes)) for name in inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", labels])],
        [
            *(numpy_helper.from_array(each, name) for name, each in values.items()),
            numpy_helper.from_array(np.array([1]), "one"),
            numpy_helper.from_array(np.array([2]), "two"),
        ],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def tokenizer(words: Sequence[str] = WORDS) -> Tokenizer:
    """Return a tokenizer of whole words, with a first and a last token as BERT has them."""
    made = Tokenizer(WordLevel({word: place for place, word in enumerate(words)}, "[UNK]"))
    made.normalizer = Lowercase()
    made.pre_tokenizer = Whitespace()
    made.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)]
    )
    made.enable_padding()  # as many a tokenizer.json has it, for batches of another program
    return made


def text_folder(
    folder: Path,
    inputs: Sequence[str] = BERT,
    labels: Sequence[str] = SENTIMENT,
    *,
    model: onnx.ModelProto | None = None,
    place: str = "model.onnx",
    config: Mapping[str, Any] | None = None,
    tokenizer_config: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Path:
    """Write a folder as Optimum does."""
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model or graph(inputs, weights(len(labels), seed)), str(folder / place))
    of_model = {
        "model_type": "bert",
        "id2label": {str(number): label for number, label in enumerate(labels)},
        "max_position_embeddings": MAX_POSITIONS,
        "pad_token_id": PADDING,
        **(config or {}),
    }
    of_tokenizer = {"model_max_length": 10**30, **(tokenizer_config or {})}
    (folder / "config.json").write_text(json.dumps(of_model), "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(of_tokenizer), "utf-8")
    tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def logits(
    text: str, inputs: Sequence[str], values: Mapping[str, Array], *, tokens: int = MAX_POSITIONS,
    first_position: int = 0,
) -> npt.NDArray[np.float64]:  # fmt: skip
    """Return what the network gives of a text, by hand and in double precision."""
    words = [word if word in WORDS else "[UNK]" for word in text.lower().split()]
    ids = [CLS, *map(WORDS.index, words[: tokens - 2]), SEP]
    embedded = values["words"][ids].astype(float)
    if "token_type_ids" in inputs:
        embedded += values["types"][0]
    if "position_ids" in inputs:
        embedded += values["positions"][first_position : first_position + len(ids)]
    found = embedded.mean(axis=0) @ values["head"].astype(float) + values["bias"]
    return np.asarray(found)


def encoder_folder(
    folder: Path, words: Sequence[str], width: int = 32, *, own: bool = False, opset: int = 18
) -> tuple[Path, Array]:
    """Write an encoder whose embedding of a token is drawn at random; return both.

    It gives one of each token, or its own of each text: the largest of its tokens by number.
    """
    vocabulary = [*WORDS[: UNKNOWN + 1], *words]
    table = np.random.default_rng(0).normal(size=(len(vocabulary), width)).astype("f")
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])]
    shapes = {"last_hidden_state": ["batch", "sequence", width]}
    if own:
        nodes.append(
            helper.make_node("ReduceMax", ["last_hidden_state", "one"], ["sentence_embedding"],
                             keepdims=0)
        )  # fmt: skip
        shapes["sentence_embedding"] = ["batch", width]
    made = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"])],
        [helper.make_tensor_value_info(*one) for one in _outputs(shapes)],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1]), "one")],
    )
    folder.mkdir(parents=True, exist_ok=True)
    opsets = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(made, opset_imports=opsets, ir_version=8), folder / "model.onnx")
    (folder / "config.json").write_text('{"model_type": "bert"}', "utf-8")
    tokenizer(vocabulary).save(str(folder / "tokenizer.json"))
    return folder, table


def _outputs(shapes: Mapping[str, Sequence[Any]]) -> list[tuple[str, int, Sequence[Any]]]:
    return [(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
