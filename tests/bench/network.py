"""The network alone: token ids enter, probabilities leave, on texts that all differ."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from tweetscore.scoring.network import Network
from tweetscore.text.encode import TokenIds
from tweetscore.training.lstm import LstmClassifier

from . import material
from .measure import Row, Setup, interleaved, speed
from .ort_lstm import OrtLstm

TEXTS, SLOW_SHARE = 100_000, 4
GEMM_ROWS = (256, 512, 2_048)  # the limit is the fastest of these batches
CORES = os.cpu_count() or 1


def measure(setup: Setup) -> list[Row]:
    """Hold ours against onnxruntime's LSTM, torch, and the matrix products alone."""
    archive = material.encoded(setup, min(setup.rows, 2 * TEXTS))
    texts = material.different(archive, TEXTS)
    slow = TokenIds(texts.ids[::SLOW_SHARE], texts.lengths[::SLOW_SHARE])
    copies = TokenIds(archive.ids[: len(texts.ids)], archive.lengths[: len(texts.ids)])
    bundle, model = material.bundle(setup), material.torch_model(setup)
    network = Network(bundle.onnx_path, len(bundle.horizons), len(bundle.classes))
    in_order = OrtLstm(material.lstm_path(setup, padded=False), padded=False)
    padded = OrtLstm(material.lstm_path(setup, padded=True), padded=True)
    first = TokenIds(slow.ids[:1_000], slow.lengths[:1_000])
    expected = network.probabilities(first.ids, first.lengths)
    for other in (in_order, padded):
        np.testing.assert_allclose(
            other.probabilities(first.ids, first.lengths), expected, atol=1e-4
        )
    np.testing.assert_allclose(_packed(model, first), expected, atol=1e-4)

    products = matrix_products(texts)
    seconds = interleaved(
        {
            "ours": lambda: network.probabilities(texts.ids, texts.lengths),
            "sorted": lambda: in_order.probabilities(texts.ids, texts.lengths),
            "padded": lambda: padded.probabilities(slow.ids, slow.lengths),
            "packed": lambda: _packed(model, slow),
            "copies": lambda: network.probabilities(copies.ids, copies.lengths),
            **{f"gemm {rows}": partial(multiply, model, products, rows) for rows in GEMM_ROWS},
        },
        setup.repeats,
    )
    count, few = len(texts.ids), len(slow.ids)
    ours = count / seconds["ours"]  # texts/s, as the others
    in_order_speed, padded_speed = count / seconds["sorted"], few / seconds["padded"]
    packed_speed, copies_speed = few / seconds["packed"], len(copies.ids) / seconds["copies"]
    fastest = min(seconds[f"gemm {rows}"] for rows in GEMM_ROWS)
    flops = products * 8 * model.config.hidden**2
    return [
        Row(
            "network_vs_ort_sorted", "folded network / onnxruntime LSTM, sorted batches",
            ours / in_order_speed, "x", speed(ours), speed(in_order_speed),
            note=f"{count:,} texts that all differ, of {texts.lengths.mean():.1f} tokens",
        ),
        Row(
            "network_vs_ort_padded", "folded network / onnxruntime LSTM, padded to 50",
            ours / padded_speed, "x", speed(ours), speed(padded_speed),
            note=f"{few:,} of them padded",
        ),
        Row(
            "network_vs_torch_packed", "folded network / torch, packed sequences",
            ours / packed_speed, "x", speed(ours), speed(packed_speed),
            note=f"{few:,} of them packed",
        ),
        Row(
            "network_sharing", "the archive's texts, copies shared / texts that all differ",
            copies_speed / ours, "x", speed(copies_speed), speed(ours),
        ),
        Row(
            "network_of_gemm_limit", "folded network / its matrix products alone",
            fastest / seconds["ours"], "of limit", speed(ours), speed(count / fastest),
            note=f"torch's fp32 GEMM: {flops / fastest / 1e9:,.0f} GFLOP/s",
        ),
    ]  # fmt: skip


@torch.no_grad()
def _packed(model: LstmClassifier, texts: TokenIds) -> npt.NDArray[np.float32]:
    """Run torch over packed sequences, sorted by length."""
    torch.set_num_threads(CORES)
    ids, lengths = torch.from_numpy(texts.ids), torch.from_numpy(texts.lengths).long()
    order = lengths.argsort(descending=True)
    found = torch.empty(len(ids), model.config.heads, model.config.classes)
    for places in torch.split(order, 256):
        packed = pack_padded_sequence(model.embedding(ids[places]), lengths[places], True)
        _, (state, _) = model.lstm(packed)
        logits = model.head(state[0]).view(-1, model.config.heads, model.config.classes)
        found[places] = logits.softmax(2)
    return found.numpy()


def matrix_products(texts: TokenIds) -> int:
    """Return how many states the network multiplies: one a token, but for the first of a text."""
    return int((texts.lengths - 1).sum())


@torch.no_grad()
def multiply(model: LstmClassifier, products: int, rows: int) -> None:
    """Multiply as many states as the texts have steps, ``rows`` at once, on every core."""
    torch.set_num_threads(1)
    weight = model.lstm.weight_hh_l0
    assert isinstance(weight, torch.Tensor)
    recurrent = weight.T.contiguous()  # (H, 4H)

    def work(times: int) -> None:
        states, out = torch.rand(rows, len(recurrent)), torch.empty(rows, recurrent.shape[1])
        for _ in range(times):
            torch.mm(states, recurrent, out=out)

    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(work, [products // rows // CORES + 1] * CORES))
