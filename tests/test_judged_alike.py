"""A bundle, a text classifier of another program and a file of predictions stand side by side."""

import json
from pathlib import Path
from typing import Any

import pytest
from text_folders import text_folder
from typer.testing import CliRunner

from tweetscore.cli.app import app

pytestmark = pytest.mark.slow

SIDES = "up=positive,down=negative"
SENTIMENT = f"sentiment {SIDES}"
NAMES = {"reference", SENTIMENT, "llm"}


def run(*arguments: str) -> Any:
    """Run a command, and return what it prints as JSON."""
    found = CliRunner().invoke(app, [*arguments, "--json"])
    assert found.exit_code == 0, found.stderr
    return json.loads(found.stdout)


def test_three_kinds_of_models_are_judged_compared_reported_and_healthy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TWEETSCORE_DB", "judged.duckdb")
    written = run("sample", "demo", "--posts", "1500")
    run("ingest", written["archive"], written["bars"])
    text_folder(tmp_path / "sentiment")
    run("score", "--interval", "30")
    said = ["--interval", "30", "--trained-until", "2022"]
    run("score", "--model", "sentiment", "--as", SIDES, *said)
    guesses = "SELECT tweet_id, tweet_id % 7 / 7 AS probability FROM tweets"
    CliRunner().invoke(app, ["query", guesses, "--output", "llm.csv"])
    account = run("import", "--predictions", "llm.csv", "--model", "llm", *said)
    assert account["stored"] == account["rows_read"] == 1_500

    figures = {each["model"]: each for each in run("evaluate")["figures"]}
    assert set(figures) == NAMES
    assert {each["models_tried"] for each in figures.values()} == {3}
    assert {each["verdict"] for each in figures.values()} <= {"no signal", "inconclusive"}

    compared = run("compare")
    assert {each["model"] for each in compared["standings"]} == NAMES
    rows = {each["rows"] for each in compared["standings"]}
    assert len(rows) == 1
    assert rows.pop() <= min(each["rows"] for each in figures.values())
    assert len(compared["pairs"]) == compared["tests"] == 3

    run("report", "--model", SENTIMENT, "--output", "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "All models on the same tweets" in page
    assert all(name in page for name in NAMES)
    run("doctor", "--model", "sentiment")  # it ends with 0 where nothing is broken
