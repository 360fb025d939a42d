"""The folded network beside torch in float32: the largest difference, and labels that flip."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from tweetscore.model import LstmClassifier
from tweetscore.network import Network
from tweetscore.tokens import TokenIds

from . import material
from .measure import Row, Setup

TEXTS, BATCH_ROWS, BLOCK_ROWS = 1_000_000, 512, 65_536
SURE = 2e-5  # a probability nearer to a half may fall on either side of it


def measure(setup: Setup) -> list[Row]:
    """Compare every text of the archive, up to a million."""
    texts = material.encoded(setup, min(setup.rows, TEXTS))
    bundle, model = material.bundle(setup), material.torch_model(setup)
    network = Network(bundle.onnx_path, len(bundle.intervals), len(bundle.classes))
    largest, flipped, rounding = 0.0, 0, 0.0
    for block in _blocks(texts):
        ours = network.probabilities(block.ids, block.lengths)
        theirs = _torch(model, block)
        differences = np.abs(ours - theirs).max(axis=(1, 2))
        sure = np.abs(theirs[..., 1] - 0.5) > SURE
        flipped += int((((ours[..., 1] >= 0.5) != (theirs[..., 1] >= 0.5)) & sure).sum())
        largest = max(largest, float(differences.max()))
        # What rounding does to torch itself, of the texts where the two differ most.
        worst = np.argsort(differences)[-256:]
        few = TokenIds(block.ids[worst], block.lengths[worst])
        exact = _torch(model.double(), few)
        model.float()
        rounding = max(rounding, float(np.abs(theirs[worst] - exact).max()))
    count = f"{len(texts.ids):,} texts, {len(bundle.intervals)} intervals"
    return [
        Row(
            "max_probability_difference", "largest difference to torch, float32", largest, "",
            note=f"{count}; torch itself is {rounding:.1e} off float64 on the worst",
        ),
        Row(
            "flipped_labels", f"flipped labels further than {SURE} from a half", float(flipped), "", note=count,
        ),
    ]  # fmt: skip


def _blocks(texts: TokenIds) -> Iterator[TokenIds]:
    """Cut the texts into blocks, each sorted by length."""
    for start in range(0, len(texts.ids), BLOCK_ROWS):
        ids, lengths = (part[start : start + BLOCK_ROWS] for part in (texts.ids, texts.lengths))
        order = np.argsort(lengths, kind="stable")
        yield TokenIds(ids[order], lengths[order])


@torch.no_grad()
def _torch(model: LstmClassifier, texts: TokenIds) -> npt.NDArray[np.float64]:
    """Return torch's probabilities (N, heads, classes), each batch as wide as its longest."""
    found = []
    for start in range(0, len(texts.ids), BATCH_ROWS):
        ids, lengths = (
            torch.from_numpy(part[start : start + BATCH_ROWS])
            for part in (texts.ids, texts.lengths)
        )
        found.append(model(ids[:, : int(lengths.max())], lengths).softmax(2).double().numpy())
    return np.concatenate(found)
