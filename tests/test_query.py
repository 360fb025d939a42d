"""A query sees the database and nothing else, and each format holds the whole answer."""

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tiny import put_bars, put_tweets
from typer.testing import CliRunner

from tweetscore.cli.app import app
from tweetscore.errors import InputError
from tweetscore.market.windows import ensure_windows
from tweetscore.query.info import describe
from tweetscore.query.run import run_query
from tweetscore.query.sandbox import BATCH_ROWS, READY
from tweetscore.query.shipped import parse_parameters, query_text
from tweetscore.store.database import Store, open_store, shipped

pytestmark = pytest.mark.slow  # every query has a process of its own

TEXT = 'says "no", | and\nﬁn 😀'
HARD = f"""
    SELECT * FROM (VALUES
        (1, true, 0.1::FLOAT, 2585.6::DOUBLE, $${TEXT}$$, 9223372036854775807,
            TIMESTAMP '2018-12-19 19:00:00', DATE '2018-12-19', [1.5, NULL], 5::HUGEINT),
        (2, NULL, NULL, 'nan'::DOUBLE, '', -1234567, TIMESTAMP '2018-12-19 19:00:00.25',
            NULL, NULL, NULL)
    ) AS hard(n, yes, f, price, text, id, seen, day, list, total) ORDER BY n
"""
NAMES = ["n", "yes", "f", "price", "text", "id", "seen", "day", "list", "total"]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small scored database; nothing here may change it."""
    path = tmp_path_factory.mktemp("query") / "small.duckdb"
    with open_store(path) as store:
        fill(store)
    return path


def fill(store: Store) -> None:
    """One day that rises for half an hour and falls for the next, and tweets around it."""
    put_tweets(
        store,
        [
            (101, "2018-12-19 18:00:00", "before the model's time, down"),
            (102, "2018-12-19 18:20:30", "in the test part, down"),
            (103, "2018-12-19 20:58:00", "too late for 30 minutes"),
            (104, "2018-12-20 03:00:00", "at night, after the last bar"),
            (105, "2018-12-19 10:00:00", "before the first bar"),
        ],
    )
    put_bars(store, "2018-12-19T17:30:00", [100.0 + min(n, 60 - n) / 4 for n in range(61)])
    put_bars(store, "2018-12-19T20:00:00", [100.0] * 60)
    ensure_windows(store)
    store.con.execute(
        "INSERT INTO models VALUES ('0123', 'hand', 'direction', ['down', 'up'], 'regular', false, "
        "'2018-12-19 18:10', '2018-12-19 18:15', '2018-12-19 18:20', '2018-12-19 21:01', '{}', "
        "'2018-12-19 18:20')"
    )
    store.con.execute(
        "INSERT INTO predictions SELECT '0123', platform, tweet_id, 5, 2, "
        "3 * (tweet_id - 100) % 8 / 8 FROM tweets"
    )
    store.con.execute("INSERT INTO predictions VALUES ('0123', 'twitter', 103, 30, 2, 0.5)")
    store.con.execute(
        "INSERT INTO sources VALUES (1, 'a.json', 'ab', 9, 'tweets', 'tweet-json', NULL, 'UTC', "
        "7, 5, 0, 1, 1, 0, '2026-01-01', '2026-01-01', NULL, NULL)"
    )
    store.con.execute("INSERT INTO rejects VALUES (1, 3, 200, 'has no id', '{}')")
    store.con.execute(
        "INSERT INTO known_words VALUES ('0123', 'Latin', 10, 8), ('0123', 'Latin', 30, 22), "
        "('0123', 'Han', 4, 0)"
    )


def printed(db: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["query", *arguments, "--db", str(db)])
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def asked(
    db: Path, text: str, given: Sequence[str] = (), limit_seconds: float | None = None
) -> pl.DataFrame:
    with run_query(db, text, parse_parameters(given), limit_seconds=limit_seconds) as answer:
        frame = pl.concat([pl.DataFrame(schema=answer.schema), *answer.batches])
    assert answer.names == frame.columns
    return frame


def refused(db: Path, sql: str, *given: str, limit_seconds: float | None = None) -> str:
    with pytest.raises(InputError) as refusal:
        asked(db, sql, given, limit_seconds)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


# --- formats --------------------------------------------------------------------------------------


def test_a_table_shows_every_row_and_rounds_no_price(db: Path) -> None:
    lines = [
        "n  yes    f   price  text                               id  "
        "seen                        day         list         total",
        '1  yes  0.1  2585.6  says "no", | and  9223372036854775807  '
        "2018-12-19 19:00:00         2018-12-19  [1.5, null]      5",
        "                     ﬁn 😀",
        f"2  -      -     nan  {'':16}  {-1234567:>19}  "
        "2018-12-19 19:00:00.250000  -           -                -",
    ]
    assert printed(db, HARD).splitlines() == lines


def test_csv_quotes_what_must_be_quoted_and_tells_null_from_empty(db: Path) -> None:
    assert printed(db, HARD, "--format", "csv") == (
        f"{','.join(NAMES)}\n"
        '1,true,0.1,2585.6,"says ""no"", | and\nﬁn 😀",9223372036854775807,'
        '2018-12-19T19:00:00.000000,2018-12-19,"[1.5, null]",5\n'
        '2,,,NaN,"",-1234567,2018-12-19T19:00:00.250000,,,\n'
    )


ROWS: list[list[Any]] = [
    [1, True, 0.1, 2585.6, TEXT, 9223372036854775807, "2018-12-19T19:00:00", "2018-12-19",
     [1.5, None], 5],
    [2, None, None, None, "", -1234567, "2018-12-19T19:00:00.250000", None, None, None],
]  # fmt: skip


@pytest.mark.parametrize("flags", [["--format", "json"], ["--json"]])
def test_json_is_one_list_with_exact_ids(db: Path, flags: list[str]) -> None:
    output = printed(db, HARD, *flags)
    assert json.loads(output) == [dict(zip(NAMES, row, strict=True)) for row in ROWS]
    assert output.count("\n") == 1
    assert "NaN" not in output  # json.loads would take it, others do not


def test_jsonl_is_one_object_a_line(db: Path) -> None:
    lines = printed(db, HARD, "--format", "jsonl").splitlines()
    assert [json.loads(line) for line in lines] == [
        dict(zip(NAMES, row, strict=True)) for row in ROWS
    ]


def test_markdown_keeps_its_columns_whatever_the_text_holds(db: Path) -> None:
    assert printed(db, HARD, "--format", "md").splitlines() == [
        f"| {' | '.join(NAMES)} |",
        f"| {' | '.join(['---'] * 10)} |",
        '| 1 | yes | 0.1 | 2585.6 | says "no", \\| and ﬁn 😀 | 9223372036854775807 | '
        "2018-12-19 19:00:00 | 2018-12-19 | [1.5, null] | 5 |",
        "| 2 | - | - | nan |  | -1234567 | 2018-12-19 19:00:00.250000 | - | - | - |",
    ]


def test_parquet_holds_the_columns_as_they_are(db: Path) -> None:
    result = CliRunner().invoke(app, ["query", HARD, "--format", "parquet", "--db", str(db)])
    frame = pl.read_parquet(BytesIO(result.stdout_bytes))
    assert frame.columns == NAMES
    assert frame.schema["f"] == pl.Float32
    assert frame.schema["seen"] == pl.Datetime("us")
    assert frame["id"].to_list() == [9223372036854775807, -1234567]
    assert frame["text"].to_list() == [TEXT, ""]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("table", "a\n"),
        ("csv", "a\n"),
        ("json", "[]\n"),
        ("jsonl", ""),
        ("md", "| a |\n| --- |\n"),
    ],
)
def test_no_rows_are_no_rows_in_every_format(db: Path, output: str, expected: str) -> None:
    assert printed(db, "SELECT 1 AS a WHERE false", "--format", output) == expected


def test_a_tweet_cannot_move_the_cursor_of_a_terminal(db: Path) -> None:
    output = printed(db, "SELECT 'a' || chr(27) || '[2Jb' || chr(13) || 'c' || chr(9) || 'd' AS t")
    assert output == "t\na�[2Jbc d\n"


def test_years_and_ids_are_not_cut_into_thousands(db: Path) -> None:
    sql = "SELECT year(min(posted_utc)) AS year, 25073877 AS id FROM tweets"
    assert printed(db, sql) == "year        id\n2018  25073877\n"


def test_a_long_result_is_whole_in_a_pipe(db: Path) -> None:
    lines = printed(db, "SELECT i, repeat('x', 300) AS t FROM range(5000) t(i)").splitlines()
    assert len(lines) == 5_001
    assert lines[-1] == f"4999  {'x' * 300}"


# --- nothing else can be reached ------------------------------------------------------------------

REFUSED = "a query is one SELECT; write others with another DuckDB client"


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO tweets SELECT * FROM tweets",
        "UPDATE settings SET flat_bps = 1",
        "DELETE FROM tweets",
        "DROP TABLE tweets",
        "CREATE TABLE t (a INTEGER)",
        "CREATE TEMP TABLE t AS SELECT 1",
        "CREATE MACRO f() AS 1",
        "COPY tweets TO 'stolen.csv'",
        "EXPORT DATABASE 'stolen'",
        "ATTACH 'other.duckdb'",
        "PRAGMA database_list",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CALL pragma_version()",
        "CHECKPOINT",
        "BEGIN",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE tweets",
        "",
        "-- nothing",
    ],
)
def test_whatever_is_not_one_select_is_refused(db: Path, sql: str) -> None:
    before = db.read_bytes()
    assert refused(db, sql) == REFUSED
    assert db.read_bytes() == before


@pytest.mark.parametrize(
    "sql",
    [
        "WITH gone AS (DELETE FROM tweets RETURNING 1) FROM gone",
        "WITH more AS (INSERT INTO intervals VALUES (7) RETURNING 1) FROM more",
        "EXPLAIN ANALYZE DELETE FROM tweets",
        "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1",
    ],
)
def test_a_select_that_writes_is_refused_by_the_database(db: Path, sql: str) -> None:
    before = db.read_bytes()
    assert refused(db, sql).startswith("the query fails: ")
    assert db.read_bytes() == before


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.csv"
    path.write_text("word\nopen sesame\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "source",
    [
        "read_csv('{}')", "read_text('{}')", "read_blob('{}')", "read_json('{}')",
        "read_parquet('{}')", "sniff_csv('{}')", "parquet_metadata('{}')", "glob('{}')", "'{}'",
        "query('FROM ''{}''')", "query_table('{}')", "read_duckdb('{}')",
        "'/etc/passwd'", "read_text('/etc/passwd')", "read_csv('https://example.org/a.csv')",
        "duckdb_secrets()",
    ],
)  # fmt: skip
def test_files_and_the_network_are_out_of_reach(db: Path, secret: Path, source: str) -> None:
    message = refused(db, f"FROM {source.format(secret)}")
    assert message.startswith("the query fails: ")
    assert "sesame" not in message


@pytest.mark.parametrize(
    "name",
    ["frame", "parameters", "store", "statements", "self", "request", "out", "values", "reader"],
)
def test_the_variables_of_the_program_are_no_tables(db: Path, name: str) -> None:
    assert "does not exist" in refused(db, f"FROM {name}")


def test_describe_summarize_and_explain_are_allowed(db: Path) -> None:
    names = asked(db, "DESCRIBE tweets")["column_name"].to_list()
    assert names[:3] == ["platform", "tweet_id", "author"]
    assert asked(db, "SUMMARIZE settings").height == 3
    assert "explain_value" in asked(db, "EXPLAIN SELECT 1").columns
    assert asked(db, "FROM settings;").height == 1


def test_a_reader_leaves_no_file_beside_the_database(db: Path) -> None:
    asked(db, "FROM scored")
    assert [path.name for path in db.parent.iterdir()] == [db.name]


# --- parameters and mistakes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("30", (30, "INTEGER")),
        ("-30", (-30, "INTEGER")),
        ("9223372036854775807", (9223372036854775807, "BIGINT")),
        ("2.5", (2.5, "DOUBLE")),
        ("0123", ("0123", "VARCHAR")),
        ("0", (0, "INTEGER")),
        ("half=1", ("half=1", "VARCHAR")),
        ("it's; DROP TABLE tweets", ("it's; DROP TABLE tweets", "VARCHAR")),
        ("", ("", "VARCHAR")),
    ],
)
def test_a_parameter_is_a_number_where_it_looks_like_one(
    db: Path, given: str, expected: tuple[object, str]
) -> None:
    frame = asked(db, "SELECT $p AS p, typeof($p) AS kind", [f"p={given}"])
    assert frame.rows() == [expected]


def test_a_date_given_as_a_parameter_is_compared_as_a_time(db: Path) -> None:
    sql = "SELECT tweet_id FROM tweets WHERE posted_utc >= $since ORDER BY ALL"
    frame = asked(db, sql, ["since=2018-12-19 20:00"])
    assert frame["tweet_id"].to_list() == [103, 104]


def test_a_missing_parameter_is_named_with_the_option_that_gives_it(db: Path) -> None:
    expected = "the query needs a value for $until: --param until=VALUE"
    assert refused(db, "SELECT $since, $until", "since=1") == expected


def test_a_parameter_that_the_query_has_not_is_named(db: Path) -> None:
    expected = "the query has no parameter $symbol; it has: since"
    assert refused(db, "SELECT $since", "since=1", "symbol=SPX") == expected
    assert refused(db, "SELECT 1", "since=1") == "the query has no parameter $since; it has: none"


def test_a_parameter_given_twice_is_refused(db: Path) -> None:
    expected = "--param since: is given twice; give each parameter once"
    assert refused(db, "SELECT $since", "since=1", "since=2") == expected


@pytest.mark.parametrize("given", ["since", "=1", "two words=1", "1=1"])
def test_a_parameter_without_name_or_value_is_told_how_to_write_it(db: Path, given: str) -> None:
    expected = f"--param {given}: is not NAME=VALUE; write it as --param interval=30"
    assert refused(db, "SELECT $since", given) == expected


def test_a_syntax_error_is_one_line(db: Path) -> None:
    expected = 'the query fails: Parser Error: syntax error at or near "SELEC"'
    assert refused(db, "SELEC\n1") == expected


def test_an_unknown_column_is_one_line_with_what_there_is(db: Path) -> None:
    message = refused(db, "SELECT tweetid FROM tweets")
    assert message.startswith("the query fails: Binder Error: Referenced column ")
    assert "tweet_id" in message


def test_two_columns_of_one_name_are_told_apart_by_the_user(db: Path) -> None:
    expected = "two columns of the query have the same name; rename one with AS"
    assert refused(db, "SELECT 1 AS a, 2 AS a") == expected


def test_a_type_without_a_form_is_to_be_cast(db: Path) -> None:
    expected = "a column of the query has a type that cannot be shown; cast it to VARCHAR"
    for column in ("INTERVAL 3 DAY", "[INTERVAL 3 DAY]", "{'a': [INTERVAL 3 DAY]}"):
        assert refused(db, f"SELECT {column} AS three") == expected


def test_a_wrong_value_met_only_in_a_late_batch_is_one_line(db: Path) -> None:
    sql = "SELECT if(n < 5_000_000, n, ('x' || n)::INTEGER) AS n FROM range(5_000_001) t(n)"
    with run_query(db, sql, {}, limit_seconds=None) as answer:
        first = next(answer.batches)
        assert first.height == BATCH_ROWS
        with pytest.raises(InputError) as refusal:
            list(answer.batches)
    expected = "the query fails: Conversion Error: Could not convert string 'x5000000' to INT32"
    assert str(refusal.value) == expected


# --- time -----------------------------------------------------------------------------------------

HUNGRY = [
    "SELECT len(range(1000000000)) AS n",
    "SELECT list_sort(range(200000000))[1] AS n",
    "SELECT len(repeat('x', 4000000000)) AS n",
    "SELECT len(list(n)) AS n FROM range(500000000) t(n)",
]
DEAF = "SELECT levenshtein(repeat('ab', 60000), repeat('ba', 60000)) AS n"


@pytest.mark.parametrize("sql", [*HUNGRY, DEAF])
def test_a_query_is_bounded_in_time_and_memory(db: Path, sql: str) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    began = time.monotonic()
    message = refused(db, sql, limit_seconds=5)
    assert time.monotonic() - began < 90  # to start a process takes long where many run
    told = "the query needs more memory than it may have; ask for less, or allow more with"
    assert message.startswith((told, TOO_LONG.format("5")))
    most_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert most_kib == before or most_kib < 2_000_000


@pytest.mark.parametrize("before", ["", "EXPLAIN ", "EXPLAIN ANALYZE "])
def test_a_copy_writes_nothing_however_it_is_asked_for(
    db: Path, tmp_path: Path, before: str
) -> None:
    refused(db, f"{before}COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'")
    assert list(tmp_path.iterdir()) == []


LONG = "SELECT sum(a.n * b.n) AS n FROM range(10_000_000) a(n), range(1_000_000) b(n)"
ENDLESS = "SELECT a.n FROM range(10_000_000) a(n), range(1_000_000) b(n)"
TOO_LONG = (
    "the query took longer than {} s and was stopped; allow more with --timeout, or ask for less"
)


@pytest.mark.parametrize("sql", [LONG, ENDLESS])
@pytest.mark.parametrize("limit_seconds", [0.2, 1e-9])
def test_a_query_that_takes_too_long_is_stopped(db: Path, sql: str, limit_seconds: float) -> None:
    began = time.monotonic()
    message = refused(db, sql, limit_seconds=limit_seconds)
    assert message == TOO_LONG.format(f"{limit_seconds:g}")
    assert time.monotonic() - began < 90  # and it would take hours
    assert asked(db, "SELECT 1 AS n").rows() == [(1,)]


def test_the_time_that_the_reader_of_batches_takes_does_not_count(db: Path) -> None:
    sql = "SELECT n FROM range(300_000) t(n)"
    with run_query(db, sql, {}, limit_seconds=4) as answer:
        rows = next(answer.batches).height
        waited = threading.Event().wait(4.5)  # as a pager does
        rows += sum(batch.height for batch in answer.batches)
    assert (rows, waited) == (300_000, False)


def test_nothing_runs_on_when_an_answer_is_left_early(db: Path) -> None:
    before = threading.active_count()
    with run_query(db, ENDLESS, {}, limit_seconds=60) as answer:
        assert next(answer.batches).height == BATCH_ROWS
    assert threading.active_count() == before
    with open_store(db):  # the file is free to be written
        pass


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("sql", [LONG, ENDLESS])
def test_ctrl_c_stops_a_query_at_once(db: Path, sql: str) -> None:
    code = """
import os, signal, sys, threading
from pathlib import Path
from tweetscore.query.run import run_query
signal.signal(signal.SIGINT, signal.default_int_handler)
threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT]).start()
with run_query(Path(sys.argv[1]), sys.argv[2], {}, limit_seconds=None) as answer:
    for batch in answer.batches:
        pass
"""
    arguments = [sys.executable, "-c", code, str(db), sql]
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
    assert (result.stdout, result.stderr.splitlines()[-1]) == ("", "KeyboardInterrupt")


def test_a_query_ends_with_whoever_asked_for_it_even_if_that_was_killed(db: Path) -> None:
    request = {"db": str(db), "text": LONG, "parameters": {}}
    sandbox = subprocess.Popen(
        [sys.executable, "-m", "tweetscore.query.sandbox"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert sandbox.stdin
    assert sandbox.stdout
    sandbox.stdin.write(json.dumps(request).encode() + b"\n")
    sandbox.stdin.flush()
    assert sandbox.stdout.read(len(READY)) == READY
    sandbox.stdin.close()  # as the system does it for a process that has ended
    assert sandbox.wait(timeout=60) == 1
    sandbox.stdout.close()


def test_no_progress_of_the_database_stands_in_the_output(db: Path) -> None:
    assert asked(db, "SELECT current_setting('enable_progress_bar') AS n").rows() == [(False,)]


# --- where the statement comes from ---------------------------------------------------------------


def test_a_statement_is_given_by_text_name_path_or_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "mine.sql"
    path.write_text("SELECT 'ü'", encoding="utf-8")
    found = (shipped("sql") / "queries" / "hit_rate.sql").read_text("utf-8")
    assert query_text("SELECT 1", None, StringIO("no")) == "SELECT 1"
    assert query_text(None, str(path), StringIO("no")) == "SELECT 'ü'"
    assert query_text(None, "hit_rate", StringIO("no")) == found
    assert query_text(None, "hit_rate.sql", StringIO("no")) == found
    assert query_text("-", None, StringIO("SELECT 2")) == "SELECT 2"
    assert query_text(None, "-", StringIO("SELECT 2")) == "SELECT 2"


@pytest.mark.parametrize(
    ("sql", "file", "expected"),
    [
        (
            None,
            None,
            "no query: give SQL, or --file with a file or a name from: tweetscore query --list",
        ),
        ("SELECT 1", "hit_rate", "SQL and --file are both given; give one of them"),
        ("-", "-", "SQL and --file are both given; give one of them"),
        (
            None,
            "hitrate",
            "hitrate: no such file or shipped query; list these with: tweetscore query --list; "
            "did you mean hit_rate?",
        ),
        (
            None,
            "x/zz.sql",
            "x/zz.sql: no such file or shipped query; list these with: tweetscore query --list",
        ),
    ],
)
def test_no_statement_or_two_or_an_unknown_one_is_refused(
    sql: str | None, file: str | None, expected: str
) -> None:
    with pytest.raises(InputError) as refusal:
        query_text(sql, file, StringIO("SELECT 1"))
    assert str(refusal.value) == expected


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.sql").write_bytes(b"SELECT '\xff'")
    with pytest.raises(InputError, match=r"binary\.sql: cannot be read as UTF-8 text"):
        query_text(None, str(tmp_path / "binary.sql"), StringIO())
    with pytest.raises(InputError, match="standard input: is not UTF-8 text"):
        query_text("-", None, TextIOWrapper(BytesIO(b"SELECT '\xff'"), encoding="utf-8"))


HEADER = """-- One row: one number.
-- $n = 20: a number, not $m
-- $Word = up: a word
-- $none = null: nothing at all
-- $spare = 1: of no use
SELECT $n AS n, $word AS word, $none AS none
-- $late = 1: too late to count
"""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], (20, "up", None)),
        (["N=21", "none=0123"], (21, "up", "0123")),
        (["word=null", "none=1.5"], (20, None, 1.5)),
    ],
)
def test_a_header_gives_defaults(db: Path, given: list[str], expected: tuple[Any, ...]) -> None:
    assert asked(db, HEADER, given).rows() == [expected]


def test_a_parameter_without_default_must_be_given(db: Path) -> None:
    text = "-- $late: no default\nSELECT $late AS late\n-- $late = 1: too late to count\n"
    assert refused(db, text) == "the query needs a value for $late: --param late=VALUE"
    assert asked(db, text, ["late=7"]).rows() == [(7,)]


@pytest.mark.parametrize("folder", ["queries", "query/info"])
def test_every_shipped_statement_says_first_what_one_row_is(folder: str) -> None:
    paths = sorted((shipped("sql") / folder).glob("*.sql"))
    assert paths
    assert [path.stem for path in paths if not path.read_text().startswith("-- One row: ")] == []


def test_info_holds_the_whole_of_a_small_database(db: Path) -> None:
    intervals = (5, 10, 15, 20, 30, 40, 50)
    day = datetime(2018, 12, 19)
    with open_store(db, read_only=True) as store:
        sections = describe(store)
    alignments = sections.pop("alignments")
    assert alignments["exchange_time"][0] == "2018-12-19 13:00:00 America/New_York"
    assert {name: frame.rows() for name, frame in sections.items()} == {
        "sources": [(1, "a.json", 7, 5, 0, 1, 1, 0)],
        "taken": [],
        "clocks": [(1, "tweet-json", "UTC")],
        "rejects": [(1, 3, 200, "has no id")],
        "tweets": [("twitter", 5, 1, day.replace(hour=10), datetime(2018, 12, 20, 3))],
        "bars": [
            ("SPX", "XNYS", 121, day.replace(hour=17, minute=30), day.replace(hour=20, minute=59))
        ],
        "windows": [
            # Two sessions of 62 and 61 minutes, the minute of their close included.
            *(("SPX", "extended", n, 123 - 2 * n, 0, 0, 2 * n) for n in intervals),
            # One of 211: no price at 17:30, and from 18:37, five minutes after the last, to 20:00.
            *(("SPX", "regular", n, 211 - 85 - 2 * n, 85, n, n) for n in intervals),
        ],
        "models": [
            ("0123", "hand", minutes, count, day.replace(hour=18, minute=20))
            for minutes, count in ((5, 5), (30, 1))
        ],
        "words": [("0123", "hand", "Latin", 40, 0.75), ("0123", "hand", "Han", 4, 0.0)],
        "links": [],
    }


def test_info_has_a_line_for_a_platform_however_many_authors_it_has(store: Store) -> None:
    store.con.execute(
        "INSERT INTO tweets SELECT if(n < 7, 'other', 'bluesky'), n, nullif('a' || n // 2, 'a2'), "
        "TIMESTAMP '2024-01-01' + to_hours(n), 'hi', NULL, NULL, NULL, NULL, 1 "
        "FROM range(1, 1001) AS numbers(n)"
    )
    found = describe(store)["tweets"]
    assert found.columns == ["platform", "tweets", "authors", "first_utc", "last_utc"]
    start = datetime(2024, 1, 1)
    assert found.rows() == [
        ("bluesky", 994, 498, start + timedelta(hours=7), start + timedelta(hours=1000)),
        ("other", 6, 3, start + timedelta(hours=1), start + timedelta(hours=6)),
    ]
