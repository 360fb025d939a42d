"""Walk a message of Protocol Buffers without its schema: bytes enter, fields leave.

See protobuf.dev/programming-guides/encoding. Scoring installs without the package onnx, and holds a
file to bounds before anything else reads it.
"""

import mmap
from collections.abc import Iterator

MOST_NAME_BYTES = 1_000
_VARINT, _FIXED64, _BLOCK, _FIXED32 = 0, 1, 2, 5

Span = tuple[int, int]  # where a block begins and ends
Field = tuple[int, int | Span]


class Wire:
    """A message that is read in place."""

    most_parts = 1_000  # fields of a message; our own graphs have a hundred at most

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data

    def _fields(self, value: int | Span) -> Iterator[Field]:
        """Yield the fields of a message: their numbers, and a number or the span of each."""
        place, end = self._span(value)
        for _ in range(self.most_parts):
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
        raise ValueError(f"a part of it has more than {self.most_parts:,} parts")

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

    def _text(self, value: int | Span) -> str:
        start, end = self._span(value)
        if end - start > MOST_NAME_BYTES:
            raise ValueError("a name in it is too long")
        return self.data[start:end].decode()

    @staticmethod
    def _span(value: int | Span) -> Span:
        if isinstance(value, int):
            raise ValueError("it is no ONNX file, or cut off")  # of bytes read
        return value

    @staticmethod
    def _number(value: int | Span) -> int:
        if isinstance(value, tuple):
            raise ValueError("it is no ONNX file, or cut off")  # of bytes read
        return value
