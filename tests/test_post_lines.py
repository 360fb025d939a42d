"""Tables of posts without a header, or with one below other lines; and what is said of others."""

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tweetscore.ingest.account import Account, IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.store.database import Store

FIRST = datetime(2021, 5, 10, 14, 30, 5)
WORDS = 'made up words, "of" several kinds;'
Cells = Callable[[int], list[Any]]


def moment(row: int) -> datetime:
    return FIRST + timedelta(hours=7 * row)


def twitter_id(row: int) -> int:
    since = moment(row) - datetime(1970, 1, 1)
    return (int(since.total_seconds() * 1_000) - 1_288_834_974_657) << 22 | 7


def address(row: int) -> str:
    return f"https://twitter.com/someone/status/{twitter_id(row)}"


def lines(cells: Cells, separator: str = ",", quoting: Any = csv.QUOTE_MINIMAL) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator, quoting=quoting).writerows(map(cells, range(30)))
    return out.getvalue()


def put(store: Store, path: Path, content: str, **options: Any) -> Account:
    path.write_bytes(content.encode())
    (account,) = ingest(store, [path], IngestOptions(**options), lambda *_: None)
    return account


def stored(store: Store) -> list[Any]:
    return store.rows("SELECT tweet_id, posted_utc, author, text FROM tweets ORDER BY posted_utc")


HEADERLESS: dict[str, tuple[str, str | None, str]] = {
    "id, time, author, text": (
        lines(lambda row: [twitter_id(row), moment(row), "someone", WORDS]), None,
        "text = '4', posted = '2', tweet_id = '1'; not used: '3'",
    ),
    "all quoted": (
        lines(lambda row: [WORDS, moment(row), twitter_id(row)], quoting=csv.QUOTE_ALL), None,
        "text = '1', posted = '2', tweet_id = '3'",
    ),
    "tabs": (
        lines(lambda row: [twitter_id(row), f"{moment(row)} UTC", "@someone", WORDS], "\t"),
        "someone", "text = '4', posted = '2', tweet_id = '1', author = '3'",
    ),
    "an epoch": (
        lines(lambda row: [int((moment(row) - datetime(1970, 1, 1)).total_seconds()),
                           twitter_id(row), WORDS, 1, 0]), None,
        "text = '3', posted = '1' (counted from 1970), tweet_id = '2'; not used: '4', '5'",
    ),
    "no time but in the ids": (
        lines(lambda row: [twitter_id(row), WORDS]), None,
        "text = '2', posted = '1' (the times inside the ids), tweet_id = '1'",
    ),
    "an address": (
        lines(lambda row: [moment(row), WORDS, address(row)]), "someone",
        "text = '2', posted = '1', tweet_id = '3' (the number in its addresses), "
        "author = '3' (the name in its addresses)",
    ),
    "an id of the author, and a short text": (
        lines(lambda row: [12_345_678, twitter_id(row), moment(row), "on a phone", WORDS]), None,
        "text = '5', posted = '3', tweet_id = '2'; not used: '1', '4'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERLESS)
def test_columns_without_names_are_told_by_what_is_in_them(
    store: Store, tmp_path: Path, name: str
) -> None:
    content, author, taken = HEADERLESS[name]
    account = put(store, tmp_path / "posts.csv", content)
    assert (account.error, account.stored, account.rejected) == (None, 30, 0)
    assert account.taken == f"columns: {taken}; ids of twitter"
    assert stored(store) == [(twitter_id(row), moment(row), author, WORDS) for row in range(30)]


def test_old_ids_that_are_all_different_are_ids(store: Store, tmp_path: Path) -> None:
    def cells(row: int) -> list[Any]:
        time = datetime(2009, 4, 6, 22, 19, 45) + timedelta(minutes=row)
        written = time.strftime("%a %b %d %H:%M:%S PDT %Y")
        return [4 * (row % 2), 1_467_810_369 + 300 * row, written, "NO_QUERY", "some_one", WORDS]

    content = lines(cells, quoting=csv.QUOTE_ALL)
    account = put(store, tmp_path / "posts.csv", content, columns={"author": "5"})
    assert account.taken == (
        "columns: text = '6', posted = '3', tweet_id = '2', author = '5'; not used: '1', '4'"
    )
    assert account.stored == 30
    assert stored(store)[0][1:] == (datetime(2009, 4, 7, 5, 19, 45), "some_one", WORDS)


@pytest.mark.parametrize(
    "above", ["Posts of @someone\n", "# made by a tool, in May\n\n", "a,b,c\n\n", '"x"\n"y"\n\n']
)
def test_a_header_may_stand_below_other_lines(store: Store, tmp_path: Path, above: str) -> None:
    content = above + "id,date,text\n" + lines(lambda row: [twitter_id(row), moment(row), WORDS])
    account = put(store, tmp_path / "posts.csv", content)
    assert (account.error, account.stored, account.rejected) == (None, 30, 0)
    assert stored(store) == [(twitter_id(row), moment(row), None, WORDS) for row in range(30)]


LOG = "2021-05-10 14:30:05,INFO,it has begun\n2021-05-10 14:30:06,INFO,it goes on\n"


@pytest.mark.parametrize(("first", "last"), [(["1"], []), ([], [""])])
def test_rows_may_have_one_field_more_than_the_header(
    store: Store, tmp_path: Path, first: list[str], last: list[str]
) -> None:
    content = '"id","date","text"\n' + lines(
        lambda row: [*first, twitter_id(row), moment(row), WORDS, *last], quoting=csv.QUOTE_ALL
    )
    account = put(store, tmp_path / "posts.csv", content)
    assert (account.error, account.stored, account.rejected) == (None, 30, 0)
    assert stored(store) == [(twitter_id(row), moment(row), None, WORDS) for row in range(30)]


def test_a_text_of_several_lines_is_one_row_without_a_header(store: Store, tmp_path: Path) -> None:
    text = 'one, "two"\nthree\n\nfour'
    content = lines(lambda row: [twitter_id(row), moment(row), text, row])
    account = put(store, tmp_path / "posts.csv", content)
    assert (account.error, account.stored, account.rejected) == (None, 30, 0)
    assert stored(store) == [(twitter_id(row), moment(row), None, text) for row in range(30)]


def test_days_and_times_of_day_are_told_apart_without_a_header(
    store: Store, tmp_path: Path
) -> None:
    content = lines(lambda row: [WORDS, f"{moment(row):%d.%m.%Y}", moment(row).time()])
    account = put(store, tmp_path / "posts.csv", content)
    assert account.error is not None
    assert account.error.endswith(
        "of its columns 1 holds text, 2 holds days, 3 holds times of day; if it holds posts, name "
        "their columns by number, as in --column text=1 --column posted=2+3"
    )
    columns = {"text": "1", "posted": "2+3"}
    account = put(store, tmp_path / "posts.csv", content, columns=columns, clock="UTC")
    assert (account.error, account.stored, account.rejected) == (None, 30, 0)
    assert [posted for _, posted, *_ in stored(store)] == [moment(row) for row in range(30)]


def test_what_is_not_certain_is_asked_for_by_number(store: Store, tmp_path: Path) -> None:
    account = put(store, tmp_path / "log.csv", LOG)
    assert account.error is not None
    assert account.error.endswith(
        "it has no header, and of its columns 1 holds times, 2 holds words, 3 holds text; if it "
        "holds posts, name their columns by number, as in --column text=3 --column posted=1"
    )
    account = put(
        store, tmp_path / "log.csv", LOG, columns={"text": "3", "posted": "1"}, clock="UTC"
    )
    assert (account.error, account.stored) == (None, 2)
    assert [text for *_, text in stored(store)] == ["it has begun", "it goes on"]


def test_a_number_names_a_column_with_a_name_too(store: Store, tmp_path: Path) -> None:
    content = "when,words\n" + lines(lambda row: [moment(row), row])
    account = put(
        store, tmp_path / "a.csv", content, columns={"posted": "1", "text": "2"}, clock="UTC"
    )
    assert account.taken == "columns: text = 'words', posted = 'when'"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "when,words\n2021-05-10,rain\n",
         "it has 'when', 'words'; if it holds posts, name their columns with "
         "--column text=NAME --column posted=NAME"),
        ("a.csv", "date,words\n2021-05-10,rain\n",
         "it has 'date', 'words'; if it holds posts, name their columns with --column text=NAME"),
        ("a.jsonl", '{"a": {"b": "rain", "c": 5}, "d": []}\n{"a": {"b": "sun", "c": 6}}\n',
         "it has 'a.b', 'a.c'; if it holds posts, name their columns with "
         "--column text=NAME --column posted=NAME"),
        ("notes.txt", "Dear all,\nthis is the text, and the date.\nBye\n",
         "the README lists the formats"),
        ("notes.txt", "# my archive\nthings to do, text, date, id\nbuy milk\n",
         "the README lists the formats"),
    ],
)  # fmt: skip
def test_a_table_that_is_not_known_is_shown_with_the_next_step(
    store: Store, tmp_path: Path, name: str, content: str, said: str
) -> None:
    account = put(store, tmp_path / name, content)
    assert account.error is not None
    assert account.error.endswith(f"; {said}")


def test_notes_and_logs_beside_posts_are_left_alone(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "notes.txt").write_text("# my archive\nthings to do, text, date, id\nbuy milk\n")
    (folder / "run.log").write_text(LOG)
    (folder / "posts.csv").write_text(
        "id,date,text\n" + lines(lambda row: [twitter_id(row), moment(row), WORDS])
    )
    accounts = ingest(store, [folder], IngestOptions(), lambda *_: None)
    assert {Path(each.name).name: (each.kind, each.error) for each in accounts} == {
        "notes.txt": ("ignored", None),
        "run.log": ("ignored", None),
        "posts.csv": ("tweets", None),
    }
