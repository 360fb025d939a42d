"""A model card says what its record says, and how to make the model again."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tweetscore.sample.write import ARCHIVE_NAME, BARS_NAME, write_sample
from tweetscore.store.database import shipped
from tweetscore.training.card import WIDTH, model_card

SMALL = [
    *("--interval", "5", "--interval", "30", "--vectors", "random", "--embedding-dim", "8"),
    *("--hidden", "4", "--epochs", "2", "--counts", "--learning-rate", "0.001"),
]


@pytest.mark.parametrize("folder", sorted(shipped("models").glob("*/")), ids=lambda path: path.name)
def test_the_card_of_a_shipped_model_is_what_its_record_says(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text("utf-8"))
    text = (folder / "README.md").read_text("utf-8")
    assert text == model_card(card)
    titles = [line for line in text.splitlines() if line.startswith("#")]
    assert titles == [
        "# reference",
        "## Intended use",
        "## Out of sample",
        "## How it was made",
        "## Make it again",
        "## Limits",
    ]
    assert all(len(line) <= WIDTH or line.startswith("|") for line in text.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("extra", [[], ["--target", "move", "--move-quantile", "0.6"]])
def test_the_commands_on_a_card_make_the_same_model(tmp_path: Path, extra: list[str]) -> None:
    write_sample(tmp_path / "data", posts=700, days=60)
    first, again = tmp_path / "first", tmp_path / "again"
    for folder in (first, again):
        folder.mkdir()
        for name in (ARCHIVE_NAME, BARS_NAME):
            shutil.copy(tmp_path / "data" / name, folder)
    _shell(first, f"tweetscore ingest {ARCHIVE_NAME} {BARS_NAME}")
    _shell(first, " ".join(["tweetscore train", *SMALL, *extra, "--output made"]))
    card = (first / "made" / "README.md").read_text("utf-8")
    _shell(again, card.split("```sh\n")[1].split("```")[0])
    for name in ("model.onnx", "vocabulary.txt", "README.md"):
        assert (again / "made" / name).read_bytes() == (first / "made" / name).read_bytes()


def _shell(folder: Path, commands: str) -> None:
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(
        ["bash", "-euc", commands],
        cwd=folder,
        env={**os.environ, "PATH": programs},
        capture_output=True,
        check=True,
    )
