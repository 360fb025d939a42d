"""Heads on a frozen encoder: those of scikit-learn, and a bundle like any other once saved."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

import tweetscore
from tweetscore import api
from tweetscore.checks.leakage import audit
from tweetscore.cli.app import app
from tweetscore.errors import InputError, IntegrityError, TweetscoreError
from tweetscore.sample.write import write_sample
from tweetscore.training.options import TrainingOptions

pytest.importorskip("tokenizers", reason="needs tweetscore[onnx-text]")
pytest.importorskip("onnx", reason="makes its graphs with onnx")
pytestmark = pytest.mark.slow

from text_folders import CLS, SEP, encoder_folder, text_folder  # noqa: E402  # skipped without

MOODS = {
    "glad": ("sun", "win", "great"),
    "sad": ("rain", "loss", "grim"),
    "flat": ("desk", "chair"),
}
WORDS = [word for words in MOODS.values() for word in words]


def invoke(*arguments: object, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == code, result.output
    return result


def labelled(path: Path, rows: int = 600, seed: int = 0) -> Path:
    """Write texts of which each word is of the label's mood three times out of four."""
    rng = np.random.default_rng(seed)
    lines = []
    for _ in range(rows):
        label = str(rng.choice(list(MOODS)))
        words = [str(rng.choice(MOODS[label] if rng.random() < 0.75 else WORDS)) for _ in range(6)]
        lines.append({"text": " ".join(words), "label": label})
    pl.DataFrame(lines).write_csv(path)
    return path


def train(tmp_path: Path, encoder: Path, output: str = "heads", **options: Any) -> Any:
    return api.train_labelled(
        labelled(tmp_path / "moods.csv"), tmp_path / output,
        TrainingOptions(encoder=str(encoder), **options), log_folder=tmp_path / "runs",
    )  # fmt: skip


@pytest.mark.parametrize("opset", [17, 18])
def test_heads_are_those_of_scikit_learn_on_the_mean_of_the_tokens(
    tmp_path: Path, opset: int
) -> None:
    encoder, table = encoder_folder(tmp_path / "encoder", WORDS, opset=opset)
    trained = train(tmp_path, encoder)
    (found,) = trained.figures
    assert found.accuracy > 0.8 > found.baseline + 0.3
    card = trained.bundle.card
    assert card["encoder"]["pooling"] == "mean"
    assert trained.parity.graph < 1e-5
    rows = pl.read_csv(tmp_path / "moods.csv")
    ids = [[CLS, *(4 + WORDS.index(word) for word in text.split()), SEP] for text in rows["text"]]
    means = np.array([table[each].mean(axis=0) for each in ids], np.float64)
    again = train(tmp_path, encoder, "again").bundle
    assert again.card["sha256"] == card["sha256"]  # the same files and seed make the same model
    probabilities = trained.bundle.load().probabilities(rows).probabilities[:, 0]
    # Its own training rows, by the hashes of their texts, are not needed: on them all a fit of the
    # same regularisation ranks alike.
    model = LogisticRegression(C=card["encoder"]["regularisation"], max_iter=2_000)
    model.fit((means - means.mean(0)) / means.std(0), rows["label"])
    order = [list(model.classes_).index(each) for each in card["classes"]]
    wanted = model.predict_proba((means - means.mean(0)) / means.std(0))[:, order]
    agree = probabilities.argmax(axis=1) == wanted.argmax(axis=1)
    assert agree.mean() > 0.95
    assert np.corrcoef(probabilities.ravel(), wanted.ravel())[0, 1] > 0.97


@pytest.mark.parametrize(("own", "pooling"), [(True, "own"), (False, "first")])
def test_the_models_own_pooling_comes_first(tmp_path: Path, own: bool, pooling: str) -> None:
    encoder, _ = encoder_folder(tmp_path / "encoder", WORDS, own=own)
    (encoder / "1_Pooling").mkdir()
    says = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (encoder / "1_Pooling" / "config.json").write_text(json.dumps(says), "utf-8")
    trained = train(tmp_path, encoder)
    assert trained.bundle.card["encoder"]["pooling"] == pooling
    (found,) = trained.figures
    # The first token is the same of every text: it tells nothing.
    assert (found.accuracy > 0.6) == own


def test_a_saved_bundle_passes_the_doctor_and_a_changed_byte_is_refused(tmp_path: Path) -> None:
    encoder, _ = encoder_folder(tmp_path / "encoder", WORDS)
    folder = train(tmp_path, encoder, shuffle_labels=0).bundle.path
    assert sorted(each.name for each in folder.iterdir()) == [
        "README.md", "SHA256SUMS", "card.json", "learned_texts.bin", "model.onnx", "tokenizer.json",
    ]  # fmt: skip
    (check,) = [each for each in api.doctor(None, [str(folder)]) if str(folder) in each.name]
    assert check.ok
    invoke("evaluate", "--labelled", labelled(tmp_path / "more.csv", seed=1), "--model", folder)
    card = " ".join((folder / "README.md").read_text("utf-8").split())
    assert "the frozen encoder encoder" in card
    assert "Its encoder encoder was trained by others" in card
    shown = json.loads(invoke("model", folder, "--json").stdout)
    assert (shown["encoder"], shown["pooling"], shown["max_tokens"]) == ("encoder", "mean", 512)
    for name in ("tokenizer.json", "model.onnx"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[:-3] + b"!" + whole[-2:])
        with pytest.raises(IntegrityError, match=f"{name}: its sha256 is not the one"):
            tweetscore.load_model(folder)
        (folder / name).write_bytes(whole)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"vocabulary\.txt is missing"):
        tweetscore.load_model(folder)
    (folder / "tokenizer.json").write_text("{}", "utf-8")
    train(tmp_path, encoder)  # in the place of the other


def test_heads_find_a_planted_signal_and_stand_beside_others_in_evaluate(tmp_path: Path) -> None:
    sample = write_sample(tmp_path / "sample", posts=1_000)
    posts = json.loads(sample.archive.read_text("utf-8"))
    counts = Counter(word for each in posts for word in re.findall(r"\w+", each["text"].lower()))
    frequent = [word for word, _ in counts.most_common(800)]
    encoder, _ = encoder_folder(tmp_path / "encoder", frequent, width=128)
    db = tmp_path / "t.duckdb"
    invoke("ingest", tmp_path / "sample", "--db", db)
    shown = invoke(
        "train", "--encoder", encoder, "--interval", 30, "--output", tmp_path / "heads", "--db", db,
        "--log-dir", tmp_path / "runs", "--shuffle-labels", 2, "--json",
    )  # fmt: skip
    record = json.loads(shown.stdout)
    assert record["verdict"].startswith("Signal beyond the baseline at 30 minutes")
    assert max(record["permutation"]["shuffled_aucs"]) < record["permutation"]["auc"]
    invoke("score", "--model", tmp_path / "heads", "--db", db)
    invoke("score", "--interval", 30, "--db", db)  # by the reference
    found = json.loads(invoke("evaluate", "--db", db, "--json").stdout)["figures"]
    assert {each["model"]: each["verdict"] for each in found}["heads"] == "signal"
    assert {each["model"] for each in found} == {"heads", "reference"}
    leaks = {each.name: each for each in audit(db, [str(tmp_path / "heads")], 0)}
    assert [name for name, each in leaks.items() if each.ok is False] == []
    assert leaks["predictions heads"].ok
    assert "heads on an encoder" in leaks["training heads"].fact


@pytest.mark.parametrize(
    ("spoil", "fact"),
    [
        (lambda folder: (folder / "model.onnx").unlink(), "holds no model.onnx"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json is missing"),
        (lambda folder: text_folder(folder), "gives 'logits'.*no embeddings of texts or tokens"),
    ],
)
def test_what_is_no_encoder_is_refused_before_anything_is_read(
    tmp_path: Path, spoil: Any, fact: str
) -> None:
    encoder, _ = encoder_folder(tmp_path / "encoder", WORDS)
    spoil(encoder)
    with pytest.raises(TweetscoreError, match=fact) as refused:
        train(tmp_path, encoder)
    assert "\n" not in str(refused.value)


def test_counts_and_folders_that_are_not_there_are_refused(tmp_path: Path) -> None:
    encoder, _ = encoder_folder(tmp_path / "encoder", WORDS)
    with pytest.raises(InputError, match="--counts: heads on an encoder read texts alone"):
        train(tmp_path, encoder, counts=True)
    with pytest.raises(InputError, match="no such folder; name one with an encoder in ONNX"):
        train(tmp_path, tmp_path / "nowhere")
