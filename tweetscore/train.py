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
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor
from torch.nn import functional

from tweetscore.bundle import Bundle, write_bundle
from tweetscore.card import model_card
from tweetscore.dataset import PARTS, Split, choose_symbol, labelled_rows, split_rows
from tweetscore.evaluate import Figures, bag_of_words_accuracy, figures, with_verdicts
from tweetscore.export import check_parity, counts_weight, to_onnx
from tweetscore.model import LstmClassifier, LstmConfig
from tweetscore.score import Scorer, log_counts, normalised_counts
from tweetscore.store import STANDARD_INTERVALS, Store
from tweetscore.tokens import TextRules, TokenIds, Vocabulary, encode, tokenize
from tweetscore.vectors import WordVectors, random_vectors, read_vectors, train_vectors
from tweetscore.windows import ensure_windows

CLASSES = ("down", "up")
NO_LABEL = -100  # torch's own mark of a target that has no loss


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
    epochs: int = 100
    batch_rows: int = 256
    learning_rate: float = 3e-4
    decay: float = 0.8  # of the learning rate, every decay_epochs
    decay_epochs: int = 10
    counts: bool = False
    seed: int = 0
    shuffle_labels: bool = False  # a placebo: what the same pipeline finds where nothing is


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one part of the split."""

    rows: pl.DataFrame  # one row a tweet, with a list of its tokens
    tokens: TokenIds
    labels: Tensor  # (rows, intervals) int64: 0 down, 1 up, NO_LABEL without a window
    counts: Tensor | None  # (rows, 2)

    def __len__(self) -> int:
        return self.rows.height


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch of training came to."""

    number: int
    learning_rate: float
    train_loss: float
    validation_loss: float  # mean over the heads
    validation_accuracy: tuple[float, ...]  # per head


@dataclass(frozen=True, slots=True)
class Trained:
    """A saved bundle and how it came to be."""

    bundle: Bundle
    figures: list[Figures]
    best_epoch: int
    epochs: int
    interrupted: bool
    parity: float  # largest difference of a probability between torch and onnxruntime
    vectors: str
    rows: dict[str, int] = field(default_factory=dict)


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
        InputError: too few labelled rows, or a symbol must be named.
        TweetscoreError: torch and onnxruntime disagree.
    """
    torch.manual_seed(options.seed)
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
    vectors = _vectors(store, options, rules, vocabulary, split)
    say(
        f"vectors: {vectors.source}, {vectors.covered:,} of {vectors.words:,} words covered, "
        f"{vectors.words - vectors.covered:,} drawn at random"
    )
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
    for name, part in parts.items():
        days = part.rows["session_date"].n_unique()
        say(f"{name}: {len(part):,} tweets on {days:,} trading days")
    if options.shuffle_labels:
        parts = {name: _shuffled(part, options.seed) for name, part in parts.items()}
    config = LstmConfig(
        vocabulary_size=len(vocabulary),
        heads=len(options.intervals),
        embedding_dim=vectors.matrix.shape[1],
        hidden=options.hidden,
        dropout=options.dropout,
        counts=2 if options.counts else 0,
    )
    model = LstmClassifier(config, torch.from_numpy(vectors.matrix))
    best, epochs, interrupted = _fit(model, parts, options, log_folder, progress)
    graph = to_onnx(model)
    parity = check_parity(model, graph, config.vocabulary_size, options.seed)
    say(f"parity: torch and onnxruntime differ by at most {parity:.1e}")
    found = _test_figures(model, parts, options, symbol, folder.name)
    card = _card(
        folder.name, store, options, symbol, config, rules, split, parts, vectors,
        best, epochs, interrupted, parity, found, normalisation, model,
    )  # fmt: skip
    bundle = write_bundle(
        folder,
        onnx_model=graph.SerializeToString(),
        vocabulary=vocabulary.words,
        card=card,
        readme=model_card(card),
    )
    # A bundle is saved once it has been read back and has scored a row.
    first = parts["train"].rows.head(1)
    Scorer(bundle).probabilities(first)
    return Trained(
        bundle, found, best.number, epochs, interrupted, parity, vectors.source,
        {name: len(part) for name, part in parts.items()},
    )  # fmt: skip


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


def _fit(
    model: LstmClassifier,
    parts: dict[str, Part],
    options: TrainOptions,
    log_folder: Path,
    progress: Callable[[Epoch], None],
) -> tuple[Epoch, int, bool]:
    """Run the epochs and leave the best one's weights in the model: the lowest validation loss."""
    from torch.utils.tensorboard import SummaryWriter

    optimiser = torch.optim.Adam(model.parameters(), lr=options.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, options.decay_epochs, options.decay)
    rng = np.random.default_rng(options.seed)
    best, best_weights, interrupted, number = None, model.state_dict(), False, 0
    with SummaryWriter(str(log_folder)) as board:
        for number in range(1, options.epochs + 1):
            try:
                epoch = _epoch(model, parts, optimiser, number, options, rng)
                progress(epoch)
            except KeyboardInterrupt:
                if best is None:
                    raise
                interrupted, number = True, number - 1
                break
            board.add_scalar("learning_rate", epoch.learning_rate, number)
            board.add_scalar("loss/train", epoch.train_loss, number)
            board.add_scalar("loss/validation", epoch.validation_loss, number)
            for minutes, accuracy in zip(options.intervals, epoch.validation_accuracy, strict=True):
                board.add_scalar(f"validation_accuracy/{minutes}_minutes", accuracy, number)
            if best is None or epoch.validation_loss < best.validation_loss:
                best = epoch
                best_weights = {name: value.clone() for name, value in model.state_dict().items()}
            schedule.step()
    model.load_state_dict(best_weights)
    model.eval()
    assert best is not None
    return best, number, interrupted


def _epoch(
    model: LstmClassifier,
    parts: dict[str, Part],
    optimiser: torch.optim.Optimizer,
    number: int,
    options: TrainOptions,
    rng: np.random.Generator,
) -> Epoch:
    model.train()
    part = parts["train"]
    losses = []
    for places in _batches(part.tokens.lengths, options.batch_rows, rng):
        logits, labels = _logits(model, part, places), part.labels[places]
        loss = functional.cross_entropy(logits.flatten(0, 1), labels.flatten())  # over all heads
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not type it
        optimiser.step()
        losses.append(loss.item())
    validation_loss, accuracy = _measure(model, parts["validation"])
    rate = optimiser.param_groups[0]["lr"]
    return Epoch(number, rate, float(np.mean(losses)), validation_loss, accuracy)


def _batches(
    lengths: npt.NDArray[np.int32], batch_rows: int, rng: np.random.Generator
) -> list[Tensor]:
    """Shuffle, then gather rows of like length: a batch is as wide as its longest text."""
    order = rng.permutation(len(lengths))
    pool = batch_rows * 16  # sorting inside pools keeps the batches random
    batches = []
    for start in range(0, len(order), pool):
        block = order[start : start + pool]
        block = block[np.argsort(lengths[block], kind="stable")]
        batches += [block[i : i + batch_rows] for i in range(0, len(block), batch_rows)]
    return [torch.from_numpy(batches[i]) for i in rng.permutation(len(batches))]


def _logits(model: LstmClassifier, part: Part, places: Tensor) -> Tensor:
    lengths = torch.from_numpy(part.tokens.lengths)[places]
    width = int(lengths.max())
    ids = torch.from_numpy(part.tokens.ids)[places, :width]
    counts = None if part.counts is None else part.counts[places]
    logits: Tensor = model(ids, lengths, counts)  # (B, heads, classes)
    return logits


@torch.no_grad()
def _predict(model: LstmClassifier, part: Part) -> Tensor:
    """Return the logits (rows, heads, classes) of a whole part, in its order."""
    model.eval()
    blocks = torch.split(torch.arange(len(part)), 1_024)
    return torch.cat([_logits(model, part, places) for places in blocks])


def _measure(model: LstmClassifier, part: Part) -> tuple[float, tuple[float, ...]]:
    """Return the mean loss over the heads that have labels, and each head's accuracy."""
    logits = _predict(model, part)
    losses, accuracies = [], []
    for head in range(logits.shape[1]):
        labels = part.labels[:, head]
        known = labels != NO_LABEL
        if not known.any():
            accuracies.append(float("nan"))
            continue
        losses.append(functional.cross_entropy(logits[known, head], labels[known]).item())
        accuracies.append((logits[known, head].argmax(1) == labels[known]).float().mean().item())
    return float(np.mean(losses)), tuple(accuracies)


def _test_figures(
    model: LstmClassifier, parts: dict[str, Part], options: TrainOptions, symbol: str, name: str
) -> list[Figures]:
    """Measure the test part, once, beside its baselines."""
    test = parts["test"]
    probability_up = _predict(model, test).softmax(2)[:, :, 1].double().numpy()
    days = test.rows["session_date"].to_physical().cast(pl.Int64).to_numpy()
    found = []
    for head, minutes in enumerate(options.intervals):
        known = (test.labels[:, head] != NO_LABEL).numpy()
        if not known.any():
            continue
        up = test.labels[:, head].numpy()[known] == 1
        learned = (parts["train"].labels[:, head] != NO_LABEL).numpy()
        words = bag_of_words_accuracy(
            parts["train"].rows["tokens"].filter(pl.Series(learned)),
            parts["train"].labels[:, head].numpy()[learned] == 1,
            test.rows["tokens"].filter(pl.Series(known)),
            up,
        )
        measured = figures(probability_up[known, head], up, days[known])
        found.append(
            replace(
                measured, model=name, symbol=symbol, interval_minutes=minutes, bag_of_words=words
            )
        )
    return with_verdicts(found)


def _card(
    name: str,
    store: Store,
    options: TrainOptions,
    symbol: str,
    config: LstmConfig,
    rules: TextRules,
    split: Split,
    parts: dict[str, Part],
    vectors: WordVectors,
    best: Epoch,
    epochs: int,
    interrupted: bool,
    parity: float,
    found: list[Figures],
    normalisation: dict[str, list[float]] | None,
    model: LstmClassifier,
) -> dict[str, Any]:
    """Write down everything that loading, scoring and making the model again need."""
    counts = None
    if normalisation:
        weight = counts_weight(model)
        assert weight is not None
        counts = {**normalisation, "weight": weight.tolist()}
    sources = store.rows("SELECT name, sha256 FROM sources ORDER BY sha256")
    return {
        "name": name,
        "target": "direction",
        "classes": list(CLASSES),
        "intervals": list(options.intervals),
        "session": options.session,
        "symbol": symbol,
        "config": asdict(config),
        "text_rules": rules.to_dict(),
        "counts": counts,
        "split": {key: value.isoformat() for key, value in asdict(split).items()},
        "rows": {
            part: {
                "tweets": len(rows),
                "days": rows.rows["session_date"].n_unique(),
                "labels": dict(
                    zip(
                        map(str, options.intervals),
                        (rows.labels != NO_LABEL).sum(0).tolist(),
                        strict=True,
                    )
                ),
            }
            for part, rows in parts.items()
        },
        "vectors": {"source": vectors.source, "covered": vectors.covered, "words": vectors.words},
        "training": {
            **{key: value for key, value in asdict(options).items() if key != "intervals"},
            "best_epoch": best.number,
            "epochs_run": epochs,
            "interrupted": interrupted,
            "validation_loss": best.validation_loss,
        },
        "figures": [asdict(each) for each in found],
        "parity": parity,
        "data": [{"name": Path(source).name, "sha256": sha256} for source, sha256 in sources],
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in ("tweetscore", "torch", "onnx", "gensim")},
        },
    }
