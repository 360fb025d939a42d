"""What a study compares, and how: records that need no torch."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tweetscore.store.database import STANDARD_INTERVALS
from tweetscore.study.reported import REPORTED_ABLATION
from tweetscore.training.options import ProtocolName, TrainingOptions

ABLATION_MINUTES = 5


@dataclass(frozen=True, slots=True)
class StudyCell:
    """One network of a comparison."""

    interval_minutes: int
    vectors: bool  # trained ones, or drawn at random
    counts: bool  # engagement counts beside the state


def compared_cells(protocol: str, intervals: Sequence[int]) -> list[StudyCell]:
    """Return the interval comparison; the 2019 study reports that its own used counts."""
    return [StudyCell(minutes, True, protocol == "original") for minutes in intervals]


def ablation_cells(minutes: int) -> list[StudyCell]:
    """Return the ablation: with and without trained vectors and counts."""
    return [StudyCell(minutes, *each) for each in REPORTED_ABLATION]


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """What a study compares, and how."""

    protocol: ProtocolName = "honest"
    intervals: tuple[int, ...] = STANDARD_INTERVALS
    ablation_minutes: int = ABLATION_MINUTES
    seeds: tuple[int, ...] = (0,)
    folds: int = 1  # of walk-forward, under the honest protocol
    training: TrainingOptions = field(default_factory=TrainingOptions)  # of each network

    @property
    def compared(self) -> list[StudyCell]:
        """The interval comparison."""
        return compared_cells(self.protocol, self.intervals)

    @property
    def ablation(self) -> list[StudyCell]:
        """The ablation."""
        return ablation_cells(self.ablation_minutes)

    @property
    def cells(self) -> list[StudyCell]:
        """The cells of both; they share one."""
        return list(dict.fromkeys([*self.compared, *self.ablation]))
