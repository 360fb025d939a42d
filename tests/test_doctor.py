"""The doctor finds each thing that can be broken, names it, and finds nothing where nothing is."""

import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from tiny import RULES, VOCABULARY, contents, edit_card, put_bars, put_symbol, tiny_bundle
from typer.testing import CliRunner

from tweetscore.bars.clock import Claims, audit_bars
from tweetscore.checks.doctor import AGAIN, BY_HAND, NEXT_STEPS, NO_RULE, Check, diagnose
from tweetscore.cli.app import app
from tweetscore.market.sessions import exchange_sessions
from tweetscore.sample.write import ARCHIVE_NAME, BARS_NAME, write_sample
from tweetscore.scoring.bundle import write_bundle
from tweetscore.scoring.changed import NO_CLASSIFIER
from tweetscore.store.database import SCHEMA_VERSION, Store, open_store, shipped, statement

pytestmark = pytest.mark.slow

POSTED = datetime(2023, 3, 2, 17, 0, tzinfo=UTC)
POST_ID = (int(POSTED.timestamp() * 1000) - 2_000 - 1_288_834_974_657) << 22
SHIPPED = sorted(path.name for path in shipped("models").glob("*/"))
# In the order in which they run; each of the folder's bundles follows.
NAMES = [
    "schema",
    "readable",
    *NEXT_STEPS,
    "links",
    "warnings",
    "known_words",
    "text_folders",
    "tweet_clocks",
    "bar_clock MADEUP",
]
NOT_TESTABLE = (
    "not testable: nothing in these bars tests the clock UTC; start or end of the minute "
    "not proven; "
    "calendar XNYS as claimed"
)
STARTS = (
    "stamps are the start of the minute (a bar is stamped on the opening minute on {} days, on the "
    "closing on 0)"
)
# The words of the made-up posts are hardly those of the tiny bundle.
KNOWN_WORDS = "1 % of the words are known to tiny (Latin 0.9 %)"
TRAIN_ON_SUCH_POSTS = "train a model on such posts: tweetscore train"
COPY_BUNDLE = "copy the whole model folder again, or train it again"


def invoke(*arguments: object, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result


TAKEN = "columns: text, posted = 'created_at', tweet_id = 'id_str', retweet_count, favorite_count"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scored database whose sources overlap, and its bundle.

    One post is two seconds off the time in its id, and there are tables of the user's own.
    """
    folder = tmp_path_factory.mktemp("made")
    write_sample(folder, posts=100, days=24)
    tiny_bundle(folder / "tiny")
    posts = json.loads((folder / ARCHIVE_NAME).read_text("utf-8"))
    longer = {**posts[0], "text": f"{posts[0]['text']} great day"}
    fresh = {**posts[0], "id_str": str(POST_ID), "created_at": f"{POSTED:%a %b %d %H:%M:%S %z %Y}"}
    undated = {**fresh, "id_str": str(POST_ID + 1), "created_at": "yesterday"}
    more = [longer, *posts[1:5], fresh, undated]
    (folder / "more.json").write_text(json.dumps(more), "utf-8")
    files = [folder / ARCHIVE_NAME, folder / BARS_NAME, folder / "more.json"]
    found = invoke("ingest", *files, "--db", folder / "made.duckdb", "--json")
    assert json.loads(found.stdout)["files"][2] | {"clock": "", "sha256": "", "bytes": 0} == {
        "name": str(folder / "more.json"), "kind": "tweets", "format": "tweet-json",
        "symbol": None, "clock": "", "sha256": "", "bytes": 0, "rows_read": 7, "stored": 1,
        "updated": 1, "duplicates": 4, "rejected": 1, "repaired": 0, "unchanged": False,
        "taken": TAKEN, "error": None, "warnings": [], "candidates": [],
    }  # fmt: skip
    invoke("score", "--model", folder / "tiny", "--db", folder / "made.duckdb")
    own = 'CREATE TABLE "my ""own""" (tweets INTEGER); CREATE VIEW mine AS FROM tweets'
    damage(folder / "made.duckdb", own)
    return folder


@pytest.fixture
def db(made: Path, tmp_path: Path) -> Path:
    """A copy of the scored database."""
    return Path(shutil.copy(made / "made.duckdb", tmp_path / "copy.duckdb"))


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    """A copy of the bundle."""
    return Path(shutil.copytree(made / "tiny", tmp_path / "tiny"))


def damage(db: Path, sql: str) -> None:
    with duckdb.connect(str(db)) as con:
        con.execute(sql)


def only_broken(*arguments: object) -> Check:
    """Run the command, which must exit 5 for one broken check; return that."""
    result = invoke("doctor", *arguments, "--json", code=5)
    found = json.loads(result.stdout)
    (broken,) = [Check(**each) for each in found["checks"] if each["ok"] is False]
    assert found["ok"] is False
    assert result.stderr == (
        f"Error: 1 of {len(found['checks'])} checks found something broken; "
        f"the first is {broken.name} ({broken.fact}); {broken.next_step}\n"
    )
    return broken


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


# --- health ---------------------------------------------------------------------------------------


def test_a_healthy_database_and_its_bundles_are_told_so_as_json(made: Path) -> None:
    before = (made / "made.duckdb").read_bytes()
    result = invoke("doctor", "--db", made / "made.duckdb", "--model", made / "tiny", "--json")
    facts = dict.fromkeys(NAMES, "none found")
    facts["tweet_clocks"] = "101 tweets agree with the time inside their ids"
    facts["bar_clock MADEUP"] = (
        f"proven: UTC fits 23 of 23 testable days; {STARTS.format(23)}; calendar XNYS"
    )
    facts["known_words"] = KNOWN_WORDS
    facts["text_folders"] = NO_CLASSIFIER
    facts["links"] = NO_RULE
    steps = {"known_words": TRAIN_ON_SUCH_POSTS}
    checks = json.loads(result.stdout)["checks"]
    *of_shipped, of_tiny = checks[len(NAMES) :]
    assert checks[: len(NAMES)] == [
        {"name": name, "ok": True, "fact": fact, "next_step": steps.get(name)}
        for name, fact in facts.items()
    ]
    assert [(each["name"], each["ok"]) for each in of_shipped] == [
        (f"bundle {name}", True) for name in SHIPPED
    ]
    assert re.fullmatch("model [0-9a-f]{16} scores", of_tiny["fact"])
    assert (of_tiny["name"], of_tiny["ok"]) == (f"bundle {made / 'tiny'}", True)
    assert json.loads(result.stdout) == {"json_version": 1, "checks": checks, "ok": True}
    assert result.stderr == ""
    assert (made / "made.duckdb").read_bytes() == before


def test_the_table_has_a_line_for_each_check_and_says_what_to_do_about_a_broken_one(
    db: Path,
) -> None:
    damage(db, "INSERT INTO intervals FROM intervals WHERE interval_minutes < 30")
    fact = "; ".join(f"interval {minutes} is there 2 times" for minutes in (10, 15, 20))
    result = invoke("doctor", "--db", db, code=5)
    lines = [re.split("  +", line) for line in result.stdout.splitlines()]
    assert lines[0] == ["check", "result", "fact", "what to do"]
    assert [line[0] for line in lines[1:]] == [*NAMES, *(f"bundle {name}" for name in SHIPPED)]
    expected = ["duplicate_entries", "broken", f"4 found: {fact}; …", BY_HAND]
    warned = ["known_words", "warning", KNOWN_WORDS, TRAIN_ON_SUCH_POSTS]
    assert [line for line in lines[1:] if line[1] != "ok"] == [expected, warned]


def test_an_empty_database_is_healthy(store: Store) -> None:
    store.con.close()
    assert [check for check in diagnose(store.path) if not check.ok] == [
        Check("known_words", None, "no word counts are stored"),
        Check("tweet_clocks", None, "no stored id contains a time"),
    ]


# --- each check, alone ----------------------------------------------------------------------------

UNCHECKED = re.sub(r",( *--[^\n]*)\n *CHECK \(.*\)", r"\1", statement("store/schema"))
UNCHECKED = "\n".join(re.findall(r"CREATE TABLE sources \(.*?\n\);", UNCHECKED, re.DOTALL))
BOOKED = "UPDATE sources SET stored = stored + 1, rows_read = rows_read + 1 WHERE kind = "
# A post and a bar of the sample's years that it does not hold, for what must have one.
TWEET = "INSERT INTO tweets SELECT 'other', 7, NULL, '2023-03-01', 'a word', 1, 1, false, NULL, 1"
BAR = "INSERT INTO bars SELECT 'MADEUP', TIMESTAMP '2023-03-04 12:00', 9, 9, 9, 9, 1, 2"
WINDOW = (
    "INSERT INTO windows (session_date, symbol, session, minute_utc, interval_minutes, "
    "entry_price, exit_price, return_bps, status) "
    "SELECT DATE '2023-03-04', 'MADEUP', 'regular', TIMESTAMP '2023-03-04 12:00', 5"
)
RULE = "INSERT INTO link_rules VALUES (1, '{symbol}', 'word', 'x', NULL, NULL)"
MODEL = (
    "INSERT INTO models VALUES "
    "('m', 'm', 'label', ['glad', 'sad'], NULL, false, NULL, NULL, NULL, NULL, '{}', NULL)"
)
SOURCE = "INSERT INTO sources SELECT 9, 'x/a.json', '', 0, 'tweets', '', NULL, ''"
DAY = "TIMESTAMP '2023-03-01'"
NO_ENTRY = (
    f"SELECT 'MADEUP' AS symbol, 'regular', {DAY}, 5 AS minutes, NULL, NULL, NULL, 'no_entry', "
    f"NULL, {DAY}::DATE"
)
UNDO = f"undo this change with a DuckDB client, or {AGAIN}"
AT_NOON = "MADEUP regular at 2023-03-04 12:00:00, 5 minutes"
CLASS = "INSERT INTO predictions SELECT 'm', 'twitter', {id}, NULL, {number}"
NUMBERED = (
    "INSERT INTO sources SELECT {id}, 'x/a.csv', '', 0, 'tweets', 'table', NULL, '', "
    f"{{stored}} + {{duplicates}}, {{stored}}, 0, {{duplicates}}, 0, 0, {DAY}, {DAY}, NULL, NULL"
)
NUMBERED_POSTS = f"{TWEET.replace(' 7,', ' range + 1,')[:-1]}8 FROM range(12)"

# What is done to the database; which check finds it; what it says; what it says to do.
DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "views and the version differ": (
        "DROP VIEW scored_extended; CREATE OR REPLACE VIEW scored AS FROM scored_all; "
        "DROP VIEW scored_labels",
        "schema",
        "3 found: view scored differs; view scored_extended is missing; "
        "view scored_labels is missing",
        UNDO,
    ),
    "a table is gone": (
        "DROP TABLE thresholds",
        "schema",
        "3 found: thresholds.interval_minutes is missing; thresholds.model_id is missing; "
        "thresholds.threshold_bps is missing",
        UNDO,
    ),
    "columns are gone, new and different": (
        "ALTER TABLE bars DROP volume; ALTER TABLE bars ADD note VARCHAR; "
        "ALTER TABLE bars ALTER open DROP NOT NULL",
        "schema",
        "3 found: bars.note does not belong there; bars.open is DOUBLE, not DOUBLE NOT NULL; "
        "bars.volume is missing",
        UNDO,
    ),
    "a tweet is there twice": (
        f"{TWEET} FROM range(2); {BOOKED} 'tweets' AND source_id = 1; "
        f"{BOOKED} 'tweets' AND source_id = 1",
        "duplicate_tweets",
        "1 found: other 7 is there 2 times",
        AGAIN,
    ),
    "a bar is there twice": (
        f"{BAR} FROM range(2); {BOOKED} 'bars'; {BOOKED} 'bars'",
        "duplicate_bars",
        "1 found: MADEUP at 2023-03-04 12:00:00 is there 2 times",
        AGAIN,
    ),
    "a window is there twice": (
        f"{WINDOW}, NULL, NULL, NULL, 'no_entry' FROM range(2)",
        "duplicate_windows",
        f"1 found: {AT_NOON}, is there 2 times",
        NEXT_STEPS["duplicate_windows"],
    ),
    "a prediction is there twice": (
        f"{MODEL}; INSERT INTO predictions SELECT 'm', 'twitter', {POST_ID}, 5, 1, 1 FROM range(2)",
        "duplicate_predictions",
        f"1 found: twitter {POST_ID} by m, 5 minutes, class 1, is there 2 times",
        NEXT_STEPS["duplicate_predictions"],
    ),
    "a reject is gone": (
        "DELETE FROM rejects",
        "accounting",
        "1 found: source 3 (more.json): 1 rejected, 0 in rejects",
        AGAIN,
    ),
    "predictions without their tweet": (
        f"UPDATE predictions SET tweet_id = 7 WHERE tweet_id = {POST_ID}",
        "orphans",
        "2 found: prediction for twitter 7, which is not there; "
        "prediction for twitter 7, which is not there",
        BY_HAND,
    ),
    "a probability that is none": (
        f"UPDATE predictions SET probability = 'nan' WHERE tweet_id = {POST_ID} "
        "AND interval_minutes = 5",
        "values",
        f"1 found: prediction for twitter {POST_ID}, 5 minutes, class 2: probability nan",
        BY_HAND,
    ),
    "a tweet that is off the time in its id": (
        f"UPDATE tweets SET posted_utc = posted_utc + INTERVAL 4 HOUR WHERE tweet_id = {POST_ID}",
        "tweet_clocks",
        f'1 found: twitter {POST_ID} of more.json: "posted_utc" is 4:00:02 off the time inside '
        "the id",
        AGAIN,
    ),
    "bars on another clock": (
        "UPDATE bars SET minute_utc = minute_utc - INTERVAL 4 HOUR",
        "bar_clock MADEUP",
        "MADEUP: --clock UTC is refuted: of 23 testable days fit UTC 0 (0%), "
        "America/New_York+01:00 23 (100%) (sources: 1)",
        f"{AGAIN}, with the --clock, --stamp or --calendar that is right",
    ),
    "an unknown calendar": (
        "UPDATE symbols SET calendar = 'MARS'",
        "bar_clock MADEUP",
        "unknown calendar 'MARS' (sources: 1)",
        f"{AGAIN}, with the --clock, --stamp or --calendar that is right",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damage_is_found_by_its_check_alone(db: Path, name: str) -> None:
    sql, *expected = DAMAGES[name]
    damage(db, sql)
    broken = only_broken("--db", db)
    assert [broken.name, broken.fact, broken.next_step] == expected


def test_a_block_that_has_changed_on_disk_is_found_and_nothing_else_is_asked(db: Path) -> None:
    with open_store(db) as store:
        (text,) = store.row("SELECT text FROM tweets ORDER BY length(text) DESC, text LIMIT 1")
    flip(db, db.read_bytes().index(text.encode()))
    result = invoke("doctor", "--db", db, "--json", code=5)
    checks = [Check(**each) for each in json.loads(result.stdout)["checks"]]
    assert checks[1].fact.startswith("1 found: tweets: Corrupt database file: computed checksum ")
    assert checks[1].next_step == f"restore a backup, or {AGAIN}"
    # Small tables may share the block.
    assert [(check.name, check.ok) for check in checks[:2]] == [
        ("schema", True),
        ("readable", False),
    ]
    assert [check for check in checks[2:] if not check.ok] == [
        Check(name, None, "not run: readable is broken")
        for name in [
            *NEXT_STEPS,
            "links",
            "warnings",
            "known_words",
            "text_folders",
            "tweet_clocks",
            "bar_clocks",
        ]
    ]


# --- each thing that a statement finds ------------------------------------------------------------

FINDINGS: dict[str, list[tuple[str, str]]] = {
    "duplicate_tweets": [],
    "duplicate_bars": [],
    "duplicate_windows": [],
    "duplicate_predictions": [
        (f"{CLASS.format(id=POST_ID, number=1)}, 1 FROM range(3)",
         f"twitter {POST_ID} by m, class 1, is there 3 times"),
    ],
    "duplicate_links": [
        (f"INSERT INTO links SELECT 'twitter', {POST_ID}, 'MADEUP', [1] FROM range(2)",
         f"twitter {POST_ID} and MADEUP are linked 2 times"),
    ],
    "duplicate_entries": [
        (f"{SOURCE}, 0, 0, 0, 0, 0, 0, {DAY}, {DAY}, NULL, NULL FROM range(2)",
         "source 9 is there 2 times"),
        ("INSERT INTO symbols FROM symbols", "symbol MADEUP is there 2 times"),
        (f"{MODEL}; {MODEL}", "model m is there 2 times"),
        (f"{RULE.format(symbol='MADEUP')}; INSERT INTO link_rules FROM link_rules",
         "rule 1 is there 2 times"),
        (f"INSERT INTO sessions SELECT 'MADEUP', 'regular', {DAY}, {DAY}, {DAY} FROM range(2)",
         "regular session of MADEUP at 2023-03-01 00:00:00 is there 2 times"),
    ],
    "accounting": [
        (f"ALTER TABLE sources RENAME TO old; {UNCHECKED} INSERT INTO sources FROM old; "
         "UPDATE sources SET rows_read = 8 WHERE source_id = 3",
         "source 3 (more.json): 8 rows read, 7 accounted for"),
        ("UPDATE tweets SET source_id = 3 WHERE tweet_id IN "
         "(SELECT min(tweet_id) FROM tweets WHERE source_id = 1)",
         "source 3 (more.json): 2 stored or updated, 3 there"),
        (f"{BOOKED} 'tweets' AND source_id = 1", "tweets: 102 stored by all sources, 101 there"),
        ("DELETE FROM bars WHERE minute_utc > (SELECT min(minute_utc) FROM bars)",
         "bars: {bars} stored by all sources, 1 there"),
    ],
    "orphans": [
        (f"UPDATE tweets SET source_id = 9 WHERE tweet_id = {POST_ID}",
         "tweets of source 9, which is no source of them: 1"),
        (f"UPDATE tweets SET source_id = 2 WHERE tweet_id = {POST_ID}",
         "tweets of source 2, which is no source of them: 1"),
        ("UPDATE bars SET source_id = 9", "bars of source 9, which is no source of them: {bars}"),
        ("UPDATE rejects SET source_id = 9", "rejects of source 9, which is no source of them: 1"),
        ("INSERT INTO bars SELECT 'DAX', TIMESTAMP '2023-03-01', 9, 9, 9, 9, 1, 2 FROM range(2)",
         "bars of symbol DAX, which is not there: 2"),
        (f"INSERT INTO sessions VALUES ('DAX', 'regular', {DAY}, {DAY}, {DAY})",
         "sessions of symbol DAX, which is not there: 1"),
        (f"INSERT INTO windows SELECT 'DAX', * EXCLUDE (symbol) FROM ({NO_ENTRY})",
         "windows of symbol DAX, which is not there: 1"),
        (f"INSERT INTO windows {NO_ENTRY.replace('5 AS', '7 AS')}",
         "windows of 7 minutes, an interval not there: 1"),
        (f"INSERT INTO predictions VALUES ('m', 'twitter', {POST_ID}, 5, 1, 1)",
         "predictions of model m, which is not there: 1"),
        ("INSERT INTO known_words VALUES ('m', 'Latin', 2, 1)",
         "known_words of model m, which is not there: 1"),
        ("INSERT INTO thresholds VALUES ('m', 5, 1)",
         "thresholds of model m, which is not there: 1"),
        (RULE.format(symbol="DAX"), "link_rules of symbol DAX, which is not there: 1"),
        (f"INSERT INTO links VALUES ('twitter', {POST_ID}, 'MADEUP', [1])",
         "links of MADEUP by rule 1, which is no rule of it: 1"),
        (f"{RULE.format(symbol='MADEUP')}; INSERT INTO links VALUES ('twitter', 7, 'MADEUP', [1])",
         "link of twitter 7, which is not there, to MADEUP"),
        (f"{MODEL}; {CLASS.format(id=POST_ID, number=3)}, 1",
         "predictions of class 3 of model m, which has 2: 1"),
        (f"{MODEL}; {CLASS.format(id=7, number=1)}, 1",
         "prediction for twitter 7, which is not there"),
    ],
    "collisions": [
        # Row numbers of one file are nothing lost; those of a second one are.
        (f"{NUMBERED.format(id=8, stored=12, duplicates=0)}; {NUMBERED_POSTS}; "
         f"{NUMBERED.format(id=9, stored=0, duplicates=12)}",
         "source 9 (a.csv): 12 of 12 posts had the number of another, which is no id"),
        (f"{NUMBERED.format(id=8, stored=12, duplicates=3)}; {NUMBERED_POSTS}",
         "source 8 (a.csv): 3 of 15 posts had the number of another, which is no id"),
    ],
    "values": [
        (f"UPDATE tweets SET posted_utc = '2222-01-01' WHERE tweet_id = {POST_ID}",
         f"twitter {POST_ID}: posted 2222-01-01 00:00:00, after its file was read"),
        (f"UPDATE tweets SET posted_utc = 'infinity' WHERE tweet_id = {POST_ID}",
         f"twitter {POST_ID}: posted infinity, after its file was read"),
        (f"UPDATE tweets SET posted_utc = '-infinity' WHERE tweet_id = {POST_ID}",
         f"twitter {POST_ID}: posted -infinity"),
        (f"UPDATE tweets SET tweet_id = -1 WHERE tweet_id = {POST_ID}",
         "twitter -1: its id is not positive"),
        *((BAR.replace("2023-03-04 12:00", time), f"bar of MADEUP at {time}: {said}")
          for time, said in (
              ("-infinity", "before 1970"),
              ("0023-03-04 12:00:00", "before 1970"),
              ("2223-03-04 12:00:00", "after its file was read"),
              ("infinity", "after its file was read"),
          )),
        (f"UPDATE tweets SET retweet_count = -1 WHERE tweet_id = {POST_ID}",
         f"twitter {POST_ID}: retweet_count -1"),
        (f"UPDATE tweets SET favorite_count = -2 WHERE tweet_id = {POST_ID}",
         f"twitter {POST_ID}: favorite_count -2"),
        *((BAR.replace("9, 9, 9, 9, 1", prices), f"bar of MADEUP at 2023-03-04 12:00:00: {said}")
          for prices, said in (
              ("9, 9, 0, 9, 1", "a price is not above 0"),
              ("9, 9, -1, 9, 1", "a price is not above 0"),
              ("9, 'infinity', 9, 9, 1", "a price is not finite"),
              ("9, 9, 9, 'nan', 1", "a price is not finite"),
              ("9, 9, 9, 10, 1", "high and low contradict open and close"),
              ("9, 9, 9, 8, 1", "high and low contradict open and close"),
              ("9, 8, 9, 8, 1", "high and low contradict open and close"),
              ("9, 9, 9, 9, -1", "volume -1.0"),
          )),
        *((f"{WINDOW}, {given}", f"window of {AT_NOON}: {said}")
          for given, said in (
              ("1, 1, 0, 'fine'", "status fine"),
              ("1, 1, 0, 'no_exit'", "status no_exit contradicts its prices"),
              ("1, 1, NULL, 'ok'", "status ok contradicts its prices"),
              ("1, NULL, 0, 'ok'", "status ok contradicts its prices"),
              ("100, 101, 100.00001, 'ok'", "return_bps 100.00001 contradicts its prices"),
              ("100, 101, 'nan', 'ok'", "return_bps nan contradicts its prices"),
          )),
        *((f"UPDATE predictions SET probability = {p} WHERE tweet_id = {POST_ID} "
           "AND interval_minutes = 30",
           f"prediction for twitter {POST_ID}, 30 minutes, class 2: probability {p}")
          for p in (-0.5, 1.5)),
        (f"{CLASS.format(id=POST_ID, number=1)}, 1.5",
         f"prediction for twitter {POST_ID}, class 1: probability 1.5"),
        ("UPDATE sources SET kind = 'cats' WHERE source_id = 3", "source 3 (more.json): kind cats"),
        (f"{SOURCE}, 0, 1, -1, 0, 0, 0, {DAY}, {DAY}, NULL, NULL",
         "source 9 (a.json): a count is negative"),
        (f"INSERT INTO sessions VALUES ('MADEUP', 'night', {DAY}, {DAY}, {DAY})",
         "night session of MADEUP on 2023-03-01: session night"),
        (f"INSERT INTO sessions VALUES ('MADEUP', 'regular', {DAY}, {DAY}, {DAY})",
         "regular session of MADEUP on 2023-03-01: closes before it opens"),
        (RULE.format(symbol="MADEUP").replace("word", "tag"), "rule 1: kind tag"),
        (RULE.format(symbol="MADEUP").replace("'x'", "''"), "rule 1: its term is empty"),
        (RULE.format(symbol="MADEUP").replace("NULL, NULL", f"{DAY}, {DAY}"),
         "rule 1: ends before it begins"),
        ("UPDATE settings SET flat_bps = -1", "settings: a rule is negative"),
        ("INSERT INTO intervals VALUES (0)", "intervals: interval 0"),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def rolled_back(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A copy in which every test's damage is undone by a rollback."""
    path = tmp_path_factory.mktemp("rolled_back") / "copy.duckdb"
    with open_store(Path(shutil.copy(made / "made.duckdb", path))) as store:
        yield store


@pytest.mark.parametrize(
    ("name", "sql", "problem"),
    [(name, *each) for name, found in FINDINGS.items() for each in found],
)
def test_a_statement_has_one_row_for_what_is_wrong(
    rolled_back: Store, name: str, sql: str, problem: str
) -> None:
    (bars,) = rolled_back.row("SELECT count(*) FROM bars")
    rolled_back.con.begin()
    try:
        rolled_back.con.execute(sql)
        text = statement(f"checks/doctor/{name}")
        names = {"part": 0, "parts": 1} if "$parts" in text else {}
        assert rolled_back.rows(text, **names) == [(problem.format(bars=bars),)]
    finally:
        rolled_back.con.rollback()


def test_every_statement_is_run_and_says_first_what_one_row_is() -> None:
    paths = sorted((shipped("sql") / "checks/doctor").glob("*.sql"))
    assert {path.stem for path in paths} == {"schema", *NEXT_STEPS, "known_words"}
    assert {*NEXT_STEPS} == {*FINDINGS}
    assert [path.stem for path in paths if not path.read_text().startswith("-- One row: ")] == []


def test_large_tables_are_searched_in_parts_with_the_same_result(db: Path) -> None:
    twice = "INSERT INTO {0} FROM {0}"
    damage(db, "; ".join(map(twice.format, ("tweets", "bars", "windows", "predictions"))))
    whole = diagnose(db)
    assert [check.name for check in whole if check.ok is False] == [
        "duplicate_tweets",
        "duplicate_bars",
        "duplicate_windows",
        "duplicate_predictions",
        "accounting",
    ]
    assert diagnose(db, part_rows=30_000) == whole


def test_what_the_doctor_says_to_do_makes_the_database_whole(made: Path, db: Path) -> None:
    damage(db, 'DROP TABLE "my ""own"""')
    before = contents(db)
    damage(db, "INSERT INTO windows FROM windows; INSERT INTO predictions FROM predictions")
    broken = {check.name: check.next_step for check in diagnose(db) if check.ok is False}
    assert list(broken) == ["duplicate_windows", "duplicate_predictions"]
    for step in broken.values():
        found = re.fullmatch("with a DuckDB client: (.*); then: tweetscore score", step or "")
        assert found
        damage(db, found[1])
    invoke("score", "--model", made / "tiny", "--db", db)
    assert {check.ok for check in diagnose(db)} == {True}
    assert contents(db) == before


# --- clocks ---------------------------------------------------------------------------------------


def bar_clock(db: Path) -> Check:
    (found,) = [check for check in diagnose(db) if check.name.startswith("bar_clock ")]
    return found


def test_bars_of_too_few_days_are_skipped_with_the_fact(store: Store) -> None:
    put_bars(store, "2018-12-19T14:30:00", [100.0] * 390)
    store.con.close()
    fact = NOT_TESTABLE
    assert bar_clock(store.path) == Check("bar_clock SPX", None, fact)


def test_a_symbol_without_bars_is_skipped(store: Store) -> None:
    store.con.execute("INSERT INTO symbols VALUES ('SPX', 'XNYS', 1)")
    store.con.close()
    assert bar_clock(store.path) == Check("bar_clock SPX", None, "no bars")


def test_sources_of_different_hours_on_one_clock_are_fine_together(db: Path) -> None:
    damage(
        db,
        # A second product of the symbol trades from 4:00 to 20:00 New York for the first half.
        "INSERT INTO bars SELECT 'MADEUP', unnest(generate_series(first, first + INTERVAL 959 "
        "MINUTES, INTERVAL 1 MINUTE)) AS minute_utc, 9, 9, 9, 9, NULL, 3 FROM ("
        "SELECT min(open_utc) - INTERVAL 330 MINUTES AS first FROM sessions "
        "WHERE session = 'regular' GROUP BY session_date ORDER BY session_date LIMIT 11)",
    )
    found = bar_clock(db)
    fact = (
        f"source 2 ({BARS_NAME}): proven: UTC fits 23 of 23 testable days; {STARTS.format(23)}; "
        "calendar XNYS; source 3 (more.json): consistent: UTC fits 9 of 9 testable days; "
        f"{STARTS.format(9)}; calendar XNYS"
    )
    assert found == Check("bar_clock MADEUP", True, fact)


def opens(count: int) -> list[datetime]:
    sessions = exchange_sessions("XNYS", date(2018, 1, 8), date(2019, 1, 31))
    return sessions["open_utc"].to_list()[:count]


def put_minutes(store: Store, source_id: int, begins: Sequence[datetime], minutes: int) -> None:
    """Put in bars of so many minutes from each time on."""
    every = pl.DataFrame({"minute_utc": begins}, schema={"minute_utc": pl.Datetime("us")})
    bars = every.select(
        pl.datetime_ranges(
            "minute_utc", pl.col("minute_utc") + timedelta(minutes=minutes - 1), "1m"
        )
    ).explode("minute_utc")
    prices = dict.fromkeys(("open", "high", "low", "close"), pl.lit(9.0))
    store.append("bars", bars.with_columns(symbol=pl.lit("SPX"), source_id=source_id, **prices))
    if not store.rows("FROM symbols"):
        put_symbol(store)


def test_sources_of_other_hours_that_take_turns_are_audited_apart(store: Store) -> None:
    rng = random.Random(1)
    turns = [(rng.random() < 0.5, begin) for begin in opens(120)]
    midnight = timedelta(minutes=570)
    put_minutes(store, 1, [begin - midnight for whole, begin in turns if whole], 1440)
    put_minutes(store, 2, [begin for whole, begin in turns if not whole], 390)
    minutes = store.frame("SELECT minute_utc FROM bars ORDER BY minute_utc")["minute_utc"]
    store.con.close()
    together = audit_bars("SPX", minutes, Claims(calendar="XNYS", clock="UTC", stamp="start"))
    assert together.clock_word == "not testable"
    found = bar_clock(store.path)
    fact = (
        "source 2 (None): proven: UTC fits 63 of 63 testable days; next America/New_York+04:00 47; "
        f"{STARTS.format(63)}; calendar XNYS; "
        f"source 1 (None): {NOT_TESTABLE}"
    )
    assert found == Check("bar_clock SPX", True, fact)


def test_a_large_source_on_another_clock_is_named_however_many_are_right(store: Store) -> None:
    right, late = opens(200), timedelta(hours=4)
    put_minutes(store, 1, right[:160], 390)
    put_minutes(store, 2, [begin - late for begin in right[160:185]], 390)
    put_minutes(store, 3, right[185:], 390)
    store.con.close()
    fact = (
        "source 2 (None): --clock UTC is refuted: of 24 testable days fit UTC 0 (0%), "
        "America/New_York 24 (100%), Pacific/Auckland-16:00 23 (96%) (sources: 3)"
    )
    step = f"{AGAIN}, with the --clock, --stamp or --calendar that is right"
    assert bar_clock(store.path) == Check("bar_clock SPX", False, fact, step)


def test_of_many_sources_on_another_clock_three_are_named(store: Store) -> None:
    late = timedelta(hours=4)
    for source_id in range(1, 5):
        begins = opens(120)[30 * (source_id - 1) :][:30]
        put_minutes(store, source_id, [begin - late for begin in begins], 390)
    store.con.close()
    found = bar_clock(store.path)
    assert found.ok is False
    assert re.findall(r"source \d \(None\): --clock UTC is refuted: of \d+", found.fact) == [
        f"source {source_id} (None): --clock UTC is refuted: of {days}"
        for source_id, days in ((1, 29), (2, 29), (3, 29))
    ]
    assert found.fact.endswith("; … (sources: 4)")


def test_sources_of_a_day_each_are_audited_together(store: Store) -> None:
    for source_id, begin in enumerate(opens(30), 1):
        put_minutes(store, source_id, [begin], 390)
    store.con.close()
    assert bar_clock(store.path) == Check(
        "bar_clock SPX",
        True,
        f"proven: UTC fits 29 of 29 testable days; {STARTS.format(29)}; calendar XNYS",
    )


def test_sources_on_different_clocks_are_refused_together(db: Path) -> None:
    damage(
        db,
        "UPDATE bars SET source_id = 3, minute_utc = minute_utc - INTERVAL 4 HOUR "
        "WHERE minute_utc < (SELECT quantile_disc(minute_utc, 0.3) FROM bars)",
    )
    found = bar_clock(db)
    assert found.ok is False
    assert found.fact.startswith("MADEUP: no single clock fits: of ")
    assert found.fact.endswith(" (sources: 2)")


def test_tweets_off_their_clock_are_counted_and_the_first_three_named(db: Path) -> None:
    damage(db, "UPDATE tweets SET posted_utc = posted_utc + INTERVAL 5 SECOND")
    broken = only_broken("--db", db)
    ids = [int(each) for each in re.findall(r"twitter (\d+) of ", broken.fact)]
    assert broken.name == "tweet_clocks"
    assert broken.fact.startswith("101 found: twitter ")
    assert broken.fact.endswith("; …")
    with duckdb.connect(str(db)) as con:
        expected = con.execute("SELECT tweet_id FROM tweets ORDER BY ALL LIMIT 3").fetchall()
    assert [(each,) for each in ids] == expected


def test_a_time_that_a_device_claims_may_be_a_minute_off_and_no_more(store: Store) -> None:
    inside = datetime(2024, 11, 10, 9, 10, 50)
    ids = [
        round(inside.replace(tzinfo=UTC).timestamp() + second) * 1_000_000 << 10
        for second in (-60, 0, 60, 61)
    ]
    store.con.execute(
        "INSERT INTO tweets SELECT 'bluesky', unnest($ids), 'a', $inside, 'hi', "
        "NULL, NULL, NULL, NULL, 1",
        {"ids": ids, "inside": inside},
    )
    store.con.close()
    (found,) = [check for check in diagnose(store.path) if check.name == "tweet_clocks"]
    reason = (
        '"posted_utc" is 2024-11-10 09:10:50, but the time inside the id is 2024-11-10 09:11:51 '
        "(UTC)"
    )
    fact = f"1 found: bluesky {ids[3]} of None: {reason}"
    assert found == Check("tweet_clocks", False, fact, AGAIN)


@pytest.mark.parametrize("time", ["-infinity", "290000-01-01"])
def test_times_that_no_calendar_has_stop_no_check(db: Path, time: str) -> None:
    tweet = TWEET.replace("2023-03-01", time)
    bar = BAR.replace("2023-03-04 12:00", time)
    damage(db, f"{tweet}; {bar}; {BOOKED} 'bars'; {BOOKED} 'tweets' AND source_id = 1")
    broken = only_broken("--db", db)
    assert (broken.name, broken.fact[:8]) == ("values", "2 found:")


# --- bundles --------------------------------------------------------------------------------------


def rewritten(folder: Path, *, words: tuple[str, ...] = VOCABULARY.words, scale: float = 1) -> None:
    """Write the bundle again with other words or weights, under hashes that are right."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(folder / "model.onnx")
    for weights in graph.graph.initializer:
        values = numpy_helper.to_array(weights)
        if values.dtype.kind == "f":
            scaled = values * values.dtype.type(scale)
            weights.CopyFrom(numpy_helper.from_array(scaled, weights.name))
    card = json.loads((folder / "card.json").read_text("utf-8"))
    write_bundle(
        folder, onnx_model=graph.SerializeToString(), vocabulary=words, card=card, readme="# tiny\n"
    )


def flip_last(name: str) -> Callable[[Path], None]:
    return lambda folder: flip(folder / name, -5)


COPY_FOLDER = "copy the whole model folder again"
SPOILED: dict[str, tuple[Callable[[Path], None], str, str]] = {
    **{
        f"a byte of {name}": (
            flip_last(name),
            f"{{folder}}/{name}: its sha256 is not the one in SHA256SUMS",
            COPY_FOLDER,
        )
        for name in ("model.onnx", "vocabulary.txt")
    },
    "a file is gone": (
        lambda folder: (folder / "vocabulary.txt").unlink(),
        "{folder}: vocabulary.txt is missing",
        COPY_FOLDER,
    ),
    "the folder is gone": (
        shutil.rmtree,
        "{folder}: no such model folder",
        "name one that 'tweetscore train' has written, or a shipped one",
    ),
    "text rules of another version": (
        lambda folder: edit_card(folder, text_rules=RULES.to_dict() | {"version": 3}),
        "text rules: version 3, this program applies 1 and 2",
        COPY_BUNDLE,
    ),
    "a head too many": (
        lambda folder: edit_card(folder, intervals=[5, 10, 30]),
        "{folder}/model.onnx: is no graph of tweetscore (its inputs and outputs are "
        "'ids' ('T', 'B'), 'logits' ('B', 4), not 'ids' ('T', 'B'), 'logits' ('B', 6))",
        COPY_BUNDLE,
    ),
    "intervals that are no list": (
        lambda folder: edit_card(folder, intervals=5),
        "{folder}/card.json: intervals: Input should be a valid array",
        COPY_BUNDLE,
    ),
    "a card that was changed": (
        flip_last("card.json"),
        "{folder}/card.json: its sha256 is not the one in SHA256SUMS",
        COPY_FOLDER,
    ),
    "weights that are no numbers": (
        lambda folder: rewritten(folder, scale=float("nan")),
        "{folder}/model.onnx: gives a text no probability but NaN or infinity",
        COPY_BUNDLE,
    ),
    "words that no text can have": (
        lambda folder: rewritten(folder, words=tuple(map(str.upper, VOCABULARY.words))),
        "{folder}/vocabulary.txt: does not begin with <pad> and <unk>",
        COPY_BUNDLE,
    ),
    "words that its rules do not know": (
        lambda folder: rewritten(
            folder,
            words=(*VOCABULARY.words[:2], *map(str.upper, VOCABULARY.words[2:])),
        ),
        "{folder}/vocabulary.txt: its text rules find none of its words",
        COPY_BUNDLE,
    ),
    "more words than its graph": (
        lambda folder: rewritten(folder, words=(*VOCABULARY.words, "surplus")),
        f"{{folder}}/model.onnx: is no graph of tweetscore ('table_i' is "
        f"({len(VOCABULARY)}, 4) of type 1, not ({len(VOCABULARY) + 1}, 4) of type 1)",
        COPY_BUNDLE,
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_bundle_is_found(bundle: Path, name: str) -> None:
    spoil, fact, step = SPOILED[name]
    spoil(bundle)
    found = [check for check in diagnose(None, [str(bundle)]) if not check.ok]
    assert found == [Check(f"bundle {bundle}", False, fact.format(folder=bundle), step)]


def test_a_spoiled_bundle_is_exit_5(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bundle.parent)
    flip(bundle / "model.onnx", -5)
    assert only_broken("--model", "tiny").name == "bundle tiny"


@pytest.mark.parametrize("counts", [False, True])
def test_a_bundle_of_each_kind_scores(tmp_path: Path, counts: bool) -> None:
    bundle, _ = tiny_bundle(tmp_path / "tiny", counts=counts)
    fact = f"model {bundle.model_id} scores"
    found = diagnose(None, [str(bundle.path)])[-1]
    assert found == Check(f"bundle {bundle.path}", True, fact)


def test_a_shipped_model_that_is_named_is_checked_once() -> None:
    assert [check.name for check in diagnose(None, SHIPPED)] == [f"bundle {n}" for n in SHIPPED]


# --- which database -------------------------------------------------------------------------------


def test_without_a_database_models_alone_are_checked_where_one_is_named(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bundle.parent)
    found = json.loads(invoke("doctor", "--model", "tiny", "--json").stdout)
    expected = [f"bundle {name}" for name in [*SHIPPED, "tiny"]]
    assert [each["name"] for each in found["checks"]] == expected
    for arguments in ([], ["--db", "other.duckdb", "--model", "tiny"]):
        error = invoke("doctor", *arguments, code=1).stderr
        name = "other.duckdb" if arguments else "tweetscore.duckdb"
        step = f"make it with: tweetscore ingest PATH --db {name}"
        assert error == f"Error: {name}: no such database; {step}\n"
    assert [path.name for path in bundle.parent.iterdir()] == ["tiny"]


@pytest.mark.parametrize(
    ("sql", "code", "fact"),
    [
        (None, 1, "cannot be opened as a database"),
        (
            "UPDATE settings SET schema_version = 99",
            1,
            f"has schema 99, newer than our {SCHEMA_VERSION}; ",
        ),
        ("DROP TABLE settings CASCADE", 5, "is a database but not tweetscore's; "),
    ],
)
def test_what_cannot_be_opened_is_refused_in_one_line(
    db: Path, sql: str | None, code: int, fact: str
) -> None:
    if sql:
        damage(db, sql)
    else:
        db.write_text("not a database\n" * 1_000)
    result = invoke("doctor", "--db", db, code=code)
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: {db}: {fact}")
    assert result.stderr.count("\n") == 1


def test_a_database_that_another_process_holds_is_exit_4(db: Path) -> None:
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(db)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        result = invoke("doctor", "--db", db, code=4)
        other.kill()
    assert result.stderr.startswith(f"Error: {db}: locked by ")
