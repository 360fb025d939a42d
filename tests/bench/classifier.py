"""A text classifier of another program: the sentence encoder MiniLM with a head of three labels.

Beside it the pipeline of transformers, as its users have it: torch, batches of 32 as they come.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl

from tweetscore.ingest.account import IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.scoring.score import score
from tweetscore.scoring.text_folder import Reading, load_text_folder
from tweetscore.store.database import open_store

from . import material
from .measure import Row, Setup, alone, speed

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
COMPARED_TEXTS = 1_500  # in each round, others each time
SCORED_POSTS = 100_000
SAMPLE_SECONDS = 0.2


def measure(setup: Setup) -> list[Row]:
    """Interleave both on slices of the archive; then score it whole, and watch the memory."""
    alone("classifier", "prepare", setup)
    both = alone("classifier", "beside_the_pipeline", setup)
    whole = alone("classifier", "whole", setup)
    ours, other = median(both["ours"]), median(both["pipeline"])
    texts = len(both["ours"]) * COMPARED_TEXTS
    return [
        Row("classifier_vs_pipeline", "MiniLM classifier / pipeline of transformers", ours / other,
            "x", speed(ours), speed(other), note=f"{texts:,} posts, interleaved"),
        Row("classifier_flipped_labels", "labels that differ from the pipeline's",
            float(both["flipped"]), "", note=f"of {texts:,}, largest difference "
            f"{both['difference']:.1e}"),
        Row("classifier_posts_s", f"MiniLM classifier, {whole['posts']:,} posts in a database",
            whole["posts_s"], "posts/s"),
        Row("classifier_rss_last_over_first", "its peak RSS, last tenth / first",
            whole["last_gb"] / whole["first_gb"], "x", f"{whole['last_gb']:.2f} GB",
            f"{whole['first_gb']:.2f} GB"),
    ]  # fmt: skip


def prepare(setup: Setup) -> None:
    """Export the model, and ingest the archive."""
    if not (_model(setup) / "model.onnx").exists():
        model, fast = _exported().minilm()
        _exported().export(model, fast, _model(setup), INPUTS)
    _database(setup).unlink(missing_ok=True)
    with open_store(_database(setup)) as store:
        ingest(store, [material.archive_path(setup)], IngestOptions(), lambda *_: None)
        store.con.execute(
            "DELETE FROM tweets WHERE rowid >= $most", {"most": min(setup.rows, SCORED_POSTS)}
        )


def beside_the_pipeline(setup: Setup) -> dict[str, Any]:
    """Give both the same posts in turn; return their speeds, and how their labels differ."""
    with open_store(_database(setup), read_only=True) as store:
        texts = store.frame("SELECT text FROM tweets USING SAMPLE reservoir(50000) REPEATABLE (0)")
    pipe = _exported().pipeline(*_exported().minilm())
    predictor = load_text_folder(_model(setup), Reading()).load()
    speeds: dict[str, Any] = {"ours": [], "pipeline": [], "flipped": 0, "difference": 0.0}
    for place in range(setup.repeats):
        part = texts[place * COMPARED_TEXTS : (place + 1) * COMPARED_TEXTS]
        started = time.perf_counter()
        found = predictor.probabilities(part).probabilities[:, 0]
        between = time.perf_counter()
        wanted = _exported().probabilities(pipe, part["text"].to_list())
        speeds["ours"].append(COMPARED_TEXTS / (between - started))
        speeds["pipeline"].append(COMPARED_TEXTS / (time.perf_counter() - between))
        speeds["flipped"] += int((found.argmax(axis=1) != wanted.argmax(axis=1)).sum())
        speeds["difference"] = max(speeds["difference"], float(np.abs(found - wanted).max()))
    return speeds


def whole(setup: Setup) -> dict[str, float]:
    """Score every post in a database; return the speed and the peaks of memory."""
    done, total = 0, 1

    def progress(so_far: int, to_do: int) -> None:
        nonlocal done, total
        done, total = so_far, to_do

    with open_store(_database(setup)) as store, _memory(lambda: done / total) as samples:
        started = time.perf_counter()
        account = score(store, load_text_folder(_model(setup), Reading()), (), progress)
        seconds = time.perf_counter() - started
    peaks = pl.DataFrame(samples, schema=["share", "gb"], orient="row")
    first, last = (
        peaks.filter(pl.col("share").is_between(*span))["gb"].max() for span in ((0, 0.1), (0.9, 1))
    )
    return {
        "posts": account.scored,
        "posts_s": account.scored / seconds,
        "first_gb": float(str(first)),
        "last_gb": float(str(last)),
    }


@contextmanager
def _memory(share: Any) -> Iterator[list[tuple[float, float]]]:
    """Note the memory of this process every now and then, beside how much is done."""
    samples, ended = list[tuple[float, float]](), threading.Event()
    page = os.sysconf("SC_PAGE_SIZE")

    def watch() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            samples.append((share(), pages * page / 1e9))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


def _exported() -> Any:
    return import_module("tests.exported")


def _model(setup: Setup) -> Path:
    return setup.folder / "minilm"


def _database(setup: Setup) -> Path:
    return setup.folder / "classifier.duckdb"
