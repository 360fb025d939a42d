"""What batches of Arrow unpack to: a file enters, and is refused before too much is unpacked.

Kilobytes of a compressed batch may unpack to gigabytes. Its header says where its buffers lie, and
each buffer begins with its length when unpacked. Headers are flatbuffers (their layout is told at
flatbuffers.dev/internals, the numbers of the fields are those of Arrow's Message.fbs and File.fbs).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tweetscore.errors import InputError
from tweetscore.io.packing import LIMITS, MOST_UNPACKED_BYTES

FOOTER_END_BYTES = 10  # the footer's length, and the mark of the file again
_EARLIER_COMPRESSION = b"ARROW:experimental_compression"
_EACH_LENGTH_BYTES = 8


class DamagedBatchError(ValueError):
    """The header of a batch, or the footer, is not one."""


def check_batches(mapped: pa.MemoryMappedFile, name: str, *, has_footer: bool) -> None:
    """Look at all headers of a file, and at none of its values.

    Args:
        mapped: the file.
        name: its name in messages.
        has_footer: whether it is a file, or a stream.

    Raises:
        InputError: a batch takes too much memory unpacked, or all do, as only those of a bomb do.
        DamagedBatchError: batches or buffers overlap, or a header is damaged.
    """
    dictionaries: dict[int, int] = {}
    total, file_bytes = 0, mapped.size()
    try:
        for message in _in_file(mapped) if has_footer else _in_stream(mapped):
            is_dictionary = message.type == "dictionary"
            if not is_dictionary and message.type != "record batch":
                continue
            header = _root(message.metadata).table(2)
            packed = _EARLIER_COMPRESSION in message.metadata.to_pybytes()
            size = _unpacked_bytes(header.table(1) if is_dictionary else header, message, packed)
            total += size
            if is_dictionary:
                number, is_delta = header.number(0, "<q"), header.number(2, "<B")
                size += dictionaries.get(number, 0) if is_delta else 0
                dictionaries[number] = size
            at_once = sum(dictionaries.values()) + (0 if is_dictionary else size)
            if at_once > MOST_UNPACKED_BYTES:
                raise InputError(
                    f"{name}: a batch of it unpacks to {at_once:,} bytes with its dictionaries, "
                    f"more than {MOST_UNPACKED_BYTES:,}; write it again with smaller batches"
                )
            if LIMITS.is_bomb(total, file_bytes):
                raise LIMITS.bomb(name)
    except (struct.error, IndexError, EOFError) as error:
        raise DamagedBatchError(f"the header of a batch is damaged: {error}") from error


def _in_stream(mapped: pa.MemoryMappedFile) -> Iterator[pa.Message]:
    mapped.seek(0)
    yield from pa.ipc.MessageReader.open_stream(mapped)
    mapped.seek(0)


def _in_file(mapped: pa.MemoryMappedFile) -> Iterator[pa.Message]:
    """Yield the messages that the footer names: dictionaries first, as they are read."""
    end = mapped.size() - FOOTER_END_BYTES
    (length,) = struct.unpack("<i", mapped.read_at(4, end))
    if not 0 < length <= end:
        raise DamagedBatchError("its footer has no length")
    footer = _root(mapped.read_at(length, end - length))
    blocks = [footer.structs(number, 24)[:, 0] for number in (2, 3)]  # dictionaries, and batches
    places = np.sort(np.concatenate(blocks)).tolist()
    following = dict(pairwise([*places, end - length]))
    for place in np.concatenate(blocks).tolist():
        mapped.seek(place)
        yield pa.ipc.read_message(mapped)
        if len(following) < len(places) or mapped.tell() > following[place]:
            raise DamagedBatchError("batches of it overlap")


def _unpacked_bytes(batch: "_Table", message: pa.Message, packed: bool) -> int:
    """Return how many bytes the buffers of a batch take unpacked; 0 where they are not packed."""
    body: npt.NDArray[np.uint8] = np.frombuffer(message.body, np.uint8)
    places, lengths = batch.structs(2, 16).T
    ends = places + lengths
    if (lengths < 0).any() or (places < 0).any() or (ends > len(body)).any():
        raise DamagedBatchError("a buffer lies outside of its batch")
    if lengths.sum() > len(body):
        raise DamagedBatchError("buffers of a batch overlap")
    if not packed and batch.place_of(3) is None:
        return 0
    filled = lengths > 0
    if (lengths[filled] < _EACH_LENGTH_BYTES).any():
        raise DamagedBatchError("a packed buffer has no length")
    octets = body[places[filled, None] + np.arange(_EACH_LENGTH_BYTES)]
    unpacked = octets.view("<i8").ravel()
    plain = unpacked == -1  # it would have become larger
    if (unpacked < -1).any():
        raise DamagedBatchError("a packed buffer has no length")
    return sum(np.where(plain, lengths[filled], unpacked).tolist())


@dataclass(frozen=True, slots=True)
class _Table:
    """A table in a flatbuffer."""

    data: memoryview
    place: int

    def place_of(self, field: int) -> int | None:
        """Return where a field lies; None where it is left out."""
        (back,) = struct.unpack_from("<i", self.data, self.place)
        fields = self.place - back
        (size,) = struct.unpack_from("<H", self.data, _inside(fields))
        if 4 + 2 * field >= size:
            return None
        (offset,) = struct.unpack_from("<H", self.data, fields + 4 + 2 * field)
        return self.place + offset if offset else None

    def number(self, field: int, kind: str) -> int:
        """Return a number; 0 where it is left out."""
        place = self.place_of(field)
        return 0 if place is None else int(struct.unpack_from(kind, self.data, place)[0])

    def table(self, field: int) -> "_Table":
        place = self.place_of(field)
        if place is None:
            raise IndexError(f"field {field} is missing")
        return _Table(self.data, place + struct.unpack_from("<I", self.data, place)[0])

    def structs(self, field: int, size: int) -> npt.NDArray[np.int64]:
        """Return structures of 8-byte words: (count, size / 8)."""
        place = self.place_of(field)
        words = size // 8
        if place is None:
            return np.zeros((0, words), np.int64)
        place += struct.unpack_from("<I", self.data, place)[0]
        (count,) = struct.unpack_from("<I", self.data, place)
        data = self.data[place + 4 : place + 4 + count * size]
        if len(data) < count * size:
            raise IndexError("a list is cut off")
        return np.frombuffer(data, "<i8").reshape(count, words)


def _inside(place: int) -> int:
    if place < 0:
        raise IndexError("a table lies before the header")
    return place


def _root(data: Any) -> _Table:
    view = memoryview(data)
    return _Table(view, struct.unpack_from("<I", view, 0)[0])
