"""Read what a graph does, and not its weights: an ONNX file enters, nodes and shapes leave.

The numbers of the fields are those of onnx.proto. Only what the graphs of this program use is
understood, all else is refused.
"""

import math
import mmap
from dataclasses import dataclass
from pathlib import Path

from tweetscore.scoring.graphs import BOOL, FLOAT, INT32, INT64, Constant, Graph, Node, Value
from tweetscore.scoring.wire import Span, Wire

MOST_DIMENSIONS = 2  # of a constant
_BYTES = {FLOAT: 4, INT32: 4, INT64: 8, BOOL: 1}


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """The layout of a graph, and the notes beside it."""

    graph: Graph
    metadata: dict[str, str]


def read_onnx(path: Path) -> OnnxFile:
    """Read the layout of a graph.

    Raises:
        ValueError: it is no ONNX file, or has parts that no graph of this program has.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _Reader(data).model()


class _Reader(Wire):
    def model(self) -> OnnxFile:
        graphs, metadata = list[Graph](), dict[str, str]()
        for number, value in self._fields((0, len(self.data))):
            match number:
                case 1 | 2 | 3 | 4 | 5 | 6:  # versions, who made it, and words about it
                    pass
                case 7:
                    graphs.append(self._graph(value))
                case 8:
                    self._opset(value)
                case 14:
                    entry = {n: self._text(each) for n, each in self._fields(value)}
                    metadata[entry.get(1, "")] = entry.get(2, "")
                case _:
                    raise ValueError(f"field {number} of the model is unknown")
        if len(graphs) != 1:
            raise ValueError(f"it holds {len(graphs)} graphs")
        return OnnxFile(graphs[0], metadata)

    def _opset(self, value: int | Span) -> None:
        for number, each in self._fields(value):
            if number == 1 and self._text(each):
                raise ValueError(f"it uses operators of {self._text(each)!r}")

    def _graph(self, value: int | Span, depth: int = 0) -> Graph:
        if depth > 1:
            raise ValueError("loops lie in loops")
        nodes, inputs, outputs = list[Node](), list[Value](), list[Value]()
        constants = dict[str, Constant]()
        for number, each in self._fields(value):
            match number:
                case 2 | 10:  # its name, and words about it
                    pass
                case 1:
                    nodes.append(self._node(each, depth))
                case 5:
                    name, constant = self._constant(each)
                    if name in constants:
                        raise ValueError(f"{name!r} is there twice")
                    constants[name] = constant
                case 11:
                    inputs.append(self._value(each))
                case 12:
                    outputs.append(self._value(each))
                case _:
                    raise ValueError(f"field {number} of the graph is unknown")
        return Graph(tuple(nodes), tuple(inputs), tuple(outputs), constants)

    def _node(self, value: int | Span, depth: int) -> Node:
        op, inputs, outputs, body = "", list[str](), list[str](), None
        for number, each in self._fields(value):
            match number:
                case 3 | 6:  # its name, and words about it
                    pass
                case 1:
                    inputs.append(self._text(each))
                case 2:
                    outputs.append(self._text(each))
                case 4:
                    op = self._text(each)
                case 5:
                    body = self._body(each, depth)
                case _:
                    raise ValueError(f"field {number} of a node is unknown")
        return Node(op, tuple(inputs), tuple(outputs), body)

    def _body(self, value: int | Span, depth: int) -> Graph:
        """Read an attribute, of which only the body of a loop is known."""
        fields = dict(self._fields(value))
        name = self._text(fields.get(1, (0, 0)))
        if name == "body" and fields.keys() <= {1, 6, 20} and 6 in fields:
            return self._graph(fields[6], depth + 1)
        raise ValueError(f"the attribute {name!r} is unknown")

    def _value(self, value: int | Span) -> Value:
        """Read ValueInfo: name and type, of which only tensors are known."""
        fields = dict(self._fields(value))
        tensor = dict(self._fields(dict(self._fields(fields.get(2, (0, 0)))).get(1, (0, 0))))
        dims = self._fields(tensor.get(2, (0, 0)))
        shape = [next(iter(self._fields(each)), (0, 0)) for _, each in dims]
        return Value(
            self._text(fields.get(1, (0, 0))),
            self._number(tensor.get(1, 0)),
            tuple(self._text(e) if number == 2 else self._number(e) for number, e in shape),
        )

    def _constant(self, value: int | Span) -> tuple[str, Constant]:
        shape, kind, name, raw = list[int](), 0, "", (0, 0)
        for number, each in self._fields(value):
            match number:
                case 1 if isinstance(each, tuple):  # packed
                    place = each[0]
                    while place < each[1] and len(shape) <= MOST_DIMENSIONS:
                        size, place = self._varint(place, each[1])
                        shape.append(size)
                case 1:
                    shape.append(self._number(each))
                case 2:
                    kind = self._number(each)
                case 8:
                    name = self._text(each)
                case 9:
                    raw = self._span(each)
                case 13 | 14:
                    raise ValueError("it keeps weights in another file")
                case _:
                    raise ValueError(f"field {number} of a tensor is unknown")
        length = raw[1] - raw[0]
        if (
            kind not in _BYTES
            or length != math.prod(shape) * _BYTES[kind]
            or len(shape) > MOST_DIMENSIONS
        ):
            raise ValueError(f"{name!r} of {shape} and type {kind} has {length:,} bytes")
        whole = not shape and kind == INT64
        content = self.data[slice(*raw)] if whole else b""
        whole_number = int.from_bytes(content, "little", signed=True) if whole else None
        return name, Constant(kind, tuple(shape), whole_number)
