"""The whole run: a raw file enters, predictions joined to windows leave.

Each run has a process of its own, which also tells its peak of memory.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np

from tweetscore.ingest.account import IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.scoring.score import score
from tweetscore.store.database import open_store

from . import material
from .measure import Row, Setup, alone, interleaved, peak_rss_gb, speed
from .ort_lstm import OrtLstm

VADER_TEXTS, STUDY_TEXTS = 20_000, 4_000
STAGES = {
    "ingest": "ingest, tweets and bars, with the windows",
    "score": "score at seven intervals, cleaning included",
    "join": "join predictions to windows",
}
JOIN = """
    SELECT
        interval_minutes, status, predicted, direction, count(*), sum(probability_up),
        sum(entry_price), sum(exit_price), sum(return_bps), count(*) FILTER (correct)
    FROM scored GROUP BY ALL
"""


def measure(setup: Setup) -> list[Row]:
    """Interleave whole runs of ours, of onnxruntime's LSTM, and the others on a part."""
    ours: list[dict[str, float]] = []
    lstm: list[dict[str, float]] = []
    vader: list[float] = []
    study: list[float] = []
    floor: list[dict[str, float]] = []
    for _ in range(setup.repeats):
        ours.append(alone("whole", "run", setup, False))
        lstm.append(alone("whole", "run", setup, True))
        floor.append(alone("whole", "floor", setup))
        vader.append(alone("whole", "vader", setup))
        study.append(alone("study", "score_part", setup, STUDY_TEXTS))
    stages = {name: median(run[name] for run in ours) for name in ours[0]}
    total, other = stages["total"], median(run["total"] for run in lstm)
    each_second = setup.rows / total
    bounds = {name: median(run[name] for run in floor) for name in floor[0]}
    bounds["join"] = stages["join"]
    lowest = sum(bounds.values())
    return [
        Row(
            "whole_vs_floor", "whole run / its floor: read_json, matrix products and join",
            total / lowest, "x", f"{total:,.1f} s", f"{lowest:,.1f} s",
            note=", ".join(f"{name} {seconds:.1f} s" for name, seconds in bounds.items()),
        ),
        Row(
            "whole_vs_ort_lstm", "whole run / the same with onnxruntime's LSTM over every row",
            other / total, "x", f"{total:,.1f} s", f"{other:,.1f} s",
            note=f"{setup.rows:,} rows; ours {speed(each_second, 'rows/s')}",
        ),
        Row(
            "whole_vs_vader", "whole run / VADER alone",
            each_second / median(vader), "x", speed(each_second, "rows/s"), speed(median(vader)),
            note=f"VADER on {VADER_TEXTS:,} texts",
        ),
        Row(
            "whole_vs_study", "whole run / the study's way to clean and score",
            each_second / median(study), "x", speed(each_second, "rows/s"), speed(median(study)),
            note=f"on {STUDY_TEXTS:,} texts without lemmas; extrapolated, "
            f"{setup.rows / median(study):,.0f} s for all",
        ),
        *(
            Row(f"stage_{name}", what, setup.rows / stages[name], "rows/s", f"{stages[name]:.1f} s")
            for name, what in STAGES.items()
        ),
    ]  # fmt: skip


def run(setup: Setup, own_lstm: bool) -> dict[str, float]:
    """Run it once in this process; return seconds of each stage, of all, and the peak of memory.

    Args:
        setup: whose archive.
        own_lstm: score every row with onnxruntime's LSTM, and change nothing else.
    """
    found: dict[str, float] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        found[name] = time.perf_counter() - started

    lstm = OrtLstm(material.lstm_path(setup, padded=False), padded=False) if own_lstm else None
    bundle = material.bundle(setup)
    with (
        TemporaryDirectory(dir=setup.folder) as folder,
        timed("total"),
        open_store(Path(folder) / "tweetscore.duckdb") as store,
    ):
        with timed("ingest"):
            paths = [material.archive_path(setup), material.bars_path(setup)]
            accounts = ingest(store, paths, IngestOptions(), lambda *_: None)
        with timed("score"):
            if lstm:
                with patch("tweetscore.scoring.token_classifier.Network", lambda *_, **__: lstm):
                    account = score(store, bundle, (), lambda *_: None)
            else:
                account = score(store, bundle, (), lambda *_: None)
        with timed("join"):
            joined = sum(row[4] for row in store.rows(JOIN))
    assert [each.error for each in accounts] == [None, None]
    assert accounts[0].stored == setup.rows
    assert joined == account.scored * len(bundle.horizons)
    return found | {"peak_rss_gb": peak_rss_gb()}


def floor(setup: Setup) -> dict[str, float]:
    """Return the seconds of what no way to do it could leave out, but for the join."""
    import torch

    from . import ingest as reading
    from .network import GEMM_ROWS, matrix_products, multiply

    torch.set_num_threads(1)
    model = material.torch_model(setup)
    texts = material.different(material.encoded(setup, setup.rows), setup.rows)
    works: dict[str, Callable[[], object]] = {
        "read_json": partial(reading.read_json, setup),
        **{
            f"products {rows}": partial(multiply, model, matrix_products(texts), rows)
            for rows in GEMM_ROWS
        },
    }
    seconds = interleaved(works, 1)
    products = min(seconds[f"products {rows}"] for rows in GEMM_ROWS)
    return {"read_json": seconds["read_json"], "products": products}


def vader(setup: Setup) -> float:
    """Return VADER's texts a second."""
    from vaderSentiment.vaderSentiment import (
        SentimentIntensityAnalyzer,
    )

    analyzer = SentimentIntensityAnalyzer()
    texts = material.texts(setup, VADER_TEXTS).to_list()
    started = time.perf_counter()
    scores = [analyzer.polarity_scores(text)["compound"] for text in texts]
    seconds = time.perf_counter() - started
    assert np.std(scores) > 0
    return len(texts) / seconds
