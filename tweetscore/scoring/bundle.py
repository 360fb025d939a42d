"""The model folder: a graph, a vocabulary and a card are read or written together or not at all."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweetscore.errors import InputError, IntegrityError, did_you_mean
from tweetscore.io.new_file import heal, new_folder, sha256_of
from tweetscore.market.horizons import Horizon
from tweetscore.market.targets import Target
from tweetscore.scoring.card import FORMAT, is_name, read_card
from tweetscore.scoring.graphs import MOST_GRAPH_BYTES
from tweetscore.scoring.sums import COPY_AGAIN, SUMS, check_sums, listed
from tweetscore.scoring.sums import MOST_BYTES as MOST_SUMS_BYTES

if TYPE_CHECKING:  # a bundle is loaded without numpy and onnxruntime
    from tweetscore.scoring.predictors import Device, Predictor
    from tweetscore.text.rules import TextRules

LEARNED_TEXTS = "learned_texts.bin"  # hashes of 8 bytes each; bundles of older versions have none
HASH_BYTES = 8  # of a million texts, one in twenty million others would be taken for one of them
FILES = ("model.onnx", "vocabulary.txt", "card.json", "README.md")
# Of a head on an encoder of another program, whose tokenizer cuts the texts.
ENCODER_FILES = ("model.onnx", "tokenizer.json", "card.json", "README.md")
HASHED = ("model.onnx", "vocabulary.txt", LEARNED_TEXTS)  # on the card, where they are there
# Larger ones are refused: memory and time to read a bundle are bounded.
_MEGABYTE = 1 << 20
MOST_BYTES = {
    SUMS: MOST_SUMS_BYTES,
    "card.json": 8 * _MEGABYTE,
    "README.md": 8 * _MEGABYTE,
    "vocabulary.txt": 16 * _MEGABYTE,
    "model.onnx": MOST_GRAPH_BYTES + 32 * _MEGABYTE,  # with the head
    LEARNED_TEXTS: 256 * _MEGABYTE,
}
MOST_ENCODER_BYTES = {
    **{name: most for name, most in MOST_BYTES.items() if name != "vocabulary.txt"},
    "model.onnx": 2_048 * _MEGABYTE,  # a message of Protocol Buffers is never larger
    "tokenizer.json": 64 * _MEGABYTE,
}


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model folder that matches its card; a ``predictors.Model``."""

    path: Path
    name: str
    model_id: str  # 16 hex digits; with another file it is another model
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
    def chunk_rows(self) -> int:
        """Posts scored and stored at once."""
        from tweetscore.scoring.predictions import CHUNK_ROWS

        return CHUNK_ROWS

    @property
    def is_verified(self) -> bool:
        """Whether every file was held against a list; there is none beside the first cards."""
        return bool(self.card["format"] > 1)

    @property
    def text_rules(self) -> "TextRules":
        """How it cuts texts into tokens."""
        from tweetscore.text.rules import TextRules

        return TextRules.from_dict(self.card["text_rules"])

    @property
    def onnx_path(self) -> Path:
        """The graph, for ``network.Network``."""
        return self.path / "model.onnx"

    @property
    def vocabulary_path(self) -> Path:
        """The tokens, one a line in UTF-8, each in the line of its id."""
        return self.path / "vocabulary.txt"

    @property
    def tokenizer_path(self) -> Path:
        """What cuts the texts for an encoder of another program."""
        return self.path / "tokenizer.json"

    @property
    def learned_texts(self) -> bytes | None:
        """Hashes of the texts that it has learned from, 8 bytes each; None of older versions."""
        known = LEARNED_TEXTS in self.card["sha256"]
        return (self.path / LEARNED_TEXTS).read_bytes() if known else None

    @property
    def files(self) -> tuple[str, ...]:
        """All that lies in its folder, which holds nothing else."""
        return tuple(sorted(path.name for path in self.path.iterdir() if path.is_file()))

    def moved_to(self, folder: Path) -> "Bundle":
        """Return the same model, whose files lie in another folder."""
        return replace(self, path=folder)

    def load(self, device: "Device" = "cpu", threads: int | None = None) -> "Predictor":
        """Load its vocabulary and graph; see ``Model.load``."""
        if "encoder" in self.card:
            from tweetscore.scoring.encoder_classifier import EncoderClassifier

            return EncoderClassifier(self, device, threads)
        from tweetscore.scoring.token_classifier import TokenClassifier  # brings onnxruntime

        return TokenClassifier(self, self.onnx_path, self.vocabulary_path, device, threads)


def load_bundle(folder: Path) -> Bundle:
    """Return the bundle of a folder, every file of which is as its list and its card say.

    Raises:
        InputError: the folder or one of its files is not there or cannot be read.
        IntegrityError: a file is not the one that was written, does not belong there or is too
            large, or the card does not keep to its types and bounds.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such model folder; name one that 'tweetscore train' has written"
        )
    try:
        return _loaded(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error}); {COPY_AGAIN}") from error


def _loaded(folder: Path) -> Bundle:
    is_encoder = (folder / "tokenizer.json").is_file()
    most_bytes = MOST_ENCODER_BYTES if is_encoder else MOST_BYTES
    for name in ENCODER_FILES if is_encoder else FILES:
        if not (folder / name).is_file():
            raise InputError(f"{folder}: {name} is missing; {COPY_AGAIN}")
    names = {path.name for path in folder.iterdir()}
    is_listed = SUMS in names
    for name in sorted(names - most_bytes.keys()) if is_listed else ():
        raise IntegrityError(f"{folder / name}: does not belong to a model; remove it")
    sha256 = {
        name: _sha256(folder / name, most_bytes[name]) for name in sorted(names & most_bytes.keys())
    }
    sums = sha256.pop(SUMS, "")
    if is_listed:
        check_sums(folder, sha256)
    card_path = folder / "card.json"
    card = read_card(card_path, card_path.read_bytes())
    if card.get("text_rules") is None or ("encoder" in card) != is_encoder:
        fact = "text_rules: not on it" if card.get("text_rules") is None else "encoder: of others"
        raise IntegrityError(f"{card_path}: {fact}; {COPY_AGAIN}")
    if card["format"] > 1 and not is_listed:
        raise InputError(f"{folder}: {SUMS} is missing; {COPY_AGAIN}")
    _check_card(folder, card, sha256)
    identity = sums if is_listed else card["sha256"]["model.onnx"] + sha256["card.json"]
    return Bundle(
        path=folder,
        name=str(card["name"] or folder.resolve().name),
        model_id=hashlib.sha256(identity.encode()).hexdigest()[:16],
        card=card,
    )


def _sha256(path: Path, most: int) -> str:
    """Return the sha256 of a file of a bundle.

    Raises:
        IntegrityError: it is no file, or too large.
    """
    if not path.is_file():
        raise IntegrityError(f"{path}: is no file; {COPY_AGAIN}")
    if path.stat().st_size > most:
        raise IntegrityError(
            f"{path}: is larger than {most >> 10:,} KB, the most allowed; {COPY_AGAIN}"
        )
    return sha256_of(path)


def _check_card(folder: Path, card: Mapping[str, Any], found: Mapping[str, str]) -> None:
    """Hold the files against the sha256 on the card, which outlasts the folder in databases.

    Raises:
        InputError: one is not there.
        IntegrityError: one differs, or is not on the card.
    """
    of_card = card["sha256"]
    for name in of_card:
        if name not in found:
            raise InputError(f"{folder}: {name} is missing; {COPY_AGAIN}")
    # What is not on one of the first cards may have been put beside it.
    hashed = [*HASHED, *(["tokenizer.json"] if "encoder" in card else [])]
    for name in hashed if card["format"] > 1 else (*of_card, *FILES[:2]):
        if of_card.get(name) != found.get(name):
            raise IntegrityError(
                f"{folder / name}: its sha256 is not the one on card.json; {COPY_AGAIN}"
            )
    learned = folder / LEARNED_TEXTS
    if LEARNED_TEXTS in of_card and learned.stat().st_size % HASH_BYTES:
        raise IntegrityError(f"{learned}: is cut off; {COPY_AGAIN}")


def find_bundle(name: str, shipped_models: Path) -> Bundle:
    """Return the bundle at a path, or the shipped one of that name.

    Raises:
        InputError: it is neither.
        IntegrityError: it is damaged.
    """
    folder = Path(name)
    heal(folder)
    if folder.is_dir():
        return load_bundle(folder)
    if (shipped_models / name).is_dir():
        return load_bundle(shipped_models / name)
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
    if not is_name(folder.name):
        raise InputError(f"{folder}: a model cannot have that name; choose another one")
    occupied = folder.exists() and not folder.is_dir()
    found = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    known = (set(FILES), set(ENCODER_FILES))
    if occupied or (found and found - {LEARNED_TEXTS, SUMS} not in known):
        raise InputError(f"{folder}: already exists and is no model folder; choose another name")


def write_bundle(
    folder: Path,
    *,
    onnx_model: bytes,
    learned_texts: bytes | None = None,
    vocabulary: Sequence[str] = (),
    tokenizer: bytes | None = None,
    card: dict[str, Any],
    readme: str,
) -> Bundle:
    """Write a model folder whole, or leave everything as it was; return it as loaded again.

    Args:
        folder: where it goes; another bundle there is replaced, anything else is not.
        onnx_model: the serialised graph.
        learned_texts: hashes of the texts that it has learned from, 8 bytes each.
        vocabulary: the tokens in the order of their ids.
        tokenizer: instead of these, of a head on an encoder: its ``tokenizer.json``.
        card: what the model is; ``format`` and ``sha256`` are added.
        readme: the model card for people, in Markdown.

    Raises:
        InputError: ``folder`` is something other than a bundle.
        IntegrityError: the card does not keep to its types and bounds.
        ValueError, TypeError: a token is not one line of text, or the card holds what JSON cannot.
    """
    check_place(folder)
    unfit = [token for token in vocabulary if token.splitlines() != [token]]
    if unfit:
        raise ValueError(f"tokens must be one line each: {unfit[:3]!r}")
    files = {"model.onnx": onnx_model}
    if tokenizer is None:
        files["vocabulary.txt"] = "".join(f"{token}\n" for token in vocabulary).encode()
    else:
        files["tokenizer.json"] = tokenizer
    files["README.md"] = readme.encode()
    if learned_texts is not None:
        files[LEARNED_TEXTS] = learned_texts
    sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    of_card = {name: each for name, each in sha256.items() if name in (*HASHED, "tokenizer.json")}
    full_card = {**card, "format": FORMAT, "sha256": of_card}
    text = json.dumps(full_card, indent=2, ensure_ascii=False, allow_nan=False)
    files["card.json"] = f"{text}\n".encode()
    sha256["card.json"] = hashlib.sha256(files["card.json"]).hexdigest()
    files[SUMS] = listed(sha256)

    with new_folder(folder) as fresh:
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        load_bundle(fresh)
    return load_bundle(folder)
