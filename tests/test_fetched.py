"""Parts of Parquet files: the same, whether the file is here or is fetched by ranges."""

from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from tweetscore.errors import InputError
from tweetscore.io.fetched import Part, fetch_parts, parts_of
from tweetscore.io.remote import Read

ROWS, GROUP_ROWS = 6_000, 1_000
TWO_GROUPS_BYTES = 40_000  # of the column text
TEXT = ("text",)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six row groups of two columns, of which the second is not needed."""
    path = tmp_path_factory.mktemp("fetched") / "whole.parquet"
    number = pl.int_range(ROWS, eager=True)
    frame = pl.DataFrame({"text": number.hash(0).cast(pl.String), "html": number.hash(1)})
    pq.write_table(frame.to_arrow(), path, row_group_size=GROUP_ROWS, use_dictionary=False)
    return path


def reader(content: bytes, asked: list[int]) -> Read:
    def read(start: int, length: int) -> bytes:
        asked.append(length)
        return content[start : start + length]

    return read


def rows(part: Part) -> list[str]:
    with part.opened() as path, pq.ParquetFile(path) as parquet:
        table = parquet.read_row_groups(list(part.groups), columns=["text"])
    return [str(each) for each in table["text"].to_pylist()]


def test_a_file_that_is_fetched_has_the_parts_of_one_that_is_here(file: Path) -> None:
    content, asked = file.read_bytes(), list[int]()
    here = list(parts_of(file, lambda _: TEXT, TWO_GROUPS_BYTES))
    assert [each.groups for each in here] == [[0, 1], [2, 3], [4, 5]]
    found: list[str] = []
    read = reader(content, asked)
    for number, part in enumerate(
        fetch_parts(read, len(content), lambda _: TEXT, TWO_GROUPS_BYTES), 1
    ):
        assert part.groups == here[number - 1].groups
        assert sum(asked) < (0.2 + 0.27 * number) * len(content)  # no later part is there yet
        found += rows(part)
        assert not part.path.exists()
    assert found == pq.read_table(file)["text"].to_pylist()
    assert file.read_bytes() == content


def test_a_row_group_is_never_cut_and_a_small_file_is_fetched_once(file: Path) -> None:
    one_each = parts_of(file, lambda _: TEXT, 1)
    assert [each.groups for each in one_each] == [[0], [1], [2], [3], [4], [5]]
    small = file.with_name("small.parquet")
    pl.DataFrame({"text": ["a", "b"]}).write_parquet(small)
    content, asked = small.read_bytes(), list[int]()
    (part,) = fetch_parts(reader(content, asked), len(content), lambda _: TEXT)
    assert rows(part) == ["a", "b"]
    assert asked == [len(content)]


def test_what_is_damaged_or_arrives_in_part_is_told(file: Path) -> None:
    content = file.read_bytes()
    cut = file.with_name("cut.parquet")
    cut.write_bytes(content[:-40])
    with pytest.raises(InputError, match=r"cut.parquet: unreadable Parquet \("):
        next(parts_of(cut, lambda _: TEXT))
    (part,) = fetch_parts(reader(content[:-40], []), len(content) - 40, lambda _: TEXT)
    with part.opened() as path:  # what reads it says what is wrong with it
        assert (list(part.groups), path.stat().st_size) == ([], len(content) - 40)
    with pytest.raises(OSError, match="bytes arrived of"):
        next(fetch_parts(reader(content[:-1], []), len(content), lambda _: TEXT))
