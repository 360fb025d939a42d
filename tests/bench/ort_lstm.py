"""Score with onnxruntime's own LSTM: the same weights as the bundle, every row, nothing shared."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

BATCH_ROWS = 256


class OrtLstm:
    """Stands where ``network.Network`` does; arranged as ours is, which serves it best, too."""

    def __init__(self, graph: Path, *, padded: bool) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(str(graph), options, providers=providers)
        self._padded = padded

    def probabilities(
        self, ids: npt.NDArray[Any], lengths: npt.NDArray[Any], _counts: None = None
    ) -> npt.NDArray[np.float32]:
        """Return the probabilities (N, heads, classes) of N texts, in their order."""
        if self._padded:
            batches = np.array_split(np.arange(len(ids)), -(-len(ids) // BATCH_ROWS))
        else:
            batches = _of_one_length(lengths)

        def run(batch: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
            width = ids.shape[1] if self._padded else lengths[batch[0]]
            feed = {"ids": np.ascontiguousarray(ids[batch, :width].T, np.int32)}
            if self._padded:
                feed["last"] = (lengths[batch] - 1).astype(np.int64) * len(batch) + np.arange(
                    len(batch)
                )
            (found,) = self._session.run(None, feed)
            return np.asarray(found)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = np.concatenate(list(pool.map(run, batches)))
        in_order = np.empty_like(found)
        in_order[np.concatenate(batches)] = found
        return in_order


def _of_one_length(lengths: npt.NDArray[Any]) -> list[npt.NDArray[np.intp]]:
    order = np.argsort(-lengths, kind="stable")
    buckets = np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1)
    return [
        batch
        for bucket in buckets
        for batch in np.array_split(bucket, -(-len(bucket) // BATCH_ROWS))
    ]
