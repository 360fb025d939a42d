"""The card of a bundle: JSON enters, a card that keeps to its types and bounds leaves."""

import json
import math
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from tweetscore.errors import IntegrityError
from tweetscore.io.formats import VISIBLE
from tweetscore.market.horizons import Horizon
from tweetscore.market.targets import kind_of
from tweetscore.scoring.graphs import AGAIN, MOST_HIDDEN, MOST_OUTPUTS

FORMATS = (1, 2)  # the first has no list of the sha256 of its files beside it
FORMAT = FORMATS[-1]
MOST_LETTERS = 255  # of a name
MOST_TOKENS = 1_000
COUNTS = 2  # engagement counts of a post
_LARGEST = 1e6  # of a number that scores are made with
_INT64 = 1 << 63


def is_name(text: str) -> bool:
    """Return whether a text can be shown on one line as it is."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return len(text) <= MOST_LETTERS and text.translate(VISIBLE) == text and "\n" not in text


def _name(text: str) -> str:
    if not is_name(text):
        raise ValueError("holds characters that cannot be shown, or too many")
    return text


def _moment(text: str) -> str:
    datetime.fromisoformat(text)
    return text


Name = Annotated[str, AfterValidator(_name)]
Moment = Annotated[
    str,
    StringConstraints(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:]{5,8}(\.[0-9]{6})?)?\z"),
    AfterValidator(_moment),
]
Sha256 = Annotated[str, StringConstraints(pattern=r"\A[0-9a-f]{64}\z")]
Count = Annotated[int, Field(ge=0, lt=_INT64)]
Number = Annotated[float, Field(ge=-_LARGEST, le=_LARGEST)]
Record = dict[str, JsonValue]  # how it was made, which nothing is computed from
Part = Literal["train", "validation", "test"]
Session = Literal["regular", "extended"] | None


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class _MadeBy(_Record):
    """Beside what is read again there is more, which is only kept."""

    model_config = ConfigDict(extra="allow")


class _TextRules(_Record):
    stop_words: Annotated[list[Name], Field(max_length=10_000)]
    max_tokens: Annotated[int, Field(ge=1, le=MOST_TOKENS)]
    version: Count


class _TextModel(_Record):
    """Of a text classifier of another program; see ``text_folder.TextModel.card``."""

    folder: str
    file: str
    labels: Annotated[list[Name], Field(min_length=1, max_length=MOST_OUTPUTS)]
    function: Literal["softmax", "sigmoid", "raw"]
    max_tokens: Count
    inputs: list[Name]
    texts_alone: bool
    up: list[Name] = []
    down: list[Name] = []
    half_up: list[Name] = []


class _Encoder(_Record):
    """Of another program, under the heads of a bundle."""

    name: Name
    sha256: Sha256  # of its graph
    pooling: Literal["mean", "first", "own"]  # of the tokens' embeddings
    width: Annotated[int, Field(ge=1, le=MOST_HIDDEN)]
    max_tokens: Annotated[int, Field(ge=1, le=8_192)]
    truncation_side: Literal["left", "right"]
    first_position: Annotated[int, Field(ge=0, le=8_192)]
    regularisation: Annotated[float, Field(gt=0, le=_LARGEST)]  # C of scikit-learn


class _Counts(_Record):
    mean: Annotated[list[Number], Field(min_length=COUNTS, max_length=COUNTS)]
    std: Annotated[
        list[Annotated[float, Field(ge=1e-6, le=_LARGEST)]],
        Field(min_length=COUNTS, max_length=COUNTS),
    ]
    weight: list[list[list[Number]]]  # (heads, classes, counts)


class _Config(_Record):
    vocabulary_size: Count
    heads: Count
    classes: Count
    embedding_dim: Count
    hidden: Annotated[int, Field(ge=1, le=MOST_HIDDEN)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    counts: Count


class _Split(_Record):
    train_from_utc: Moment | None = None
    train_until_utc: Moment | None = None
    validation_from_utc: Moment | None = None
    test_from_utc: Moment | None = None
    test_until_utc: Moment | None = None


class _Rows(_Record):
    texts: Count | None = None
    tweets: Count | None = None  # as the first cards named them
    days: Count | None
    sha256: Sha256 | None = None


class _Source(_Record):
    name: str
    sha256: str  # of what was derived it is none


class _OfSymbol(_Record):
    texts: dict[Part, Count]
    majorities: dict[str, Name]


class _News(_Record):
    name: Name
    minutes: Count
    times_utc: list[Moment]


class _Trial(_Record):
    test_part: str
    symbol: Name | None
    test_from_utc: Moment | None
    test_until_utc: Moment | None
    trial_id: str
    model_id: str
    name: Name
    tests: Count


class _Target(_Record):
    name: Name
    classes: list[Name]
    move_quantile: Annotated[float, Field(ge=0, le=1)]


class _Epoch(_MadeBy):
    number: Count
    held_out_loss: float


class _Training(_MadeBy):
    vectors: str
    target: _Target | None = None
    vocabulary_size: Count
    max_tokens: Annotated[int, Field(ge=1, le=MOST_TOKENS)]
    embedding_dim: Count
    counts: bool
    seed: Annotated[int, Field(ge=-_INT64, lt=_INT64)]
    shuffle_labels: bool | Count
    best_epoch: Count
    epochs_run: Count
    validation_loss: float
    coin_loss: float | None = None
    history: list[_Epoch] | None = None


class _Vectors(_MadeBy):
    source: str


def _is_horizon(number: int) -> int:
    if not Horizon.is_valid(number):
        raise ValueError("no number of minutes or sessions")
    return number


class Card(_Record):
    """Everything that may stand on a card; what a card of training must have comes last."""

    format: Annotated[int, Field(ge=FORMATS[0], le=FORMAT)]
    name: Name | None
    target: Literal["direction", "move", "label"] = "direction"
    classes: Annotated[list[Name], Field(min_length=2, max_length=MOST_OUTPUTS)]
    intervals: Annotated[
        list[Annotated[int, AfterValidator(_is_horizon)]],
        Field(min_length=1, max_length=MOST_OUTPUTS),
    ]
    text_rules: _TextRules | None = None  # of a bundle
    encoder: _Encoder | None = None
    text_model: _TextModel | None = None  # of any other model that reads texts
    knows_until_utc: Moment | None = None  # of a model without a split of its own
    counts: _Counts | None
    sha256: dict[str, Sha256]
    thresholds_bps: dict[str, Annotated[float, Field(ge=0, le=_LARGEST)]] | None = None
    majorities: dict[str, Name] = {}
    session: Session = None
    symbol: Name | None = None
    symbols: dict[Name, _OfSymbol] = {}  # where there are several
    without_news: _News | None = None
    link_rules: list[dict[str, str | None]] = []  # of its symbols, where posts were linked
    config: _Config | None = None
    split: _Split | None = None
    rows: dict[Part, _Rows] = {}
    trials: list[_Trial] = []
    figures: list[Record] = []
    permutation: Record = {}
    parity: Record = {}
    data: list[_Source] = []
    versions: dict[str, str] = {}
    vectors: _Vectors | None = None
    training: _Training | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for fact in self._contradictions():
            raise ValueError(fact)
        return self

    def _contradictions(self) -> list[str]:
        """Say which of its parts do not fit the others."""
        kind, minutes = kind_of(self.target), {str(int(each)) for each in self.intervals}
        heads, classes = len(self.intervals), len(self.classes)
        counts = COUNTS if self.counts else 0
        wrong = {
            "text_rules: not on it": self.text_rules is None is self.text_model,
            "intervals: one is there twice": len(minutes) < heads,
            "intervals: 0 is that of labels alone": (0 in self.intervals) == kind.is_market,
            "intervals: labels have no other": not kind.is_market and heads > 1,
            "classes: one is there twice": len(set(self.classes)) < classes,
            f"classes: {self.target} has {' and '.join(kind.classes)}": kind.is_market
            and kind.classes != tuple(self.classes),
            f"intervals: more than {MOST_OUTPUTS:,} with their classes": heads * classes
            > MOST_OUTPUTS,
            "thresholds_bps: not one of each interval": set(self.thresholds_bps or {})
            != (minutes if kind.size else set()),
            "majorities: of other intervals or classes": not all(
                each.keys() <= minutes and {*each.values()} <= {*self.classes}
                for each in (self.majorities, *(one.majorities for one in self.symbols.values()))
            ),
            "symbol: there is one, and there are several": bool(self.symbol and self.symbols),
            "counts: its weights have another shape": self.counts is not None
            and [[len(c) for c in head] for head in self.counts.weight]
            != [[COUNTS] * classes] * heads,
            "config: other numbers than the rest of the card": self.config is not None
            and (self.config.heads, self.config.classes, self.config.counts)
            != (heads, classes, counts),
            "training: without config, rows, vectors or data": self.training is not None
            and not (self.config and self.rows and self.vectors and self.data),
        }
        return [fact for fact, is_so in wrong.items() if is_so]


def read_card(path: Path, content: bytes, again: str = AGAIN) -> dict[str, Any]:
    """Return the card in a file, as JSON values; ``again`` is what to do about one that is unfit.

    Raises:
        IntegrityError: it is no JSON, of another format, or does not keep to its types and bounds.
    """
    try:
        Card.model_validate_json(content)
        card: dict[str, Any] = json.loads(
            content.decode(),
            object_pairs_hook=_distinct,
            parse_constant=_finite,
            parse_float=_finite,
            parse_int=_of_64_bits,
        )
        json.dumps(card, ensure_ascii=False).encode()  # a lone half of a surrogate pair is no text
    except ValidationError as error:
        raise IntegrityError(f"{path}: {_worded(error)}; {again}") from None
    except ValueError as error:
        raise IntegrityError(f"{path}: {error}; {again}") from None
    return card


def _worded(error: ValidationError) -> str:
    """Say in one line what is wrong first."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "json_invalid":
        return f"not readable as JSON ({first['msg'].removeprefix('Invalid JSON: ')})"
    if place in ("", "format"):
        wanted = " or ".join(map(str, FORMATS))
        fact = first["msg"].removeprefix("Value error, ")
        is_card = first["type"] == "value_error"
        return fact if is_card else f"not a model card of format {wanted}"
    known = {"missing": "not on it", "extra_forbidden": "does not belong on it"}
    fact = known.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    return f"{place.translate(VISIBLE)[:MOST_LETTERS]}: {fact}"


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"{twice!r} is on it twice")
    return found


def _finite(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError(f"{text} is no finite number")
    return float(text)


def _of_64_bits(text: str) -> int:
    if not -_INT64 <= int(text) < _INT64:
        raise ValueError(f"a number of {len(text)} digits is too large")
    return int(text)
