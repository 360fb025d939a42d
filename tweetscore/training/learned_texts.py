"""Know a text again that a model has learned from: rows enter, hashes of their texts leave.

Two texts with the same beginning are one, as in the split: whoever sorts a file in another way, or
takes retweets for originals, meets the same hashes.
"""

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.scoring.bundle import HASH_BYTES
from tweetscore.training.split import same_text

_HASHES = np.dtype(">u8")


def packed_hashes(parts: Iterable[pl.DataFrame]) -> bytes:
    """Return the distinct hashes of rows with ``tokens``, sorted, for a bundle."""
    return np.unique(np.concatenate([_hashes(rows) for rows in parts])).astype(_HASHES).tobytes()


def are_learned(rows: pl.DataFrame, packed: bytes) -> pl.Series:
    """Return whether the text of each row is among packed hashes."""
    return pl.Series(np.isin(_hashes(rows), np.frombuffer(packed, _HASHES)), dtype=pl.Boolean)


def _hashes(rows: pl.DataFrame) -> npt.NDArray[np.uint64]:
    texts = rows.select(same_text()).to_series()
    digests = [hashlib.blake2b(each.encode(), digest_size=HASH_BYTES).digest() for each in texts]
    return np.frombuffer(b"".join(digests), _HASHES).astype(np.uint64)
