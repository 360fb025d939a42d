"""The full text of long posts of an account's export: the files with notes enter, texts leave.

For a post of more than 280 characters ``tweets.js`` has the beginning, and ``note-tweet.js`` the
whole. No id joins the two: a note is found by its time and its beginning.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import chain, count

import numpy as np
import polars as pl

from tweetscore.io.data_file import DataFile
from tweetscore.io.enclosed import enclosed_records
from tweetscore.io.json_text import repaired
from tweetscore.io.records import BLOCK_BYTES, Positions, parse
from tweetscore.io.time_words import API_TIME
from tweetscore.posts.markup import decoded

MOST_BYTES = 64 << 20  # all notes of an export are in memory at once
TOLERANCE_US = 5_000_000
_OPENING = re.compile(rb"\s*window\.YTD\.note_tweet\.part\d+\s*=\s*(?=\[\s*\{)")
_CLOSING = re.compile(rb"\s*;\s*")
_NOTE = pl.Struct({"createdAt": pl.String(), "core": pl.Struct({"text": pl.String()})})
_NOTE_TIME = "%Y-%m-%dT%H:%M:%S%.f%#z"  # 2023-03-01T12:00:00.000Z
# The beginning may be followed by the addresses of the post itself and of its pictures.
_CUT = r"(?s)^(.+?)\s*…(?:\s*https://t\.co/\w+)*\s*$"
_LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Notes:
    """The notes of an export, in the order of their decoded texts."""

    plain: list[str]
    texts: list[str]
    posted_us: Positions  # (notes,)

    def completed(self, texts: pl.Series, posted: pl.Series) -> pl.Series:
        """Return the texts of tweets; a cut one is completed if exactly one note fits it.

        ``posted`` is as the export writes it.
        """
        rows = texts.str.contains("…", literal=True).fill_null(False).arg_true()
        if not self.plain or rows.is_empty():
            return texts
        given = texts.gather(rows)
        times = posted.gather(rows).str.to_datetime(API_TIME, strict=False, time_unit="us")
        posts = zip(decoded(given).str.extract(_CUT), times.dt.epoch("us"), strict=True)
        whole = pl.Series([self._whole(*post) for post in posts], dtype=pl.String)
        return texts.clone().scatter(rows, whole.zip_with(whole.is_not_null(), given))

    def _whole(self, beginning: str | None, posted_us: int | None) -> str | None:
        if beginning is None or posted_us is None:
            return None
        low = bisect_left(self.plain, beginning)
        high = bisect_right(self.plain, beginning + _LAST_CHARACTER, low)
        near = np.flatnonzero(np.abs(self.posted_us[low:high] - posted_us) <= TOLERANCE_US)
        return self.texts[low + int(near[0])] if len(near) == 1 else None


def read_notes(
    tweets: DataFile, *, block_bytes: int = BLOCK_BYTES, most_bytes: int = MOST_BYTES
) -> Notes:
    """Read the notes in the folder of a file of tweets, in all their parts; there may be none.

    Args:
        tweets: the file of tweets.
        block_bytes: how many bytes are read at once.
        most_bytes: of notes; further notes are left out, and their posts stay cut.

    Raises:
        InputError: one of the files is damaged.
    """
    blocks = list(_blocks(tweets, block_bytes, most_bytes))
    notes = (
        pl.concat([_parse(b""), *blocks])
        .unnest("noteTweet")
        .unnest("core")
        .select(
            "text",
            plain=pl.col("text").map_batches(decoded, return_dtype=pl.String),
            posted_us=pl.col("createdAt")
            .str.to_datetime(_NOTE_TIME, strict=False, time_unit="us")
            .dt.epoch("us"),
        )
        .drop_nulls()
        .sort("plain", "text")
    )
    return Notes(notes["plain"].to_list(), notes["text"].to_list(), notes["posted_us"].to_numpy())


def _blocks(tweets: DataFile, block_bytes: int, most_bytes: int) -> Iterator[pl.DataFrame]:
    names = chain(["note-tweet.js"], (f"note-tweet-part{part}.js" for part in count(1)))
    read = 0
    while (file := tweets.sibling(next(names))) and _OPENING.match(file.head()):
        with file.open() as stream:
            for records in enclosed_records(stream, _OPENING, _CLOSING, block_bytes=block_bytes):
                if (read := read + len(records.data)) > most_bytes:
                    return
                yield parse(records, _parse)[0].select("noteTweet")


def _parse(data: bytes) -> pl.DataFrame:
    return pl.read_ndjson(BytesIO(repaired(data)), schema={"noteTweet": _NOTE})
