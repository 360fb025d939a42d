"""Read many small files as one: sources of one form enter, a source leaves, and whose each row is.

To parse a file of two records takes as long as to parse one of a thousand.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from typing import BinaryIO

import numpy as np
import polars as pl

from tweetscore.io.records import Records, joined, line_records
from tweetscore.io.source import Source


class JoinedSource(Source):
    """Small files whose records are cut and parsed alike, one behind the other.

    A record has the line that it has in its own file; its byte offset is behind all files before.
    """

    def __init__(self, parts: Sequence[Source], skip: int = 0) -> None:
        """Take the files, at least one, and how many lines stand before the rows of each."""
        first = parts[0]
        super().__init__(first.file, first.head, first.block_bytes, first.content)
        self._contents = [part.content or b"" for part in parts]
        self._starts = np.cumsum([0, *map(len, self._contents)])
        self._skip = skip

    def lines(
        self,
        *,
        quote: bool,
        escaped: bool = False,  # noqa: ARG002 - such a file is read alone
        whole: bool = True,  # noqa: ARG002
    ) -> Iterator[Records]:
        """Cut the content into lines; those before the rows stand there once."""

        def cut(stream: BinaryIO) -> Iterator[Records]:
            return line_records(stream, quote=quote, block_bytes=self.block_bytes)

        yield from self._cut(cut, self._skip)

    def _records(
        self,
        cut: Callable[[BinaryIO], Iterator[Records]],
        whole: bool = True,  # noqa: ARG002
    ) -> Iterator[Records]:
        return self._cut(cut, 0)

    def _cut(self, cut: Callable[[BinaryIO], Iterator[Records]], skip: int) -> Iterator[Records]:
        parts = []
        for number, content in enumerate(self._contents):
            if blocks := list(cut(BytesIO(content))):
                records = joined(blocks) if len(blocks) > 1 else blocks[0]
                records = records.part(min(skip, len(records)) if number else 0, len(records))
                parts.append(_behind(records, int(self._starts[number])))
        if parts:
            yield joined(parts)

    def parts_of(self, byte_offsets: pl.Series) -> pl.Series:
        """Return the number of the file, from 0, in which each place is."""
        parts = np.searchsorted(self._starts, byte_offsets.to_numpy(), side="right") - 1
        return pl.Series("part", parts, pl.Int64)

    def placed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add the number of its file, ``part``, to each row; its offset is then in that file."""
        parts = self.parts_of(rows["byte_offset"])
        starts = pl.Series("byte_offset", self._starts[parts.to_numpy()], pl.Int64)
        return rows.with_columns(parts, byte_offset=rows["byte_offset"] - starts)


def _behind(records: Records, start: int) -> Records:
    """Return records that are ``start`` bytes further on; the last of them ends its line."""
    data, bounds = records.data, records.bounds
    if data and not data.endswith(b"\n"):
        data, bounds = data + b"\n", bounds.copy()
        bounds[-1] += 1
    return replace(records, data=data, bounds=bounds, offsets=records.offsets + start)
