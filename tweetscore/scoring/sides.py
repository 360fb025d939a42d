"""Which labels mean that the price rises: the value of ``--as``, and labels by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from tweetscore.errors import InputError

UP, DOWN = "up", "down"


def parse_sides(text: str) -> dict[str, tuple[str, ...]]:
    """Return the labels that mean up and those that mean down.

    Args:
        text: as in ``up=positive,down=negative``; a side may be there several times.

    Raises:
        InputError: it is no such mapping.
    """
    sides: dict[str, list[str]] = {UP: [], DOWN: []}
    for pair in text.split(","):
        side, equals, label = (each.strip() for each in pair.partition("="))
        if not equals or side not in sides or not label:
            raise InputError(
                f"--as {text}: {pair!r} is no up=LABEL or down=LABEL; write it as in "
                "up=positive,down=negative"
            )
        if any(label in labels for labels in sides.values()):
            raise InputError(f"--as {text}: names {label} twice; name it once")
        sides[side].append(label)
    for side, labels in sides.items():
        if not labels:
            raise InputError(f"--as {text}: names no label that means {side}; add {side}=LABEL")
    return {side: tuple(labels) for side, labels in sides.items()}


def side_words(sides: Mapping[str, Sequence[str]]) -> str:
    """Return what ``parse_sides`` reads."""
    return ",".join(f"{side}={label}" for side, labels in sides.items() for label in labels)


def recorded_sides(record: Mapping[str, Any]) -> str:
    """Return the same of the sides on the card of a text classifier; an empty text without any."""
    return side_words({side: record[side] for side in (UP, DOWN) if side in record})
