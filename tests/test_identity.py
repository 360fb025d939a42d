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


# --- platforms that stand beside posts ------------------------------------------------------------

LATER = datetime(2023, 5, 10, 14, 30, 5)
SPOTS = {"twitter": 1 << 22, "mastodon": 1 << 16, "truthsocial": 1 << 16, "bluesky": 1000 << 10}


def dated_id(platform: str, time: datetime) -> int:
    milliseconds = round((time - datetime(1970, 1, 1)).total_seconds() * 1_000)
    epoch = 1_288_834_974_657 if platform == "twitter" else 0
    return (milliseconds - epoch) * SPOTS[platform] | 7


def mixed(names: list[str]) -> list[tuple[str, int, datetime]]:
    """Posts of several platforms in turn: name, id, time."""
    known = {"X": "twitter", "Truth Social": "truthsocial"}
    rows = []
    for row in range(40):
        name, time = names[row % len(names)], LATER + timedelta(minutes=61 * row, seconds=row)
        platform = known.get(name, name)
        rows.append((name, dated_id(platform, time) if platform in SPOTS else 500 + row, time))
    return rows


def as_csv(rows: list[tuple[str, int, datetime]], zone: str = "Z") -> bytes:
    lines = [f"{n},{i},{time.isoformat()}{zone},rain {i},a\n" for n, i, time in rows]
    return ("platform,id,created_at,text,author\n" + "".join(lines)).encode()


FOUND = "SELECT platform, tweet_id, posted_utc FROM tweets ORDER BY posted_utc"


def ingested(folder: Path, content: bytes, **options: Any) -> tuple[Any, list[Any]]:
    (folder / "posts.csv").write_bytes(content)
    with tweetscore.open(folder / "t.duckdb") as database:
        (account,) = database.ingest(folder / "posts.csv", **options)
        return account, database.store.rows(FOUND)


def test_platforms_named_beside_posts_are_theirs(tmp_path: Path) -> None:
    rows = mixed(["X", "mastodon", "Truth Social", "bluesky", "stocktwits"])
    account, found = ingested(tmp_path, as_csv(rows))
    named = {"X": "twitter", "Truth Social": "truthsocial"}
    assert account.stored == 40
    assert [(p, t) for p, _, t in found] == [(named.get(n, n), time) for n, _, time in rows]
    own = [found_id == i for (_, found_id, _), (_, i, _) in zip(found, rows, strict=True)]
    assert own == [n != "stocktwits" for n, _, _ in rows]  # whose numbers may restart elsewhere
    assert account.clock == "UTC fits the ids of 32 of 32 tweets"
    assert "platform" in account.taken.partition("; not used")[0]


def test_ids_of_several_platforms_tell_the_clock_of_all(tmp_path: Path) -> None:
    rows = mixed(["twitter", "twitter", "stocktwits"])
    late = [(n, i, time - timedelta(hours=4)) for n, i, time in rows]
    account, found = ingested(tmp_path, as_csv(late, zone=""))
    assert [time for _, _, time in found] == [time for _, _, time in rows]
    assert account.clock.startswith("corrected: UTC-04:00 fits the ids of 27 of 27 tweets")


@pytest.mark.parametrize("name", ["twitter", "iPhone"])
def test_a_platform_counts_for_nothing_where_ids_speak_against_it(
    tmp_path: Path, name: str
) -> None:
    rows = [(name, 70 + 3 * row, time) for row, (_, _, time) in enumerate(mixed(["x"]))]
    account, found = ingested(tmp_path, as_csv(rows))
    assert account.stored == 40
    assert {platform for platform, _, _ in found} == {"other"}
    assert "not used: 'platform'" in account.taken


def test_a_post_without_a_time_in_its_id_is_a_reject_among_others(tmp_path: Path) -> None:
    rows = mixed(["twitter", "stocktwits"])
    rows[30] = ("twitter", 12, rows[30][2])
    account, found = ingested(tmp_path, as_csv(rows))
    assert (account.stored, account.rejected) == (39, 1)
    assert [time for _, _, time in found] == [t for p, (_, _, t) in enumerate(rows) if p != 30]


@pytest.mark.slow
def test_what_the_database_exports_comes_back_the_same(tmp_path: Path) -> None:
    for place, names in enumerate((["X", "bluesky"], ["stocktwits", "mastodon"])):
        ingested(
            tmp_path,
            as_csv(mixed(names)) + f"reddit,{7 + place},2021-01-01T00:00:01Z,x,\n".encode(),
        )
    bare = "posted,text,counts as of\n2021-01-01T00:00:01Z,rain,2021-02-03T04:05:06Z\n"
    ingested(tmp_path, bare.encode())
    columns = "SELECT * EXCLUDE (source_id) FROM tweets ORDER BY ALL"
    with tweetscore.open(tmp_path / "t.duckdb") as database:
        expected = database.store.rows(columns)
        database.export(tmp_path / "out", ["tweets"])
    assert len(expected) == 83
    csv_file = tmp_path / "out.csv"
    pl.read_parquet(tmp_path / "out" / "tweets" / "*.parquet").write_csv(csv_file)
    for place, path in enumerate((tmp_path / "out", csv_file)):
        with tweetscore.open(tmp_path / f"{place}.duckdb") as database:
            accounts = database.ingest(path)
            assert database.store.rows(columns) == expected
        assert any(each.taken.endswith("as exported by tweetscore") for each in accounts)
