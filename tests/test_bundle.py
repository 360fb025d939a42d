"""A model folder is written whole and refused when anything in it has changed."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny import edit_card, resum

from tweetscore.errors import InputError, IntegrityError
from tweetscore.scoring.bundle import (
    FILES,
    Bundle,
    load_bundle,
    write_bundle,
)
from tweetscore.scoring.sums import SUMS

CARD: dict[str, Any] = {
    "name": "direction",
    "target": "direction",
    "intervals": [5, 30],
    "session": "regular",
    "classes": ["down", "up"],
    "counts": None,
    "text_rules": {"stop_words": ["the"], "max_tokens": 6, "version": 1},
}
VOCABULARY = ["<pad>", "<unk>", "#MAGA", "🇺🇸", "café"]


def write(folder: Path, learned: bytes | None = None, **changes: Any) -> Bundle:
    return write_bundle(
        folder,
        onnx_model=b"a graph",
        learned_texts=learned,
        vocabulary=VOCABULARY,
        card=CARD | changes,
        readme="# direction\n",
    )


WRITTEN = {*FILES, SUMS}


def test_what_is_written_is_what_is_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "direction"
    bundle = write(folder)
    assert bundle == load_bundle(folder)
    assert {path.name for path in folder.iterdir()} == WRITTEN
    assert bundle.onnx_path.read_bytes() == b"a graph"
    assert bundle.vocabulary_path.read_bytes().decode().split("\n") == [*VOCABULARY, ""]
    assert (folder / "README.md").read_text("utf-8") == "# direction\n"
    assert (bundle.path, bundle.name) == (folder, "direction")
    assert (bundle.horizons, bundle.classes) == ((5, 30), ("down", "up"))
    assert not bundle.uses_counts
    assert bundle.card.items() >= CARD.items()
    assert bundle.card["format"] == 2
    assert bundle.is_verified
    assert list(bundle.card["sha256"]) == ["model.onnx", "vocabulary.txt"]


def test_nothing_else_is_left_beside_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "direction")
    write(tmp_path / "direction")
    assert [path.name for path in tmp_path.iterdir()] == ["direction"]


def test_others_may_read_the_folder_as_far_as_the_umask_lets_them(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    write(tmp_path / "direction")
    assert (tmp_path / "direction").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_model_id_is_16_hex_digits_and_the_same_wherever_the_folder_stands(tmp_path: Path) -> None:
    here, there = write(tmp_path / "here"), write(tmp_path / "there")
    assert here.model_id == there.model_id
    assert len(bytes.fromhex(here.model_id)) == 8
    assert write(tmp_path / "other", session="extended").model_id != here.model_id


def test_a_model_with_counts_says_so(tmp_path: Path) -> None:
    counts = {"mean": [1.0, 2.0], "std": [1.0, 1.0], "weight": [[[0.5, -0.5]] * 2] * 2}
    bundle = write(tmp_path / "direction", counts=counts)
    assert bundle.uses_counts
    assert bundle.card["counts"] == counts


def test_a_bundle_without_a_name_goes_by_its_folder(tmp_path: Path) -> None:
    assert write(tmp_path / "spring", name=None).name == "spring"


@pytest.mark.parametrize("name", ["model.onnx", "vocabulary.txt", "learned_texts.bin", "README.md"])
def test_one_flipped_bit_is_refused_and_its_file_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "direction"
    write(folder, b"8 bytes.")
    content = (folder / name).read_bytes()
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 1
        (folder / name).write_bytes(flipped)
        with pytest.raises(
            IntegrityError, match=f"{name}: its sha256 is not the one in SHA256SUMS"
        ):
            load_bundle(folder)


@pytest.mark.parametrize("name", [*FILES, SUMS])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "direction"
    write(folder)
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"direction: {name} is missing; copy the whole"):
        load_bundle(folder)


def test_no_folder_is_told_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: no such model folder; .*tweetscore train"):
        load_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe{}", b"[" * 100_000])
def test_a_card_that_is_not_json_is_refused(tmp_path: Path, content: bytes) -> None:
    write(tmp_path / "direction")
    (tmp_path / "direction" / "card.json").write_bytes(content)
    resum(tmp_path / "direction")
    with pytest.raises(IntegrityError, match=r"card\.json: not readable as JSON"):
        load_bundle(tmp_path / "direction")


@pytest.mark.parametrize(
    "content", ["[]", '{"format": 3}', '{"format": "1"}', '{"format": true}', "null"]
)
def test_a_card_of_another_format_is_refused(tmp_path: Path, content: str) -> None:
    write(tmp_path / "direction")
    (tmp_path / "direction" / "card.json").write_text(content)
    resum(tmp_path / "direction")
    with pytest.raises(IntegrityError, match=r"card\.json: not a model card of format 1 or 2"):
        load_bundle(tmp_path / "direction")


@pytest.mark.parametrize("key", ["name", "intervals", "classes", "text_rules", "counts", "sha256"])
def test_a_card_without_what_scoring_needs_is_refused(tmp_path: Path, key: str) -> None:
    folder = tmp_path / "direction"
    write(folder)
    card = json.loads((folder / "card.json").read_text("utf-8"))
    del card[key]
    (folder / "card.json").write_text(json.dumps(card), "utf-8")
    resum(folder)
    with pytest.raises(IntegrityError, match=rf"card\.json: {key}: not on it"):
        load_bundle(folder)


@pytest.mark.parametrize("sha256", [None, {}, "abc", {"vocabulary.txt": "0" * 64}, {"a": "A" * 64}])
def test_a_card_without_hashes_is_refused(tmp_path: Path, sha256: Any) -> None:
    write(tmp_path / "direction")
    edit_card(tmp_path / "direction", sha256=sha256)
    with pytest.raises(IntegrityError, match=r"model\.onnx: its sha256 is not the one|sha256.*: "):
        load_bundle(tmp_path / "direction")


def test_a_bundle_is_replaced_by_the_next_one_even_when_damaged(tmp_path: Path) -> None:
    folder = tmp_path / "direction"
    write(folder)
    (folder / "model.onnx").write_bytes(b"damage")
    assert write(folder, intervals=[60]).horizons == (60,)


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "direction").mkdir()
    assert write(tmp_path / "direction") == load_bundle(tmp_path / "direction")


@pytest.mark.parametrize("extra", ["notes.txt", "card.json"])
def test_a_folder_that_is_no_bundle_is_left_alone(tmp_path: Path, extra: str) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / extra).write_text("mine")
    with pytest.raises(InputError, match="thesis: already exists and is no model folder; choose"):
        write(folder)
    assert [path.read_text() for path in folder.iterdir()] == ["mine"]


def test_a_bundle_with_a_file_of_the_user_and_a_plain_file_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "direction")
    (tmp_path / "direction" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("direction", "file"):
        with pytest.raises(InputError, match="is no model folder"):
            write(tmp_path / name)


def test_a_bundle_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "direction"
    old = write(folder)
    card = {key: value for key, value in CARD.items() if key != "intervals"}
    with pytest.raises(IntegrityError, match="intervals: not on it"):
        write_bundle(folder, onnx_model=b"new", vocabulary=VOCABULARY, card=card, readme="")
    with pytest.raises(ValueError, match="JSON"):
        write(folder, figures={"accuracy": float("nan")})
    assert load_bundle(folder) == old
    assert [path.name for path in tmp_path.iterdir()] == ["direction"]


@pytest.mark.parametrize("token", ["two\nlines", "", "next\u2028line", "carriage\rreturn"])
def test_a_token_that_is_not_one_line_is_refused(tmp_path: Path, token: str) -> None:
    with pytest.raises(ValueError, match="one line each"):
        write_bundle(
            tmp_path / "direction",
            onnx_model=b"",
            vocabulary=["<pad>", token],
            card=CARD,
            readme="",
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_loading_a_bundle_imports_no_runtime() -> None:
    code = (
        "import sys, tweetscore.scoring.bundle\n"
        "print(sorted({'numpy', 'onnxruntime', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_bundle_of_the_first_format_is_read_with_the_id_that_it_had(tmp_path: Path) -> None:
    folder = tmp_path / "direction"
    write(folder)
    (folder / SUMS).unlink()
    edited = json.loads((folder / "card.json").read_text("utf-8")) | {"format": 1}
    content = json.dumps(edited).encode()
    (folder / "card.json").write_bytes(content)
    (folder / "notes.txt").write_text("never listed")
    of_graph, of_card = (hashlib.sha256(each).hexdigest() for each in (b"a graph", content))
    bundle = load_bundle(folder)
    assert bundle.model_id == hashlib.sha256((of_graph + of_card).encode()).hexdigest()[:16]
    assert not bundle.is_verified
