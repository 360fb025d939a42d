"""One epoch of training on the seed's table: ours beside the study's loop."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from tweetscore.text.encode import TokenIds, encode
from tweetscore.text.vocabulary import Vocabulary
from tweetscore.training.classifier import NetworkConfig
from tweetscore.training.features import Part
from tweetscore.training.loop import fit
from tweetscore.training.lstm import LstmClassifier
from tweetscore.training.options import FitOptions

from . import material
from .measure import Row, Setup, interleaved, speed
from .study import StudyNetwork, TextDataset, train_epoch

INTERVAL = 5


def measure(setup: Setup) -> list[Row]:
    """Train the same rows, one head on either side; neither side measures its validation."""
    name, what = "training_epoch", "training epoch / the study's DataLoader loop"
    if "TWEETSCORE_DATA" not in os.environ:
        return [Row(name, what, None, "x", note="not measured: TWEETSCORE_DATA is unset")]
    table = Path(os.environ["TWEETSCORE_DATA"]) / "seed" / f"{INTERVAL}.csv"
    rows = pl.read_csv(table, columns=["texts", "label"]).drop_nulls()
    vocabulary = Vocabulary.from_texts(rows["texts"], material.RULES)
    tokens = encode(rows["texts"], material.RULES, vocabulary)
    filled = tokens.lengths > 0
    rows = rows.filter(pl.Series(filled))
    tokens = TokenIds(tokens.ids[filled], tokens.lengths[filled])
    labels = rows["label"].to_numpy().astype(np.int64)[:, None]
    part = Part(rows, tokens, labels, counts=None)
    one = Part(rows.head(1), TokenIds(tokens.ids[:1], tokens.lengths[:1]), labels[:1], counts=None)
    model = LstmClassifier(NetworkConfig(len(vocabulary), heads=1))
    dataset = TextDataset(rows["texts"].to_list(), rows["label"].to_list(), vocabulary)
    study = StudyNetwork(len(vocabulary))

    with TemporaryDirectory() as logs:

        def ours() -> None:
            fit(
                model,
                part,
                one,
                FitOptions(epochs=1),
                (INTERVAL,),
                seed=0,
                log_folder=Path(logs),
                progress=lambda _: None,
            )

        ours()  # the first call also imports what writes the logs
        seconds = interleaved(
            {"ours": ours, "study": lambda: train_epoch(study, dataset)}, setup.repeats
        )
    ours_speed, study_speed = (rows.height / seconds[name] for name in ("ours", "study"))
    return [
        Row(
            name,
            what,
            ours_speed / study_speed,
            "x",
            speed(ours_speed, "rows/s"),
            speed(study_speed, "rows/s"),
            note=f"{rows.height:,} rows of the seed's {table.name}, one head",
        )
    ]
