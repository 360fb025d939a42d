"""Read what a graph does, and not its weights: an ONNX file enters, nodes and shapes leave.

The file is a message of Protocol Buffers (protobuf.dev/programming-guides/encoding; the numbers of
the fields are those of onnx.proto). Only what the graphs of this program use is understood, all
else is refused: scoring installs without the package onnx.
"""

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tweetscore.scoring.graphs import (
    BOOL,
    FLOAT,
    HALF,
    INT8,
    INT32,
    INT64,
    UINT8,
    Constant,
    Graph,
    Node,
    Value,
)

MOST_PARTS = 1_000  # fields of a message; ours have a hundred at most
MOST_DIMENSIONS = 2  # of a constant
_BYTES = {FLOAT: 4, UINT8: 1, INT8: 1, INT32: 4, INT64: 8, BOOL: 1, HALF: 2}
_VARINT, _FIXED64, _BLOCK, _FIXED32 = 0, 1, 2, 5

_Span = tuple[int, int]  # where a block begins and ends
_Field = tuple[int, int | _Span]


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


class _Reader:
    def __init__(self, data: mmap.mmap) -> None:
        self.data = data

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

    def _opset(self, value: int | _Span) -> None:
        for number, each in self._fields(value):
            if number == 1 and self._text(each):
                raise ValueError(f"it uses operators of {self._text(each)!r}")

    def _graph(self, value: int | _Span, depth: int = 0) -> Graph:
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

    def _node(self, value: int | _Span, depth: int) -> Node:
        op, inputs, outputs, to, body = "", list[str](), list[str](), None, None
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
                    found = self._attribute(each, depth)
                    if isinstance(found, Graph):
                        body = found
                    else:
                        to = found
                case _:
                    raise ValueError(f"field {number} of a node is unknown")
        return Node(op, tuple(inputs), tuple(outputs), to, body)

    def _attribute(self, value: int | _Span, depth: int) -> int | Graph:
        fields = dict(self._fields(value))
        name = self._text(fields.get(1, (0, 0)))
        if name == "to" and fields.keys() <= {1, 3, 20}:
            return self._number(fields.get(3, 0))
        if name == "body" and fields.keys() <= {1, 6, 20} and 6 in fields:
            return self._graph(fields[6], depth + 1)
        raise ValueError(f"the attribute {name!r} is unknown")

    def _value(self, value: int | _Span) -> Value:
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

    def _constant(self, value: int | _Span) -> tuple[str, Constant]:
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
        whole = not shape and kind in (UINT8, INT64)
        content = self.data[slice(*raw)] if whole else b""
        whole_number = int.from_bytes(content, "little", signed=kind == INT64) if whole else None
        return name, Constant(kind, tuple(shape), whole_number)

    def _fields(self, value: int | _Span) -> Iterator[_Field]:
        """Yield the fields of a message: their numbers, and a number or the span of each."""
        place, end = self._span(value)
        for _ in range(MOST_PARTS):
            if place == end:
                return
            key, place = self._varint(place, end)
            kind = key & 7
            if kind == _VARINT:
                number, place = self._varint(place, end)
                yield key >> 3, number
                continue
            length = {_FIXED64: 8, _FIXED32: 4}.get(kind)
            if kind == _BLOCK:
                length, place = self._varint(place, end)
            if length is None or place + length > end:
                raise ValueError("it is no ONNX file, or cut off")
            yield key >> 3, (place, place + length)
            place += length
        raise ValueError(f"a part of it has more than {MOST_PARTS:,} parts")

    def _varint(self, place: int, end: int) -> tuple[int, int]:
        number = 0
        for shift in range(0, 70, 7):
            if place >= end:
                break
            byte = self.data[place]
            place += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number, place
        raise ValueError("it is no ONNX file, or cut off")

    def _text(self, value: int | _Span) -> str:
        start, end = self._span(value)
        if end - start > MOST_PARTS:
            raise ValueError("a name in it is too long")
        return self.data[start:end].decode()

    @staticmethod
    def _span(value: int | _Span) -> _Span:
        if isinstance(value, int):
            raise ValueError("it is no ONNX file, or cut off")  # of bytes read
        return value

    @staticmethod
    def _number(value: int | _Span) -> int:
        if isinstance(value, tuple):
            raise ValueError("it is no ONNX file, or cut off")  # of bytes read
        return value
