"""Learn linear heads on a frozen encoder: prepared rows enter, heads and a graph with them leave.

The encoder's embedding of a text is that of its graph, or the mean over its tokens. Validation
chooses how much the heads are held back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper
from sklearn.linear_model import LogisticRegression

from tweetscore.errors import InputError, TweetscoreError
from tweetscore.io.scratch import scratch
from tweetscore.scoring.text_config import TextConfig, read_config
from tweetscore.scoring.text_folder import (
    CHUNK_ROWS,
    CONFIG,
    TOKENIZER,
    TOKENIZER_CONFIG,
    graph_file,
    read_graph,
    sums_of,
)
from tweetscore.scoring.text_runner import TextRunner, Texts
from tweetscore.training.epoch import Epoch
from tweetscore.training.export import TOLERANCE, Parity
from tweetscore.training.features import NO_LABEL, Part, Prepared
from tweetscore.training.loop import Fitted
from tweetscore.training.options import REGULARISATIONS

ITERATIONS = 2_000
PARITY_TEXTS = 500  # of training and validation
LARGEST_DIFFERENCE = 1e-4  # in probability, of any text; 99 % are within TOLERANCE
NEVER = -30.0  # a logit of a class without a row in the training part
MOST_BYTES = 2_000 << 20  # of a graph in one file
EMBEDDING, LOGITS = "tweetscore_embedding", "logits"
Pooling = Literal["mean", "first", "own"]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder of another program whose folder is sound."""

    folder: Path
    sha256: str  # of its graph
    config: TextConfig
    pooling: Pooling
    width: int
    graph: onnx.ModelProto  # it gives one embedding of each text

    @property
    def card(self) -> dict[str, Any]:
        """Return its description for a card, but for how its heads were held back."""
        return {
            "name": self.folder.resolve().name,
            "sha256": self.sha256,
            "pooling": self.pooling,
            "width": self.width,
            "max_tokens": self.config.max_tokens,
            "truncation_side": self.config.truncation_side,
            "first_position": self.config.first_position,
        }

    @contextmanager
    def runner(self, graph: onnx.ModelProto, width: int) -> Iterator[TextRunner]:
        """Load a graph on this encoder, which gives so many numbers of each text."""
        with scratch() as folder:
            path = folder / "model.onnx"
            onnx.save(graph, str(path))
            texts = Texts(
                self.folder / TOKENIZER, path, read_graph(path, encoder=width == self.width), width,
                self.config.max_tokens, self.config.truncation_side, self.config.first_position,
            )  # fmt: skip
            yield TextRunner(texts)


def open_encoder(folder: Path) -> Encoder:
    """Read the folder of an encoder: its graph, ``tokenizer.json`` and ``config.json``.

    Raises:
        InputError: a file is missing, or the graph does not say how wide its embeddings are.
        IntegrityError: a file lies outside or is too large, or the graph gives no embeddings.
    """
    if not folder.is_dir():
        raise InputError(f"--encoder {folder}: no such folder; name one with an encoder in ONNX")
    file = graph_file(folder, None)
    sha256 = sums_of(folder, file, encoder=True)
    found = read_graph(folder / file, encoder=True)
    beside = folder / TOKENIZER_CONFIG
    config = read_config(folder / CONFIG, beside if TOKENIZER_CONFIG in sha256 else None)
    size = sum((folder / name).stat().st_size for name in sha256)
    if found.width is None or size > MOST_BYTES:
        fact = "is larger than 2,000 MB" if found.width else "does not say its width"
        raise InputError(f"--encoder {folder}: {fact}; choose another encoder")
    pooling: Pooling = "own" if found.pooled else _pooling(folder)
    graph = onnx.load(str(folder / file))
    _pool(graph, found.output, pooling, found.width)
    return Encoder(folder, sha256[file], config, pooling, found.width, graph)


def _pooling(folder: Path) -> Pooling:
    """Return how a sentence encoder pools: by its first token if it says so, else by the mean."""
    path = folder / "1_Pooling" / CONFIG
    inside = path.resolve().is_relative_to(folder.resolve())
    said = path.read_bytes()[:10_000] if path.is_file() and inside else b""
    return "first" if b'"pooling_mode_cls_token": true' in said else "mean"


def _pool(graph: onnx.ModelProto, output: str, pooling: Pooling, width: int) -> None:
    """Make one embedding of each text the only output."""
    versions = {each.domain: each.version for each in graph.opset_import}
    node, place = helper.make_node, "tweetscore_place"
    if pooling == "own":
        nodes = [node("Identity", [output], [EMBEDDING])]
    elif pooling == "first":
        graph.graph.initializer.append(numpy_helper.from_array(np.array(0), place))
        nodes = [node("Gather", [output, place], [EMBEDDING], axis=1)]
    elif versions.get("", versions.get("ai.onnx", 0)) < 18:
        nodes = [node("ReduceMean", [output], [EMBEDDING], axes=[1], keepdims=0)]
    else:
        graph.graph.initializer.append(numpy_helper.from_array(np.array([1]), place))
        nodes = [node("ReduceMean", [output, place], [EMBEDDING], keepdims=0)]
    _end(graph, nodes, EMBEDDING, width)


def _end(graph: onnx.ModelProto, nodes: list[onnx.NodeProto], name: str, width: int) -> None:
    """Append nodes, whose last output is to be the only one of the graph."""
    graph.graph.node.extend(nodes)
    del graph.graph.output[:]
    sizes: list[str | int | None] = ["batch", width]
    graph.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, sizes))


# --- heads ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heads:
    """Linear heads on an encoder, those of the best regularisation; a ``Measurable``."""

    encoder: Encoder
    prepared: Prepared
    embeddings: dict[str, npt.NDArray[np.float32]]  # of each part: (rows, width)
    weight: Doubles  # (width, heads, classes)
    bias: Doubles  # (heads, classes)
    fitted: Fitted
    regularisation: float
    device: str = "cpu"

    def tested(self) -> Doubles:
        """Return what they predict of the test part: (rows, heads, classes)."""
        return _softmax(_logits(self.embeddings["test"], self.weight, self.bias))

    def graph(self) -> onnx.ModelProto:
        """Return the encoder's graph with the heads behind it."""
        whole = onnx.ModelProto()
        whole.CopyFrom(self.encoder.graph)
        outputs = self.bias.size
        for name, values in (("weight", self.weight), ("bias", self.bias)):
            shape = (-1, outputs) if name == "weight" else (outputs,)
            tensor = values.reshape(shape).astype(np.float32)
            whole.graph.initializer.append(numpy_helper.from_array(tensor, f"tweetscore_{name}"))
        inputs = [EMBEDDING, "tweetscore_weight", "tweetscore_bias"]
        _end(whole, [helper.make_node("Gemm", inputs, [LOGITS])], LOGITS, outputs)
        return whole


def learn_heads(
    encoder: Encoder,
    prepared: Prepared,
    classes: int,
    progress: Callable[[Epoch], None],
    embeddings: dict[str, npt.NDArray[np.float32]] | None = None,
) -> Heads:
    """Fit a head for each interval, with each regularisation; validation chooses one for all.

    Args:
        encoder: what embeds the texts.
        prepared: what to learn from.
        classes: those of each head.
        progress: called after each regularisation, as of an epoch.
        embeddings: those of the parts, if they are known.
    """
    if embeddings is None:
        with encoder.runner(encoder.graph, encoder.width) as runner:
            embeddings = {name: _embedded(runner, part) for name, part in prepared.parts.items()}
    history, found = [], []
    for number, regularisation in enumerate(REGULARISATIONS, 1):
        weight, bias = _fit(
            embeddings["train"], prepared.parts["train"].labels, classes, regularisation
        )
        losses = {
            name: _losses(_logits(embeddings[name], weight, bias), prepared.parts[name].labels)
            for name in ("train", "validation")
        }
        loss, accuracies = losses["validation"]
        history.append(Epoch(number, 0.0, losses["train"][0], loss, accuracies))
        found.append((weight, bias))
        progress(history[-1])
    fitted = Fitted(tuple(history), interrupted=False)
    best = fitted.best.number - 1
    return Heads(encoder, prepared, embeddings, *found[best], fitted, REGULARISATIONS[best])


def _embedded(runner: TextRunner, part: Part) -> npt.NDArray[np.float32]:
    chunks = [
        runner.run(runner.encode(part.rows.select("text")[start : start + CHUNK_ROWS]))
        for start in range(0, len(part), CHUNK_ROWS)
    ]
    found = np.concatenate(chunks)
    assert len(found) == len(part)  # each has a word, so none is empty
    return found


def _fit(
    embeddings: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], classes: int, c: float
) -> tuple[Doubles, Doubles]:
    """Return the weights (width, heads, classes) and biases (heads, classes)."""
    mean, deviation = embeddings.mean(0, np.float64), embeddings.std(0, np.float64)
    scale = np.maximum(deviation, 1e-6)
    heads = labels.shape[1]
    weight = np.zeros((embeddings.shape[1], heads, classes))
    bias = np.full((heads, classes), NEVER)
    for head in range(heads):
        known = labels[:, head] != NO_LABEL
        truth = labels[known, head]
        seen = np.unique(truth)
        bias[head, seen] = 0
        if len(seen) < 2:
            continue
        model = LogisticRegression(C=c, max_iter=ITERATIONS)
        model.fit((embeddings[known] - mean) / scale, truth)
        coefficients, constants = model.coef_, model.intercept_
        if len(seen) == 2:  # one row, of the second class against the first
            coefficients = np.concatenate([-coefficients, coefficients]) / 2
            constants = np.concatenate([-constants, constants]) / 2
        weight[:, head, seen] = (coefficients / scale).T
        bias[head, seen] = constants - (coefficients / scale) @ mean
    return weight, bias


def _logits(embeddings: npt.NDArray[np.float32], weight: Doubles, bias: Doubles) -> Doubles:
    """Return the logits (rows, heads, classes) in double precision."""
    flat = embeddings.astype(np.float64) @ weight.reshape(len(weight), -1)
    return np.asarray(flat.reshape(-1, *bias.shape) + bias)


def _softmax(logits: Doubles) -> Doubles:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _losses(logits: Doubles, labels: npt.NDArray[np.int64]) -> tuple[float, tuple[float, ...]]:
    """Return the mean loss over the heads that have labels, and each head's accuracy."""
    probabilities = _softmax(logits)
    losses, accuracies = [], []
    for head in range(logits.shape[1]):
        known = labels[:, head] != NO_LABEL
        truth, found = labels[known, head], probabilities[known, head]
        if not len(truth):
            accuracies.append(float("nan"))
            continue
        losses.append(-np.log(np.maximum(found[np.arange(len(truth)), truth], 1e-13)).mean())
        accuracies.append(float((found.argmax(axis=1) == truth).mean()))
    return float(np.mean(losses)), tuple(accuracies)


def check_heads(heads: Heads, graph: onnx.ModelProto) -> Parity:
    """Compare the scoring path with the heads in double precision, on texts of their training.

    Raises:
        TweetscoreError: they differ by more than rounding explains.
    """
    shape = (-1, *heads.bias.shape)
    of_graph, of_float32 = [], []
    with heads.encoder.runner(graph, heads.bias.size) as runner:
        for name in ("train", "validation"):
            texts = heads.prepared.parts[name].rows.select("text").head(PARITY_TEXTS)
            embeddings = heads.embeddings[name][:PARITY_TEXTS]
            truth = _softmax(_logits(embeddings, heads.weight, heads.bias))
            found = _softmax(runner.run(runner.encode(texts)).astype(np.float64).reshape(shape))
            of_graph.append(np.abs(found - truth).max(axis=(1, 2)))
            single = embeddings @ heads.weight.reshape(len(heads.weight), -1).astype(np.float32)
            rounded = single.reshape(shape) + heads.bias.astype(np.float32)
            of_float32.append(np.abs(_softmax(rounded.astype(np.float64)) - truth).max(axis=(1, 2)))
    differences = np.concatenate(of_graph)
    largest = float(differences.max())
    # Written like this, NaN fails too.
    if not (np.quantile(differences, 0.99) <= TOLERANCE and largest <= LARGEST_DIFFERENCE):
        raise TweetscoreError(
            f"the exported graph differs from the trained heads by {largest:.1e} in probability; "
            "the model is not saved"
        )
    return Parity(largest, float(np.concatenate(of_float32).max()))
