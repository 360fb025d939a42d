"""Scoring takes any model: one without a network scores a database and files alike."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from jobs import SCORED, posts, results, run, write

from tweetscore.io.places import place_of
from tweetscore.market.horizons import Horizon
from tweetscore.market.targets import Target
from tweetscore.scoring.bundle import Bundle
from tweetscore.scoring.job import Job, read_market
from tweetscore.scoring.predictors import Device, Encoded, Predictor, Scored
from tweetscore.scoring.score import score
from tweetscore.store.database import open_store

HORIZONS = (Horizon(5), Horizon(30))


class ByLength(Predictor):
    """Says up the more surely, the longer a text is."""

    def encode(self, posts: pl.DataFrame) -> Encoded:
        lengths = posts["text"].str.len_chars()
        kept = posts.filter(lengths > 12)
        short = Counter(too_short=posts.height - kept.height)
        return Encoded(kept, lengths.filter(lengths > 12).to_numpy(), +short)

    def run(self, encoded: Encoded) -> Scored:
        up = np.minimum(encoded.inputs / 100, 1).astype(np.float32)[:, None]
        up = np.repeat(up, len(HORIZONS), axis=1)
        return Scored(encoded.rows, np.stack([1 - up, up], axis=2), encoded.skipped)

    def stop(self) -> None:
        pass

    def known_text(self) -> str:
        return "a text of more than twelve letters"


@dataclass(frozen=True)
class LengthModel:
    """A model that is no folder, and of which nobody knows what it has seen."""

    path: Path = Path("by-length")
    name: str = "by length"
    model_id: str = "0123456789abcdef"
    target: Target = field(default_factory=Target)
    horizons: tuple[Horizon, ...] = HORIZONS
    uses_counts: bool = False
    chunk_rows: int = 64
    knows_until_utc: datetime | None = None
    card: dict[str, Any] = field(
        default_factory=lambda: {"classes": ["down", "up"], "counts": None}
    )

    files: tuple[str, ...] = ()

    def moved_to(self, folder: Path) -> "LengthModel":
        raise AssertionError(f"{folder}: it has no files")

    def load(self, device: Device = "cpu", threads: int | None = None) -> Predictor:  # noqa: ARG002
        return ByLength()


@pytest.mark.slow
def test_a_model_without_a_network_scores_a_database_and_files_alike(
    market: Path, tmp_path: Path
) -> None:
    tweets, model = posts(150), LengthModel()
    (tmp_path / "whole.duckdb").write_bytes(market.read_bytes())
    with open_store(tmp_path / "whole.duckdb") as store:
        store.append("tweets", tweets.with_columns(source_id=1))
        account = score(store, model, (), lambda *_: None)
        known = store.frame(SCORED)
        job = Job(model, HORIZONS, read_market(store, HORIZONS), place_of(tmp_path / "out"))
    assert account.scored + account.skipped == 150
    assert account.skipped_reasons["too_short"] > 0
    by_files = run(write(tmp_path / "in", tweets), job)
    assert (by_files.scored, by_files.reasons) == (account.scored, account.skipped_reasons)
    assert results(tmp_path / "out").equals(known)
    assert (set(known["split"]), set(known["model"])) == ({"unknown"}, {"by length"})
    lengths = known["text"].str.len_chars() / 100
    assert known["probability_up"].to_list() == pytest.approx(lengths.to_list())


def test_a_bundle_knows_what_lies_before_its_test_part(bundle: Bundle) -> None:
    assert bundle.knows_until_utc == datetime(2018, 12, 19, 16)
    assert (bundle.target, bundle.horizons) == (Target(), HORIZONS)
    predictor = bundle.load()
    scored = predictor.probabilities(pl.DataFrame({"text": [predictor.known_text(), "", None]}))
    assert scored.probabilities.shape == (1, 2, 2)
    assert scored.skipped == {"empty_text": 2}
