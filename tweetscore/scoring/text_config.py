"""What the configuration of a text classifier says: JSON files enter, labels and rules leave.

These are the conventions of transformers, whose pipeline ``text-classification`` gives the same
probabilities.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tweetscore.errors import IntegrityError, did_you_mean
from tweetscore.scoring.card import is_name
from tweetscore.scoring.graphs import MOST_OUTPUTS

Function = Literal["softmax", "sigmoid", "raw"]
USUAL_TOKENS = 512  # where a folder names no length
MOST_TOKENS = 8_192
_SENTINEL = 1_000_000  # transformers writes 1e30 where a tokenizer has no length
_FUNCTIONS: dict[str, Function] = {
    "single_label_classification": "softmax",
    "multi_label_classification": "sigmoid",
    "regression": "raw",
}
# These count positions from behind the id of the padding, and so have fewer than they say.
_COUNTED_FROM_PADDING = frozenset(
    {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "roberta-prelayernorm", "longformer",
     "mpnet", "data2vec-text", "ibert", "xmod", "esm", "luke", "bertweet"}
)  # fmt: skip
USUAL_PADDING = 1  # of these


@dataclass(frozen=True, slots=True)
class TextConfig:
    """What a folder says of its labels and texts."""

    labels: tuple[str, ...]
    function: Function  # from what the graph gives to what is stored
    max_tokens: int
    length_said_by: str  # the entry that names it
    truncation_side: str
    first_position: int  # where a graph wants position_ids

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes whose probabilities are stored; a label alone leaves the rest to another."""
        if self.function == "sigmoid" and len(self.labels) == 1:
            return (self.labels[0], f"not {self.labels[0]}")
        return self.labels


def read_config(config_path: Path, tokenizer_config_path: Path | None) -> TextConfig:
    """Read what a folder says.

    Raises:
        IntegrityError: one of the files is no JSON object, or its entries are unfit.
    """
    config = _read(config_path)
    tokenizer = _read(tokenizer_config_path) if tokenizer_config_path else {}
    labels = _labels(config_path, config)
    from_padding = config.get("model_type") in _COUNTED_FROM_PADDING
    padding = config.get("pad_token_id")
    padding = padding if isinstance(padding, int) and padding >= 0 else USUAL_PADDING
    first_position = padding + 1 if from_padding else 0
    max_tokens, said_by = _length(config, tokenizer, first_position)
    if max_tokens < 1:
        raise IntegrityError(
            f"{config_path}: max_position_embeddings leave no room for a token; correct it"
        )
    return TextConfig(
        labels,
        _function(config_path, config, len(labels)),
        max_tokens,
        said_by,
        "left" if tokenizer.get("truncation_side") == "left" else "right",
        first_position,
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes().decode())
    except (ValueError, RecursionError) as error:
        fact = str(error).splitlines()[0]
        raise IntegrityError(
            f"{path}: not readable as JSON ({fact}); copy the whole model folder again"
        ) from None
    if not isinstance(content, dict):
        raise IntegrityError(f"{path}: is no JSON object; copy the whole model folder again")
    return content


def _labels(path: Path, config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names in the order of the graph's output; without names those of transformers."""
    named = config.get("id2label")
    if named is None:
        number = config.get("num_labels", 2)
        if not isinstance(number, int) or not 1 <= number <= MOST_OUTPUTS:
            raise IntegrityError(f"{path}: num_labels is no number of labels; correct it")
        return tuple(f"LABEL_{place}" for place in range(number))
    if not isinstance(named, dict) or not 1 <= len(named) <= MOST_OUTPUTS:
        raise IntegrityError(
            f"{path}: id2label does not name 1 to {MOST_OUTPUTS:,} labels; correct it"
        )
    missing = [str(place) for place in range(len(named)) if str(place) not in named]
    if missing:
        raise IntegrityError(
            f"{path}: id2label names {len(named)} labels, but none is number {missing[0]}; number "
            "them from 0 on"
        )
    labels = tuple(str(named[str(place)]) for place in range(len(named)))
    unfit = [each for each in labels if not each or not is_name(each)]
    twice = [each for each in labels if labels.count(each) > 1]
    if unfit or twice:
        fact = "a name that cannot be shown" if unfit else f"{twice[0]!r} twice"
        raise IntegrityError(f"{path}: id2label has {fact}; correct it")
    return labels


def _function(path: Path, config: Mapping[str, Any], labels: int) -> Function:
    said = config.get("problem_type")
    if said is None:
        return "raw" if labels == 1 else "softmax"
    if not isinstance(said, str) or said not in _FUNCTIONS:
        raise IntegrityError(
            f"{path}: problem_type {str(said)[:60]!r} is none of {', '.join(_FUNCTIONS)}; correct "
            f"it{did_you_mean(str(said), _FUNCTIONS)}"
        )
    return _FUNCTIONS[said]


def _length(
    config: Mapping[str, Any], tokenizer: Mapping[str, Any], first_position: int
) -> tuple[int, str]:
    """Return the most tokens of a text, and what says so."""
    said = {
        "model_max_length": (tokenizer.get("model_max_length"), 0),
        "max_position_embeddings": (config.get("max_position_embeddings"), first_position),
    }
    lengths = {
        name: int(number) - less
        for name, (number, less) in said.items()
        if isinstance(number, int | float)
        and not isinstance(number, bool)
        and 0 < number <= _SENTINEL
    }
    if not lengths:
        return USUAL_TOKENS, "no entry"
    shortest = min(lengths, key=lambda name: lengths[name])
    return min(lengths[shortest], MOST_TOKENS), shortest
