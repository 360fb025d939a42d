"""Fit the network: labelled parts enter, the weights of the best epoch stay in the model.

One visible loop. The best epoch has the lowest loss on the part that is held out to choose it. The
same seed gives the same weights on one CPU, also when a run was interrupted and resumed; CUDA adds
numbers in no fixed order, so there they differ slightly.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from tweetscore.errors import InputError
from tweetscore.scoring.predictors import Device
from tweetscore.training.checkpoint import Checkpoint
from tweetscore.training.classifier import Classifier
from tweetscore.training.epoch import Epoch
from tweetscore.training.features import NO_LABEL, Part
from tweetscore.training.options import FitOptions

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

POOL_BATCHES = 16  # rows are sorted by length within this many batches: batches stay random
CHECKPOINT_EPOCHS = 10  # writing weights and moments takes a tenth of an epoch


@dataclass(frozen=True, slots=True)
class Fitted:
    """How the epochs went; the model holds the weights of the best one."""

    history: tuple[Epoch, ...]
    interrupted: bool

    @property
    def best(self) -> Epoch:
        """The first epoch with the lowest loss on the part held out."""
        return min(self.history, key=lambda epoch: epoch.held_out_loss)


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
    model: Classifier,
    train: Part,
    held_out: Part,
    options: FitOptions,
    intervals: Sequence[int],
    seed: int,
    log_folder: Path,
    progress: Callable[[Epoch], None],
    *,
    device: str = "cpu",
    held_out_name: str = "validation",
    checkpoint: Checkpoint | None = None,
) -> Fitted:
    """Run the epochs; the model keeps the weights of the one with the lowest held-out loss.

    The model trains on the device and comes back to the CPU; the parts stay there, and each batch
    is copied. Losses, learning rate and accuracies go to ``log_folder`` as TensorBoard events. A
    KeyboardInterrupt ends the loop with the best epoch so far, if there is one.

    Args:
        model: the network, with its first weights.
        train: what it learns from.
        held_out: what chooses the best epoch.
        options: how to fit.
        intervals: minutes of the heads, for the names of the events.
        seed: decides the order of the rows.
        log_folder: where TensorBoard events go.
        progress: called after every epoch.
        device: where to train.
        held_out_name: the name of ``held_out``, for the events.
        checkpoint: where the run is saved every ten epochs and on interruption.

    Raises:
        InputError: the checkpoint to resume from belongs to another run.
    """
    from torch.utils.tensorboard import SummaryWriter

    model.to(device)
    run = _Run(model, options, np.random.default_rng(seed))
    if checkpoint and checkpoint.resume and (state := checkpoint.load()):
        run.restore(state)
    interrupted = False
    with SummaryWriter(str(log_folder), purge_step=len(run.history) + 1) as board:
        try:
            for number in range(len(run.history) + 1, options.epochs + 1):
                epoch = run.epoch(number, train, held_out)
                _log(board, epoch, intervals, held_out_name)
                if checkpoint and number % CHECKPOINT_EPOCHS == 0:
                    checkpoint.save(run.finished)
                progress(epoch)
        except KeyboardInterrupt:
            interrupted = True
    if not run.history:
        raise KeyboardInterrupt
    if checkpoint:
        checkpoint.save(run.finished) if interrupted else checkpoint.remove()
    model.load_state_dict(run.best_weights)
    model.cpu().eval()
    return Fitted(tuple(run.history), interrupted)


class _Run:
    """Everything that one epoch hands on to the next."""

    def __init__(self, model: Classifier, options: FitOptions, rng: np.random.Generator) -> None:
        self.model, self.options, self.rng = model, options, rng
        self.optimiser = _adam(model, options.learning_rate)
        self.history: list[Epoch] = []
        self.best_weights: dict[str, Tensor] = {}
        self.finished: dict[str, Any] = {}

    def epoch(self, number: int, train: Part, held_out: Part) -> Epoch:
        """Train once over all rows, and measure."""
        options = self.options
        rate = options.learning_rate * options.decay ** ((number - 1) // options.decay_epochs)
        if options.fresh_optimiser:
            self.optimiser = _adam(self.model, rate)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        loss = _train(self.model, train, self.optimiser, options.batch_rows, self.rng)
        done = Epoch(number, rate, loss, *_measure(self.model, held_out))
        if all(done.held_out_loss < each.held_out_loss for each in self.history):
            weights = self.model.state_dict()
            self.best_weights = {name: each.clone() for name, each in weights.items()}
        self.history.append(done)
        # A copy, because an interruption in the middle of the next epoch must leave no trace.
        self.finished = deepcopy(
            {
                "model": self.model.state_dict(),
                "best": self.best_weights,
                "optimiser": self.optimiser.state_dict(),
                "history": [asdict(epoch) for epoch in self.history],
                "order": self.rng.bit_generator.state,
                "dropout": torch.get_rng_state(),
            }
        )
        return done

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from the state of an interrupted run."""
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.best_weights = state["best"]
        self.history = [Epoch.from_record(each) for each in state["history"]]
        self.rng.bit_generator.state = state["order"]
        torch.set_rng_state(state["dropout"])
        self.finished = state


def _adam(model: Classifier, rate: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=rate, fused=True)


def _log(
    board: "SummaryWriter", epoch: Epoch, intervals: Sequence[int], held_out_name: str
) -> None:
    board.add_scalar("learning_rate", epoch.learning_rate, epoch.number)
    board.add_scalar("loss/train", epoch.train_loss, epoch.number)
    board.add_scalar(f"loss/{held_out_name}", epoch.held_out_loss, epoch.number)
    for minutes, accuracy in zip(intervals, epoch.held_out_accuracy, strict=True):
        board.add_scalar(f"{held_out_name}_accuracy/{minutes}_minutes", accuracy, epoch.number)


def _train(
    model: Classifier,
    part: Part,
    optimiser: torch.optim.Optimizer,
    batch_rows: int,
    rng: np.random.Generator,
) -> float:
    """Take one step per batch; return the mean loss."""
    model.train()
    losses = []
    for places in _batches(part.tokens.lengths, batch_rows, rng):
        logits = _logits(model, part, places)
        labels = torch.from_numpy(part.labels)[places].to(logits.device)
        loss = functional.cross_entropy(logits.flatten(0, 1), labels.flatten())  # over all heads
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not type it
        optimiser.step()
        losses.append(loss.item())
    return float(np.mean(losses))


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


def _logits(model: Classifier, part: Part, places: Tensor) -> Tensor:
    device = next(model.parameters()).device
    lengths = torch.from_numpy(part.tokens.lengths)[places]
    width = int(lengths.max())
    ids = torch.from_numpy(part.tokens.ids)[places, :width]
    counts = None
    if part.counts is not None:
        counts = torch.from_numpy(part.counts)[places].to(device)
    logits: Tensor = model(ids.to(device), lengths.to(device), counts)  # (B, heads, classes)
    return logits


@torch.no_grad()
def predict(model: Classifier, part: Part) -> Tensor:
    """Return the logits (rows, heads, classes) of a whole part, in its order, on the CPU."""
    model.eval()
    blocks = torch.split(torch.arange(len(part)), 1_024)
    return torch.cat([_logits(model, part, places).cpu() for places in blocks])


def _measure(model: Classifier, part: Part) -> tuple[float, tuple[float, ...]]:
    """Return the mean loss over the heads that have labels, and each head's accuracy."""
    logits = predict(model, part)
    losses, accuracies = [], []
    for head in range(logits.shape[1]):
        labels = torch.from_numpy(part.labels)[:, head]
        known = labels != NO_LABEL
        if not known.any():
            accuracies.append(float("nan"))
            continue
        losses.append(functional.cross_entropy(logits[known, head], labels[known]).item())
        accuracies.append((logits[known, head].argmax(1) == labels[known]).float().mean().item())
    return float(np.mean(losses)), tuple(accuracies)
