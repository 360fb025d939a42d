"""Hostile texts go in and come out unchanged, and none of them does anything on the way."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from tiny import tiny_bundle
from typer.testing import CliRunner

from tweetscore.cli.app import app

pytestmark = pytest.mark.slow

REPLACED = "\N{REPLACEMENT CHARACTER}"
NAUGHTY = (
    # nothing, or what programs take for nothing
    "", " ", "null", "NULL", "None", "NaN", "nan", "undefined", "N/A", "-", "true", "False",
    # numbers
    "0", "1e999", "-Infinity", "0x1F", "1,000.50", "1069536846934966272", "9" * 400,
    # formulas of spreadsheets
    "=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", '=HYPERLINK("http://made.example","click")',
    "\t=1+1", "%0A=1+1",
    # quotes, separators and escapes
    '"', "'", '""', "`", '"unclosed', 'a","b', "\\", "\\\\", '\\"', "C:\\new\\table\\",
    "a;b,c\td|e",
    # SQL, and what fills in templates
    "'; DROP TABLE tweets; --", "1' OR '1'='1", '"; DELETE FROM bars; --', "$text", "?",
    "%s %(a)s {0} {x!r} ${HOME} $(id) `id`",
    # markup: HTML, JSON, Markdown, rich
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!-- ]]>",
    "&lt;b&gt; &amp;amp; &#0; &#x110000;", '{"text": "inner"}', "[1, 2", "| a | b |",
    "[click](javascript:alert(1))", "```", "# no heading", "[/]", "[bold red]no markup[/bold red]",
    "[link=http://made.example]x[/link]",
    # what moves or deceives a terminal
    "\x1b[2J\x1b[H", "\x1b]0;a title\x07", "\x1b]8;;http://made.example\x1b\\x\x1b]8;;\x1b\\",
    "\x9b31m red", "\b\b\b\x7f", "nul\0inside", "\0",
    "\u202egnp.exe\u202c", "\u2066a\u2067b\u2068c\u2069", "\u200fmark\u061c",
    # line breaks of all kinds
    "\n", "\r", "a\r\nb\rc\n\n\td", "a\x0b\x0c\x1c\x1d\x1e\x85b", "a\u2028b\u2029c",
    # scripts and signs
    "مرحبا بالعالم", "שלום, world", "สวัสดี", "Z" + "\u0300\u0316\u0489" * 60, "e\u0301 \xe9 \u212b",
    "👩‍❤️‍💋‍👨 🏳️‍🌈 🇪🇺🇪 👍🏿 1️⃣", "zero\u200bwidth\u200cnon\u200djoi\xadner",
    "\ufeffa byte order mark\ufeff", "\ue000\uf8ff\U000f0000\U0010ffff", "\ufffe\uffff\U0001ffff",
    REPLACED,
    # halves of surrogate pairs
    "cut \ud83d", "\ude00 begins", "\ude00\ud83d",
    # long ones
    "words without end " * 6_000, "x" * 100_000, "😀" * 100_000, '"' * 100_000,
)  # fmt: skip
FIRST = datetime(2018, 12, 3, 10, 20, 30)
FIRST_ID = 1069536846934966272  # posted then
SECOND_OF_IDS = 1000 << 22


def stored(text: str) -> str:
    """The text as it is stored: what stays alone of a surrogate pair is replaced."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


POSTS = [(FIRST_ID + n * SECOND_OF_IDS, stored(text)) for n, text in enumerate(NAUGHTY)]


# --- the archives ---------------------------------------------------------------------------------


def json_lines(texts: tuple[str, ...] = NAUGHTY, **style: Any) -> bytes:
    """Objects of the API v1.1, one a line."""
    lines = [
        json.dumps(
            {
                "created_at": f"{FIRST + timedelta(seconds=n):%a %b %d %H:%M:%S +0000 %Y}",
                "id": FIRST_ID + n * SECOND_OF_IDS,
                "full_text": text,
                "user": {"screen_name": "made_up"},
            },
            **style,
        )
        for n, text in enumerate(texts)
    ]
    return "".join(line + "\n" for line in lines).encode()


def csv_table(quoting: Any) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=quoting)
    writer.writerow(["id", "created_at", "text"])
    for n, (tweet_id, text) in enumerate(POSTS):
        writer.writerow([tweet_id, f"{FIRST + timedelta(seconds=n)}+00:00", text])
    return out.getvalue().encode()


FORMS: dict[str, Callable[[], bytes]] = {
    "escaped JSON": json_lines,
    "plain JSON": lambda: json_lines(tuple(map(stored, NAUGHTY)), ensure_ascii=False),
    "CSV": lambda: csv_table(csv.QUOTE_MINIMAL),
    "quoted CSV": lambda: csv_table(csv.QUOTE_ALL),
}


def invoke(*arguments: object, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result


def rows(db: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(db), read_only=True) as con:
        return con.execute(sql).fetchall()


@pytest.mark.parametrize("form", FORMS)
def test_every_text_is_stored_as_it_is(tmp_path: Path, form: str) -> None:
    archive, db = tmp_path / "archive", tmp_path / "hostile.duckdb"
    archive.write_bytes(FORMS[form]())
    account = json.loads(invoke("ingest", archive, "--db", db, "--json").stdout)["total"]
    assert (account["stored"], account["rejected"]) == (len(POSTS), 0)
    assert rows(db, "SELECT tweet_id, text FROM tweets ORDER BY tweet_id") == POSTS


# --- scores and answers ---------------------------------------------------------------------------

QUERY = """
    SELECT tweet_id, text, probability IS NOT NULL AS scored
    FROM tweets LEFT JOIN predictions USING (platform, tweet_id) ORDER BY tweet_id
"""
Answer = list[tuple[int, str, bool]]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hostile texts, scored; nothing here may change it."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "archive.jsonl").write_bytes(json_lines())
    tiny_bundle(folder / "tiny", (30,))
    db = folder / "hostile.duckdb"
    invoke("ingest", folder / "archive.jsonl", "--db", db)
    account = json.loads(invoke("score", "--model", folder / "tiny", "--db", db, "--json").stdout)
    assert account["tweets"] == len(POSTS)
    assert account["skipped_reasons"] == {"empty_text": account["skipped"]}
    return db


@pytest.fixture(scope="module")
def answer(db: Path) -> Answer:
    return rows(db, QUERY)


def test_every_text_with_a_word_in_it_has_a_score(answer: Answer) -> None:
    assert [row[:2] for row in answer] == POSTS
    scored = {text: has_score for _, text, has_score in answer}
    assert not any(scored[text] for text in ("", " ", "0", "=1+1", '"', "\\", "\0", "\n"))
    assert all(scored[text] for text in ("null", "NaN", "undefined", '"unclosed', "x" * 100_000))


def printed(db: Path, output: str) -> bytes:
    result = invoke("query", QUERY, "--format", output, "--db", db)
    assert result.stderr == ""
    assert isinstance(result.stdout_bytes, bytes)
    return result.stdout_bytes


def test_csv_gives_every_text_back_formulas_and_all(db: Path, answer: Answer) -> None:
    text = printed(db, "csv").decode()
    header, *found = csv.reader(io.StringIO(text, newline=""))
    assert header == ["tweet_id", "text", "scored"]
    assert [(int(row[0]), row[1], row[2] == "true") for row in found] == answer


def test_json_gives_every_text_back(db: Path, answer: Answer) -> None:
    assert [tuple(row.values()) for row in json.loads(printed(db, "json"))] == answer


def test_json_lines_give_every_text_back_a_line_each(db: Path, answer: Answer) -> None:
    lines = printed(db, "jsonl").removesuffix(b"\n").split(b"\n")
    assert [tuple(json.loads(line).values()) for line in lines] == answer


def test_parquet_gives_every_text_back(db: Path, answer: Answer) -> None:
    assert pl.read_parquet(io.BytesIO(printed(db, "parquet"))).rows() == answer


# --- what is for people to look at ----------------------------------------------------------------

# What acts on a terminal: control characters, and what turns the direction of the text around it.
ACTIVE = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def shown(text: str) -> str:
    """The text as a table has it."""
    return ACTIVE.sub(REPLACED, text.replace("\r", "").replace("\t", " "))


def test_markdown_has_a_line_and_three_cells_for_every_text(db: Path, answer: Answer) -> None:
    header, rule, *lines = printed(db, "md").decode().removesuffix("\n").split("\n")
    assert (header, rule) == ("| tweet_id | text | scored |", "| --- | --- | --- |")
    cells = [re.split(r"(?<!\\)\| ?", line) for line in lines]
    assert [len(row) for row in cells] == [5] * len(answer)
    found = [(int(row[1]), re.sub(r"\\(.)", r"\1", row[2])[:-1], row[3]) for row in cells]
    assert found == [
        (tweet_id, shown(text).replace("\n", " "), "yes " if scored else "no ")
        for tweet_id, text, scored in answer
    ]


def test_a_table_in_a_pipe_holds_nothing_that_acts(db: Path, answer: Answer) -> None:
    table = printed(db, "table").decode()
    assert not ACTIVE.search(table)
    texts = [shown(text) for _, text, _ in answer]
    assert table.count("\n") == 1 + sum(1 + text.count("\n") for text in texts)
    assert all(line.rstrip() in table for text in texts for line in text.split("\n"))


def on_a_terminal(*arguments: object) -> str:
    """Run a command on a terminal without colours; return all that reaches it."""
    pty = pytest.importorskip("pty", reason="terminals of POSIX")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "tweetscore", *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "dumb", "COLUMNS": "120"},
    ):
        os.close(theirs)
        pieces = []
        with suppress(OSError):  # how Linux reports that the other side has gone
            while piece := os.read(ours, 1 << 16):
                pieces.append(piece)
    os.close(ours)
    return b"".join(pieces).decode().replace("\r\n", "\n")


def test_nothing_that_acts_reaches_a_terminal_from_a_text_or_a_heading(db: Path) -> None:
    heading = "[/b] [i]\x1b[2J\u202e"
    sql = f'SELECT tweet_id, text AS "{heading}" FROM tweets WHERE length(text) < 1000 ORDER BY ALL'
    screen = on_a_terminal("query", sql, "--db", db)
    assert not ACTIVE.search(screen)
    assert shown(heading) in screen.split("\n")[0]
    for _, text in POSTS:
        if len(text) < 50 and "\n" not in text:
            assert shown(text).rstrip() in screen


def test_no_name_of_a_file_acts_on_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "[i]a[" / "b]\x1b[2J\u202e.jsonl"  # as markup, the folder would end a style
    path.parent.mkdir()
    path.write_bytes(json_lines(("a post",)))
    for _ in ("fresh", "unchanged"):
        screen = on_a_terminal(
            "ingest", path, tmp_path / "none\x1b[2J", "--db", tmp_path / "a.duckdb"
        )
        assert not ACTIVE.search(screen)
        assert "Traceback" not in screen
        assert shown(path.name) in screen.replace("\n", "")


def test_what_a_refusal_or_a_reject_quotes_does_not_act(tmp_path: Path) -> None:
    db, path, time = tmp_path / "a.duckdb", tmp_path / "bad.jsonl", "Mon Dec 03\x1b[2J\u202e"
    good, bad = json_lines(("good", "bad")).splitlines(keepends=True)
    bad = re.sub(rb'(created_at": )"[^"]*"', lambda m: m[1] + json.dumps(time).encode(), bad)
    path.write_bytes(bad)
    refusal = invoke("ingest", path, "--db", db, code=1).stderr
    path.write_bytes(good + bad)
    invoke("ingest", path, "--db", db)
    for output in (refusal, invoke("info", "--db", db).stdout):
        assert f"\"posted\" is not a date: '{shown(time)}'" in output
        assert not ACTIVE.search(output)


@pytest.mark.parametrize("text", [text for text in NAUGHTY if "'" in text or "DROP" in text])
def test_a_hostile_parameter_is_compared_and_not_run(db: Path, text: str) -> None:
    before = db.read_bytes()
    sql = "SELECT tweet_id FROM tweets WHERE text = $text"
    found = json.loads(invoke("query", sql, "--param", f"text={text}", "--db", db, "--json").stdout)
    assert found == [{"tweet_id": POSTS[NAUGHTY.index(text)][0]}]
    assert db.read_bytes() == before
