"""Files and folders appear whole or not at all, and what a killed run left is healed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import tiny_bundle

from tweetscore.io.new_file import heal, new_file, new_folder
from tweetscore.scoring.bundle import find_bundle, load_bundle


def ended() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_folder_replaces_another_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "g[1]x"
    for content in ("first", "second"):
        with new_folder(folder) as part:
            (part / "a").write_text(content)
            assert not folder.exists() or (folder / "a").read_text() == "first"
        assert (folder / "a").read_text() == content

    def interrupted() -> None:
        with new_folder(folder) as part:
            (part / "a").write_text("third")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (folder / "a").read_text() == "second"
    assert list(tmp_path.iterdir()) == [folder]


def test_what_a_killed_run_left_is_healed_and_what_runs_is_left_alone(tmp_path: Path) -> None:
    gone, here = ended(), os.getppid()
    for name in (f".out.{gone}.part", f".out.{here}.part", f".other.{gone}.part", ".out.x.part"):
        (tmp_path / name).write_text("begun")
    (tmp_path / f".out.{gone}.part").unlink()
    (tmp_path / f".out.{gone}.part").mkdir()  # of a folder, which nobody else begins
    with new_file(tmp_path / "out") as file:
        file.write(b"whole")
    left = {each.name for each in tmp_path.iterdir()}
    assert left == {"out", f".out.{here}.part", f".other.{gone}.part", ".out.x.part"}


def test_a_model_whose_replacement_was_killed_between_two_renames_is_there(tmp_path: Path) -> None:
    folder, _ = tiny_bundle(tmp_path / "m")
    known = load_bundle(tmp_path / "m").model_id
    (tmp_path / "m").rename(tmp_path / ".m.previous")  # as a process killed after the first
    assert find_bundle(str(tmp_path / "m"), tmp_path).model_id == known
    assert folder.model_id == known
    (tmp_path / ".m.previous").mkdir()  # as one killed after the second
    heal(tmp_path / "m")
    assert [each.name for each in tmp_path.iterdir()] == ["m"]
    assert load_bundle(tmp_path / "m").model_id == known
