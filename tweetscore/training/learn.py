"""Learn from labelled rows: rows with their parts enter, a fitted network and its figures leave.

The protocol says who may see what. Under the honest one, vocabulary, normalisation, thresholds and
word vectors see the training part alone, validation chooses the best epoch, and the test part is
read once. The seed's is that of the 2019 study, faults included.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import torch

from tweetscore.evaluation.figures import Figures, bag_of_words_accuracy, figures
from tweetscore.market.targets import Target
from tweetscore.posts.canonical import COUNTS
from tweetscore.scoring.network import Device
from tweetscore.scoring.score import log_counts, normalised_counts
from tweetscore.store.database import STANDARD_INTERVALS
from tweetscore.text.tokens import TextRules, Vocabulary, encode, tokenize
from tweetscore.training.dataset import PARTS, Split, with_labels
from tweetscore.training.epoch import Epoch
from tweetscore.training.loop import (
    NO_LABEL,
    Checkpoint,
    FitOptions,
    Fitted,
    Part,
    fit,
    predict,
    training_device,
)
from tweetscore.training.lstm import LstmClassifier, LstmConfig
from tweetscore.training.vectors import WordVectors, random_vectors, read_vectors, train_vectors


@dataclass(frozen=True, slots=True)
class LearnOptions:
    """What learning can be told; the defaults are the study's hyper-parameters."""

    intervals: tuple[int, ...] = STANDARD_INTERVALS
    symbol: str | None = None
    session: Literal["regular", "extended"] = "regular"
    target: Target = field(default_factory=Target)
    vectors: str = "archive"  # a path, archive or random
    vocabulary_size: int = 10_000
    max_tokens: int = 50
    embedding_dim: int = 300
    hidden: int = 128
    dropout: float = 0.5
    counts: bool = False
    seed: int = 0
    device: Device = "auto"
    fit: FitOptions = field(default_factory=FitOptions)
    shuffle_labels: bool = False  # a placebo: what the same pipeline finds where nothing is


@dataclass(frozen=True, slots=True)
class Protocol:
    """Which parts are seen while learning, and which one chooses the best epoch."""

    name: Literal["honest", "seed"]
    seen: tuple[str, ...]  # by vocabulary, normalisation and word vectors
    chooses: str


HONEST = Protocol("honest", seen=("train",), chooses="validation")
SEED = Protocol("seed", seen=PARTS, chooses="test")


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that learning starts from, and that scoring will need again."""

    symbol: str
    rules: TextRules
    vocabulary: Vocabulary
    vectors: WordVectors
    normalisation: dict[str, list[float]] | None  # of the counts, by the rows that may be seen
    thresholds: dict[int, float]  # of moves in basis points, by interval
    split: Split | None  # None where rows have no times
    parts: dict[str, Part]


@dataclass(frozen=True, slots=True)
class Learned:
    """A network with the weights of its best epoch."""

    model: LstmClassifier
    prepared: Prepared
    fitted: Fitted
    device: str


def prepare(
    rows: pl.DataFrame,
    split: Split | None,
    options: LearnOptions,
    rules: TextRules,
    *,
    protocol: Protocol = HONEST,
    symbol: str = "",
    posts_until: Callable[[datetime], pl.Series] | None = None,
) -> Prepared:
    """Label, encode and start the word vectors from what the protocol lets them see.

    Args:
        rows: texts with ``tokens``, outcomes and their ``part``.
        split: where the parts begin, if rows have times.
        options: hyper-parameters.
        rules: how the texts were cleaned.
        protocol: who sees what.
        symbol: whose market the outcomes are of.
        posts_until: gives all texts before a moment, labelled or not, for vectors trained on the
            archive; without it they are trained on the rows that may be seen.
    """
    rows, thresholds = with_labels(rows, options.intervals, options.target)
    seen = rows.filter(pl.col("part").is_in(protocol.seen))
    vocabulary = Vocabulary.from_tokens(seen["tokens"], options.vocabulary_size)
    normalisation = None
    if options.counts:
        logs = log_counts(seen)
        normalisation = {
            "mean": logs.mean(0).tolist(),
            "std": np.maximum(logs.std(0), 1e-6).tolist(),
        }
    parts = {
        name: _part(rows.filter(pl.col("part") == name), rules, vocabulary, options, normalisation)
        for name in PARTS
        if name in rows["part"]
    }
    if options.shuffle_labels:
        parts = {name: _shuffled(part, options.seed) for name, part in parts.items()}
    texts = seen["tokens"]
    if posts_until and split:
        texts = tokenize(posts_until(split.train_until_utc), rules)
    vectors = _vectors(texts, options, vocabulary)
    return Prepared(symbol, rules, vocabulary, vectors, normalisation, thresholds, split, parts)


def learn(
    prepared: Prepared,
    options: LearnOptions,
    log_folder: Path,
    progress: Callable[[Epoch], None],
    *,
    protocol: Protocol = HONEST,
    checkpoint: Path | None = None,
    resume: bool = False,
) -> Learned:
    """Fit a network to the training part, and keep the weights of its best epoch.

    Args:
        prepared: what to learn from.
        options: hyper-parameters.
        log_folder: where TensorBoard events go.
        progress: called after every epoch.
        protocol: who chooses the best epoch.
        checkpoint: where an interrupted run is kept.
        resume: go on with the one kept there.

    Raises:
        InputError: there is no such device, or the run kept is another.
    """
    device = training_device(options.device)
    torch.manual_seed(options.seed)
    config = LstmConfig(
        vocabulary_size=len(prepared.vocabulary),
        heads=len(options.intervals),
        classes=len(options.target.classes),
        embedding_dim=prepared.vectors.matrix.shape[1],
        hidden=options.hidden,
        dropout=options.dropout,
        counts=len(COUNTS) if options.counts else 0,
    )
    model = LstmClassifier(config, torch.from_numpy(prepared.vectors.matrix))
    kept = checkpoint and Checkpoint(checkpoint, _fingerprint(prepared, options), resume)
    fitted = fit(
        model, prepared.parts["train"], prepared.parts[protocol.chooses], options.fit,
        options.intervals, options.seed, log_folder, progress,
        device=device, held_out_name=protocol.chooses, checkpoint=kept or None,
    )  # fmt: skip
    return Learned(model, prepared, fitted, device)


def held_out_figures(learned: Sequence[Learned], options: LearnOptions, name: str) -> list[Figures]:
    """Measure the test parts, once, beside their baselines; Holm is left to the caller.

    Several networks are those of walk-forward folds, whose test parts are measured together.
    """
    found = []
    for head, minutes in enumerate(options.intervals):
        folds = [each for each in (_tested(one, head, minutes) for one in learned) if each]
        if not folds:
            continue
        truth = np.concatenate([fold.truth for fold in folds])
        momentum = None
        if all(fold.momentum is not None for fold in folds):
            momentum = np.concatenate([fold.momentum for fold in folds])
        measured = figures(
            np.concatenate([fold.probabilities for fold in folds]),
            truth,
            np.concatenate([fold.days for fold in folds]),
            momentum=momentum,
        )
        words = [fold.words_right for fold in folds]
        bag_of_words = None if None in words else sum(filter(None, words)) / len(truth)
        found.append(
            replace(
                measured, model=name, symbol=learned[0].prepared.symbol,
                target=options.target.name, interval_minutes=minutes or None,
                bag_of_words=bag_of_words,
            )
        )  # fmt: skip
    return found


@dataclass(frozen=True, slots=True)
class _Tested:
    """What one network says of one head's test rows, and what was true."""

    probabilities: np.ndarray[Any, np.dtype[np.float64]]  # (rows, classes)
    truth: np.ndarray[Any, np.dtype[np.int64]]  # (rows,)
    days: np.ndarray[Any, np.dtype[np.int64]]  # (rows,)
    momentum: np.ndarray[Any, np.dtype[np.int64]] | None  # (rows,) places of classes, -1 unknown
    words_right: float | None  # rows that the bag of words has right


def _tested(learned: Learned, head: int, minutes: int) -> _Tested | None:
    train, test = learned.prepared.parts["train"], learned.prepared.parts["test"]
    known = (test.labels[:, head] != NO_LABEL).numpy()
    if not known.any():
        return None
    truth = test.labels[:, head].numpy()[known]
    rows = test.rows.filter(pl.Series(known))
    fitted = (train.labels[:, head] != NO_LABEL).numpy()
    words = bag_of_words_accuracy(
        train.rows["tokens"].filter(pl.Series(fitted)),
        train.labels[:, head].numpy()[fitted],
        rows["tokens"],
        truth,
    )
    past, momentum = f"momentum_{minutes}", None
    if past in rows.columns:
        momentum = rows[past].fill_null(-1).to_numpy()
    return _Tested(
        predict(learned.model, test).softmax(2)[:, head].double().numpy()[known],
        truth,
        rows["session_date"].to_physical().cast(pl.Int64).to_numpy(),
        momentum,
        None if words is None else words * len(truth),
    )


def _vectors(texts: pl.Series, options: LearnOptions, vocabulary: Vocabulary) -> WordVectors:
    seed, dim = options.seed, options.embedding_dim
    if options.vectors == "random":
        return random_vectors(vocabulary.words, dim=dim, seed=seed)
    if options.vectors == "archive":
        return train_vectors(texts, vocabulary.words, dim=dim, seed=seed)
    return read_vectors(Path(options.vectors), vocabulary.words, seed=seed)


def _part(
    rows: pl.DataFrame,
    rules: TextRules,
    vocabulary: Vocabulary,
    options: LearnOptions,
    normalisation: dict[str, list[float]] | None,
) -> Part:
    labels = rows.select(f"label_{n}" for n in options.intervals)
    counts = None
    if normalisation:
        counts = torch.from_numpy(normalised_counts(rows, normalisation))
    return Part(
        rows,
        encode(rows["text"], rules, vocabulary),
        torch.from_numpy(labels.fill_null(NO_LABEL).to_numpy().copy()),
        counts,
    )


def _shuffled(part: Part, seed: int) -> Part:
    order = torch.randperm(len(part), generator=torch.Generator().manual_seed(seed))
    return replace(part, labels=part.labels[order])


def _fingerprint(prepared: Prepared, options: LearnOptions) -> str:
    """Return what tells one run from another: the options, and all that the network is fed."""
    digest = hashlib.sha256(repr(asdict(options)).encode())
    digest.update("\n".join(prepared.vocabulary.words).encode())
    digest.update(prepared.vectors.matrix.tobytes())
    for part in prepared.parts.values():
        digest.update(part.tokens.ids.tobytes())
        digest.update(part.labels.numpy().tobytes())
        if part.counts is not None:
            digest.update(part.counts.numpy().tobytes())
    return digest.hexdigest()
