"""The options of training: hyper-parameters and protocols, as records that need no torch."""

from dataclasses import dataclass, field
from typing import Literal

from tweetscore.market.targets import Target
from tweetscore.scoring.predictors import Device
from tweetscore.store.database import STANDARD_INTERVALS
from tweetscore.training.split import PARTS

REGULARISATIONS = (0.001, 0.01, 0.1, 1.0, 10.0)  # C of scikit-learn: the smallest holds back most
ProtocolName = Literal["honest", "original"]


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How to fit the network; the defaults are those of the 2019 study."""

    epochs: int = 100
    batch_rows: int = 256
    learning_rate: float = 3e-4
    decay: float = 0.8  # factor of the learning rate, applied every decay_epochs
    decay_epochs: int = 10
    fresh_optimiser: bool = False  # a new Adam optimiser every epoch, as the study's code made


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """What to train and how; the defaults are the hyper-parameters of the 2019 study."""

    intervals: tuple[int, ...] = STANDARD_INTERVALS
    symbols: tuple[str, ...] = ()  # none: the only one, or all that posts are linked to
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
    encoder: str | None = None  # a folder: heads on its embeddings are learned, and no network
    shuffle_labels: int = 0  # trainings more, on labels of other days: see ``permutation``


@dataclass(frozen=True, slots=True)
class Protocol:
    """Which parts may be seen while learning, and which part chooses the best epoch."""

    name: ProtocolName
    seen: tuple[str, ...]  # by vocabulary, normalisation and word vectors
    chooses: str


HONEST = Protocol("honest", seen=("train",), chooses="validation")
ORIGINAL = Protocol("original", seen=PARTS, chooses="test")  # of the 2019 study, faults included
PROTOCOLS: dict[ProtocolName, Protocol] = {each.name: each for each in (HONEST, ORIGINAL)}
