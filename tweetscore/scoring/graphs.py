"""The graphs that may run: which nodes and constants they have, sizes aside.

Training writes graphs from these layouts, and loading holds a file against them. So a graph does
nothing else, loops once for each token of a text, and needs memory in proportion to its own size.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tweetscore.errors import InputError, IntegrityError

AGAIN = "copy the whole model folder again, or train it again"  # of what a bundle cannot hold

# Torch's order of the rows of weight_ih and weight_hh; ONNX's own LSTM would have i, o, f, c.
GATES = "ifgo"
FLOAT, INT32, INT64, BOOL = 1, 6, 7, 9  # as ONNX numbers its types
MOST_HIDDEN = 4_096
MOST_OUTPUTS = 1_000  # heads times classes
MOST_GRAPH_BYTES = 192 << 20  # a command with the largest takes 1.4 GB


@dataclass(frozen=True, slots=True)
class Node:
    """One operator, with the one attribute that ours may have."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    body: "Graph | None" = None  # of Loop


@dataclass(frozen=True, slots=True)
class Value:
    """An input or output: its type, and its sizes or their names."""

    name: str
    kind: int
    shape: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor of the graph; ``value`` where it must be this number."""

    kind: int
    shape: tuple[int, ...]
    value: int | None = None

    def __str__(self) -> str:
        return f"{self.shape} of type {self.kind}" + f" ({self.value})" * (self.value is not None)


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph without the values of its weights."""

    nodes: tuple[Node, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    constants: dict[str, Constant]


def check_sizes(words: int, hidden: int, outputs: int) -> None:
    """Refuse a network whose graph would be too large to be loaded.

    Raises:
        InputError: it would be.
    """
    size = 4 * len(GATES) * hidden * (words + hidden)
    if hidden > MOST_HIDDEN or outputs > MOST_OUTPUTS or size > MOST_GRAPH_BYTES:
        raise InputError(
            f"a network of {words:,} words, hidden size {hidden:,} and {outputs:,} outputs makes a "
            f"graph of {size >> 20:,} MB; at most {MOST_GRAPH_BYTES >> 20} MB, hidden size "
            f"{MOST_HIDDEN:,} and {MOST_OUTPUTS:,} outputs are allowed: choose a smaller --hidden "
            "or --vocabulary-size, or fewer intervals or classes"
        )


def lstm_graph(words: int, hidden: int, outputs: int) -> Graph:
    """Return the layout of the folded LSTM; see ``training.lstm_graph``."""
    return Graph(
        nodes=(*_first_step(), *_further_steps(hidden)),
        inputs=(Value("ids", INT32, ("T", "B")),),
        outputs=(Value("logits", FLOAT, ("B", outputs)),),
        constants=dict(_constants(words, hidden, outputs)),
    )


def _constants(words: int, hidden: int, outputs: int) -> Iterator[tuple[str, Constant]]:
    yield "head", Constant(FLOAT, (hidden, outputs))
    yield "bias", Constant(FLOAT, (outputs,))
    for gate in GATES:
        yield f"table_{gate}", Constant(FLOAT, (words, hidden))
        yield f"recurrent_{gate}", Constant(FLOAT, (hidden, hidden))
    yield "zero", Constant(INT64, (), 0)
    yield "one", Constant(INT64, (), 1)


def _first_step() -> list[Node]:
    """Return what gives the state after the first token: first_h and first_c (B, H).

    The first step starts from nothing, so its outcome depends on one word alone. Sigmoid, Tanh and
    Mul have constants as inputs: onnxruntime computes them once for the whole vocabulary when it
    loads.
    """
    return [
        Node("Sigmoid", ("table_i",), ("i",)),
        Node("Tanh", ("table_g",), ("g",)),
        Node("Sigmoid", ("table_o",), ("o",)),
        Node("Mul", ("i", "g"), ("c",)),
        Node("Tanh", ("c",), ("squashed",)),
        Node("Mul", ("o", "squashed"), ("h",)),
        Node("Gather", ("ids", "zero"), ("first",)),  # (B,)
        Node("Gather", ("h", "first"), ("first_h",)),  # (B, H)
        Node("Gather", ("c", "first"), ("first_c",)),  # (B, H)
    ]


def _further_steps(hidden: int) -> list[Node]:
    """Return what goes from the state after the first token to the logits.

    A Loop, because a Scan fails on the zero further steps of a text of one token. The c that nobody
    reads has a name, because onnxruntime crashes on an output left out here.
    """
    return [
        Node("Shape", ("ids",), ("shape",)),
        Node("Gather", ("shape", "zero"), ("length",)),
        Node("Sub", ("length", "one"), ("further",)),
        Node(
            "Loop",
            ("further", "", "first_h", "first_c"),
            ("last_h", "last_c"),
            body=_step(hidden),
        ),
        Node("Gemm", ("last_h", "head", "bias"), ("logits",)),
    ]


def _step(hidden: int) -> Graph:
    """Return the loop's body, one further token: t, go_on, h, c to go_on, h, c."""
    nodes = [
        Node("Identity", ("go_on",), ("still_on",)),
        Node("Add", ("t", "one"), ("now",)),
        Node("Gather", ("ids", "now"), ("tokens",)),  # (B,)
    ]
    for gate in GATES:
        nodes += [
            Node("Gather", (f"table_{gate}", "tokens"), (f"x_{gate}",)),  # (B, H)
            Node("Gemm", ("h_in", f"recurrent_{gate}", f"x_{gate}"), (f"z_{gate}",)),
            Node("Tanh" if gate == "g" else "Sigmoid", (f"z_{gate}",), (f"gate_{gate}",)),
        ]
    nodes += [
        Node("Mul", ("gate_f", "c_in"), ("kept",)),
        Node("Mul", ("gate_i", "gate_g"), ("added",)),
        Node("Add", ("kept", "added"), ("c_out",)),
        Node("Tanh", ("c_out",), ("squashed_c",)),
        Node("Mul", ("gate_o", "squashed_c"), ("h_out",)),
    ]
    state = ("B", hidden)
    return Graph(
        nodes=tuple(nodes),
        inputs=(
            Value("t", INT64, ()),
            Value("go_on", BOOL, ()),
            Value("h_in", FLOAT, state),
            Value("c_in", FLOAT, state),
        ),
        outputs=(
            Value("still_on", BOOL, ()),
            Value("h_out", FLOAT, state),
            Value("c_out", FLOAT, state),
        ),
        constants={},
    )


def check_graph(path: Path, words: int, outputs: int) -> None:
    """Hold a file against the layout, before anything runs it.

    Args:
        path: the graph.
        words: those of the vocabulary.
        outputs: heads times classes, as on the card.

    Raises:
        IntegrityError: it has other nodes, constants or sizes.
    """
    from tweetscore.scoring.onnx_file import read_onnx

    try:
        found = read_onnx(path)
        recurrent = found.graph.constants.get("recurrent_i")
        hidden = recurrent.shape[0] if recurrent and recurrent.shape else 0
        check_sizes(words, hidden, outputs)
    except (ValueError, InputError) as error:
        fact = str(error).partition(": choose ")[0]
        raise IntegrityError(f"{path}: is no graph of tweetscore ({fact}); {AGAIN}") from None
    layout = lstm_graph(words, hidden, outputs)
    fact = _difference(found.graph, layout)
    if not fact and found.metadata != {"vocabulary_size": str(words)}:
        fact = f"vocabulary_size is not {words}"
    if fact:
        raise IntegrityError(f"{path}: is no graph of tweetscore ({fact}); {AGAIN}")


def _difference(found: Graph, layout: Graph) -> str:
    """Say in what a graph differs from a layout; an empty text if in nothing."""
    if (found.inputs, found.outputs) != (layout.inputs, layout.outputs):
        return f"its inputs and outputs are {_worded(found)}, not {_worded(layout)}"
    for name in sorted(found.constants.keys() ^ layout.constants.keys()):
        return f"{name!r} is {'unknown' if name in found.constants else 'missing'}"
    for name, constant in layout.constants.items():
        if found.constants[name] != constant:
            return f"{name!r} is {found.constants[name]}, not {constant}"
    if len(found.nodes) != len(layout.nodes):
        return f"it has {len(found.nodes)} nodes, not {len(layout.nodes)}"
    for node, wanted in zip(found.nodes, layout.nodes, strict=True):
        if node.body and wanted.body and (inside := _difference(node.body, wanted.body)):
            return inside
        if node != wanted:
            return f"{node.op!r} stands where {wanted.op} makes {wanted.outputs[0]}"
    return ""


def _worded(graph: Graph) -> str:
    return ", ".join(f"{each.name!r} {each.shape}" for each in (*graph.inputs, *graph.outputs))
