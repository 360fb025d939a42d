"""Read what somebody else's graph needs, gives and does: an ONNX file enters, its facts leave.

Weights are not read. A graph is refused that could run for ever, draw random numbers, run code
that is not onnxruntime's, or read files that it does not name.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tweetscore.scoring.graphs import INT32, INT64, Value
from tweetscore.scoring.wire import Field, Span, Wire

MOST_PARTS = 10_000_000  # of a whole file; that of a model of 24 layers has a hundred thousand
MOST_DEPTH = 4  # of branches in branches
_LOOPS = frozenset({"Loop", "Scan", "SequenceMap"})
_RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
     "RandomUniformLike"}
)  # fmt: skip
# Of the operators that onnxruntime adds, those that its optimiser and quantiser write for encoders.
_MICROSOFT = frozenset(
    {"Attention", "BiasAdd", "BiasGelu", "BiasSoftmax", "DynamicQuantizeMatMul",
     "EmbedLayerNormalization", "FastGelu", "FusedGemm", "FusedMatMul", "GatedRelativePositionBias",
     "GatherBlockQuantized", "Gelu", "GemmFastGelu", "GroupQueryAttention", "MatMulIntegerToFloat",
     "MatMulNBits", "MultiHeadAttention", "PackedAttention", "PackedMultiHeadAttention",
     "QAttention", "QEmbedLayerNormalization", "QGemm", "QLinearAdd", "QLinearConcat", "QLinearMul",
     "QLinearSigmoid", "QLinearSoftmax", "QuickGelu", "RelativePositionBias", "RemovePadding",
     "RestorePadding", "RotaryEmbedding", "SkipLayerNormalization",
     "SkipSimplifiedLayerNormalization", "DequantizeLinear", "QuantizeLinear", "TransposeMatMul"}
)  # fmt: skip
# These take their scale from a whole batch: a text would change the scores of its neighbours.
_OF_THE_BATCH = frozenset(
    {"DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM", "QAttention"}
)
FED = ("input_ids", "attention_mask", "token_type_ids", "position_ids")


@dataclass(frozen=True, slots=True)
class TextGraph:
    """What a graph of a text classifier needs and gives."""

    inputs: dict[str, int]  # their names in its order, and the types of their numbers
    output: str
    pooled: bool  # whether that is of each text, and not of each of its tokens
    width: int | None  # numbers of a text or token; None where only a run shows it
    mixes_rows: bool  # whether the other texts of a batch change what it gives
    external: tuple[str, ...]  # files of weights beside it


def read_text_graph(path: Path, *, encoder: bool = False) -> TextGraph:
    """Read a graph.

    Args:
        path: the file.
        encoder: it is to give embeddings of texts or tokens, and not logits.

    Raises:
        ValueError: it gives something else, or does what no such graph needs to.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        reader = _Reader(data)
        reader.model()
    inputs = {
        each.name: _fed(each) for each in reader.inputs if each.name not in reader.initialised
    }
    if "input_ids" not in inputs:
        raise ValueError(f"takes {', '.join(inputs) or 'nothing'}, and no input_ids")
    output = _embeddings(reader.outputs) if encoder else _logits(reader.outputs)
    width = output.shape[-1] if output.shape else None
    return TextGraph(
        inputs,
        output.name,
        not encoder or len(output.shape) == 2,
        width if isinstance(width, int) and width > 0 else None,
        bool(reader.operators & _OF_THE_BATCH),
        tuple(sorted(reader.external)),
    )


def _fed(value: Value) -> int:
    """Return the type of an input, which must be one that can be fed."""
    if value.name not in FED:
        raise ValueError(f"needs the input {value.name!r}, which is none of {', '.join(FED)}")
    if value.kind not in (INT32, INT64):
        raise ValueError(f"its input {value.name!r} is of type {value.kind}, not int64 or int32")
    fixed = [each for each in value.shape if isinstance(each, int) and each > 0]
    if fixed or len(value.shape) not in (0, 2):
        raise ValueError(
            f"its input {value.name!r} has the shape {value.shape}, not (batch, sequence) of any "
            "size"
        )
    return value.kind


def _logits(outputs: list[Value]) -> Value:
    """Return the output with a number for each class."""
    logits = [each for each in outputs if each.name == "logits"] or outputs
    if len(logits) != 1 or len(logits[0].shape) not in (0, 2):
        raise ValueError(f"gives {_worded(outputs)}, and no logits of each text")
    return logits[0]


def _embeddings(outputs: list[Value]) -> Value:
    """Return the output with an embedding of each text, or else of each token."""
    named = {each.name: each for each in outputs}
    for name, sizes in (("sentence_embedding", 2), ("last_hidden_state", 3),
                        ("token_embeddings", 3)):  # fmt: skip
        if name in named and len(named[name].shape) == sizes:
            return named[name]
    if len(outputs) == 1 and len(outputs[0].shape) in (2, 3) and "logits" not in named:
        return outputs[0]
    raise ValueError(f"gives {_worded(outputs)}, and no embeddings of texts or tokens")


def _worded(outputs: list[Value]) -> str:
    return ", ".join(f"{each.name!r} {each.shape}" for each in outputs) or "nothing"


class _Reader(Wire):
    """Collects what a model needs and does, with the graphs inside it."""

    most_parts = MOST_PARTS

    def __init__(self, data: mmap.mmap) -> None:
        super().__init__(data)
        self.inputs, self.outputs = list[Value](), list[Value]()
        self.initialised, self.operators, self.external = set[str](), set[str](), set[str]()

    def model(self) -> None:
        graphs = []
        for number, value in self._fields((0, len(self.data))):
            if number == 7:
                graphs.append(value)
            elif number in (20, 25):
                raise ValueError("holds training or functions of its own")
        if len(graphs) != 1:
            raise ValueError(f"holds {len(graphs)} graphs")
        self._graph(graphs[0], 0)

    def _fields(self, value: int | Span) -> Iterator[Field]:
        """Yield the fields of a message; all parts of the file have one bound."""
        for each in super()._fields(value):
            self.most_parts -= 1
            if not self.most_parts:
                raise ValueError(f"has more than {MOST_PARTS:,} parts")
            yield each

    def _graph(self, value: int | Span, depth: int) -> None:
        if depth > MOST_DEPTH:
            raise ValueError("its branches lie too deep in branches")
        for number, each in self._fields(value):
            match number:
                case 1:
                    self._node(each, depth)
                case 5:
                    self.initialised.add(self._tensor(each))
                case 11 if depth == 0:
                    self.inputs.append(self._value(each))
                case 12 if depth == 0:
                    self.outputs.append(self._value(each))
                case 15:
                    raise ValueError("holds sparse weights")

    def _node(self, value: int | Span, depth: int) -> None:
        operator, domain = "", ""
        for number, each in self._fields(value):
            match number:
                case 4:
                    operator = self._text(each)
                case 5:
                    self._attribute(each, depth)
                case 7:
                    domain = self._text(each)
        if domain not in ("", "ai.onnx") and not (
            domain == "com.microsoft" and operator in _MICROSOFT
        ):
            raise ValueError(f"uses the custom operator {operator!r} of {domain!r}")
        if operator in _LOOPS:
            raise ValueError(f"loops ({operator}), and might for ever")
        if operator in _RANDOM:
            raise ValueError(f"draws random numbers ({operator})")
        self.operators.add(operator)

    def _attribute(self, value: int | Span, depth: int) -> None:
        for number, each in self._fields(value):
            if number in (5, 10):
                self._tensor(each)
            elif number in (6, 11):
                self._graph(each, depth + 1)
            elif number in (22, 23):
                raise ValueError("holds sparse weights")

    def _tensor(self, value: int | Span) -> str:
        """Note where a tensor has its values; return its name."""
        name = ""
        for number, each in self._fields(value):
            if number == 8:
                name = self._text(each)
            elif number == 13:
                entry = dict(self._fields(each))
                if self._text(entry.get(1, (0, 0))) == "location":
                    self.external.add(self._text(entry.get(2, (0, 0))))
        return name

    def _value(self, value: int | Span) -> Value:
        """Read ValueInfo: name and type, of which only tensors are known."""
        fields = dict(self._fields(value))
        tensor = dict(self._fields(dict(self._fields(fields.get(2, (0, 0)))).get(1, (0, 0))))
        shape = []
        for _, each in self._fields(tensor.get(2, (0, 0))):
            size = dict(self._fields(each))
            shape.append(self._number(size[1]) if 1 in size else self._text(size.get(2, (0, 0))))
        name, kind = self._text(fields.get(1, (0, 0))), self._number(tensor.get(1, 0))
        return Value(name, kind, tuple(shape))
