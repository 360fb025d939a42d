"""A card keeps to its types and bounds, or is refused with the entry that does not."""

import json
from pathlib import Path
from typing import Any

import pytest

from tweetscore.errors import IntegrityError
from tweetscore.scoring.card import is_name, read_card
from tweetscore.store.database import shipped

PATH = Path("m/card.json")
RULES = {"stop_words": ["the"], "max_tokens": 50, "version": 1}
CARD: dict[str, Any] = {
    "format": 2,
    "name": "m",
    "target": "direction",
    "classes": ["down", "up"],
    "intervals": [5, 30],
    "text_rules": RULES,
    "counts": None,
    "sha256": {"model.onnx": "0" * 64},
}
LABELS = {"target": "label", "classes": ["glad", "sad", "sad?"], "intervals": [0]}
MOVES = {"target": "move", "classes": ["still", "move"], "thresholds_bps": {"5": 1, "30": 2.5}}
COUNTS = {"mean": [1, 2], "std": [1, 1], "weight": [[[0.5, -0.5]] * 2] * 2}
CONFIG = {
    "vocabulary_size": 9, "heads": 2, "classes": 2, "embedding_dim": 8, "hidden": 4,
    "dropout": 0.5, "counts": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [{}, LABELS, MOVES, {"counts": COUNTS}, {"config": CONFIG}, {"name": None}, {"format": 1}],
)
def test_a_card_of_each_kind_is_read_as_it_is(changes: dict[str, Any]) -> None:
    card = CARD | changes
    assert read_card(PATH, json.dumps(card, indent=2).encode()) == card


def test_the_shipped_card_is_read() -> None:
    path = shipped("models") / "reference" / "card.json"
    assert read_card(path, path.read_bytes())["format"] == 2


WRONG: dict[str, dict[str, Any]] = {
    "intervals.0: no number of minutes or sessions": {"intervals": [-5, 30]},
    "intervals.1: no number of minutes or sessions": {"intervals": [5, 10_001]},
    "intervals.0: Input should be a valid integer": {"intervals": [5.0]},
    "intervals: one is there twice": {"intervals": [5, 5]},
    "intervals: 0 is that of labels alone": {"intervals": [0]},
    "intervals: labels have no other": LABELS | {"intervals": [0, 5]},
    "intervals: more than 1,000 with their classes": {"intervals": list(range(1, 502))},
    "classes: direction has down and up": {"classes": ["up", "down"]},
    "classes: one is there twice": LABELS | {"classes": ["sad", "sad"]},
    "target: Input should be 'direction', 'move' or 'label'": {"target": "weather"},
    "thresholds_bps: not one of each interval": MOVES | {"thresholds_bps": {"5": 1}},
    "thresholds_bps.5: Input should be a finite number": MOVES
    | {"thresholds_bps": {"5": float("inf"), "30": 1}},
    "text_rules.max_tokens: Input should be less than or equal to 1000": {
        "text_rules": RULES | {"max_tokens": 1_001}
    },
    "text_rules.max_tokens: Input should be greater than or equal to 1": {
        "text_rules": RULES | {"max_tokens": 0}
    },
    "name: holds characters that cannot be shown, or too many": {"name": "\x1b[2J"},
    "classes.0: holds characters that cannot be shown, or too many": {"classes": ["a\nb", "up"]},
    "counts: its weights have another shape": {"counts": COUNTS | {"weight": [[[1, 1]] * 3] * 2}},
    "counts.std.0: Input should be greater than or equal to 0.000001": {
        "counts": COUNTS | {"std": [0, 1]}
    },
    "config: other numbers than the rest of the card": {"config": CONFIG | {"heads": 3}},
    "majorities: of other intervals or classes": {"majorities": {"5": "sideways"}},
    "split.test_from_utc: String should match pattern": {"split": {"test_from_utc": "1530000000"}},
    "training: Input should be an object": {"training": 1},
    "weather: does not belong on it": {"weather": 1},
    "not a model card of format 1 or 2": {"format": 3},
}


@pytest.mark.parametrize("fact", WRONG)
def test_an_entry_outside_its_bounds_is_named(fact: str) -> None:
    with pytest.raises(IntegrityError) as refusal:
        read_card(PATH, json.dumps(CARD | WRONG[fact]).encode())
    told = str(refusal.value)
    assert told.startswith(f"m/card.json: {fact}")
    assert told.endswith("; copy the whole model folder again, or train it again")
    assert "\n" not in told


@pytest.mark.parametrize(
    ("old", "new", "fact"),
    [
        (b'"m"', b'"m", "name": "n"', "'name' is on it twice"),
        (b'"m"', b'"\\ud800"', "not readable as JSON"),
        (b"null", b'{"a": NaN}', "counts"),
        (b"0000", b"\xff\xfe", "not readable as JSON"),
        (b"[5, 30]", b"[" * 100_000, "not readable as JSON"),
        (b"[5, 30]", b"[" + b"9" * 6_000 + b"]", ""),
    ],
)
def test_what_no_json_of_ours_holds_is_refused(old: bytes, new: bytes, fact: str) -> None:
    content = json.dumps(CARD).encode()
    assert old in content
    with pytest.raises(IntegrityError) as refusal:
        read_card(PATH, content.replace(old, new, 1))
    assert fact in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("number", [b"NaN", b"-Infinity", b"1e999", b"9" * 30])
def test_numbers_that_are_only_kept_are_finite_as_well(number: bytes) -> None:
    content = json.dumps(CARD | {"parity": {"graph": 0.25}}).encode()
    with pytest.raises(IntegrityError):
        read_card(PATH, content.replace(b"0.25", number))


def test_a_name_is_what_one_line_can_show() -> None:
    for name in ("m", "réf 2", "\N{FAMILY}\N{ZERO WIDTH JOINER}", "模型", ""):
        assert is_name(name)
    for name in ("a\tb", "a\nb", "\x1b", "\u202e", "\x85", "\udc80", "x" * 256):
        assert not is_name(name)
