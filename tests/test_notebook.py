"""The example notebook runs from its first cell to its last, and shows what it says."""

from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).with_name("first_steps.ipynb")

pytestmark = pytest.mark.slow


def test_the_example_notebook_runs(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(each.get("outputs") for each in notebook.cells)  # kept without outputs
    nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = [each.outputs for each in notebook.cells if each.cell_type == "code"]
    assert "madeup_archive.json 6000 UTC fits the ids" in shown[0][0]["text"]
    assert "<b>posts</b>" in shown[1][0]["data"]["text/html"]
    assert shown[2][0]["data"]["text/plain"] == "(5960, 40)"
    assert "probability_up" in shown[3][0]["data"]["text/html"]
    assert shown[4][0]["text"].startswith("reference 30 ")
    assert "market_closed" in shown[5][0]["data"]["text/html"]
