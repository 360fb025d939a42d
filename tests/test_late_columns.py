"""Columns of JSON that begin behind the first bytes of a file are seen, or told."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import tweetscore
from tweetscore.ingest.account import Account
from tweetscore.io.data_file import HEAD_BYTES

FIRST = datetime(2021, 5, 10, 14, 30, 5)
ROWS, LATE = 1_500, 900
Object = dict[str, Any]


def record(row: int, **others: Any) -> Object:
    time = (FIRST + timedelta(minutes=61 * row)).isoformat() + "Z"
    return {"time": time, "body": f"rain {row:05} {'sun ' * 16}", **others}


def written(later: Callable[[int], Object], **early: Any) -> str:
    rows = [record(row, **early) if row < LATE else later(row) for row in range(ROWS)]
    assert len(json.dumps(rows[:LATE])) > HEAD_BYTES
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def ingested(folder: Path, content: str, **options: Any) -> tuple[Account, list[tuple[Any, ...]]]:
    (folder / "posts").write_text(content)
    columns = "substr(text, 6, 5)::INT, author, retweet_count"
    with tweetscore.open(folder / "t.duckdb") as database:
        (account,) = database.ingest(folder / "posts", **options)
        rows = database.store.rows(f"SELECT {columns} FROM tweets ORDER BY posted_utc, text")
    return account, rows


def expected(author: str | None, retweets: int | None) -> list[tuple[Any, ...]]:
    late = (author, retweets)
    return [(row, *(late if row >= LATE else (None, None))) for row in range(ROWS)]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["lines", "array"])
def test_what_a_post_may_lack_is_read_from_where_it_begins(tmp_path: Path, form: str) -> None:
    content = written(lambda row: record(row, user={"name": "a"}, retweets=3))
    if form == "array":
        content = "[" + content.strip().replace("\n", ",\n") + "]"
    account, rows = ingested(tmp_path, content)
    assert rows == expected("a", 3)
    later = "(in later posts only)"
    assert account.taken == (
        f"columns: text = 'body', posted = 'time', author = 'user.name' {later}, "
        f"retweet_count = 'retweets' {later}"
    )


@pytest.mark.slow
@pytest.mark.parametrize("columns", [{}, {"author": "writer.login"}])
def test_a_later_column_with_another_name_is_read_where_it_is_named(
    tmp_path: Path, columns: dict[str, str]
) -> None:
    content = written(lambda row: record(row, writer={"login": "a"}))
    _, rows = ingested(tmp_path, content, columns=columns)
    assert rows == expected("a" if columns else None, None)


@pytest.mark.slow
def test_ids_that_begin_later_are_told_and_cost_no_post(tmp_path: Path) -> None:
    account, rows = ingested(tmp_path, written(lambda row: record(row, id=7 * row)))
    assert rows == expected(None, None)
    assert account.taken == "columns: text = 'body', posted = 'time'; not used: 'id'"


@pytest.mark.slow
def test_columns_that_hold_objects_later_are_no_words(tmp_path: Path) -> None:
    content = written(lambda row: record(row, by={"name": "b"}), by="a")
    _, rows = ingested(tmp_path, content)
    assert rows == [(row, "a" if row < LATE else "b", None) for row in range(ROWS)]
    content = written(lambda row: {"time": record(row)["time"], "body": {"words": "x"}}, by="c")
    account, rows = ingested(tmp_path, content)
    assert (account.stored, account.rejected) == (LATE, ROWS - LATE)
    assert "text = 'body' (later ones are objects)" in account.taken


@pytest.mark.slow
@pytest.mark.parametrize(
    ("later", "others"),
    [
        (lambda row: record(row, replies=[record(row + 20_000)]), 1),
        (lambda row: {"thread": {"items": [record(row), record(row + 20_000)]}}, 1),
        (lambda row: {"data": record(row)}, 0),
    ],
)
def test_posts_that_are_nested_later_are_read(
    tmp_path: Path, later: Callable[[int], Object], others: int
) -> None:
    account, rows = ingested(tmp_path, written(later))
    nested = [row + 20_000 for row in range(LATE, ROWS)] * others
    assert [row for row, *_ in rows] == [*range(ROWS), *nested]
    assert account.rejected == 0


# --- elements of lists ----------------------------------------------------------------------------


def captioned(row: int) -> Object:
    edges = [{"node": {"text": f"rain {row:05}"}}, {"node": {"text": "x"}}][: row % 3]
    return {"at": record(row)["time"], "caption": {"edges": edges}, "tags": ["a", "b"]}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["lines", "wrapped"])
def test_an_element_of_a_list_may_be_named(tmp_path: Path, form: str) -> None:
    posts = [captioned(row) for row in range(60)]
    content = "".join(f"{json.dumps(post)}\n" for post in posts)
    if form == "wrapped":
        content = json.dumps({"data": {"posts": posts}}, indent=1)
    columns = {"text": "caption.edges.0.node.text", "posted": "at", "author": "tags.1"}
    account, rows = ingested(tmp_path, content, columns=columns)
    assert rows == [(row, "b", None) for row in range(60) if row % 3]
    assert (account.stored, account.rejected) == (40, 20)


def test_an_element_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    content = "".join(f"{json.dumps(captioned(row))}\n" for row in range(9))
    columns = {"text": "caption.edges.7.node.text", "posted": "at"}
    (tmp_path / "posts").write_text(content)
    with tweetscore.open(tmp_path / "t.duckdb") as database:
        (account,) = database.ingest(tmp_path / "posts", columns=columns)
    assert "has no column 'caption.edges.7.node.text'" in (account.error or "")
