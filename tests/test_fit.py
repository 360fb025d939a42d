"""A fitted network is the one of a plain loop, and an interruption leaves no trace in it."""

import copy
import hashlib
import io
import pickle
import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)
from torch import Tensor
from torch.nn import functional

from tweetscore.errors import InputError
from tweetscore.text.encode import TokenIds
from tweetscore.training.checkpoint import Checkpoint
from tweetscore.training.classifier import NetworkConfig
from tweetscore.training.epoch import Epoch
from tweetscore.training.features import NO_LABEL, Part
from tweetscore.training.loop import Fitted, fit, predict
from tweetscore.training.lstm import LstmClassifier
from tweetscore.training.options import FitOptions

INTERVALS = (5, 30)
WORDS, WIDTH = 12, 6
CONFIG = NetworkConfig(WORDS, heads=2, classes=2, embedding_dim=8, hidden=4, dropout=0.5, counts=2)
FEW = FitOptions(epochs=4, batch_rows=8, learning_rate=0.01)
Weights = dict[str, Tensor]


def part(rows: int, seed: int, absent: float = 0.2) -> Part:
    """Rows of random tokens and labels; so many labels of the second head are absent."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, WIDTH + 1, rows).astype(np.int32)
    ids = rng.integers(1, WORDS, (rows, WIDTH)).astype(np.int32)
    ids[np.arange(WIDTH) >= lengths[:, None]] = 0
    labels = rng.integers(0, 2, (rows, 2))
    labels[:, 1] = np.where(rng.random(rows) < absent, NO_LABEL, labels[:, 1])
    return Part(
        pl.DataFrame({"session_date": np.arange(rows)}),
        TokenIds(ids, lengths),
        labels,
        rng.normal(size=(rows, 2)).astype(np.float32),
    )


TRAIN, HELD_OUT = part(30, 1), part(20, 2)


def fresh_model(seed: int = 0, kind: type[LstmClassifier] = LstmClassifier) -> LstmClassifier:
    torch.manual_seed(seed)
    return kind(CONFIG)


def run(
    folder: Path,
    options: FitOptions = FEW,
    progress: Callable[[Epoch], None] = lambda _: None,
    *,
    model: LstmClassifier | None = None,
    train: Part = TRAIN,
    fingerprint: str = "this run",
    resume: bool = False,
    name: str = "validation",
) -> tuple[Weights, Fitted]:
    """Fit a network whose checkpoint and events are in a folder; return its weights, too."""
    model = model or fresh_model()
    fitted = fit(
        model,
        train,
        HELD_OUT,
        options,
        INTERVALS,
        3,
        folder / "log",
        progress,
        held_out_name=name,
        checkpoint=Checkpoint(folder / "checkpoint.pt", fingerprint, resume),
    )
    return copy.deepcopy(model.state_dict()), fitted


def stop_at(number: int, error: type[BaseException], epoch: Epoch) -> None:
    if epoch.number == number:
        raise error


def interrupt_at(number: int) -> Callable[[Epoch], None]:
    return partial(stop_at, number, KeyboardInterrupt)


def assert_same(found: tuple[Weights, Fitted], expected: tuple[Weights, Fitted]) -> None:
    """Hold weights, bit by bit, and history against those of another run."""
    assert found[1].history == expected[1].history
    assert found[0].keys() == expected[0].keys()
    assert all(torch.equal(each, expected[0][name]) for name, each in found[0].items())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Weights, Fitted]:
    return run(tmp_path_factory.mktemp("undisturbed"))


# --- the loop -------------------------------------------------------------------------------------


def logits_of(model: LstmClassifier, rows: Part) -> Tensor:
    ids, lengths = torch.from_numpy(rows.tokens.ids), torch.from_numpy(rows.tokens.lengths)
    assert rows.counts is not None
    logits: Tensor = model(ids, lengths, torch.from_numpy(rows.counts))
    return logits


def head_losses(model: LstmClassifier, rows: Part) -> list[float]:
    """The mean loss of each head over the rows that have its label."""
    model.eval()
    with torch.no_grad():
        logits = logits_of(model, rows)
    return [
        torch.stack(
            [
                -logits[i, head].log_softmax(0)[label]
                for i, label in enumerate(labels)
                if label != NO_LABEL
            ]
        )
        .mean()
        .item()
        for head, labels in enumerate(rows.labels.T.tolist())
    ]


@pytest.mark.slow
@pytest.mark.parametrize("fresh_optimiser", [False, True])
def test_the_weights_are_those_of_a_plain_loop_at_its_best_epoch(
    tmp_path: Path, fresh_optimiser: bool
) -> None:
    options = FitOptions(5, len(TRAIN), 0.05, 0.5, 2, fresh_optimiser)
    torch.manual_seed(0)
    plain = LstmClassifier(NetworkConfig(WORDS, 2, 2, 8, 4, dropout=0.0, counts=2))
    model = copy.deepcopy(plain)
    weights, fitted = run(tmp_path, options, model=model)
    rates = [0.05, 0.05, 0.025, 0.025, 0.0125]
    adam = torch.optim.Adam(plain.parameters())
    losses, kept = [], []
    for rate in rates:
        if fresh_optimiser:
            adam = torch.optim.Adam(plain.parameters())
        adam.param_groups[0]["lr"] = rate
        plain.train()
        loss = functional.cross_entropy(
            logits_of(plain, TRAIN).flatten(0, 1),
            torch.from_numpy(TRAIN.labels).flatten(),
            ignore_index=NO_LABEL,
        )
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not type it
        adam.step()
        losses.append((loss.item(), np.mean(head_losses(plain, HELD_OUT))))
        kept.append(copy.deepcopy(plain.state_dict()))
    assert [each.learning_rate for each in fitted.history] == pytest.approx(rates)
    found = [(each.train_loss, each.held_out_loss) for each in fitted.history]
    assert np.array(found) == pytest.approx(np.array(losses), abs=1e-5)
    best = int(np.argmin([held_out for _, held_out in losses]))
    assert fitted.best.number == best + 1
    for name, each in weights.items():
        assert each.numpy() == pytest.approx(kept[best][name].numpy(), abs=1e-4)


@pytest.mark.slow
def test_an_overfitted_network_goes_back_to_its_best_epoch(tmp_path: Path) -> None:
    model = fresh_model()
    _, fitted = run(tmp_path, FitOptions(epochs=30, batch_rows=8, learning_rate=0.1), model=model)
    assert [each.number for each in fitted.history] == list(range(1, 31))
    assert fitted.best.number < 30
    assert fitted.best.held_out_loss == min(each.held_out_loss for each in fitted.history)
    assert np.mean(head_losses(model, HELD_OUT)) == pytest.approx(fitted.best.held_out_loss)
    said = predict(model, HELD_OUT).argmax(2)  # (rows, heads)
    right = [
        np.mean([s == t for s, t in zip(said[:, head], truth, strict=True) if t != NO_LABEL])
        for head, truth in enumerate(HELD_OUT.labels.T)
    ]
    assert fitted.best.held_out_accuracy == pytest.approx(right)


@pytest.mark.slow
def test_every_row_is_learned_from_once_an_epoch(tmp_path: Path) -> None:
    seen: list[list[tuple[int, ...]]] = []

    class Watching(LstmClassifier):
        def forward(self, ids: Tensor, lengths: Tensor, counts: Tensor | None = None) -> Tensor:
            if self.training:
                assert ids.shape[1] == lengths.max()
                seen.append([tuple(row[:n]) for row, n in zip(ids.tolist(), lengths, strict=True)])
            return super().forward(ids, lengths, counts)

    run(tmp_path, FitOptions(epochs=2, batch_rows=8), model=fresh_model(kind=Watching))
    texts = sorted(
        tuple(row[:n])
        for row, n in zip(TRAIN.tokens.ids.tolist(), TRAIN.tokens.lengths, strict=True)
    )
    first, second = seen[:4], seen[4:]
    assert sorted(map(len, first)) == [6, 8, 8, 8]
    for epoch in (first, second):
        assert sorted(text for batch in epoch for text in batch) == texts
    assert first != second


@pytest.mark.slow
def test_the_learning_rate_falls_to_four_fifths_every_ten_epochs(tmp_path: Path) -> None:
    _, fitted = run(tmp_path, FitOptions(epochs=21, batch_rows=30))
    expected = [3e-4 * 0.8 ** ((n - 1) // 10) for n in range(1, 22)]
    assert [each.learning_rate for each in fitted.history] == pytest.approx(expected, rel=1e-12)
    assert expected[0] == expected[9] > expected[10] == expected[19] > expected[20]


# --- interruption ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("fresh_optimiser", [False, True])
@pytest.mark.parametrize("number", [1, 3, 4])
def test_a_run_that_was_interrupted_and_resumed_is_the_undisturbed_one(
    tmp_path: Path, number: int, fresh_optimiser: bool
) -> None:
    options = FitOptions(4, 8, 0.01, fresh_optimiser=fresh_optimiser)
    expected = run(tmp_path / "whole", options)
    assert list(tmp_path.rglob("*.pt")) == []
    first = run(tmp_path, options, interrupt_at(number))
    assert first[1].interrupted
    assert first[1].history == expected[1].history[:number]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["checkpoint.pt"]
    told: list[int] = []
    other = fresh_model(seed=99)  # other weights, and the state of dropout is another
    resumed = run(
        tmp_path, options, lambda epoch: told.append(epoch.number), model=other, resume=True
    )
    assert_same(resumed, expected)
    assert told == list(range(number + 1, 5))
    assert not resumed[1].interrupted
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


def test_a_run_may_be_interrupted_again_and_again(
    tmp_path: Path, undisturbed: tuple[Weights, Fitted]
) -> None:
    for number in (1, 2, 3):
        _, fitted = run(tmp_path, progress=interrupt_at(number), resume=True)
        assert len(fitted.history) == number
    assert_same(run(tmp_path, resume=True), undisturbed)


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_from_its_tenth_epoch(tmp_path: Path) -> None:
    options = FitOptions(epochs=14, batch_rows=8, learning_rate=0.01)
    expected = run(tmp_path / "whole", options)
    with pytest.raises(MemoryError):
        run(tmp_path, options, partial(stop_at, 13, MemoryError))
    told: list[int] = []
    resumed = run(tmp_path, options, lambda epoch: told.append(epoch.number), resume=True)
    assert_same(resumed, expected)
    assert told == [11, 12, 13, 14]


class Stopping(LstmClassifier):
    """A network that the user interrupts in a batch, counted from the first of training."""

    batches_left = -1

    def forward(self, ids: Tensor, lengths: Tensor, counts: Tensor | None = None) -> Tensor:
        if self.training:
            if self.batches_left == 0:
                raise KeyboardInterrupt
            self.batches_left -= 1
        return super().forward(ids, lengths, counts)


def stopping(batches: int) -> LstmClassifier:
    model = fresh_model(kind=Stopping)
    model.batches_left = batches  # type: ignore[assignment]  # nn.Module types it as a tensor
    return model


def test_a_run_interrupted_in_an_epoch_keeps_its_best_one(
    tmp_path: Path, undisturbed: tuple[Weights, Fitted]
) -> None:
    weights, fitted = run(tmp_path, model=stopping(4 * 2 + 2))
    assert fitted == Fitted(undisturbed[1].history[:2], interrupted=True)
    assert_same((weights, fitted), run(tmp_path / "two", FitOptions(2, 8, 0.01)))


@pytest.mark.parametrize("batches", [4 * 2 + 2, 4 * 3 + 1])
def test_a_run_interrupted_in_an_epoch_is_resumed_as_the_undisturbed_one(
    tmp_path: Path, undisturbed: tuple[Weights, Fitted], batches: int
) -> None:
    run(tmp_path, model=stopping(batches))
    assert_same(run(tmp_path, resume=True), undisturbed)


def test_a_run_interrupted_before_its_first_epoch_is_over_is_none(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, model=stopping(2))
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


def test_resuming_where_nothing_is_kept_begins_at_the_beginning(
    tmp_path: Path, undisturbed: tuple[Weights, Fitted]
) -> None:
    assert_same(run(tmp_path, resume=True), undisturbed)


def test_a_checkpoint_is_left_alone_without_resume(
    tmp_path: Path, undisturbed: tuple[Weights, Fitted]
) -> None:
    run(tmp_path, progress=interrupt_at(3))
    assert_same(run(tmp_path, fingerprint="another run"), undisturbed)


def test_a_checkpoint_of_another_run_is_refused_and_kept(tmp_path: Path) -> None:
    run(tmp_path, progress=interrupt_at(2))
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(InputError) as refusal:
        run(tmp_path, fingerprint="another run", resume=True)
    assert str(refusal.value) == (
        f"{tmp_path / 'checkpoint.pt'}: belongs to a run with other options or data; give the same "
        "ones, or leave out --resume to begin again"
    )
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


# --- a damaged checkpoint -------------------------------------------------------------------------


def unreadable(path: Path) -> str:
    return f"{path}: not readable as a checkpoint; delete it to begin again"


def refused(folder: Path) -> str:
    with pytest.raises(InputError) as refusal:
        run(folder, resume=True)
    return str(refusal.value)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, tuple[Weights, Fitted]]:
    """A run that was over when it was interrupted: resuming it is reading its checkpoint."""
    folder = tmp_path_factory.mktemp("finished")
    found = run(folder, progress=interrupt_at(4))
    return (folder / "checkpoint.pt").read_bytes(), found


@pytest.mark.slow
def test_a_flipped_bit_is_refused_or_changes_nothing(
    tmp_path: Path, finished: tuple[bytes, tuple[Weights, Fitted]]
) -> None:
    whole, expected = finished
    path, rng, refusals = tmp_path / "checkpoint.pt", random.Random(0), 0
    for place in sorted(rng.sample(range(len(whole)), 100)):
        content = bytearray(whole)
        content[place] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        try:
            assert_same(run(tmp_path, resume=True), expected)
        except InputError:
            refusals += 1
            assert refused(tmp_path) == unreadable(path)
    assert refusals > 20


@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.9, 0.9999])
def test_a_checkpoint_that_is_cut_off_is_refused(
    tmp_path: Path, finished: tuple[bytes, Any], share: float
) -> None:
    path, whole = tmp_path / "checkpoint.pt", finished[0]
    path.write_bytes(whole[: int(share * len(whole))])
    assert refused(tmp_path) == unreadable(path)


class Hostile:
    """Runs something when it is unpickled."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> Any:
        return Path.touch, (self.victim,)


def torch_saved(content: object) -> bytes:
    saved = io.BytesIO()
    torch.save(content, saved)
    return saved.getvalue()


SAVERS: Sequence[Callable[[Any], bytes]] = (torch_saved, pickle.dumps)


@pytest.mark.parametrize("save", SAVERS)
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_checkpoint_runs_nothing_that_it_contains(
    tmp_path: Path, save: Callable[[Any], bytes]
) -> None:
    path, victim = tmp_path / "checkpoint.pt", tmp_path / "run"
    for content in (Hostile(victim), {"fingerprint": "this run", "model": Hostile(victim)}):
        saved = save(content)
        path.write_bytes(hashlib.sha256(saved).digest() + saved)  # whoever wrote it knows the form
        assert refused(tmp_path) == unreadable(path)
        assert not victim.exists()
    unsafe = partial(torch.load, weights_only=False) if save is torch_saved else pickle.load
    unsafe(io.BytesIO(saved))
    assert victim.exists()  # it would have


@pytest.mark.parametrize(
    "content",
    [{}, [], "text", None, 7, torch.zeros(3),
     {"fingerprint": "this run"},
     {"fingerprint": "this run", "model": {}}],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
def test_what_is_no_checkpoint_of_ours_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "checkpoint.pt")
    assert refused(tmp_path) == unreadable(tmp_path / "checkpoint.pt")


def test_a_folder_in_the_place_of_a_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").mkdir()
    assert refused(tmp_path) == unreadable(tmp_path / "checkpoint.pt")


# --- events ---------------------------------------------------------------------------------------


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """All that TensorBoard would show of a folder, by name: step and value."""
    events = EventAccumulator(str(folder), {"scalars": 0})
    events.Reload()
    return {
        name: [(each.step, each.value) for each in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


@pytest.mark.parametrize("name", ["validation", "test"])
def test_events_hold_each_epoch_once_under_the_name_of_the_part_held_out(
    tmp_path: Path, name: str
) -> None:
    run(tmp_path, progress=interrupt_at(2), name=name)
    _, fitted = run(tmp_path, resume=True, name=name)
    expected = {
        "learning_rate": [each.learning_rate for each in fitted.history],
        "loss/train": [each.train_loss for each in fitted.history],
        f"loss/{name}": [each.held_out_loss for each in fitted.history],
        f"{name}_accuracy/5_minutes": [each.held_out_accuracy[0] for each in fitted.history],
        f"{name}_accuracy/30_minutes": [each.held_out_accuracy[1] for each in fitted.history],
    }
    found = scalars(tmp_path / "log")
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert [step for step, _ in found[key]] == [1, 2, 3, 4]
        assert [value for _, value in found[key]] == pytest.approx(values)


@pytest.mark.parametrize("resume", [True, False])
def test_events_of_epochs_that_are_trained_again_are_there_once(
    tmp_path: Path, resume: bool
) -> None:
    options = FitOptions(epochs=13, batch_rows=30, learning_rate=0.01)
    with pytest.raises(MemoryError):  # the epochs after the tenth were not kept
        run(tmp_path, options, partial(stop_at, 12, MemoryError))
    _, fitted = run(tmp_path, options, resume=resume)
    found = scalars(tmp_path / "log")["loss/train"]
    assert [step for step, _ in found] == list(range(1, 14))
    assert [value for _, value in found] == pytest.approx(
        [each.train_loss for each in fitted.history]
    )
