"""From the sample to a verdict by the command line: a planted signal is found, noise is not."""

import json
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from tweetscore.cli.app import app

pytestmark = pytest.mark.slow

NETWORK = ["--interval", "30", "--epochs", "20", "--embedding-dim", "64", "--hidden", "32"]


def invoke(*arguments: object) -> Any:
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, (result.stderr, result.exception)
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample, ingested."""
    folder = tmp_path_factory.mktemp("signal")
    written = invoke("sample", folder)
    invoke("ingest", written["archive"], written["bars"], "--db", folder / "db")
    return folder


def learn(folder: Path, name: str, *flags: str) -> tuple[Any, Any, list[bool], list[float]]:
    """Train, score and evaluate; return both sets of figures, and outcomes and scores beside."""
    common = ["--db", folder / "db"]
    trained = invoke(
        "train", *NETWORK, *flags, "--output", folder / name, "--log-dir", folder / "runs", *common
    )
    invoke("score", "--model", folder / name, *common)
    found = invoke("evaluate", "--model", name, *common)
    rows = invoke(
        "query",
        "SELECT direction = 'up' AS up, probability_up FROM scored "
        "WHERE model = $model AND direction IN ('up', 'down') AND split IN ('test', 'after')",
        "--param",
        f"model={name}",
        *common,
    )
    return trained, found, [row["up"] for row in rows], [row["probability_up"] for row in rows]


def test_the_planted_signal_is_found_out_of_sample(folder: Path) -> None:
    _, found, up, scores = learn(folder, "real")
    (figures,) = found["figures"]
    assert figures["interval_minutes"] == 30
    assert figures["auc"] == pytest.approx(roc_auc_score(up, scores), abs=1e-6)
    assert figures["auc"] >= 0.9
    assert figures["rows"] == len(up) > 200
    assert figures["verdict"] == "signal"
    assert found["verdict"] == "Signal beyond the baseline at 30 minutes."


def test_with_labels_of_other_days_the_same_training_finds_nothing(folder: Path) -> None:
    trained, *_ = learn(folder, "permuted", "--shuffle-labels", "4")
    found = trained["permutation"]
    assert found["p_value"] == 1 / 5  # the least that four can show
    assert len(found["shuffled_aucs"]) == 4
    assert found["auc"] >= 0.9
    # The mean over networks: a single one is off by the lean of its shuffled days.
    assert sum(found["shuffled_aucs"]) / 4 == pytest.approx(0.5, abs=0.1)
    card = (folder / "permuted" / "README.md").read_text("utf-8")
    assert "p is 0.2000 (Ojala and Garriga" in " ".join(card.split())
    assert "--shuffle-labels 4" in " ".join(card.split())
