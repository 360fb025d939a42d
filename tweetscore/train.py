"""Train the network on labelled tweets: the database enters, a bundle that has scored a row leaves.

The split is by time, between trading days. Vocabulary, normalisation and word vectors see nothing
later than the training part; the best epoch is chosen on validation; the test part is read once.
"""

import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import torch

from tweetscore.bundle import Bundle, check_place, write_bundle
from tweetscore.card import model_card, worded_drift
from tweetscore.dataset import COUNTS, PARTS, Split, choose_symbol, labelled_rows, split_rows
from tweetscore.evaluate import Figures, bag_of_words_accuracy, figures, with_verdicts
from tweetscore.export import (
    Parity,
    Texts,
    check_parity,
    counts_weight,
    measure_drift,
    random_texts,
    to_onnx,
)
from tweetscore.fit import NO_LABEL, Epoch, FitOptions, Fitted, Part, fit, predict, training_device
from tweetscore.model import LstmClassifier, LstmConfig
from tweetscore.network import Device
from tweetscore.score import Scorer, log_counts, normalised_counts
from tweetscore.store import STANDARD_INTERVALS, Store
from tweetscore.tokens import TextRules, Vocabulary, encode, tokenize
from tweetscore.vectors import WordVectors, random_vectors, read_vectors, train_vectors
from tweetscore.windows import ensure_windows

CLASSES = ("down", "up")


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What a training run can be told; the defaults are the study's hyper-parameters."""

    intervals: tuple[int, ...] = STANDARD_INTERVALS
    symbol: str | None = None
    session: Literal["regular", "extended"] = "regular"
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
class Prepared:
    """Everything that training learns from, and that scoring will need again."""

    symbol: str
    rules: TextRules
    vocabulary: Vocabulary
    vectors: WordVectors
    normalisation: dict[str, list[float]] | None  # of the counts, by the training part
    split: Split
    parts: dict[str, Part]


@dataclass(frozen=True, slots=True)
class Trained:
    """A saved bundle, how its training went and what it is worth."""

    bundle: Bundle
    fitted: Fitted
    parity: Parity
    figures: list[Figures]


def train(
    store: Store,
    options: TrainOptions,
    folder: Path,
    *,
    log_folder: Path,
    progress: Callable[[Epoch], None],
    say: Callable[[str], None],
) -> Trained:
    """Train on the windows of one symbol, export through the parity gate, save and score a row.

    Args:
        store: the database.
        options: hyper-parameters.
        folder: where the bundle goes; replaced as a whole when it is one already.
        log_folder: where TensorBoard events go.
        progress: called after every epoch. A KeyboardInterrupt in it, or between batches, ends
            training with the best epoch so far.
        say: told each fact a user should know on the way.

    Raises:
        InputError: too few labelled rows, a symbol must be named, or there is no such device.
        TweetscoreError: the exported graph is not the network.
    """
    check_place(folder)  # now, not after hours of training
    device = training_device(options.device)
    torch.manual_seed(options.seed)
    prepared = _prepare(store, options)
    vectors = prepared.vectors
    say(
        f"vectors: {vectors.source}, {vectors.covered:,} of {vectors.words:,} words covered, "
        f"{vectors.words - vectors.covered:,} drawn at random"
    )
    for name, part in prepared.parts.items():
        say(f"{name}: {len(part):,} tweets on {part.days:,} trading days")
    say(f"device: {device}")
    config = LstmConfig(
        vocabulary_size=len(prepared.vocabulary),
        heads=len(options.intervals),
        embedding_dim=vectors.matrix.shape[1],
        hidden=options.hidden,
        dropout=options.dropout,
        counts=len(COUNTS) if options.counts else 0,
    )
    model = LstmClassifier(config, torch.from_numpy(vectors.matrix))
    fitted = fit(
        model, prepared.parts, options.fit, options.intervals, options.seed, log_folder, progress,
        device,
    )  # fmt: skip
    graph = to_onnx(model)
    parity = check_parity(model, graph, config.vocabulary_size, options.seed)
    say(
        f"parity: the exported graph is within {parity.graph:.1e} of torch in float64, "
        f"torch in float32 within {parity.float32:.1e}"
    )
    int8_graph = to_onnx(model, "int8")
    texts = {
        "learned": _learned_texts(prepared),
        "random": random_texts(config.vocabulary_size, config.counts, options.seed),
    }
    drift = {
        name: asdict(measure_drift(model, graph, int8_graph, each)) for name, each in texts.items()
    }
    say(f"int8: over its own texts {worded_drift(drift['learned'])}")
    found = _test_figures(model, prepared, options, folder.name)
    card = {
        "name": folder.name,
        "target": "direction",
        "classes": list(CLASSES),
        "intervals": list(options.intervals),
        "session": options.session,
        "symbol": prepared.symbol,
        "config": asdict(config),
        "text_rules": prepared.rules.to_dict(),
        "counts": _counts_card(model, prepared),
        "split": {key: value.isoformat() for key, value in asdict(prepared.split).items()},
        "rows": {
            name: {"tweets": len(part), "days": part.days}
            for name, part in prepared.parts.items()
        },
        "vectors": {
            "source": vectors.source, "covered": vectors.covered, "words": vectors.words,
        },
        "training": {
            **asdict(options),
            "device": device,
            "best_epoch": fitted.best.number,
            "epochs_run": fitted.epochs,
            "interrupted": fitted.interrupted,
            "validation_loss": fitted.best.validation_loss,
        },
        "figures": [asdict(each) for each in found],
        "parity": asdict(parity),
        "int8_drift": drift,
        "data": _data_card(store),
        "versions": _versions(),
    }  # fmt: skip
    bundle = write_bundle(
        folder,
        onnx_model=graph.SerializeToString(),
        int8_model=int8_graph.SerializeToString(),
        vocabulary=prepared.vocabulary.words,
        card=card,
        readme=model_card(card),
    )
    # A bundle is saved once it has been read back and has scored a row.
    Scorer(bundle).probabilities(prepared.parts["train"].rows.head(1))
    return Trained(bundle, fitted, parity, found)


def _prepare(store: Store, options: TrainOptions) -> Prepared:
    """Label, clean, split and encode; nothing learned here looks past the training part."""
    ensure_windows(store, options.intervals)
    symbol = choose_symbol(store, options.symbol)
    rows = labelled_rows(
        store, symbol, options.session, options.intervals, with_counts=options.counts
    )
    rules = TextRules(max_tokens=options.max_tokens)
    rows = rows.with_columns(tokenize(rows["text"], rules).alias("tokens"))
    rows = rows.filter(pl.col("tokens").list.len() > 0)
    split, rows = split_rows(rows, options.intervals)
    train_rows = rows.filter(pl.col("part") == "train")
    vocabulary = Vocabulary.from_tokens(train_rows["tokens"], options.vocabulary_size)
    normalisation = None
    if options.counts:
        logs = log_counts(train_rows)
        normalisation = {
            "mean": logs.mean(0).tolist(),
            "std": np.maximum(logs.std(0), 1e-6).tolist(),
        }
    parts = {
        name: _part(rows.filter(pl.col("part") == name), rules, vocabulary, options, normalisation)
        for name in PARTS
    }
    if options.shuffle_labels:
        parts = {name: _shuffled(part, options.seed) for name, part in parts.items()}
    vectors = _vectors(store, options, rules, vocabulary, split)
    return Prepared(symbol, rules, vocabulary, vectors, normalisation, split, parts)


def _vectors(
    store: Store, options: TrainOptions, rules: TextRules, vocabulary: Vocabulary, split: Split
) -> WordVectors:
    seed, dim = options.seed, options.embedding_dim
    if options.vectors == "random":
        return random_vectors(vocabulary.words, dim=dim, seed=seed)
    if options.vectors == "archive":
        posts = store.frame(
            "SELECT text FROM tweets WHERE posted_utc < $until ORDER BY posted_utc, tweet_id",
            until=split.train_until_utc,
        )
        return train_vectors(tokenize(posts["text"], rules), vocabulary.words, dim=dim, seed=seed)
    return read_vectors(Path(options.vectors), vocabulary.words, seed=seed)


def _part(
    rows: pl.DataFrame,
    rules: TextRules,
    vocabulary: Vocabulary,
    options: TrainOptions,
    normalisation: dict[str, list[float]] | None,
) -> Part:
    labels = rows.select(pl.col(f"label_{n}").cast(pl.Int64) for n in options.intervals)
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


def _learned_texts(prepared: Prepared) -> list[Texts]:
    """Return the real texts that may be looked at: the test part is read once, for its figures."""
    parts = (prepared.parts[name] for name in ("train", "validation"))
    return [
        (
            part.tokens.ids,
            part.tokens.lengths,
            None if part.counts is None else part.counts.numpy(),
        )
        for part in parts
    ]


def _test_figures(
    model: LstmClassifier, prepared: Prepared, options: TrainOptions, name: str
) -> list[Figures]:
    """Measure the test part, once, beside its baselines."""
    train_part, test = prepared.parts["train"], prepared.parts["test"]
    probability_up = predict(model, test).softmax(2)[:, :, 1].double().numpy()
    days = test.rows["session_date"].to_physical().cast(pl.Int64).to_numpy()
    found = []
    for head, minutes in enumerate(options.intervals):
        known = (test.labels[:, head] != NO_LABEL).numpy()
        if not known.any():
            continue
        up = test.labels[:, head].numpy()[known] == 1
        learned = (train_part.labels[:, head] != NO_LABEL).numpy()
        words = bag_of_words_accuracy(
            train_part.rows["tokens"].filter(pl.Series(learned)),
            train_part.labels[:, head].numpy()[learned] == 1,
            test.rows["tokens"].filter(pl.Series(known)),
            up,
        )
        measured = figures(probability_up[known, head], up, days[known])
        found.append(
            replace(
                measured, model=name, symbol=prepared.symbol, interval_minutes=minutes,
                bag_of_words=words,
            )
        )  # fmt: skip
    return with_verdicts(found)


def _counts_card(model: LstmClassifier, prepared: Prepared) -> dict[str, Any] | None:
    weight = counts_weight(model)
    if weight is None or prepared.normalisation is None:
        return None
    return {**prepared.normalisation, "weight": weight.tolist()}


def _data_card(store: Store) -> list[dict[str, str]]:
    sources = store.rows("SELECT name, sha256 FROM sources ORDER BY source_id")
    return [{"name": Path(name).name, "sha256": sha256} for name, sha256 in sources]


def _versions() -> dict[str, str]:
    packages = ("tweetscore", "torch", "onnx", "onnxruntime", "gensim", "duckdb", "polars")
    found = {package: version(package) for package in packages}
    return {"python": platform.python_version(), **found}
