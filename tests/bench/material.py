"""What the sections measure on, made once a folder: an archive, and a bundle that knows its words.

The same weights lie beside the bundle for torch and for onnxruntime's own LSTM.
"""

import shutil
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.io.data_file import DataFile
from tweetscore.io.source import sniff
from tweetscore.posts import tweet_json
from tweetscore.sample.words import DOWN_WORDS, UP_WORDS
from tweetscore.sample.write import ARCHIVE_NAME, BARS_NAME, write_sample
from tweetscore.scoring.bundle import Bundle, load_bundle, write_bundle
from tweetscore.store.database import STANDARD_INTERVALS
from tweetscore.text.encode import TokenIds, encode
from tweetscore.text.rules import TextRules
from tweetscore.text.tokens import tokenize
from tweetscore.text.vocabulary import Vocabulary

from .measure import Setup

if TYPE_CHECKING:
    from tweetscore.training.lstm import LstmClassifier

RULES = TextRules()
VOCABULARY_SIZE = 10_000
VOCABULARY_TEXTS, TRAINING_TEXTS, EPOCHS = 100_000, 10_000, 3
CLASSES = ("down", "up")


def archive_path(setup: Setup) -> Path:
    """The generated archive."""
    return setup.folder / ARCHIVE_NAME


def bars_path(setup: Setup) -> Path:
    """The generated minute bars."""
    return setup.folder / BARS_NAME


def lstm_path(setup: Setup, *, padded: bool) -> Path:
    """The graph with onnxruntime's own LSTM, of the bundle's weights."""
    return setup.folder / ("lstm_padded.onnx" if padded else "lstm_sorted.onnx")


def weights_path(setup: Setup) -> Path:
    """Torch's own weights of the bundle."""
    return setup.folder / "weights.pt"


def bundle(setup: Setup) -> Bundle:
    """The trained bundle."""
    return load_bundle(setup.folder / "model")


def torch_model(setup: Setup) -> "LstmClassifier":
    """The bundle's network in torch."""
    import torch

    from tweetscore.training.classifier import NetworkConfig
    from tweetscore.training.lstm import LstmClassifier

    model = LstmClassifier(NetworkConfig(**bundle(setup).card["config"]))
    model.load_state_dict(torch.load(weights_path(setup), weights_only=True))
    return model.eval()


def make(setup: Setup) -> None:
    """Make what is not there yet."""
    if not bars_path(setup).exists():  # it is written last
        shutil.rmtree(setup.folder, ignore_errors=True)
        write_sample(setup.folder, posts=setup.rows)
    if not lstm_path(setup, padded=True).exists():  # it is written last
        _make_model(setup)


def texts(setup: Setup, count: int) -> pl.Series:
    """Return the first texts of the archive, copies and all."""
    found, left = [], count
    for batch in tweet_json.read(sniff(DataFile(archive_path(setup)))):
        found.append(batch.tweets["text"])
        left -= len(found[-1])
        if left <= 0:
            break
    return pl.concat(found).head(count)


def encoded(setup: Setup, count: int) -> TokenIds:
    """Return the ids of the archive's first texts, less those without a token."""
    vocabulary = Vocabulary.load(bundle(setup).vocabulary_path)
    tokens = encode(texts(setup, count), RULES, vocabulary)
    filled = tokens.lengths > 0
    return TokenIds(tokens.ids[filled], tokens.lengths[filled])


def different(tokens: TokenIds, count: int) -> TokenIds:
    """Return the first texts that differ from each other: nobody can share work among them."""
    rows = np.ascontiguousarray(tokens.ids).view(f"V{4 * tokens.ids.shape[1]}").ravel()
    _, first = np.unique(rows, return_index=True)
    kept: npt.NDArray[np.intp] = np.sort(first)[:count]
    return TokenIds(tokens.ids[kept], tokens.lengths[kept])


def _make_model(setup: Setup) -> None:
    """Train the study's network of seven heads to tell the moods of the archive's own words."""
    import torch

    from tweetscore.training.classifier import NetworkConfig
    from tweetscore.training.features import Part
    from tweetscore.training.loop import fit
    from tweetscore.training.lstm import LstmClassifier
    from tweetscore.training.options import FitOptions
    from tweetscore.training.vectors import random_vectors

    from .lstm_graph import lstm_graph

    torch.manual_seed(0)
    some = texts(setup, VOCABULARY_TEXTS)
    words = tokenize(some, RULES)
    vocabulary = Vocabulary.from_tokens(words, VOCABULARY_SIZE)
    ups, downs = (
        words.list.eval(pl.element().is_in(side)).list.sum().to_numpy()
        for side in (UP_WORDS, DOWN_WORDS)
    )
    moody = np.flatnonzero(ups != downs)[:TRAINING_TEXTS]
    labels = np.repeat((ups > downs)[moody, None].astype(np.int64), len(STANDARD_INTERVALS), axis=1)
    tokens = encode(some.gather(moody), RULES, vocabulary)
    rows = pl.DataFrame({"place": moody})
    part = Part(rows, tokens, labels, counts=None)
    last = slice(-len(moody) // 10, None)
    few = Part(rows[last], TokenIds(tokens.ids[last], tokens.lengths[last]), labels[last], None)

    config = NetworkConfig(len(vocabulary), len(STANDARD_INTERVALS))
    vectors = random_vectors(vocabulary.words, dim=config.embedding_dim, seed=0)
    model = LstmClassifier(config, torch.from_numpy(vectors.matrix))
    with TemporaryDirectory() as logs:
        fitted = fit(
            model,
            part,
            few,
            FitOptions(epochs=EPOCHS),
            STANDARD_INTERVALS,
            seed=0,
            log_folder=Path(logs),
            progress=lambda _: None,
        )
    assert fitted.best.held_out_accuracy[0] > 0.9, "it must have learned something to be of use"
    card = {
        "name": "bench",
        "target": "direction",
        "intervals": list(STANDARD_INTERVALS),
        "classes": list(CLASSES),
        "text_rules": RULES.to_dict(),
        "counts": None,
        "config": asdict(config),
    }
    write_bundle(
        setup.folder / "model",
        onnx_model=model.to_onnx().SerializeToString(),
        vocabulary=vocabulary.words,
        card=card,
        readme="Made by the benchmark to be measured; it knows the words of the made-up archive.\n",
    )
    torch.save(model.state_dict(), weights_path(setup))
    for padded in (False, True):
        lstm_path(setup, padded=padded).write_bytes(lstm_graph(model, padded=padded))
