"""Fit the network: labelled parts enter, the weights of the best epoch stay in the model.

One visible loop. The best epoch has the lowest validation loss; the test part is not here. The same
seed gives the same weights on one CPU; CUDA sums in no fixed order, so there they differ slightly.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor
from torch.nn import functional

from tweetscore.errors import InputError
from tweetscore.model import LstmClassifier
from tweetscore.network import Device
from tweetscore.tokens import TokenIds

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

NO_LABEL = -100  # torch's own mark of a target that has no loss
POOL_BATCHES = 16  # sorting by length inside pools of so many keeps the batches random


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How to fit; the defaults are the study's."""

    epochs: int = 100
    batch_rows: int = 256
    learning_rate: float = 3e-4
    decay: float = 0.8  # of the learning rate, every decay_epochs
    decay_epochs: int = 10


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one part of the split."""

    rows: pl.DataFrame  # one row a tweet, with a list of its tokens
    tokens: TokenIds
    labels: Tensor  # (rows, intervals) int64: 0 down, 1 up, NO_LABEL without a window
    counts: Tensor | None  # (rows, 2)

    def __len__(self) -> int:
        return self.rows.height

    @property
    def days(self) -> int:
        """Trading days with a row."""
        return self.rows["session_date"].n_unique()


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch of training came to."""

    number: int
    learning_rate: float
    train_loss: float
    validation_loss: float  # mean over the heads
    validation_accuracy: tuple[float, ...]  # per head


@dataclass(frozen=True, slots=True)
class Fitted:
    """How the epochs went; the model holds the weights of the best one."""

    best: Epoch
    epochs: int
    interrupted: bool


def training_device(wanted: Device) -> str:
    """Return where to train, cpu or cuda; auto is cuda where torch has it.

    Raises:
        InputError: cuda is asked for, and torch has none.
    """
    if torch.cuda.is_available() and wanted != "cpu":
        return "cuda"
    if wanted == "cuda":
        raise InputError(
            f"--device cuda: torch {torch.__version__} finds no GPU that it can use; "
            "install torch's CUDA build (pytorch.org/get-started), or leave --device out"
        )
    return "cpu"


def fit(
    model: LstmClassifier,
    parts: dict[str, Part],
    options: FitOptions,
    intervals: Sequence[int],
    seed: int,
    log_folder: Path,
    progress: Callable[[Epoch], None],
    device: str = "cpu",
) -> Fitted:
    """Run the epochs; the model keeps the weights of the one with the lowest validation loss.

    The model trains on the device and comes back to the CPU; the parts stay there, and each batch
    is copied. Loss, learning rate and validation figures go to ``log_folder`` as TensorBoard
    events. A KeyboardInterrupt ends the loop with the best epoch so far, if there is one.
    """
    from torch.utils.tensorboard import SummaryWriter

    model.to(device)
    optimiser = torch.optim.Adam(model.parameters(), lr=options.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, options.decay_epochs, options.decay)
    rng = np.random.default_rng(seed)
    best: Epoch | None = None
    best_weights, done, interrupted = model.state_dict(), 0, False
    with SummaryWriter(str(log_folder)) as board:
        try:
            for number in range(1, options.epochs + 1):
                epoch = _epoch(model, parts, optimiser, number, options.batch_rows, rng)
                if best is None or epoch.validation_loss < best.validation_loss:
                    best = epoch
                    best_weights = {name: each.clone() for name, each in model.state_dict().items()}
                done = number
                _log(board, epoch, intervals)
                schedule.step()
                progress(epoch)
        except KeyboardInterrupt:
            interrupted = True
    if best is None:
        raise KeyboardInterrupt
    model.load_state_dict(best_weights)
    model.cpu().eval()
    return Fitted(best, done, interrupted)


def _log(board: "SummaryWriter", epoch: Epoch, intervals: Sequence[int]) -> None:
    board.add_scalar("learning_rate", epoch.learning_rate, epoch.number)
    board.add_scalar("loss/train", epoch.train_loss, epoch.number)
    board.add_scalar("loss/validation", epoch.validation_loss, epoch.number)
    for minutes, accuracy in zip(intervals, epoch.validation_accuracy, strict=True):
        board.add_scalar(f"validation_accuracy/{minutes}_minutes", accuracy, epoch.number)


def _epoch(
    model: LstmClassifier,
    parts: dict[str, Part],
    optimiser: torch.optim.Optimizer,
    number: int,
    batch_rows: int,
    rng: np.random.Generator,
) -> Epoch:
    model.train()
    part = parts["train"]
    losses = []
    for places in _batches(part.tokens.lengths, batch_rows, rng):
        logits = _logits(model, part, places)
        labels = part.labels[places].to(logits.device)
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
    pool = batch_rows * POOL_BATCHES
    batches = []
    for start in range(0, len(order), pool):
        block = order[start : start + pool]
        block = block[np.argsort(lengths[block], kind="stable")]
        batches += [block[i : i + batch_rows] for i in range(0, len(block), batch_rows)]
    return [torch.from_numpy(batches[i]) for i in rng.permutation(len(batches))]


def _logits(model: LstmClassifier, part: Part, places: Tensor) -> Tensor:
    device = model.head.weight.device
    lengths = torch.from_numpy(part.tokens.lengths)[places]
    width = int(lengths.max())
    ids = torch.from_numpy(part.tokens.ids)[places, :width]
    counts = None if part.counts is None else part.counts[places].to(device)
    logits: Tensor = model(ids.to(device), lengths.to(device), counts)  # (B, heads, classes)
    return logits


@torch.no_grad()
def predict(model: LstmClassifier, part: Part) -> Tensor:
    """Return the logits (rows, heads, classes) of a whole part, in its order, on the CPU."""
    model.eval()
    blocks = torch.split(torch.arange(len(part)), 1_024)
    return torch.cat([_logits(model, part, places).cpu() for places in blocks])


def _measure(model: LstmClassifier, part: Part) -> tuple[float, tuple[float, ...]]:
    """Return the mean loss over the heads that have labels, and each head's accuracy."""
    logits = predict(model, part)
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
