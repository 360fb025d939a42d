"""Text classifiers exported to ONNX give what the pipeline of transformers gives."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sample_texts import sample_texts

from tweetscore.scoring.text_folder import Reading, load_text_folder

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing is downloaded
pytest.importorskip("tokenizers", reason="needs tweetscore[onnx-text]")
pytest.importorskip("transformers", reason="compares with transformers")
pytest.importorskip("onnx", reason="makes its graphs with onnx")
pytestmark = pytest.mark.slow

from exported import export, minilm, pipeline, probabilities, random_classifier  # noqa: E402  # skipped without

WITH_TYPES = ("input_ids", "attention_mask", "token_type_ids")
WITHOUT = ("input_ids", "attention_mask")
WORDS = ("stocks up great day", "sad", "tariffs down sad day nobody knows", "UP", "down " * 15)
TOLERANCE = 1e-5


def scored(folder: Path, texts: tuple[str, ...] | list[str], file: str | None = None) -> Any:
    predictor = load_text_folder(folder, Reading(file)).load(threads=2)
    return predictor.probabilities(pl.DataFrame({"text": texts})).probabilities[:, 0]


@pytest.mark.parametrize("problem", ["single_label_classification", "multi_label_classification"])
@pytest.mark.parametrize(
    ("kind", "inputs"), [("Bert", WITH_TYPES), ("Roberta", WITHOUT), ("DistilBert", WITHOUT)]
)
def test_each_architecture_gives_what_transformers_gives(
    tmp_path: Path, kind: str, inputs: tuple[str, ...], problem: str
) -> None:
    model, fast = random_classifier(kind, problem_type=problem)
    folder = export(model, fast, tmp_path / kind, inputs)
    wanted = probabilities(pipeline(model, fast, 4), WORDS)
    assert wanted.std(axis=0).max() > 0.05  # they differ by text
    assert scored(folder, WORDS) == pytest.approx(wanted, abs=TOLERANCE)


def test_a_text_that_is_too_long_is_cut_as_transformers_cuts_it(tmp_path: Path) -> None:
    model, fast = random_classifier("Roberta")
    folder = export(model, fast, tmp_path / "roberta", WITHOUT)
    long = ("up down great sad stocks " * 40,)
    pipe = pipeline(model, fast)
    wanted = probabilities(pipe, long, truncation=True, max_length=23)  # of 24 one is the padding's
    assert scored(folder, long) == pytest.approx(wanted, abs=TOLERANCE)


def test_a_real_encoder_keeps_every_label_and_each_text_its_score_in_any_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model, fast = minilm()
    folder = export(model, fast, tmp_path / "minilm", WITH_TYPES)
    quantize_dynamic(folder / "model.onnx", folder / "small.onnx", weight_type=QuantType.QInt8)
    texts = sample_texts(60)
    wanted = probabilities(pipeline(model, fast), texts)
    found = scored(folder, texts)
    assert found == pytest.approx(wanted, abs=TOLERANCE)
    assert (found.argmax(axis=1) == wanted.argmax(axis=1)).all()
    small = scored(folder, texts, "small.onnx")
    assert small == pytest.approx(found, abs=0.05)
    for tokens in (1, 100, 100_000):
        monkeypatch.setattr("tweetscore.scoring.text_runner.BATCH_TOKENS", tokens)
        assert np.array_equal(scored(folder, texts), found)
        assert np.array_equal(scored(folder, texts[::-1], "small.onnx")[::-1], small)
