"""Cut a JSON array that is enclosed in something else: a stream enters, blocks of records leave."""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, cast

from tweetscore.io.data_file import HEAD_BYTES
from tweetscore.io.json_array import json_array_records
from tweetscore.io.records import BLOCK_BYTES, Records


def enclosed_records(
    stream: BinaryIO,
    before: re.Pattern[bytes],
    after: re.Pattern[bytes],
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[Records]:
    """Cut an array into blocks of one value a line; every byte keeps its place.

    Args:
        stream: begins with what ``before`` matches, or with a byte order mark and that.
        before: what comes before the array's bracket.
        after: what may follow the array. Anything else there is a record.
        block_bytes: how many bytes are read at once.
    """
    blanked = cast(BinaryIO, _Blanked(stream, before))
    for records in json_array_records(blanked, block_bytes=block_bytes):
        last = records.data[int(records.bounds[-2]) :]
        yield records.part(0, len(records) - 1) if after.fullmatch(last) else records


def listed_records(
    stream: BinaryIO,
    before: re.Pattern[bytes],
    after: re.Pattern[bytes],
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[Records]:
    """Cut the array in an object; ``before`` and ``after`` match the rest of the object."""
    for records in enclosed_records(stream, before, after, block_bytes=block_bytes):
        stop = len(records)
        # Each key behind the array has been cut like one of its values.
        while stop and after.fullmatch(records.part(stop - 1, stop).data):
            stop -= 1
        if stop:
            yield records.part(0, stop)


class _Blanked:
    """A stream with blanks instead of the first match of a pattern."""

    def __init__(self, stream: BinaryIO, pattern: re.Pattern[bytes]) -> None:
        head = pattern.sub(_blanks, stream.read(HEAD_BYTES), count=1)
        self._head, self._rest = BytesIO(head), stream

    def read(self, size: int) -> bytes:
        """Return ``size`` bytes; less only at the end."""
        data = self._head.read(size)
        return data + self._rest.read(size - len(data))


def _blanks(match: re.Match[bytes]) -> bytes:
    return re.sub(rb"[^\n]", b" ", match[0])  # line breaks are counted
