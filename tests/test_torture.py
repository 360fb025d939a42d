"""What a full disk leaves: the next run of a command ends as if nothing had been."""

from pathlib import Path

import pytest
from torture import Ended, run

pytestmark = pytest.mark.slow


def sample(folder: Path, most_file_bytes: int) -> Ended:
    argv = ("sample", "made", "--posts", "300")
    return run(folder, argv, most_file_bytes=most_file_bytes)


def test_a_sample_that_finds_no_room_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    first = sample(tmp_path, 500_000)  # room for the posts, and not for the bars
    assert (first.code, first.fault) == (1, None)
    assert [each.name for each in tmp_path.rglob("*")] == ["made"]
    assert sample(tmp_path, 1 << 30).code == 0


def test_a_database_that_finds_no_room_is_not_left_half_made(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("tweet_id,posted_utc,text\n1,2018-12-19T14:30:00Z,a\n")
    argv = ("ingest", "a.csv", "--db", "t.duckdb")
    first = run(tmp_path, argv, most_file_bytes=51)
    assert (first.code, first.fault) == (1, None)
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]
    assert run(tmp_path, argv).code == 0
