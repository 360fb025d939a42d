"""Turn a trained classifier into a folded ONNX graph, and prove that both say the same.

The graph in int8 does not say the same: how far it drifts is measured.
"""

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tweetscore.errors import TweetscoreError
from tweetscore.scoring.bundle import Precision
from tweetscore.scoring.network import Network
from tweetscore.training.lstm import LstmClassifier

# Torch's order of the rows of weight_ih and weight_hh; ONNX's own LSTM would have i, o, f, c.
GATES = "ifgo"
OPSET, IR_VERSION = 17, 8  # old enough for every onnxruntime that pyproject.toml allows
TOLERANCE = 1e-5  # of a probability
ROUNDING_FACTOR = 20  # onnxruntime's Tanh rounds to 2.4e-7, torch's to 3e-8
MAX_TOKENS = 50
STATE_STEPS = 127  # of int8, from 0 to the largest state, which is 1 in every LSTM
# From 0 to the largest weight of a column. Not 127: processors without VNNI add two products in 16
# bits, where 2 * 255 * 127 overflows, and the scores would depend on the processor.
WEIGHT_STEPS = 63

# Token ids (N, T), lengths (N,) and, for a model that uses them, normalised counts (N, counts).
Texts = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[Any] | None]


def to_onnx(model: LstmClassifier, precision: Precision = "float32") -> onnx.ModelProto:
    """Build the graph that scores texts of one length.

    Input ``ids`` is int32 (T, B), time-major, T >= 1, all B texts T tokens long, so there is no
    mask. Output ``logits`` is float32 (B, heads * classes) without the part of the counts, which
    ``counts_weight`` gives. The input half of the LSTM is folded into the embedding: one row of
    each gate per word. Each gate has a table and a Gemm of its own, because splitting the product
    of a common one copies it.

    In int8 the states and the recurrent weights are whole numbers of steps, and the table is stored
    in half precision. The steps are fixed: found anew for each batch they would be finer, but a
    text's score would depend on its neighbours.
    """
    config = model.config
    weights = {name: tensor.detach().cpu().double() for name, tensor in model.named_parameters()}
    bias = weights["lstm.bias_ih_l0"] + weights["lstm.bias_hh_l0"]
    table = weights["embedding.weight"] @ weights["lstm.weight_ih_l0"].T + bias  # (V, 4H)
    recurrent = weights["lstm.weight_hh_l0"].T  # (H, 4H)
    constants = {"head": weights["head.weight"][:, : config.hidden].T, "bias": weights["head.bias"]}
    for gate, rows, product in zip(GATES, table.chunk(4, 1), recurrent.chunk(4, 1), strict=True):
        constants |= {f"table_{gate}": rows, f"recurrent_{gate}": product}  # (V, H), (H, H)
    arrays = {name: np.array(t.numpy(), np.float32, order="C") for name, t in constants.items()}
    arrays |= {"zero": np.array(0), "one": np.array(1)}
    node = helper.make_node
    nodes = []
    if precision == "int8":
        arrays = _in_int8(arrays)
        # Constants, too: in memory the table is as wide as ever.
        nodes = [
            node("Cast", [f"half_{gate}"], [f"table_{gate}"], to=TensorProto.FLOAT)
            for gate in GATES
        ]
    nodes += [
        # The first step starts from nothing, so its outcome depends on one word alone. These are
        # constants, which onnxruntime computes once for the whole vocabulary when it loads.
        node("Sigmoid", ["table_i"], ["i"]),
        node("Tanh", ["table_g"], ["g"]),
        node("Sigmoid", ["table_o"], ["o"]),
        node("Mul", ["i", "g"], ["c"]),
        node("Tanh", ["c"], ["squashed"]),
        node("Mul", ["o", "squashed"], ["h"]),
        node("Gather", ["ids", "zero"], ["first"]),  # (B,)
        node("Gather", ["h", "first"], ["first_h"]),  # (B, H)
        node("Gather", ["c", "first"], ["first_c"]),  # (B, H)
        # A Loop, because a Scan fails on the zero further steps of a text of one token. The c that
        # nobody reads has a name, because onnxruntime crashes on an output left out here.
        node("Shape", ["ids"], ["shape"]),
        node("Gather", ["shape", "zero"], ["length"]),
        node("Sub", ["length", "one"], ["further"]),
        node(
            "Loop",
            ["further", "", "first_h", "first_c"],
            ["last_h", "last_c"],
            body=_step(config.hidden, precision),
        ),
        node("Gemm", ["last_h", "head", "bias"], ["logits"]),
    ]
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


def _in_int8(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the constants with the recurrent weights in steps and the tables in half precision."""
    found: dict[str, NDArray[Any]] = {
        "state_step": np.array(1 / STATE_STEPS, np.float32),
        "state_zero": np.array(128, np.uint8),  # a state is stored as 1 to 255
    }
    for name, array in arrays.items():
        kind, _, gate = name.partition("_")
        if kind == "recurrent":
            step = np.maximum(np.abs(array).max(axis=0) / WEIGHT_STEPS, 1e-30)  # (H,) of a column
            found[name] = np.rint(array / step).astype(np.int8)
            found[f"product_step_{gate}"] = np.array(step / STATE_STEPS, np.float32)
        elif kind == "table":
            found[f"half_{gate}"] = array.astype(np.float16)
        else:
            found[name] = array
    return found


def _step(hidden: int, precision: Precision) -> onnx.GraphProto:
    """Return the loop's body, one further token: t, go_on, h, c to go_on, h, c."""
    node, value = helper.make_node, helper.make_tensor_value_info
    nodes = [
        node("Identity", ["go_on"], ["still_on"]),
        node("Add", ["t", "one"], ["now"]),
        node("Gather", ["ids", "now"], ["tokens"]),  # (B,)
    ]
    if precision == "int8":
        nodes += [
            node("QuantizeLinear", ["h_in", "state_step", "state_zero"], ["h_steps"]),  # (B, H)
            # One, but not a constant: onnxruntime multiplies constants when it loads, and then does
            # not see that a product, its Cast and its step are one operator of its own.
            node("Cast", ["go_on"], ["unit"], to=TensorProto.FLOAT),
        ]
    for gate in GATES:
        nodes += [
            node("Gather", [f"table_{gate}", "tokens"], [f"x_{gate}"]),  # (B, H)
            *_recurrence(gate, precision),
            node("Tanh" if gate == "g" else "Sigmoid", [f"z_{gate}"], [f"gate_{gate}"]),
        ]
    nodes += [
        node("Mul", ["gate_f", "c_in"], ["kept"]),
        node("Mul", ["gate_i", "gate_g"], ["added"]),
        node("Add", ["kept", "added"], ["c_out"]),
        node("Tanh", ["c_out"], ["squashed_c"]),
        node("Mul", ["gate_o", "squashed_c"], ["h_out"]),
    ]
    state: list[str | int | None] = ["B", hidden]
    inputs = [
        value("t", TensorProto.INT64, []),
        value("go_on", TensorProto.BOOL, []),
        value("h_in", TensorProto.FLOAT, state),
        value("c_in", TensorProto.FLOAT, state),
    ]
    outputs = [
        value("still_on", TensorProto.BOOL, []),
        value("h_out", TensorProto.FLOAT, state),
        value("c_out", TensorProto.FLOAT, state),
    ]
    return helper.make_graph(nodes, "step", inputs, outputs)


def _recurrence(gate: str, precision: Precision) -> list[onnx.NodeProto]:
    """Return what makes z (B, H) of a gate: the state times its weights, and x."""
    node = helper.make_node
    if precision == "float32":
        return [node("Gemm", ["h_in", f"recurrent_{gate}", f"x_{gate}"], [f"z_{gate}"])]
    return [
        node("MatMulInteger", ["h_steps", f"recurrent_{gate}", "state_zero"], [f"steps_{gate}"]),
        node("Cast", [f"steps_{gate}"], [f"float_{gate}"], to=TensorProto.FLOAT),
        node("Mul", ["unit", f"product_step_{gate}"], [f"step_{gate}"]),
        node("Mul", [f"float_{gate}", f"step_{gate}"], [f"product_{gate}"]),
        node("Add", [f"product_{gate}", f"x_{gate}"], [f"z_{gate}"]),
    ]


def counts_weight(model: LstmClassifier) -> NDArray[np.float32] | None:
    """Return the head's weights (heads, classes, counts) of the counts; None without counts."""
    config = model.config
    if not config.counts:
        return None
    weight: NDArray[np.float32] = model.head.weight[:, config.hidden :].detach().cpu().numpy()
    return weight.reshape(config.heads, config.classes, config.counts)


@dataclass(frozen=True, slots=True)
class Parity:
    """Largest differences in probability to torch in float64, over the same random texts."""

    graph: float  # of the exported graph
    float32: float  # of torch itself in float32: what rounding alone does in this network


def check_parity(
    model: LstmClassifier, onnx_model: onnx.ModelProto, vocabulary_size: int, seed: int
) -> Parity:
    """Hold the path that scores against torch in double precision, on the same random texts.

    A trained LSTM can stand on a knife's edge: on a few texts
    float32 rounding alone then moves a probability by more than 1e-5, in torch as in onnxruntime.
    So 99 % of the texts must agree to 1e-5 whatever the network, and the worst to 1e-5 or to
    ``ROUNDING_FACTOR`` times what rounding does to torch itself.

    Raises:
        TweetscoreError: they differ by more.
    """
    config = model.config
    rounded = copy.deepcopy(model).cpu().float().eval()
    exact = copy.deepcopy(rounded).double()
    network = _network(model, onnx_model)
    of_graph, of_float32 = [], []
    for ids, lengths, counts in random_texts(vocabulary_size, config.counts, seed):
        truth = _torch_probabilities(exact, ids, lengths, counts)
        in_float32 = _torch_probabilities(rounded, ids, lengths, counts)
        scored = network.probabilities(ids, lengths, counts)
        of_graph.append(np.abs(scored - truth).max(axis=(1, 2)))
        of_float32.append(np.abs(in_float32 - truth).max(axis=(1, 2)))
    differences = np.concatenate(of_graph)
    parity = Parity(float(differences.max()), float(np.concatenate(of_float32).max()))
    allowed = max(TOLERANCE, ROUNDING_FACTOR * parity.float32)
    # So written, NaN fails too.
    if not (np.quantile(differences, 0.99) <= TOLERANCE and parity.graph <= allowed):
        raise TweetscoreError(
            f"the exported graph differs from the trained network by {parity.graph:.1e} in"
            f" probability, {allowed:.0e} is allowed; the model is not saved"
        )
    return parity


def random_texts(vocabulary_size: int, counts: int, seed: int) -> Iterator[Texts]:
    """Draw texts of 1 to 50 tokens, a third of them copies, in batches of 1 to 1,000."""
    random = np.random.default_rng(seed)
    for rows in (1, 1000, *random.integers(2, 1000, 3)):
        lengths = random.integers(1, MAX_TOKENS + 1, rows, np.int32)
        ids = random.integers(0, vocabulary_size, (rows, MAX_TOKENS), np.int32)
        ids[np.arange(MAX_TOKENS) >= lengths[:, None]] = 0
        drawn = random.integers(0, rows, rows)  # with replacement: copies, as in an archive
        yield (
            ids[drawn],
            lengths[drawn],
            random.normal(size=(rows, counts)) if counts else None,
        )


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the probabilities of the int8 graph are from those of the float32 graph."""

    texts: int
    largest: float
    mean: float  # over texts and heads
    flipped: float  # share of the texts that another class is likeliest for, at any head


def measure_drift(
    model: LstmClassifier,
    onnx_model: onnx.ModelProto,
    int8_model: onnx.ModelProto,
    texts: Iterable[Texts],
) -> Drift:
    """Score the same texts with both graphs of a model."""
    exact, rounded = _network(model, onnx_model), _network(model, int8_model)
    moved, flipped = [], []
    for each in texts:
        expected, found = exact.probabilities(*each), rounded.probabilities(*each)
        moved.append(np.abs(found - expected).max(axis=2))  # (N, heads)
        flipped.append((found.argmax(axis=2) != expected.argmax(axis=2)).any(axis=1))  # (N,)
    differences, flips = np.concatenate(moved), np.concatenate(flipped)
    return Drift(
        len(flips), float(differences.max()), float(differences.mean()), float(flips.mean())
    )


def _network(model: LstmClassifier, onnx_model: onnx.ModelProto) -> Network:
    config = model.config
    graph = onnx_model.SerializeToString()
    return Network(graph, config.heads, config.classes, counts_weight(model))


def _torch_probabilities(
    model: LstmClassifier,
    ids: NDArray[np.int32],
    lengths: NDArray[np.int32],
    counts: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """Return torch's probabilities (N, heads, classes) in the model's own precision."""
    kind = model.head.weight.dtype
    with torch.no_grad():
        logits = model(
            torch.from_numpy(ids),
            torch.from_numpy(lengths),
            None if counts is None else torch.from_numpy(counts).to(kind),
        )
    probabilities: NDArray[np.float64] = logits.softmax(dim=-1).double().numpy()
    return probabilities
