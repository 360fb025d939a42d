"""What a training run makes before it is judged and saved, and what it calls meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tweetscore.training.epoch import Epoch
from tweetscore.training.export import Parity
from tweetscore.training.measurable import Measurable
from tweetscore.training.permutation import Again


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What to call while a model is trained."""

    on_epoch: Callable[[Epoch], None]  # after every epoch
    on_message: Callable[[str], None]  # with each fact that a user should know


@dataclass(frozen=True, slots=True)
class Made:
    """What has been learned, and its graph behind the parity gate."""

    learned: Measurable
    graph: bytes
    parity: Parity
    card: dict[str, Any]  # the entries that only this kind of model has
    tokenizer: bytes | None = None  # of an encoder
    again: Again | None = None  # learns from other labels in the same way
