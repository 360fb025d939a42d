"""Two different posts are never one, whatever the numbers in their files are worth."""

import csv
import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

import tweetscore
from tweetscore.io.data_file import DataFile
from tweetscore.io.source import sniff
from tweetscore.posts.formats import open_tweets
from tweetscore.posts.identity import number_rows

FIRST = datetime(2021, 5, 10, 14, 30, 5)
RECORD = st.tuples(
    st.integers(1, 3),  # the number
    st.integers(0, 2),  # the time
    st.sampled_from(["one", "two"]),  # the author
    st.sampled_from(["rain", "sun"]),  # the text
)


def put(path: Path, records: list[tuple[int, int, str, str]], *, numbered: bool) -> None:
    rows = [
        {"id": n, "date": str(FIRST + timedelta(seconds=at)), "author": who, "text": text}
        for n, at, who, text in records
    ]
    names = ["id", "date", "author", "text"][not numbered :]
    rows = [{name: row[name] for name in names} for row in rows]
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, names)
        writer.writeheader()
        writer.writerows(rows)


def stored(folder: Path, files: list[Path]) -> Counter[Any]:
    (folder / "t.duckdb").unlink(missing_ok=True)
    with tweetscore.open(folder / "t.duckdb") as database:
        for each in database.ingest(*files, clock="UTC"):
            assert each.error is None
        return Counter(database.store.rows("SELECT posted_utc, author, text FROM tweets"))


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
@pytest.mark.parametrize("numbered", [True, False])
@pytest.mark.slow
def test_posts_of_another_time_or_author_stay_apart(
    tmp_path: Path, ending: str, numbered: bool
) -> None:
    @examples(20)
    @given(st.lists(st.lists(RECORD, min_size=1, max_size=8), min_size=1, max_size=2))
    def hold(archives: list[list[tuple[int, int, str, str]]]) -> None:
        files = [tmp_path / f"{place}.{ending}" for place in range(len(archives))]
        for path, records in zip(files, archives, strict=True):
            put(path, records, numbered=numbered)
        found = stored(tmp_path, files)
        records = [record for each in archives for record in each]
        shown = {(FIRST + timedelta(seconds=at), who) for _, at, who, _ in records}
        assert {(time, who) for time, who, _ in found} == shown
        assert set(found) <= {
            (FIRST + timedelta(seconds=at), who, text) for _, at, who, text in records
        }
        if not numbered:  # every different text is a post of its own
            assert len(found) == len({record[1:] for record in records})

    hold()


def test_a_post_whose_counts_grew_is_the_same_post(tmp_path: Path) -> None:
    files = [tmp_path / "before.csv", tmp_path / "after.csv"]
    for path, text in zip(files, ("rain", "rain, edited"), strict=True):
        put(path, [(71, 0, "one", text), (9, 1, "one", text)], numbered=True)
    assert stored(tmp_path, files) == Counter(
        {
            (FIRST, "one", "rain, edited"): 1,
            (FIRST + timedelta(seconds=1), "one", "rain, edited"): 1,
        }
    )


@pytest.mark.parametrize(
    ("numbers", "rows"),
    [
        (["0", "1", "2", "3"], True),
        (["1", "2", "3"], True),
        (["1", "2"], False),
        (["1", "2", "4", "8"], False),
        (["7", "8", "9"], False),
        (["1", None, "2", "3"], True),
        (['"0"', '"1"', '"2"', '"3"'], True),
        ([None, None], False),
    ],
)
def test_numbers_of_rows_are_told_from_ids(numbers: list[str | None], rows: bool) -> None:
    whole = pl.Series(numbers, dtype=pl.String)
    assert number_rows([whole]) is rows
    assert number_rows(whole[place : place + 1] for place in range(len(whole))) is rows
    assert number_rows([]) is False


def test_ids_beyond_the_first_thousand_show_that_they_are_no_row_numbers(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    numbers = [*range(1, 1_500), *range(90_000, 99_000, 3)]
    lines = [f"{number},{FIRST + timedelta(minutes=number)},rain\n" for number in numbers]
    for several, ids in ((lines[:1_400], "none"), (lines, "restarting")):
        path.write_text("id,date,text\n" + "".join(several))
        tweets = open_tweets(sniff(DataFile(path)))
        assert tweets
        assert tweets.ids == ids
