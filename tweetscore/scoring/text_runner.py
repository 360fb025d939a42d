"""Run somebody else's tokenizer and graph: posts enter, what the graph gives of each leaves.

A batch holds texts of one length, so nothing is padded, and a text has the same numbers
whatever else is in its batch.
"""

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.errors import InputError, IntegrityError
from tweetscore.io.pipeline import result_of
from tweetscore.scoring.graphs import INT32
from tweetscore.scoring.network import (
    CUDA,
    available_cores,
    open_session,
    providers,
    quiet_run,
)
from tweetscore.scoring.predictors import Device, Encoded
from tweetscore.scoring.text_graph import TextGraph

# Measured with a model of 22 million weights: batches of 256 to 2,048 tokens are as fast as each
# other, larger ones are slower, as what they compute no longer fits into the caches.
BATCH_TOKENS = 1_024
CUDA_BATCH_TOKENS = 32_768  # not measured
TOKENIZED_TEXTS = 1_024  # at once: the tokenizer's own records of a text take ten kilobytes
# Of earlier chunks it is kept what the graph gave of so many texts: copies are many.
REMEMBERED, REMEMBERED_BYTES = 1 << 18, 32 << 20
WHOLE = "copy the whole model folder again"
MOST_REASON = 200  # letters of what another library says
KNOWN_TEXT = "The price went up today, and everybody was glad."

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Inputs:
    texts: list[Ids]  # distinct, as token ids
    keys: npt.NDArray[np.uint64]  # (texts, 2)
    place: npt.NDArray[np.intp]  # (rows,) of each row's text


@dataclass(frozen=True, slots=True)
class Texts:
    """How a tokenizer and a graph read texts."""

    tokenizer: Path
    graph_path: Path
    graph: TextGraph
    width: int  # numbers that the graph gives of each text
    max_tokens: int
    truncation_side: str = "right"
    first_position: int = 0  # where a graph wants position_ids


class TextRunner:
    """A loaded tokenizer and graph."""

    def __init__(self, texts: Texts, device: Device = "cpu", threads: int | None = None) -> None:
        """Load both; see ``Model.load``.

        Args:
            texts: how they read texts.
            device: where the graph runs.
            threads: batches at the same time; by default one per available core.

        Raises:
            InputError: the package tokenizers or the device is not there.
            IntegrityError: one of them cannot be loaded, or gives numbers of another width.
        """
        self.texts = texts
        self._tokenizer = _tokenizer(texts)
        self._name = str(texts.graph_path)
        self._session = open_session(texts.graph_path, self._name, providers(device), foreign=True)
        on_cuda = CUDA in self._session.get_providers()
        self._run_options = quiet_run()
        # The same threads for all chunks: each new one takes a heap of its own, which stays.
        self._pool = ThreadPoolExecutor(threads or (1 if on_cuda else available_cores()))
        self._batch_tokens = CUDA_BATCH_TOKENS if on_cuda else BATCH_TOKENS
        self._remembered = _Remembered(texts.width)
        self._given([_ids(each) for each in self._tokenizer.encode_batch([KNOWN_TEXT] * 2)])

    def encode(self, posts: pl.DataFrame) -> Encoded:
        """Tokenize the distinct texts of a frame, and set aside those without one."""
        empty = (posts["text"].str.strip_chars() == "").to_numpy()
        rows = posts.filter(pl.Series(~empty))
        distinct = rows["text"].to_arrow().dictionary_encode()
        words, place = distinct.dictionary.to_pylist(), distinct.indices.to_numpy()
        texts: list[Ids] = []
        for start in range(0, len(words), TOKENIZED_TEXTS):
            part = self._tokenizer.encode_batch_fast(words[start : start + TOKENIZED_TEXTS])
            texts += [_ids(each) for each in part]
        # Texts of the same tokens get the same numbers.
        keys = np.array([_key(each) for each in texts], np.uint64).reshape(-1, 2)
        _, first, same = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        inputs = _Inputs([texts[each] for each in first], keys[first], same.reshape(-1)[place])
        return Encoded(rows, inputs, +Counter(empty_text=int(empty.sum())))

    def run(self, encoded: Encoded) -> Floats:
        """Return what the graph gives of each row: (rows, width).

        Raises:
            IntegrityError: it is no number.
        """
        inputs: _Inputs = encoded.inputs
        given, known = self._remembered.find(inputs.keys)
        new = np.flatnonzero(~known)
        given[new] = self._given([inputs.texts[each] for each in new])
        self._remembered.keep(inputs.keys[new], given[new])
        if not np.isfinite(given).all():
            raise IntegrityError(
                f"{self._name}: gives a text no probability but NaN or infinity; {WHOLE}"
            )
        return given[inputs.place]

    def stop(self) -> None:
        """End what is being predicted, at its next operator."""
        self._run_options.terminate = True

    def _given(self, texts: list[Ids]) -> Floats:
        """Return what the graph gives of each text: (texts, width)."""
        given = np.empty((len(texts), self.texts.width), np.float32)

        def run(batch: list[int]) -> None:
            # One row alone is multiplied in another order of additions than two or more.
            rows = batch if len(batch) > 1 or self.texts.graph.mixes_rows else batch * 2
            given[batch] = self._run(np.stack([texts[each] for each in rows]))[: len(batch)]

        try:
            for future in [self._pool.submit(run, each) for each in self._batches(texts)]:
                result_of(future)  # raises what a thread raised
        except BaseException:  # Ctrl-C waits for no batch
            self.stop()
            self._pool.shutdown(cancel_futures=True)
            raise
        return given

    def _batches(self, texts: list[Ids]) -> list[list[int]]:
        """Return batches of places, each of one length; longest first, so no core ends late."""
        lengths = np.array([len(each) for each in texts], np.intp)
        order = np.argsort(-lengths, kind="stable")
        buckets = np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1)
        batches: list[list[int]] = []
        for bucket in buckets if len(texts) else ():
            rows = max(1, self._batch_tokens // int(lengths[bucket[0]]))
            rows = 1 if self.texts.graph.mixes_rows else rows
            batches += [
                bucket[start : start + rows].tolist() for start in range(0, len(bucket), rows)
            ]
        return batches

    def _run(self, ids: Ids) -> Any:
        """Run one batch of texts of one length: (B, T) to (B, width)."""
        positions = np.arange(ids.shape[1]) + self.texts.first_position
        values = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
            "position_ids": np.broadcast_to(positions, ids.shape),
        }
        fed = {
            name: np.ascontiguousarray(values[name], np.int32 if kind == INT32 else np.int64)
            for name, kind in self.texts.graph.inputs.items()
        }
        try:
            (found,) = self._session.run([self.texts.graph.output], fed, self._run_options)
        except Exception as error:  # onnxruntime's own errors share no narrower parent
            reason = str(error).strip().splitlines()[0][:MOST_REASON]
            raise IntegrityError(
                f"{self._name}: onnxruntime cannot run it ({reason}); export the model again, or "
                "choose another"
            ) from None
        wanted = (len(ids), self.texts.width)
        if getattr(found, "shape", None) != wanted:
            raise IntegrityError(
                f"{self._name}: gives numbers of the shape {getattr(found, 'shape', ())}, but "
                f"{wanted} is wanted: so many texts, and a number for each label; export the model "
                "again"
            )
        return found


class _Remembered:
    """What the graph gave of earlier texts, in a table of fixed size: a new text takes a place."""

    def __init__(self, width: int) -> None:
        self._size = min(REMEMBERED, REMEMBERED_BYTES // (4 * width) + 1)
        # Written to, so that all memory is there from the beginning.
        self._keys = np.full((self._size, 2), 0, np.uint64)
        self._given = np.full((self._size, width), np.nan, np.float32)

    def find(self, keys: npt.NDArray[np.uint64]) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Return the numbers of these keys, and which of them are known."""
        places = keys[:, 0] % self._size
        return self._given[places], (self._keys[places] == keys).all(axis=1)

    def keep(self, keys: npt.NDArray[np.uint64], given: Floats) -> None:
        """Remember these; of two that share a place either, whole."""
        places, chosen = np.unique(keys[:, 0] % self._size, return_index=True)
        self._keys[places], self._given[places] = keys[chosen], given[chosen]


def _tokenizer(texts: Texts) -> Any:
    """Load the tokenizer, which cuts a text at the model's length and pads none."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise InputError(
            f"{texts.tokenizer}: needs tokenizers: pip install 'tweetscore[onnx-text]'"
        ) from None
    path = texts.tokenizer
    try:
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_padding()
        tokenizer.enable_truncation(texts.max_tokens, direction=texts.truncation_side)
        tokenizer.encode_batch_fast([KNOWN_TEXT])
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of Rust is no Exception
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise IntegrityError(f"{path}: cannot be used ({reason[:MOST_REASON]}); {WHOLE}") from None
    return tokenizer


def _ids(encoding: Any) -> Ids:
    return np.array(encoding.ids, np.int32)


def _key(ids: Ids) -> tuple[int, int]:
    """Return 128 bits of a text's tokens; never both 0, which is an empty place."""
    digest = hashlib.blake2b(ids.tobytes(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little") | 1
