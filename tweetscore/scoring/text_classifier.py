"""Predict with somebody else's tokenizer and graph: posts enter, probabilities leave.

A batch holds texts of one length, so nothing is padded, and a text has the same probabilities
whatever else is in its batch.
"""

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
from tweetscore.scoring.predictors import Device, Encoded, Predictor, Scored
from tweetscore.scoring.sides import DOWN, UP
from tweetscore.scoring.text_folder import TOKENIZER, WHOLE, TextModel

# Measured with a model of 22 million weights: batches of 256 to 2,048 tokens are as fast as each
# other, larger ones are slower, as what they compute no longer fits into the caches.
BATCH_TOKENS = 1_024
CUDA_BATCH_TOKENS = 32_768  # not measured
TOKENIZED_TEXTS = 1_024  # at once: the tokenizer's own records of a text take ten kilobytes
REMEMBERED = 1 << 18  # texts of earlier chunks whose probabilities are kept: copies are many
KNOWN_TEXT = "The price went up today, and everybody was glad."

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Inputs:
    texts: list[Ids]  # distinct, as token ids
    keys: npt.NDArray[np.uint64]  # (texts, 2)
    place: npt.NDArray[np.intp]  # (rows,) of each row's text


class TextClassifier(Predictor):
    """A loaded tokenizer and graph."""

    def __init__(self, model: TextModel, device: Device = "cpu", threads: int | None = None):
        """Load both; see ``Model.load``.

        Args:
            model: what they belong to.
            device: where the graph runs.
            threads: batches at the same time; by default one per available core.

        Raises:
            InputError: the package tokenizers or the device is not there, or what the model gives
                is no probability.
            IntegrityError: one of them cannot be loaded, or gives other classes than it says.
        """
        self.model = model
        if model.config.function == "raw":
            raise InputError(
                f"{model.path}: gives {', '.join(model.config.labels[:3])} as numbers without "
                "bounds (regression), which are no probabilities; score with a classifier"
            )
        self._tokenizer = _tokenizer(model)
        self._name = str(model.onnx_path)
        self._session = open_session(
            model.onnx_path, self._name, providers(device), quiet=device != "cuda"
        )
        on_cuda = CUDA in self._session.get_providers()
        self._run_options = quiet_run()
        self._threads = threads or (1 if on_cuda else available_cores())
        self._batch_tokens = CUDA_BATCH_TOKENS if on_cuda else BATCH_TOKENS
        self._remembered = _Remembered(len(model.config.labels))
        self._logits([_ids(each) for each in self._tokenizer.encode_batch([KNOWN_TEXT] * 2)])

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
        # Texts of the same tokens have the same probabilities.
        keys = np.array([_key(each) for each in texts], np.uint64).reshape(-1, 2)
        _, first, same = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        inputs = _Inputs([texts[each] for each in first], keys[first], same.reshape(-1)[place])
        return Encoded(rows, inputs, +Counter(empty_text=int(empty.sum())))

    def run(self, encoded: Encoded) -> Scored:
        """Run the graph over encoded rows."""
        inputs: _Inputs = encoded.inputs
        logits, known = self._remembered.find(inputs.keys)
        new = np.flatnonzero(~known)
        logits[new] = self._logits([inputs.texts[each] for each in new])
        self._remembered.keep(inputs.keys[new], logits[new])
        if not np.isfinite(logits).all():
            raise IntegrityError(
                f"{self._name}: gives a text no probability but NaN or infinity; {WHOLE}"
            )
        of_texts = self._probabilities(logits)  # (texts, classes)
        heads = len(self.model.horizons)
        of_rows = np.repeat(of_texts[inputs.place][:, None], heads, axis=1)
        return Scored(encoded.rows, of_rows, encoded.skipped, encoded.words)

    def stop(self) -> None:
        """End what is being predicted, at its next operator."""
        self._run_options.terminate = True

    def known_text(self) -> str:
        """Return a text that every tokenizer can cut."""
        return KNOWN_TEXT

    def _probabilities(self, logits: Floats) -> Floats:
        """Return the probabilities of the classes of the target: (texts, classes)."""
        model = self.model
        if model.config.function == "softmax":
            powers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
            found = powers / powers.sum(axis=1, keepdims=True)
        else:
            with np.errstate(over="ignore"):
                found = 1 / (1 + np.exp(-logits))
        if len(model.config.classes) > len(model.config.labels):
            found = np.concatenate([found, 1 - found], axis=1)
        if not model.sides:
            return np.asarray(found, np.float32)
        up, down = (self._side(found, side) for side in (UP, DOWN))
        up_of_both = np.clip((1 + up - down) / 2, 0, 1)  # up, and half of what is neither
        return np.stack([1 - up_of_both, up_of_both], axis=1).astype(np.float32)

    def _side(self, found: Floats, side: str) -> Floats:
        """Return the probability of a side's labels; of labels that hold together the largest."""
        places = [self.model.config.classes.index(each) for each in self.model.sides[side]]
        of_side = found[:, places]
        alone = self.model.config.function == "softmax"
        return np.asarray(of_side.sum(axis=1) if alone else of_side.max(axis=1, initial=0))

    def _logits(self, texts: list[Ids]) -> Floats:
        """Return what the graph gives of each text: (texts, labels)."""
        logits = np.empty((len(texts), len(self.model.config.labels)), np.float32)

        def run(batch: list[int]) -> None:
            # One row alone is multiplied in another order of additions than two or more.
            rows = batch if len(batch) > 1 or self.model.graph.mixes_rows else batch * 2
            logits[batch] = self._run(np.stack([texts[each] for each in rows]))[: len(batch)]

        with ThreadPoolExecutor(self._threads) as pool:
            try:
                for future in [pool.submit(run, each) for each in self._batches(texts)]:
                    result_of(future)  # raises what a thread raised
            except BaseException:  # Ctrl-C waits for no batch
                self.stop()
                pool.shutdown(cancel_futures=True)
                raise
        return logits

    def _batches(self, texts: list[Ids]) -> list[list[int]]:
        """Return batches of places, each of one length; longest first, so no core ends late."""
        lengths = np.array([len(each) for each in texts], np.intp)
        order = np.argsort(-lengths, kind="stable")
        buckets = np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1)
        batches: list[list[int]] = []
        for bucket in buckets if len(texts) else ():
            rows = max(1, self._batch_tokens // int(lengths[bucket[0]]))
            rows = 1 if self.model.graph.mixes_rows else rows
            batches += [
                bucket[start : start + rows].tolist() for start in range(0, len(bucket), rows)
            ]
        return batches

    def _run(self, ids: Ids) -> Any:
        """Run one batch of texts of one length: (B, T) to (B, labels)."""
        positions = np.arange(ids.shape[1]) + self.model.config.first_position
        values = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
            "position_ids": np.broadcast_to(positions, ids.shape),
        }
        fed = {
            name: np.ascontiguousarray(values[name], np.int32 if kind == INT32 else np.int64)
            for name, kind in self.model.graph.inputs.items()
        }
        try:
            (found,) = self._session.run([self.model.graph.output], fed, self._run_options)
        except Exception as error:  # onnxruntime's own errors share no narrower parent
            reason = str(error).strip().splitlines()[0]
            raise IntegrityError(f"{self._name}: onnxruntime cannot run it: {reason}") from None
        wanted = (len(ids), len(self.model.config.labels))
        if getattr(found, "shape", None) != wanted:
            raise IntegrityError(
                f"{self._name}: gives numbers of the shape {getattr(found, 'shape', ())}, but "
                f"config.json names {wanted[1]} labels of each of {wanted[0]} texts; export the "
                "model again"
            )
        return found


class _Remembered:
    """What the graph gave of earlier texts, in a table of fixed size: a new text takes a place."""

    def __init__(self, labels: int) -> None:
        self._keys = np.zeros((REMEMBERED, 2), np.uint64)
        self._logits = np.zeros((REMEMBERED, labels), np.float32)

    def find(self, keys: npt.NDArray[np.uint64]) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Return the logits of these keys, and which of them are known."""
        places = keys[:, 0] % REMEMBERED
        return self._logits[places], (self._keys[places] == keys).all(axis=1)

    def keep(self, keys: npt.NDArray[np.uint64], logits: Floats) -> None:
        """Remember these; of two that share a place either, whole."""
        places, chosen = np.unique(keys[:, 0] % REMEMBERED, return_index=True)
        self._keys[places], self._logits[places] = keys[chosen], logits[chosen]


def _tokenizer(model: TextModel) -> Any:
    """Load the tokenizer, which cuts a text at the model's length and pads none."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise InputError(
            f"{model.path}: a text classifier needs tokenizers: pip install 'tweetscore[onnx-text]'"
        ) from None
    path = model.path / TOKENIZER
    try:
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_padding()
        tokenizer.enable_truncation(model.config.max_tokens, direction=model.config.truncation_side)
        tokenizer.encode_batch_fast([KNOWN_TEXT])
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of Rust is no Exception
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise IntegrityError(f"{path}: cannot be used ({reason[:200]}); {WHOLE}") from None
    return tokenizer


def _ids(encoding: Any) -> Ids:
    return np.array(encoding.ids, np.int32)


def _key(ids: Ids) -> tuple[int, int]:
    """Return 128 bits of a text's tokens; never both 0, which is an empty place."""
    digest = hashlib.blake2b(ids.tobytes(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little") | 1
