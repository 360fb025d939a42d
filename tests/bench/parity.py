"""The folded network beside torch in float32: the largest difference, and labels that flip."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper

from tweetscore.scoring.bundle import Bundle, load_bundle
from tweetscore.scoring.graphs import GATES
from tweetscore.scoring.network import Network
from tweetscore.store.database import shipped
from tweetscore.text.encode import TokenIds
from tweetscore.text.vocabulary import Vocabulary
from tweetscore.training.classifier import NetworkConfig
from tweetscore.training.lstm import LstmClassifier

from . import material
from .measure import Row, Setup

TEXTS, BATCH_ROWS, BLOCK_ROWS, WORST_ROWS = 1_000_000, 512, 65_536, 256
SURE = 2e-5  # a probability nearer to a half may fall on either side of it


@dataclass(frozen=True, slots=True)
class Difference:
    """What one model came to."""

    name: str
    largest: float
    flipped: int
    rounding: float  # of torch in float32 to torch in float64, of the texts that differ most

    def __str__(self) -> str:
        return f"{self.name} {self.largest:.1e} (torch itself, to float64: {self.rounding:.1e})"


def measure(setup: Setup) -> list[Row]:
    """Compare every text of the archive, up to a million, by our model and the shipped one."""
    texts = material.encoded(setup, min(setup.rows, TEXTS))
    found = [_difference(material.bundle(setup), material.torch_model(setup), texts)]
    reference = shipped("models") / "reference"
    if reference.is_dir():
        bundle = load_bundle(reference)
        # Vocabularies begin with the frequent words: each word gives way to one of its rank.
        ids = texts.ids % len(Vocabulary.load(bundle.vocabulary_path))
        found.append(_difference(bundle, _unfolded(bundle), TokenIds(ids, texts.lengths)))
    count = f"{len(texts.ids):,} texts at {len(material.bundle(setup).horizons)} intervals"
    return [
        Row(
            "max_probability_difference",
            "largest difference in probability to torch, float32",
            max(each.largest for each in found),
            "",
            note=f"{count}: {', '.join(map(str, found))}",
        ),
        Row(
            "flipped_labels",
            f"labels other than torch's, further than {SURE} from a half",
            sum(each.flipped for each in found),
            "",
            note=count,
        ),
    ]


def _difference(bundle: Bundle, model: LstmClassifier, texts: TokenIds) -> Difference:
    network = Network(bundle.onnx_path, len(bundle.horizons), len(bundle.classes))
    up = bundle.classes.index("up")
    largest, flipped, rounding = 0.0, 0, 0.0
    for block in _blocks(texts):
        ours, theirs = network.probabilities(block.ids, block.lengths), _torch(model, block)
        differences = np.abs(ours - theirs).max(axis=(1, 2))
        sure = np.abs(theirs[..., up] - 0.5) > SURE
        flipped += int((((ours[..., up] >= 0.5) != (theirs[..., up] >= 0.5)) & sure).sum())
        largest = max(largest, float(differences.max()))
        worst = np.argsort(differences)[-WORST_ROWS:]
        exact = _torch(model.double(), TokenIds(block.ids[worst], block.lengths[worst]))
        model.float()
        rounding = max(rounding, float(np.abs(theirs[worst] - exact).max()))
    return Difference(bundle.name, largest, flipped, rounding)


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


def _unfolded(bundle: Bundle) -> LstmClassifier:
    """Give torch the network of a bundle, which has no other weights than its graph's.

    The table of each gate becomes the embedding, and the LSTM takes it in as it is.
    """
    initializers = onnx.load(bundle.onnx_path).graph.initializer
    weights = {each.name: torch.tensor(numpy_helper.to_array(each)) for each in initializers}
    table = torch.cat([weights[f"table_{gate}"] for gate in GATES], dim=1)  # (V, 4H)
    recurrent = torch.cat([weights[f"recurrent_{gate}"] for gate in GATES], dim=1)  # (H, 4H)
    config = NetworkConfig(
        len(table),
        len(bundle.horizons),
        len(bundle.classes),
        embedding_dim=table.shape[1],
        hidden=len(recurrent),
    )
    model = LstmClassifier(config)
    nothing = torch.zeros(table.shape[1])
    model.load_state_dict(
        {
            "embedding.weight": table,
            "lstm.weight_ih_l0": torch.eye(table.shape[1]),
            "lstm.weight_hh_l0": recurrent.T,
            "lstm.bias_ih_l0": nothing,
            "lstm.bias_hh_l0": nothing,
            "head.weight": weights["head"].T,
            "head.bias": weights["bias"],
        }
    )
    return model.eval()
