"""A text classifier in the folder of another program: a graph, a tokenizer and a configuration.

Optimum writes such folders, and hubs of models hold them. Nothing outside the folder is read, and
nothing of it before its size is known.
"""

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweetscore.errors import InputError, IntegrityError, did_you_mean
from tweetscore.io.new_file import sha256_of
from tweetscore.market.horizons import NO_HORIZON, Horizon
from tweetscore.market.targets import Target
from tweetscore.scoring.card import FORMAT, is_name
from tweetscore.scoring.sides import parse_sides, side_words
from tweetscore.scoring.text_config import TextConfig, read_config
from tweetscore.scoring.text_graph import TextGraph, read_text_graph

if TYPE_CHECKING:  # a folder is read without numpy and onnxruntime
    from tweetscore.scoring.predictors import Device, Predictor

CONFIG, TOKENIZER, TOKENIZER_CONFIG = "config.json", "tokenizer.json", "tokenizer_config.json"
GRAPHS = ("model.onnx", "onnx/model.onnx")  # the first that is there is taken
RULES_VERSION = 1  # of what turns texts into probabilities; another number is another model
# Of a model of 20 million weights it takes half a minute: a kill costs no more.
CHUNK_ROWS = 4_096
_MEGABYTE = 1 << 20
MOST_BYTES = {
    CONFIG: _MEGABYTE,
    TOKENIZER: 64 * _MEGABYTE,
    TOKENIZER_CONFIG: 8 * _MEGABYTE,
}
MOST_GRAPH_BYTES = 2_048 * _MEGABYTE  # a message of Protocol Buffers is never larger
MOST_WEIGHT_BYTES = 16_384 * _MEGABYTE
WHOLE = "copy the whole model folder again"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a user says of a text classifier, and its folder does not."""

    file: str | None = None  # which graph; None is model.onnx
    reads_as: str | None = None  # which labels mean up and which down, as in ``--as``
    horizons: tuple[Horizon, ...] = ()  # at which up and down are predicted
    knows_until_utc: datetime | None = None


@dataclass(frozen=True, slots=True)
class TextModel:
    """A text classifier whose folder is sound; a ``predictors.Model``."""

    path: Path
    name: str
    model_id: (
        str  # 16 hex digits of the sha256 of the files that it is made of, and of ``reads_as``
    )
    config: TextConfig
    graph: TextGraph
    file: str  # the graph's, in the folder
    sha256: dict[str, str]
    reading: Reading
    sides: dict[str, tuple[str, ...]] = field(default_factory=dict)  # the labels of up and of down

    @property
    def target(self) -> Target:
        """Labels, or direction where they are read as one."""
        return Target() if self.sides else Target.of_labels(self.config.classes)

    @property
    def horizons(self) -> tuple[Horizon, ...]:
        """How far ahead: the same probability at each."""
        return self.reading.horizons if self.sides else (NO_HORIZON,)

    @property
    def uses_counts(self) -> bool:
        """Texts are all that it reads."""
        return False

    @property
    def knows_until_utc(self) -> datetime | None:
        """What its user says."""
        return self.reading.knows_until_utc

    @property
    def files(self) -> tuple[str, ...]:
        """The files that it is made of."""
        return tuple(self.sha256)

    def moved_to(self, folder: Path) -> "TextModel":
        """Return the same model, whose files lie in another folder."""
        return replace(self, path=folder)

    @property
    def onnx_path(self) -> Path:
        """The graph."""
        return self.path / self.file

    @property
    def chunk_rows(self) -> int:
        """Posts scored and stored at once."""
        return CHUNK_ROWS

    @property
    def neither(self) -> tuple[str, ...]:
        """The labels that are read as neither up nor down: half of each goes to up."""
        named = {each for labels in self.sides.values() for each in labels}
        return tuple(each for each in self.config.classes if each not in named)

    @property
    def card(self) -> dict[str, Any]:
        """Its description, as JSON values; see ``card.Card``."""
        known = self.knows_until_utc
        return {
            "format": FORMAT,
            "name": self.name,
            "target": self.target.name,
            "classes": list(self.target.classes),
            "intervals": list(map(int, self.horizons)),
            "counts": None,
            "sha256": self.sha256,
            "knows_until_utc": known.isoformat() if known else None,
            "text_model": {
                "folder": str(self.path.resolve()),
                "file": self.file,
                "labels": list(self.config.labels),
                "function": self.config.function,
                "max_tokens": self.config.max_tokens,
                "inputs": list(self.graph.inputs),
                "texts_alone": self.graph.mixes_rows,
                **{side: list(labels) for side, labels in self.sides.items()},
                **({"half_up": list(self.neither)} if self.sides else {}),
            },
        }

    def load(self, device: "Device" = "cpu", threads: int | None = None) -> "Predictor":
        """Load its tokenizer and graph; see ``Model.load``."""
        from tweetscore.scoring.text_classifier import TextClassifier  # brings onnxruntime

        return TextClassifier(self, device, threads)


def is_text_folder(folder: Path) -> bool:
    """Tell whether a folder is one of another program's, and not a bundle of this one."""
    return not (folder / "card.json").exists() and any(
        (folder / name).exists() for name in (CONFIG, TOKENIZER, *GRAPHS)
    )


def load_text_folder(folder: Path, reading: Reading) -> TextModel:
    """Return the text classifier of a folder.

    Raises:
        InputError: a file is missing, there is no graph of that name, or ``reads_as`` does not fit
            its labels.
        IntegrityError: a file lies outside, is too large, or is not what it should be.
    """
    try:
        return _loaded(folder, reading)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error}); {WHOLE}") from error


def _loaded(folder: Path, reading: Reading) -> TextModel:
    file = graph_file(folder, reading.file)
    sha256 = sums_of(folder, file)
    has_tokenizer_config = TOKENIZER_CONFIG in sha256
    config = read_config(
        folder / CONFIG, folder / TOKENIZER_CONFIG if has_tokenizer_config else None
    )
    graph = read_graph(folder / file)
    labels = len(config.labels)
    if graph.width not in (None, labels):
        raise IntegrityError(
            f"{folder}: {CONFIG} names {labels} labels ({', '.join(config.labels[:5])}"
            f"{', …' * (labels > 5)}), but {file} gives {graph.width} numbers of each text; "
            "export the model again"
        )
    sides = read_sides(folder, reading.reads_as, config) if reading.reads_as else {}
    named = f" {side_words(sides)}" if sides else ""
    sibling = "" if file in GRAPHS else f" ({Path(file).stem})"
    own_name = folder.resolve().name
    name = f"{own_name}{sibling}{named}"
    if not is_name(name):
        raise InputError(f"{folder}: a model cannot have that name; rename the folder")
    identity = json.dumps([RULES_VERSION, sha256, sides], sort_keys=True)
    return TextModel(
        path=folder,
        name=name,
        model_id=hashlib.sha256(identity.encode()).hexdigest()[:16],
        config=config,
        graph=graph,
        file=file,
        sha256=sha256,
        reading=reading,
        sides=sides,
    )


# --- files ----------------------------------------------------------------------------------------


def graph_file(folder: Path, wanted: str | None) -> str:
    """Return the name of the graph in the folder.

    Raises:
        InputError: there is none of that name.
    """
    names = (wanted,) if wanted else GRAPHS
    for name in names:
        if (folder / name).is_file() and name.endswith(".onnx"):
            return name
    there = sorted(
        str(each.relative_to(folder))
        for place in (folder, folder / "onnx")
        for each in place.glob("*.onnx")
    )
    if not there:
        raise InputError(
            f"{folder}: holds no {GRAPHS[0]}; export the model to ONNX, as with: optimum-cli "
            "export onnx --model MODEL FOLDER"
        )
    near = did_you_mean(wanted, there) if wanted else ""
    raise InputError(
        f"{folder}: holds no {wanted or GRAPHS[0]}; choose one with --file: "
        f"{', '.join(there[:10])}{near}"
    )


def sums_of(folder: Path, file: str, *, encoder: bool = False) -> dict[str, str]:
    """Return the sha256 of the files that make a model, by their names in the folder.

    Args:
        folder: where they are.
        file: the graph's.
        encoder: it gives embeddings, and not logits.

    Raises:
        InputError: one is missing.
        IntegrityError: one lies outside the folder or is too large, or the graph is unfit.
    """
    names = {CONFIG: MOST_BYTES[CONFIG], TOKENIZER: MOST_BYTES[TOKENIZER], file: MOST_GRAPH_BYTES}
    if (folder / TOKENIZER_CONFIG).exists():
        names[TOKENIZER_CONFIG] = MOST_BYTES[TOKENIZER_CONFIG]
    for name, most in names.items():
        _check_file(folder, name, most)
    beside = Path(file).parent
    for location in read_graph(folder / file, encoder=encoder).external:
        name = (beside / location).as_posix()
        _check_file(folder, name, MOST_WEIGHT_BYTES, Path(location).parts)
        names[name] = MOST_WEIGHT_BYTES
    return {name: sha256_of(folder / name) for name in sorted(names)}


def _check_file(folder: Path, name: str, most: int, parts: tuple[str, ...] = ()) -> None:
    """Refuse a file that is not there, lies outside the folder, or is too large."""
    path = folder / name
    outside = f"lies outside the folder; copy the file itself to {folder}"
    if ".." in parts or Path(name).is_absolute() or "\0" in name:
        raise IntegrityError(f"{folder}: {name[:200]!r}, which its graph names, {outside}")
    if not path.is_file():
        raise InputError(f"{folder}: {name} is missing; {WHOLE}")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise IntegrityError(f"{path}: {outside}")
    if path.stat().st_size > most:
        raise IntegrityError(
            f"{path}: is larger than {most >> 20:,} MB, the most allowed; choose a smaller model"
        )


def read_graph(path: Path, *, encoder: bool = False) -> TextGraph:
    """Read what a graph needs and gives; see ``read_text_graph``.

    Raises:
        IntegrityError: it is no graph of a text classifier, or of an encoder if that is wanted.
    """
    try:
        return read_text_graph(path, encoder=encoder)
    except ValueError as error:  # also of an empty file, and of a name that is no text
        kind, task = "a text classifier", "text-classification"
        if encoder:
            kind, task = "an encoder", "feature-extraction"
        raise IntegrityError(
            f"{path}: {error}; export it as {kind}, as with: optimum-cli export onnx --task {task}"
        ) from None


# --- labels as a direction ------------------------------------------------------------------------


def read_sides(folder: Path, text: str, config: TextConfig) -> dict[str, tuple[str, ...]]:
    """Return the labels that mean up and those that mean down.

    Raises:
        InputError: the text is no such mapping, or names other labels.
    """
    sides = parse_sides(text)
    for label in (each for labels in sides.values() for each in labels):
        if label not in config.classes:
            raise InputError(
                f"--as {text}: {folder} has no label {label}; it has: "
                f"{', '.join(config.classes[:10])}{did_you_mean(label, config.classes)}"
            )
    return sides
