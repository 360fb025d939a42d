"""Learn from prepared rows: features enter, a network with the weights of its best epoch leaves.

Under the honest protocol validation chooses the best epoch, and the test part is read once, after
that. The original one is that of the 2019 study, faults included.
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from tweetscore.posts.canonical import COUNTS
from tweetscore.training.checkpoint import Checkpoint
from tweetscore.training.classifier import Classifier, NetworkConfig
from tweetscore.training.epoch import Epoch
from tweetscore.training.features import Prepared
from tweetscore.training.loop import Fitted, fit, predict, training_device
from tweetscore.training.network import NETWORK
from tweetscore.training.options import HONEST, Protocol, TrainingOptions


@dataclass(frozen=True, slots=True)
class Learned:
    """A network with the weights of its best epoch."""

    model: Classifier
    prepared: Prepared
    fitted: Fitted
    device: str

    def tested(self) -> npt.NDArray[np.float64]:
        """Return what it predicts of the test part: (rows, heads, classes)."""
        logits = predict(self.model, self.prepared.parts["test"])
        return np.asarray(logits.softmax(2).double().numpy())


def learn(
    prepared: Prepared,
    options: TrainingOptions,
    log_folder: Path,
    progress: Callable[[Epoch], None],
    *,
    protocol: Protocol = HONEST,
    checkpoint: Path | None = None,
    resume: bool = False,
) -> Learned:
    """Fit a network to the training part, with the weights of its best epoch at the end.

    Args:
        prepared: what to learn from.
        options: hyper-parameters.
        log_folder: where TensorBoard events go.
        progress: called after every epoch.
        protocol: which part chooses the best epoch.
        checkpoint: where the run is saved when it is interrupted.
        resume: go on with the run saved there.

    Raises:
        InputError: there is no such device, or the saved run is another.
    """
    device = training_device(options.device)
    torch.manual_seed(options.seed)
    config = NetworkConfig(
        vocabulary_size=len(prepared.vocabulary),
        heads=len(options.intervals),
        classes=len(options.target.classes),
        embedding_dim=prepared.vectors.matrix.shape[1],
        hidden=options.hidden,
        dropout=options.dropout,
        counts=len(COUNTS) if options.counts else 0,
    )
    model = NETWORK(config, torch.from_numpy(prepared.vectors.matrix))
    kept = checkpoint and Checkpoint(checkpoint, _fingerprint(prepared, options), resume)
    fitted = fit(
        model, prepared.parts["train"], prepared.parts[protocol.chooses], options.fit,
        options.intervals, options.seed, log_folder, progress,
        device=device, held_out_name=protocol.chooses, checkpoint=kept or None,
    )  # fmt: skip
    return Learned(model, prepared, fitted, device)


def _fingerprint(prepared: Prepared, options: TrainingOptions) -> str:
    """Return a hash of a run: of its options, and of everything that the network is fed."""
    digest = hashlib.sha256(repr(asdict(options)).encode())
    digest.update("\n".join(prepared.vocabulary.words).encode())
    digest.update(prepared.vectors.matrix.tobytes())
    for part in prepared.parts.values():
        digest.update(part.tokens.ids.tobytes())
        digest.update(part.labels.tobytes())
        if part.counts is not None:
            digest.update(part.counts.tobytes())
    return digest.hexdigest()
