"""Say what a model's own card holds against it: a card enters, a sentence leaves."""

from collections.abc import Mapping
from math import log
from typing import Any


def caveat_of(card: Mapping[str, Any]) -> str | None:
    """Say that a network has learned nothing, where its validation loss shows it.

    The loss is held against that of a coin: of one that falls on each class as often as the
    training part did, or on all alike if that is better. Cards of older versions know the second.
    """
    training = card.get("training", {})
    loss = training.get("validation_loss")
    if loss is None:
        return None
    coin = training.get("coin_loss", log(len(card["classes"])))
    if loss < coin:
        return None
    return (
        f"{card['name']} has learned nothing: of {training['epochs_run']} epochs the best is "
        f"number {training['best_epoch']}, with a loss on validation of {loss:.4f}; a coin's is "
        f"{coin:.4f}."
    )
