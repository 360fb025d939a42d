"""The model folder: a graph, a vocabulary and a card are read or written together or not at all."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tweetscore.errors import InputError, IntegrityError, did_you_mean
from tweetscore.io.new_file import heal, new_folder, sha256_of
from tweetscore.market.horizons import Horizon
from tweetscore.market.targets import Target

if TYPE_CHECKING:  # a bundle is loaded without numpy and onnxruntime
    from tweetscore.scoring.predictors import Device, Predictor
    from tweetscore.text.rules import TextRules

Precision = Literal["float32", "int8"]
GRAPHS: dict[Precision, str] = {"float32": "model.onnx", "int8": "model.int8.onnx"}
FORMAT = 1
HASHED = ("model.onnx", "vocabulary.txt")  # a flipped byte in ONNX weights would load silently
FILES = (*HASHED, "card.json", "README.md")
LEARNED_TEXTS = "learned_texts.bin"  # hashes of 8 bytes each; bundles of older versions have none
OPTIONAL = (GRAPHS["int8"], LEARNED_TEXTS)  # hashed where they are on the card
CARD_KEYS = ("intervals", "classes", "text_rules", "counts")  # what loading and scoring need


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model folder that matches its card; a ``predictors.Model``."""

    path: Path
    name: str  # with (int8) behind it for that precision, whose scores are different
    model_id: str  # 16 hex digits; another graph, vocabulary or card is another model
    precision: Precision  # of the graph
    card: dict[str, Any]

    @property
    def horizons(self) -> tuple[Horizon, ...]:
        """The horizon of each head, in the order of the heads."""
        return tuple(map(Horizon, self.card["intervals"]))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the graph's output."""
        return tuple(self.card["classes"])

    @property
    def target(self) -> Target:
        """What it predicts; the first cards did not name it."""
        return Target(self.card.get("target", Target().name), self.classes)

    @property
    def uses_counts(self) -> bool:
        """Whether a score also needs the engagement counts."""
        return self.card["counts"] is not None

    @property
    def knows_until_utc(self) -> datetime | None:
        """The end of its training and validation parts; None if its split was at random."""
        test_from_utc = (self.card.get("split") or {}).get("test_from_utc")
        return datetime.fromisoformat(test_from_utc) if test_from_utc else None

    @property
    def text_rules(self) -> "TextRules":
        """How it cuts texts into tokens."""
        from tweetscore.text.rules import TextRules

        return TextRules.from_dict(self.card["text_rules"])

    @property
    def onnx_path(self) -> Path:
        """The graph, for ``network.Network``."""
        return self.path / GRAPHS[self.precision]

    @property
    def vocabulary_path(self) -> Path:
        """The tokens, one a line in UTF-8, each in the line of its id."""
        return self.path / "vocabulary.txt"

    @property
    def learned_texts(self) -> bytes | None:
        """Hashes of the texts that it has learned from, 8 bytes each; None of older versions."""
        known = LEARNED_TEXTS in self.card["sha256"]
        return (self.path / LEARNED_TEXTS).read_bytes() if known else None

    def load(self, device: "Device" = "cpu", threads: int | None = None) -> "Predictor":
        """Load its vocabulary and graph; see ``Model.load``."""
        from tweetscore.scoring.token_classifier import TokenClassifier  # brings onnxruntime

        return TokenClassifier(self, self.onnx_path, self.vocabulary_path, device, threads)


def load_bundle(folder: Path, precision: Precision = "float32") -> Bundle:
    """Return the bundle of a folder, checked against the hashes on its card.

    Raises:
        InputError: the folder or one of its files is not there, or it has no graph of this
            precision.
        IntegrityError: the card cannot be read, is of another format or lacks a key, or a file is
            not the one that the card was written for.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such model folder; name one that 'tweetscore train' has written"
        )
    for name in FILES:
        if not (folder / name).is_file():
            raise InputError(f"{folder}: {name} is missing; copy the whole model folder again")
    card_path = folder / "card.json"
    content = card_path.read_bytes()
    try:
        card = json.loads(content)
    except ValueError as error:  # of bad JSON and of bad UTF-8 alike
        raise IntegrityError(
            f"{card_path}: not readable as JSON ({error}); copy it again"
        ) from None
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise IntegrityError(
            f"{card_path}: not a model card of format {FORMAT}; use the tweetscore that wrote it"
        )
    missing = [key for key in CARD_KEYS if key not in card]
    if missing:
        raise IntegrityError(f"{card_path}: {', '.join(missing)} not on it; train the model again")
    sha256 = card["sha256"] if isinstance(card.get("sha256"), dict) else {}
    graph = GRAPHS[precision]
    # What older versions did not write must be there and whole where it is on the card.
    names = (*HASHED, *(name for name in OPTIONAL if name in sha256))
    if graph not in names:
        raise InputError(
            f"{folder}: holds no {graph}, so it cannot score in {precision}; "
            "train it again with: tweetscore train"
        )
    for name in names:
        if not (folder / name).is_file():
            raise InputError(f"{folder}: {name} is missing; copy the whole model folder again")
        if sha256.get(name) != sha256_of(folder / name):
            raise IntegrityError(
                f"{folder / name}: its sha256 is not the one on card.json; copy the folder again"
            )
    identity = sha256[graph] + hashlib.sha256(content).hexdigest()
    own_name = str(card.get("name") or folder.resolve().name)
    return Bundle(
        path=folder,
        name=own_name if precision == "float32" else f"{own_name} ({precision})",
        model_id=hashlib.sha256(identity.encode()).hexdigest()[:16],
        precision=precision,
        card=card,
    )


def find_bundle(name: str, shipped_models: Path, precision: Precision = "float32") -> Bundle:
    """Return the bundle at a path, or the shipped one of that name.

    Raises:
        InputError: it is neither, or it has no graph of this precision.
        IntegrityError: it is damaged.
    """
    folder = Path(name)
    heal(folder)
    if folder.is_dir():
        return load_bundle(folder, precision)
    if (shipped_models / name).is_dir():
        return load_bundle(shipped_models / name, precision)
    near = did_you_mean(name, [each.name for each in shipped_models.iterdir()])
    raise InputError(
        f"{name}: no such model folder; name one that 'tweetscore train' has written, or a shipped "
        f"one{near}"
    )


def check_place(folder: Path) -> None:
    """Refuse a place where no bundle can be written.

    Raises:
        InputError: something other than a bundle is there.
    """
    heal(folder)
    occupied = folder.exists() and not folder.is_dir()
    found = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    if occupied or (found and found - set(OPTIONAL) != set(FILES)):
        raise InputError(f"{folder}: already exists and is no model folder; choose another name")


def write_bundle(
    folder: Path,
    *,
    onnx_model: bytes,
    int8_model: bytes | None = None,
    learned_texts: bytes | None = None,
    vocabulary: Sequence[str],
    card: dict[str, Any],
    readme: str,
) -> Bundle:
    """Write a model folder whole, or leave everything as it was; return it as loaded again.

    Args:
        folder: where it goes; another bundle there is replaced, anything else is not.
        onnx_model: the serialised graph.
        int8_model: the same for ``--precision int8``, which needs it.
        learned_texts: hashes of the texts that it has learned from, 8 bytes each.
        vocabulary: the tokens in the order of their ids.
        card: what the model is; ``format`` and ``sha256`` are added.
        readme: the model card for people, in Markdown.

    Raises:
        InputError: ``folder`` is something other than a bundle.
        IntegrityError: the card lacks a key.
        ValueError, TypeError: a token is not one line of text, or the card holds what JSON cannot.
    """
    check_place(folder)
    unfit = [token for token in vocabulary if token.splitlines() != [token]]
    if unfit:
        raise ValueError(f"tokens must be one line each: {unfit[:3]!r}")
    files = {
        "model.onnx": onnx_model,
        "vocabulary.txt": "".join(f"{token}\n" for token in vocabulary).encode(),
        "README.md": readme.encode(),
    }
    optional = {GRAPHS["int8"]: int8_model, LEARNED_TEXTS: learned_texts}
    files |= {name: content for name, content in optional.items() if content is not None}
    sha256 = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files.items()
        if name != "README.md"
    }
    full_card = {**card, "format": FORMAT, "sha256": sha256}
    text = json.dumps(full_card, indent=2, ensure_ascii=False, allow_nan=False)
    files["card.json"] = f"{text}\n".encode()

    with new_folder(folder) as fresh:
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        load_bundle(fresh)
    return load_bundle(folder)
