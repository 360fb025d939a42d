"""Run an exported graph over many texts: padded token ids enter, probabilities leave.

On a CPU every core runs a small batch of its own. A GPU divides one batch among all its cores, so
CUDA has one at a time, and a larger one.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # else it writes into the home folder
import onnxruntime  # reads the variable when it is imported

from tweetscore.errors import InputError, IntegrityError
from tweetscore.io.pipeline import result_of
from tweetscore.scoring.graphs import AGAIN
from tweetscore.scoring.predictors import Device

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
FATAL = 4  # of onnxruntime's levels of messages
# Measured: batches of 128 lose a tenth of the speed to overhead, batches of 512 gain nothing.
BATCH_ROWS = 256
# Not measured. A step starts the same number of kernels whatever the rows of its batch.
CUDA_BATCH_ROWS = 8_192
# Odd, so that no token's bits are lost; large, so that the keys of texts spread over 64 bits.
KEY_MULTIPLIER = 0x1E3779B97F4A7C15


class Network:
    """A graph of ``export.to_onnx``, ready to score; one may be used for any number of calls."""

    def __init__(
        self,
        onnx_model: Path | str | bytes,
        heads: int,
        classes: int,
        counts_weight: ArrayLike | None = None,
        threads: int | None = None,
        device: Device = "cpu",
    ) -> None:
        """Load the graph.

        Args:
            onnx_model: the path of a ``model.onnx``, or its bytes.
            heads: intervals of the model.
            classes: classes of each interval.
            counts_weight: (heads, classes, counts) the head's weights of the engagement counts,
                for a model that uses them.
            threads: batches that run at the same time; by default one per available core, and one
                on CUDA.
            device: where to run; auto is cuda where onnxruntime has it, else cpu.

        Raises:
            InputError: cuda is asked for, and onnxruntime has none or does not use it.
            IntegrityError: onnxruntime cannot load the graph, or it is not one of tweetscore with
                this number of heads and classes.
            ValueError: the shape of ``counts_weight`` does not fit.
        """
        name = "the graph" if isinstance(onnx_model, bytes) else str(onnx_model)
        self._name = name
        self._session = open_session(onnx_model, name, providers(device))
        on_cuda = CUDA in self._session.get_providers()
        if device == "cuda" and not on_cuda:
            raise InputError(
                f"--device cuda: onnxruntime {onnxruntime.__version__} fell back to the CPU; "
                "install the CUDA and cuDNN libraries that it names above, or leave --device out"
            )
        metadata = self._session.get_modelmeta().custom_metadata_map
        outputs = self._session.get_outputs()[0].shape[-1]
        if "vocabulary_size" not in metadata or outputs != heads * classes:
            raise IntegrityError(
                f"{name}: not a tweetscore graph of {heads} heads with {classes} classes"
                f" (its output has {outputs} columns); export the model again"
            )
        self._vocabulary_size = int(metadata["vocabulary_size"])
        self._heads, self._classes = heads, classes
        self._counts_weight: NDArray[np.float32] | None = None
        if counts_weight is not None:
            weight = np.asarray(counts_weight, np.float32)
            if weight.ndim != 3 or weight.shape[:2] != (heads, classes):
                raise ValueError(
                    f"counts_weight {weight.shape} is not ({heads}, {classes}, counts)"
                )
            self._counts_weight = weight.reshape(heads * classes, -1).T  # (counts, heads * classes)
        self._run_options = quiet_run()
        self._threads = threads or (1 if on_cuda else available_cores())
        self._batch_rows = CUDA_BATCH_ROWS if on_cuda else BATCH_ROWS

    def probabilities(
        self, ids: NDArray[Any], lengths: NDArray[Any], counts: NDArray[Any] | None = None
    ) -> NDArray[np.float32]:
        """Return the probabilities (N, heads, classes) of N texts, in their order.

        Args:
            ids: (N, max_tokens) integer token ids, padded on the right.
            lengths: (N,) integer tokens of each text, 1 to max_tokens.
            counts: (N, counts) normalised engagement, exactly when the model uses counts.

        Raises:
            ValueError: shapes do not fit, an id is outside the vocabulary, a length outside the
                row, a count is not finite, or counts are missing or unasked for.
            IntegrityError: a probability would be no number.
        """
        self._check(ids, lengths, counts)
        if not len(ids):  # onnxruntime aborts the whole process on a batch of no rows
            return np.empty((0, self._heads, self._classes), np.float32)
        rows, place = _distinct(ids, lengths)  # (D,), (N,)
        distinct_logits = np.empty((len(rows), self._heads * self._classes), np.float32)

        def run(batch: NDArray[np.intp]) -> None:
            texts = rows[batch]
            steps = ids[texts, : lengths[texts[0]]].T  # (T, B): one length, so no padding is left
            steps = np.ascontiguousarray(steps, np.int32)
            found = self._session.run(None, {"ids": steps}, self._run_options)
            (distinct_logits[batch],) = found

        with ThreadPoolExecutor(self._threads) as pool:
            batches = _batches(lengths[rows], self._batch_rows)
            try:
                for future in [pool.submit(run, batch) for batch in batches]:
                    result_of(future)  # raises what a thread raised
            except BaseException:  # Ctrl-C waits for no batch
                self.stop()
                pool.shutdown(cancel_futures=True)
                raise
        logits = distinct_logits[place]  # (N, heads * classes)
        if self._counts_weight is not None and counts is not None:
            # The head is linear, so copies of a text share one state and differ only here.
            logits += counts.astype(np.float32) @ self._counts_weight
        if not np.isfinite(logits).all():
            raise IntegrityError(
                f"{self._name}: gives a text no probability but NaN or infinity; {AGAIN}"
            )
        return softmax(logits.reshape(-1, self._heads, self._classes))

    def stop(self) -> None:
        """End the batches that run, in whatever thread, at their next operator; no more will."""
        self._run_options.terminate = True

    def _check(self, ids: NDArray[Any], lengths: NDArray[Any], counts: NDArray[Any] | None) -> None:
        """Refuse what onnxruntime would not: it wraps negative ids and lets NaN through."""
        if ids.ndim != 2 or lengths.shape != ids.shape[:1]:
            raise ValueError(f"ids {ids.shape} and lengths {lengths.shape} are not (N, T) and (N,)")
        if ids.dtype.kind != "i" or lengths.dtype.kind != "i":
            raise ValueError(f"ids ({ids.dtype}) and lengths ({lengths.dtype}) must be integers")
        if (counts is not None) != (self._counts_weight is not None):
            raise ValueError("counts must be given exactly when the model uses them")
        if len(ids) and not 1 <= lengths.min() <= lengths.max() <= ids.shape[1]:
            raise ValueError(f"every length must be 1 to {ids.shape[1]}; skip texts without tokens")
        if len(ids) and not 0 <= ids.min() <= ids.max() < self._vocabulary_size:
            raise ValueError(f"every id must be 0 to {self._vocabulary_size - 1}, the vocabulary")
        if counts is not None and self._counts_weight is not None:
            if counts.shape != (len(ids), len(self._counts_weight)):
                raise ValueError(
                    f"counts {counts.shape} are not ({len(ids)}, {len(self._counts_weight)})"
                )
            if not np.isfinite(counts).all():
                raise ValueError("every count must be finite; skip texts without counts")


def open_session(
    onnx_model: Path | str | bytes, name: str, providers: list[Any], *, foreign: bool = False
) -> onnxruntime.InferenceSession:
    """Load a graph, called so in messages, to run on these providers and no other.

    A foreign graph is one of another program: what is odd about it is not printed, and its large
    tensors come from an arena, as from the heap they would take ever more memory.
    """
    options = onnxruntime.SessionOptions()
    if foreign:
        options.log_severity_level = FATAL
    # One thread per batch, many batches at once: threads inside one small Gemm only wait.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # The arena is one lock for all threads; without it one session serves them all at the speed
    # of one session each, and holds the table once.
    options.enable_cpu_mem_arena = foreign
    source = onnx_model if isinstance(onnx_model, bytes) else str(onnx_model)
    try:
        return onnxruntime.InferenceSession(
            source,
            options,
            providers=providers,
            enable_fallback=0,  # else a failing provider gives way to the CPU in silence
        )
    except Exception as error:  # onnxruntime's own errors share no narrower parent
        reason = str(error).strip().splitlines()[0]
        version = onnxruntime.__version__
        raise IntegrityError(f"{name}: onnxruntime {version} cannot load it: {reason}") from None


def quiet_run() -> Any:
    """Return the options of a run that raises its errors, and does not print them as well."""
    options = onnxruntime.RunOptions()
    options.log_severity_level = FATAL
    return options


def providers(device: Device) -> list[Any]:
    """Return onnxruntime's providers in the order of preference."""
    has_cuda = CUDA in onnxruntime.get_available_providers()
    if device == "cuda" and not has_cuda:
        raise InputError(
            f"--device cuda: onnxruntime {onnxruntime.__version__} is built without CUDA; "
            "pip uninstall onnxruntime and pip install onnxruntime-gpu, or leave --device out"
        )
    # TF32 would round every product to 10 bits, and a score would depend on where it was made.
    return [CPU] if device == "cpu" or not has_cuda else [(CUDA, {"use_tf32": "0"}), CPU]


def available_cores() -> int:
    """Return the cores this process may use, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _distinct(
    ids: NDArray[Any], lengths: NDArray[Any]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return one row of each distinct text (D,), and the place (N,) of every row's text in it."""
    powers = np.cumprod(np.full(ids.shape[1], KEY_MULTIPLIER))  # int64 wraps, as a hash may
    keys = np.einsum("nt,t->n", ids, powers) + lengths
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    original = first[group]  # (N,) the first row with the same key
    # An equal key is only a hint: a row whose tokens differ from that first row stands for itself.
    differs = (ids != ids[original]).any(axis=1) | (lengths != lengths[original])
    original[differs] = np.flatnonzero(differs)
    return np.unique(original, return_inverse=True)


def _batches(lengths: NDArray[Any], batch_rows: int) -> list[NDArray[np.intp]]:
    """Return batches of places, each of one length; longest first, so that no core ends late."""
    order = np.argsort(-lengths, kind="stable")
    buckets = np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1)
    return [
        batch
        for bucket in buckets
        for batch in np.array_split(bucket, -(-len(bucket) // batch_rows))
    ]


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the softmax (N, heads, classes) over the classes."""
    # (classes, N, heads): numpy is six times slower on an axis of two that lies innermost.
    powers = np.ascontiguousarray(np.moveaxis(logits, -1, 0))
    powers -= powers.max(axis=0)
    np.exp(powers, out=powers)
    powers /= powers.sum(axis=0)
    return np.ascontiguousarray(np.moveaxis(powers, 0, -1))
