"""Prove that an exported graph scores as the trained network does.

A network and its graph enter; how far their probabilities are apart leaves.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from tweetscore.errors import IntegrityError, TweetscoreError
from tweetscore.scoring.network import Network
from tweetscore.training.classifier import Classifier

TOLERANCE = 1e-5  # of a probability
ROUNDING = 2.4e-7  # of onnxruntime's Tanh; torch's rounds to 3e-8
ROUNDED_COPIES = 4
ROUNDING_FACTOR = 10  # times the change that such rounding of the weights makes to the same text
MAX_TOKENS = 50

# Token ids (N, T), lengths (N,) and, for a model that uses them, normalised counts (N, counts).
Texts = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[Any] | None]


@dataclass(frozen=True, slots=True)
class Parity:
    """Largest differences in probability to torch in float64, over the same random texts."""

    graph: float  # of the exported graph
    float32: float  # of torch itself in float32: what rounding alone does in this network


def check_parity(
    model: Classifier, onnx_model: onnx.ModelProto, vocabulary_size: int, seed: int
) -> Parity:
    """Compare the scoring path with torch in double precision, on the same random texts.

    A trained recurrent network can be very sensitive: on a few texts rounding alone moves a
    probability by more than 1e-5. So 99 % of the texts must agree to 1e-5, whatever the network,
    and each of the others to 1e-5 or to ``ROUNDING_FACTOR`` times what a rounding of the weights
    as coarse as onnxruntime's does to that very text.

    Raises:
        TweetscoreError: they differ by more.
    """
    rounded = copy.deepcopy(model).cpu().float().eval()
    exact = copy.deepcopy(rounded).double()
    network = _network(model, onnx_model)
    drawn = list(random_texts(vocabulary_size, model.config.counts, seed))
    truths = [_torch_probabilities(exact, *texts) for texts in drawn]
    of_graph, of_float32 = [], []
    for texts, truth in zip(drawn, truths, strict=True):
        of_graph.append(_distances(_scored(network, texts), truth))
        of_float32.append(_distances(_torch_probabilities(rounded, *texts), truth))
    differences = np.concatenate(of_graph)
    parity = Parity(float(differences.max()), float(np.concatenate(of_float32).max()))
    limits = np.full(len(differences), TOLERANCE)
    # Written like this, NaN fails too.
    mostly = bool(np.quantile(differences, 0.99) <= TOLERANCE)
    if mostly:
        limits = np.concatenate(
            [_limits(exact, seed, *each) for each in zip(drawn, truths, of_graph, strict=True)]
        )
    if not (mostly and (differences <= limits).all()):
        worst = int(np.argmax(differences - limits))
        raise TweetscoreError(
            f"the exported graph differs from the trained network by {differences[worst]:.1e} in"
            f" probability, {limits[worst]:.0e} is allowed; the model is not saved"
        )
    return parity


def _scored(network: Network, texts: Texts) -> NDArray[np.float32]:
    try:
        return network.probabilities(*texts)
    except IntegrityError as error:
        raise TweetscoreError(
            "the trained network gives some text NaN or infinity; the model is not saved: train it "
            "again with a smaller --learning-rate"
        ) from error


def _limits(
    exact: Classifier,
    seed: int,
    texts: Texts,
    truth: NDArray[np.float64],
    differences: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return by how much each text may differ.

    Most networks have no text that rounding moves as far: the copies look at the others.
    """
    limits = np.full(len(truth), TOLERANCE)
    far = ~(differences <= TOLERANCE)  # NaN is far
    if far.any():
        few = (texts[0][far], texts[1][far], None if texts[2] is None else texts[2][far])
        moved = ROUNDING_FACTOR * _moved_by_rounding(exact, seed, few, truth[far])
        limits[far] = np.maximum(TOLERANCE, moved)
    return limits


def _distances(found: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
    """Return the largest difference of each text."""
    return np.asarray(np.abs(found - truth).max(axis=(1, 2)))  # (N,)


def _moved_by_rounding(
    exact: Classifier, seed: int, texts: Texts, truth: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far rounded weights move the probabilities of each text at most."""
    copies = (_perturbed(exact, seed + number) for number in range(ROUNDED_COPIES))
    moved = [_distances(_torch_probabilities(each, *texts), truth) for each in copies]
    return np.asarray(np.max(moved, axis=0))  # (N,)


def _perturbed(exact: Classifier, seed: int) -> Classifier:
    """Return a copy whose weights are off by about onnxruntime's rounding."""
    moved = copy.deepcopy(exact)
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in moved.parameters():
            noise = torch.randn(weight.shape, generator=draws, dtype=weight.dtype)
            weight.mul_(1 + ROUNDING * noise)
    return moved


def random_texts(vocabulary_size: int, counts: int, seed: int) -> Iterator[Texts]:
    """Draw texts of 1 to 50 tokens, a third of them copies, in batches of 1 to 1,000."""
    random = np.random.default_rng(seed)
    for rows in (1, 1000, *random.integers(2, 1000, 3)):
        lengths = random.integers(1, MAX_TOKENS + 1, rows, np.int32)
        ids = random.integers(0, vocabulary_size, (rows, MAX_TOKENS), np.int32)
        ids[np.arange(MAX_TOKENS) >= lengths[:, None]] = 0
        drawn = random.integers(0, rows, rows)  # with replacement: copies, as in an archive
        yield (
            ids[drawn],
            lengths[drawn],
            random.normal(size=(rows, counts)) if counts else None,
        )


def _network(model: Classifier, onnx_model: onnx.ModelProto) -> Network:
    config = model.config
    graph = onnx_model.SerializeToString()
    return Network(graph, config.heads, config.classes, model.counts_weight())


def _torch_probabilities(
    model: Classifier,
    ids: NDArray[np.int32],
    lengths: NDArray[np.int32],
    counts: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """Return torch's probabilities (N, heads, classes) in the model's own precision."""
    kind = next(model.parameters()).dtype
    with torch.no_grad():
        logits = model(
            torch.from_numpy(ids),
            torch.from_numpy(lengths),
            None if counts is None else torch.from_numpy(counts).to(kind),
        )
    probabilities: NDArray[np.float64] = logits.softmax(dim=-1).double().numpy()
    return probabilities
