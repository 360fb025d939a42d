"""Turn a trained classifier into a folded ONNX graph, and prove that both say the same."""

import copy
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tweetscore.errors import TweetscoreError
from tweetscore.model import LstmClassifier
from tweetscore.network import Network

# Torch's order of the rows of weight_ih and weight_hh; ONNX's own LSTM would have i, o, f, c.
GATES = "ifgo"
OPSET, IR_VERSION = 17, 8  # old enough for every onnxruntime that pyproject.toml allows
TOLERANCE = 1e-5  # of a probability
ROUNDING_FACTOR = 20  # onnxruntime's Tanh rounds to 2.4e-7, torch's to 3e-8
MAX_TOKENS = 50


def to_onnx(model: LstmClassifier) -> onnx.ModelProto:
    """Build the graph that scores texts of one length.

    Input ``ids`` is int32 (T, B), time-major, T >= 1, all B texts T tokens long, so there is no
    mask. Output ``logits`` is float32 (B, heads * classes) without the part of the counts, which
    ``counts_weight`` gives. The input half of the LSTM is folded into the embedding: one row of
    each gate per word. Each gate has a table and a Gemm of its own, because splitting the product
    of a common one copies it.
    """
    config = model.config
    weights = {name: tensor.detach().cpu().double() for name, tensor in model.named_parameters()}
    bias = weights["lstm.bias_ih_l0"] + weights["lstm.bias_hh_l0"]
    table = weights["embedding.weight"] @ weights["lstm.weight_ih_l0"].T + bias  # (V, 4H)
    recurrent = weights["lstm.weight_hh_l0"].T  # (H, 4H)
    constants = {"head": weights["head.weight"][:, : config.hidden].T, "bias": weights["head.bias"]}
    for gate, rows, product in zip(GATES, table.chunk(4, 1), recurrent.chunk(4, 1), strict=True):
        constants |= {f"table_{gate}": rows, f"recurrent_{gate}": product}  # (V, H), (H, H)
    initializers = [
        numpy_helper.from_array(np.array(tensor.numpy(), np.float32, order="C"), name)
        for name, tensor in constants.items()
    ] + [
        numpy_helper.from_array(np.array(0), "zero"),
        numpy_helper.from_array(np.array(1), "one"),
    ]

    node = helper.make_node
    nodes = [
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
            body=_step(config.hidden),
        ),
        node("Gemm", ["last_h", "head", "bias"], ["logits"]),
    ]
    outputs = config.heads * config.classes
    graph = helper.make_graph(
        nodes,
        "tweetscore",
        [helper.make_tensor_value_info("ids", TensorProto.INT32, ["T", "B"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["B", outputs])],
        initializers,
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


def _step(hidden: int) -> onnx.GraphProto:
    """Return the loop's body, one further token: t, go_on, h, c to go_on, h, c."""
    node, value = helper.make_node, helper.make_tensor_value_info
    nodes = [
        node("Identity", ["go_on"], ["still_on"]),
        node("Add", ["t", "one"], ["now"]),
        node("Gather", ["ids", "now"], ["tokens"]),  # (B,)
    ]
    for gate in GATES:
        nodes += [
            node("Gather", [f"table_{gate}", "tokens"], [f"x_{gate}"]),  # (B, H)
            node("Gemm", ["h_in", f"recurrent_{gate}", f"x_{gate}"], [f"z_{gate}"]),  # (B, H)
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

    The texts have 1 to 50 tokens, a third of them are copies, in batches of 1 to 1,000, with random
    counts where the model uses them. A trained LSTM can stand on a knife's edge: on a few texts
    float32 rounding alone then moves a probability by more than 1e-5, in torch as in onnxruntime.
    So 99 % of the texts must agree to 1e-5 whatever the network, and the worst to 1e-5 or to
    ``ROUNDING_FACTOR`` times what rounding does to torch itself.

    Raises:
        TweetscoreError: they differ by more.
    """
    config = model.config
    rounded = copy.deepcopy(model).cpu().float().eval()
    exact = copy.deepcopy(rounded).double()
    network = Network(
        onnx_model.SerializeToString(), config.heads, config.classes, counts_weight(model)
    )
    random = np.random.default_rng(seed)
    of_graph, of_float32 = [], []
    for rows in (1, 1000, *random.integers(2, 1000, 3)):
        lengths = random.integers(1, MAX_TOKENS + 1, rows, np.int32)
        ids = random.integers(0, vocabulary_size, (rows, MAX_TOKENS), np.int32)
        ids[np.arange(MAX_TOKENS) >= lengths[:, None]] = 0
        drawn = random.integers(0, rows, rows)  # with replacement: copies, as in an archive
        ids, lengths = ids[drawn], lengths[drawn]
        counts = random.normal(size=(rows, config.counts)) if config.counts else None
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
