"""Posts and bars in workbooks of Excel and in SQLite databases."""

import gzip
import sqlite3
import zipfile
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from posts import POSTS, assert_same_tweets, read_all
from workbooks import Cell, Sheets, parts_of, workbook, zipped

from tweetscore.ingest.account import Account, IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.store.database import Store

FIRST = datetime(2018, 7, 2, 14, 0, 7)
HEADER = ["id", "created_at", "text", "retweet_count"]


def id_of(posted: datetime) -> int:
    milliseconds = round(posted.replace(tzinfo=UTC).timestamp() * 1000)
    return (milliseconds - 1_288_834_974_657) << 22 | 5


def at(number: int) -> datetime:
    return FIRST + timedelta(minutes=7 * number, seconds=number)


def rows(*numbers: int) -> list[list[Cell]]:
    return [[str(id_of(at(n))), at(n), f"made up words {n}", n] for n in numbers]


def put(path: Path, sheets: Sheets) -> Path:
    path.write_bytes(workbook(sheets))
    return path


def ingested(store: Store, path: Path, **options: Any) -> Account:
    (account,) = ingest(store, [path], IngestOptions(**options), lambda *_: None)
    return account


def stored(store: Store) -> list[tuple[Any, ...]]:
    return store.rows(
        "SELECT tweet_id, posted_utc, text, retweet_count FROM tweets ORDER BY posted_utc"
    )


def expected(*numbers: int) -> list[tuple[Any, ...]]:
    return [(id_of(at(n)), at(n), f"made up words {n}", n) for n in numbers]


# --- workbooks ------------------------------------------------------------------------------------


def test_the_posts_of_a_sheet_are_read(tmp_path: Path) -> None:
    header = ["id_str", "created_at", "text", "retweets", "favorites", "isRetweet"]
    cells: list[list[Cell]] = [
        [str(p.id), p.posted, p.text or None, p.retweets, p.favorites, p.is_retweet] for p in POSTS
    ]
    path = put(tmp_path / "posts.xlsx", {"Sheet1": [header, *cells]})
    assert_same_tweets(read_all(path), platform="other")


def test_the_sheet_with_posts_is_found_below_its_title_and_said(
    store: Store, tmp_path: Path
) -> None:
    sheets: Sheets = {
        "notes": [["made by", "hand"], ["in", "2018"]],
        "Tweets": [[], ["An export"], HEADER, *rows(1, 2), [], *rows(3)],
        "nothing": [],
    }
    account = ingested(store, put(tmp_path / "a.bin", sheets))
    assert (account.format, account.rows_read, account.error) == ("xlsx-tweets", 3, None)
    assert account.taken.startswith("sheet 'Tweets'; not used: sheet 'notes'; columns: text, ")
    assert stored(store) == expected(1, 2, 3)


def test_sheets_with_the_same_columns_are_one_table(store: Store, tmp_path: Path) -> None:
    sheets: Sheets = {"2017": [HEADER, *rows(1)], "2018": [HEADER, *rows(2, 3)]}
    account = ingested(store, put(tmp_path / "a.xlsx", sheets))
    assert account.taken.startswith("sheets '2017', '2018'; columns: ")
    assert stored(store) == expected(1, 2, 3)


def test_two_tables_of_posts_are_refused_by_name(store: Store, tmp_path: Path) -> None:
    sheets: Sheets = {"mine": [HEADER, *rows(1)], "theirs": [[*HEADER, "more"], *rows(2)]}
    path = put(tmp_path / "a.xlsx", sheets)
    assert ingested(store, path).error == (
        f"{path}: sheet 'mine', sheet 'theirs' hold posts or bars; save each as a file of its own, "
        "as CSV, and ingest those"
    )
    assert stored(store) == []


@pytest.mark.parametrize("number", [float(id_of(FIRST)), 1.23456789012346e17, 123456789012345000.0])
def test_ids_that_were_numbers_have_lost_digits_and_are_refused(
    store: Store, tmp_path: Path, number: float
) -> None:
    sheets: Sheets = {"a": [HEADER, *rows(1, 2), [number, FIRST, "x", 0]]}
    account = ingested(store, put(tmp_path / "a.xlsx", sheets))
    assert "its ids are rounded beyond repair, as by a spreadsheet" in str(account.error)
    assert stored(store) == []


def test_cells_become_the_text_that_a_spreadsheet_shows(store: Store, tmp_path: Path) -> None:
    cells: list[list[Cell]] = [
        ["date", "time", "text", "likes", "user"],
        [date(2018, 7, 2), time(14, 0, 7), "one", 1041.0, True],
        [date(2018, 7, 3), time(0, 0, 0), "two", 2.5, 12],
        [date(2018, 7, 4), time(23, 59, 59), None, None, None],
    ]
    account = ingested(store, put(tmp_path / "a.xlsx", {"a": cells}), clock="America/New_York")
    assert account.rows_read == 3
    assert store.rows("SELECT posted_utc, text, favorite_count, author FROM tweets ORDER BY 1") == [
        (datetime(2018, 7, 2, 18, 0, 7), "one", 1041, "true"),
        (datetime(2018, 7, 3, 4), "two", None, "12"),
        (datetime(2018, 7, 5, 3, 59, 59), "", None, None),
    ]
    assert account.warnings == (
        "favorite_count: 1 value could not be read and count as unknown (the first is '2.5', "
        "line 3)",
    )


def test_midnight_among_times_is_a_time_and_days_alone_are_refused(
    store: Store, tmp_path: Path
) -> None:
    midnight, noon = datetime(2018, 7, 2), datetime(2018, 7, 2, 12, 0, 1)
    path = put(tmp_path / "a.xlsx", {"a": [["time", "text"], [noon, "a"], [midnight, "b"]]})
    ingested(store, path, clock="UTC")
    assert store.rows("SELECT posted_utc, text FROM tweets ORDER BY 1") == [
        (midnight, "b"),
        (noon, "a"),
    ]
    days = put(tmp_path / "b.xlsx", {"a": [["date", "text"], [midnight, "c"]]})
    assert "the time '2018-07-02' is a whole day" in str(ingested(store, days, clock="UTC").error)


def test_a_workbook_is_read_out_of_what_it_is_packed_in(store: Store, tmp_path: Path) -> None:
    content = workbook({"a": [HEADER, *rows(1)]})
    (tmp_path / "a.gz").write_bytes(gzip.compress(content))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as packed:
        packed.writestr("in/a.xlsx", content)
        packed.writestr("b.xlsx", workbook({"a": [HEADER, *rows(2)]}))
    accounts = ingest(store, [tmp_path], IngestOptions(), lambda *_: None)
    assert [(each.rows_read, each.unchanged, each.error) for each in accounts] == [
        (1, False, None),
        (0, True, None),
        (1, False, None),
    ]
    assert stored(store) == expected(1, 2)


def test_bars_of_a_sheet_are_read(store: Store, tmp_path: Path) -> None:
    sheets: Sheets = {"a": [["time", "open", "high", "low", "close"], [1514903400, 1, 2, 1, 1.5]]}
    account = ingested(store, put(tmp_path / "a.xlsx", sheets), symbol="SPX")
    assert (account.kind, account.format, account.stored) == ("bars", "xlsx-bars", 1)
    assert account.taken.startswith("sheet 'a'; ")


def test_what_a_sheet_without_posts_has_is_said(store: Store, tmp_path: Path) -> None:
    sheets: Sheets = {"a": [["what", "when"], ["x", FIRST]], "b": [["n", "m"], [1, 2]]}
    error = str(ingested(store, put(tmp_path / "a.xlsx", sheets)).error)
    assert error.endswith(
        "sheet 'a': it has 'what', 'when'; sheet 'b': it has 'n', 'm'; if one holds posts, name "
        "its columns with --column text=NAME --column posted=NAME"
    )
    columns = {"text": "what", "posted": "when"}
    account = ingested(store, tmp_path / "a.xlsx", columns=columns, clock="UTC")
    assert (account.stored, account.error) == (1, None)


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def sheet_of(cells: str) -> str:
    return f'<worksheet xmlns="{MAIN}"><sheetData>{cells}</sheetData></worksheet>'


def hostile(kind: str) -> bytes:
    parts: dict[str, Any] = parts_of({"a": [HEADER, *rows(1)]})
    sheet = "xl/worksheets/sheet1.xml"
    if kind == "wide":
        corner = '<row r="1"><c r="A1"><v>1</v></c></row>'
        parts[sheet] = sheet_of(corner + '<row r="9"><c r="XFD1048576"><v>1</v></c></row>')
    elif kind == "repeated":
        parts["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}"><si><t>{"x" * 32_000}</t></si></sst>'
        cell = "<c t='s'><v>0</v></c>"
        parts[sheet] = sheet_of(f"<row>{cell * 10}</row>" * 4_000)
    elif kind == "no sheet":
        del parts[sheet]
    elif kind == "no xml":
        parts[sheet] = b"\xff\xfe<<<"
    return zipped(parts)


@pytest.mark.parametrize(
    ("kind", "fact"),
    [
        ("wide", "is too large for a workbook; save its sheets as CSV"),
        ("repeated", "is too large for a workbook; save its sheets as CSV"),
        ("no sheet", "unreadable workbook"),
        ("no xml", "unreadable workbook"),
    ],
)
def test_a_hostile_workbook_is_refused_in_one_line(
    store: Store, tmp_path: Path, kind: str, fact: str
) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(hostile(kind))
    error = ingested(store, path).error or ""
    assert error.startswith(f"{path}: {fact}")
    assert "\n" not in error


@pytest.mark.parametrize(
    ("name", "content", "fact"),
    [
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is an old workbook of Excel"),
        ("a.xlsb", zipped({"xl/workbook.bin": b""}), "is a binary workbook; save it as .xlsx"),
        ("a.ods", zipped({"content.xml": b"", "mimetype": b""}), "is an OpenDocument file; save"),
    ],
)
def test_other_spreadsheets_are_refused_by_name(
    store: Store, tmp_path: Path, name: str, content: bytes, fact: str
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "b.xlsx").write_bytes(workbook({"a": [HEADER, *rows(1)]}))
    refused, read = ingest(store, [tmp_path], IngestOptions(), lambda *_: None)
    if name == "a.xls":
        assert str(refused.error).startswith(f"{tmp_path / name}: {fact}, or one with a password; ")
    assert str(refused.error).startswith(f"{tmp_path / name}: {fact}")
    assert read.stored == 1


# --- databases ------------------------------------------------------------------------------------


def database(path: Path, *statements: str, values: Sequence[tuple[Any, ...]] = ()) -> Path:
    """Make a database; the last statement inserts the values."""
    with closing(sqlite3.connect(path)) as con, con:
        *made, last = statements
        for statement in made:
            con.execute(statement)
        con.executemany(last, values) if values else con.execute(last)
    return path


TWITTER_TO_SQLITE = (
    "CREATE TABLE [users] ([id] INTEGER PRIMARY KEY, [screen_name] TEXT, [name] TEXT, "
    "[description] TEXT, [location] TEXT, [created_at] TEXT)",
    "INSERT INTO users VALUES (5, 'someone', 'Some One', 'made up', 'x', '2010-01-01T00:00:00')",
    "CREATE TABLE [tweets] ([id] INTEGER PRIMARY KEY, [user] INTEGER REFERENCES [users]([id]), "
    "[created_at] TEXT, [full_text] TEXT, [retweeted_status] INTEGER, [quoted_status] INTEGER, "
    "[source] TEXT REFERENCES [sources]([id]), [truncated] INTEGER, [retweet_count] INTEGER, "
    "[favorite_count] INTEGER)",
    "CREATE TABLE [favorited_by] ([tweet] INTEGER, [user] INTEGER)",
    "CREATE VIRTUAL TABLE [tweets_fts] USING FTS4 ([full_text], content=[tweets])",
    "INSERT INTO tweets VALUES (?, ?, ?, ?, ?, NULL, 'made up', 0, ?, ?)",
)


def tweets_of(*numbers: int) -> list[tuple[Any, ...]]:
    return [
        (
            id_of(at(n)),
            5 if n else 6,
            f"{at(n).isoformat()}+00:00",
            f"made up words {n}",
            None if n else 77,
            n,
            2 * n,
        )
        for n in numbers
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_the_tweets_of_twitter_to_sqlite_are_read_with_their_users(
    store: Store, tmp_path: Path, packed: bool
) -> None:
    path = database(tmp_path / "twitter.db", *TWITTER_TO_SQLITE, values=tweets_of(0, 1))
    if packed:
        path = tmp_path / "twitter.db.gz"
        path.write_bytes(gzip.compress((tmp_path / "twitter.db").read_bytes()))
    account = ingested(store, path)
    assert (account.format, account.stored, account.clock) == (
        "sqlite-tweets",
        2,
        "unproven claim: UTC fits the ids of 2 of 2 tweets",
    )
    assert account.taken.startswith(
        "table 'tweets'; not used: table 'users', table 'favorited_by'; columns: text = 'full_text'"
    )
    assert store.rows("SELECT * EXCLUDE (source_id) FROM tweets ORDER BY posted_utc") == [
        ("twitter", id_of(at(0)), None, at(0), "made up words 0", 0, 0, True, None),
        ("twitter", id_of(at(1)), "someone", at(1), "made up words 1", 1, 2, False, None),
    ]
    assert sorted(each.name for each in tmp_path.iterdir() if "twitter" in each.name) == [
        "twitter.db",
        *(["twitter.db.gz"] if packed else []),
    ]


ONE = "CREATE TABLE {} (id INTEGER, text TEXT, created_at TEXT)"


def test_the_only_table_of_posts_is_read_and_of_two_none(store: Store, tmp_path: Path) -> None:
    values = [(id_of(at(n)), f"made up words {n}", f"{at(n).isoformat()}Z") for n in (1, 2)]
    tables = [ONE.format("posts"), "CREATE TABLE log (a, b)", "INSERT INTO posts VALUES (?, ?, ?)"]
    account = ingested(store, database(tmp_path / "one.db", *tables, values=values))
    assert account.taken.startswith("table 'posts'; not used: table 'log'; columns: text, ")
    assert account.stored == 2
    more = [
        ONE.format("older"),
        "INSERT INTO older VALUES (1, 'x', '2018-01-01T00:00:00Z')",
        *tables,
    ]
    path = database(tmp_path / "two.db", *more, values=values)
    assert ingested(store, path).error == (
        f"{path}: table 'older', table 'posts' hold posts or bars; save each as a file of its own, "
        "as CSV, and ingest those"
    )


def test_values_of_a_database_keep_what_they_are(store: Store, tmp_path: Path) -> None:
    table = 'CREATE TABLE "a ""b""" (id TEXT, "text" TEXT, time REAL, likes REAL, "user" BLOB)'
    values = [("x1", "it\x00s", 1530540007.5, 12.0, "é".encode()), ("x2", "two", None, None, None)]
    statement = 'INSERT INTO "a ""b""" VALUES (?, ?, ?, ?, ?)'
    account = ingested(store, database(tmp_path / "a.db", table, statement, values=values))
    assert (account.stored, account.rejected, account.error) == (1, 1, None)
    found = store.rows("SELECT author, posted_utc, text, favorite_count FROM tweets")
    assert found == [("é", datetime(2018, 7, 2, 14, 0, 7, 500_000), "it\x00s", 12)]


def test_rows_in_a_log_beside_the_database_are_not_lost_in_silence(
    store: Store, tmp_path: Path
) -> None:
    path = database(tmp_path / "a.db", *TWITTER_TO_SQLITE, values=tweets_of(1))
    with closing(sqlite3.connect(path)) as con:
        con.execute("PRAGMA journal_mode = WAL")
        con.execute("DELETE FROM favorited_by")
        con.execute("INSERT INTO favorited_by VALUES (1, 2)")
        con.commit()
        error = str(ingested(store, path).error)
    assert error.startswith(f"{path}: the newest rows are in a.db-wal beside it; ")
    assert ingested(store, path).stored == 1  # closing it has brought them in


@pytest.mark.parametrize("start", [0, 100, 4_096, 8_192])
def test_a_damaged_database_is_refused_in_one_line(
    store: Store, tmp_path: Path, start: int
) -> None:
    path = database(tmp_path / "a.db", *TWITTER_TO_SQLITE, values=tweets_of(*range(1, 90)))
    content = path.read_bytes()
    path.write_bytes(content[:16] + content[16:start] + b"\xff" * 4_096 + content[start + 4_096 :])
    error = ingested(store, path).error or ""
    assert error.startswith(f"{path}: ")
    assert "\n" not in error
    assert stored(store) == []


def test_a_database_of_duckdb_is_refused_by_name_and_left_out_of_a_folder(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "other.duckdb"
    duckdb.connect(str(path)).close()
    assert ingested(store, path).error == (
        f"{path}: is a DuckDB database; if tweetscore made it, name it with --db, else export its "
        "table of posts as Parquet"
    )
    folder = tmp_path / "folder"
    folder.mkdir()
    path.rename(folder / "other.duckdb")
    put(folder / "posts.xlsx", {"a": [HEADER, *rows(1)]})
    assert ingested(store, folder).stored == 1
