"""From the sample to a verdict by the command line: a planted signal is found, a placebo is not."""

import json
from math import sqrt
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


def test_with_shuffled_labels_nothing_is_found(folder: Path) -> None:
    trained, found, up, _ = learn(folder, "placebo", "--shuffle-labels")
    # The test part's labels are shuffled too. Against the true outcomes, 0.5 is only the mean over
    # seeds: all that a placebo can learn is how its labels chance to lean on the planted words,
    # and that lean, however small, holds out of sample.
    (figures,) = trained["figures"]
    ups = round(figures["rows"] * figures["baseline"])
    downs = figures["rows"] - ups
    deviation = sqrt((ups + downs + 1) / (12 * ups * downs))  # of Mann and Whitney's test
    # Chance alone passes 1.96 deviations at every twentieth change of the rows or the network, and
    # 3 at every 370th; a placebo that sees its labels passes them all.
    assert abs(figures["auc"] - 0.5) < 3 * deviation
    assert figures["p_value"] > 0.001  # as chance alone is in all but one of a thousand
    assert found["figures"][0]["rows"] == len(up) > 200
    assert found["figures"][0]["p_value"] > 0.001
