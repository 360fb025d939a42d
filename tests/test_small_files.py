"""Small files are ingested together: the database is that of one file after the other."""

import csv
import io
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tweetscore.cli.app import app
from tweetscore.ingest.account import Account, IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.store.database import Store, memory_store

pytestmark = pytest.mark.slow  # hundreds of files are ingested, together and one by one

FIRST = datetime(2018, 7, 2, 14, 0, 7, tzinfo=UTC)
API_TIME = "%a %b %d %H:%M:%S +0000 %Y"
COLUMNS = ["id", "created_at", "text", "username", "retweet_count"]


def dated_id(posted: datetime, serial: int) -> int:
    return (round(posted.timestamp() * 1000) - 1_288_834_974_657) << 22 | serial


FIRST_ID = dated_id(FIRST, 0)


def post(number: int, text: str, retweets: object) -> dict[str, Any]:
    posted = FIRST + timedelta(minutes=47 * number)
    return {"id": dated_id(posted, number), "posted": posted, "text": text, "retweets": retweets}


POSTS = st.builds(
    post,
    st.integers(0, 9),
    st.sampled_from(["made up", "made up words", 'with a "quote", and a comma']),
    st.sampled_from([0, 3, None, "many"]),
)


def as_v1(posts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "id_str": str(each["id"]),
            "created_at": each["posted"].strftime(API_TIME),
            "full_text": each["text"],
            "user": {"screen_name": "a"},
            "retweet_count": each["retweets"],
        }
        for each in posts
    ]


def lines(posts: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(each) + "\n" for each in as_v1(posts))


def array(posts: list[dict[str, Any]]) -> str:
    return json.dumps(as_v1(posts))


def pretty(posts: list[dict[str, Any]]) -> str:
    return "\n".join(json.dumps(each, indent=1) for each in as_v1(posts))


def damaged(posts: list[dict[str, Any]]) -> str:
    return lines(posts) + '{"id_str": "5", "crea\n' + lines([{**posts[0], "posted": FIRST}])


def undated(posts: list[dict[str, Any]]) -> str:
    return lines(posts).replace('"created_at": "', '"created_at": "not ')


def rounded(posts: list[dict[str, Any]]) -> str:
    return lines([{**each, "id": "1.01355E+18"} for each in posts])


def late(posts: list[dict[str, Any]]) -> str:
    """The times of another zone, without saying so."""
    return lines([{**each, "posted": each["posted"] - timedelta(hours=4)} for each in posts])


def table(
    posts: list[dict[str, Any]],
    ids: str = "own",
    time: str = "%Y-%m-%dT%H:%M:%SZ",
    beside: str = "%d",
) -> str:
    names = {"own": "id", "counted": "id", "small": "id", "none": "other"}
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow([names[ids], *COLUMNS[1:], "seen"])
    for place, each in enumerate(posts):
        number = {"own": each["id"], "counted": place, "small": each["id"] % 97, "none": "x"}[ids]
        posted = each["posted"].strftime(time)
        rows.writerow(
            [
                number,
                posted,
                each["text"],
                f"user{place}",
                each["retweets"],
                each["posted"].strftime(beside),
            ]
        )
    return out.getvalue()


def own_addresses(posts: list[dict[str, Any]], where: str) -> str:
    """A table without authors and with the address of each post."""
    lines = ["id,created_at,text,url"]
    lines += [
        f"{each['id']},{each['posted']:%Y-%m-%dT%H:%M:%SZ},{each['text'].partition(',')[0]},"
        f"https://{where}/status/{each['id']}"
        for each in posts
    ]
    return "".join(f"{line}\n".replace('"', "'") for line in lines)


FORMS: dict[str, Callable[[list[dict[str, Any]]], str]] = {
    "lines": lines,
    "array": array,
    "pretty": pretty,
    "damaged": damaged,
    "undated": undated,
    "rounded": rounded,
    "late": late,
    "csv": table,
    "csv without ids": lambda posts: table(posts, "none"),
    "csv of row numbers": lambda posts: table(posts, "counted"),
    "csv of small ids": lambda posts: table(posts, "small"),
    "csv to the minute": lambda posts: table(posts, time="%Y-%m-%d %H:%M"),
    "csv of :00": lambda posts: table(posts, time="%Y-%m-%d %H:%M:00"),
    "csv without zone": lambda posts: table(posts, "none", "%Y-%m-%d %H:%M:%S"),
    "csv by month": lambda posts: table(posts, time="%m/%d/%Y %H:%M:%S"),
    "csv of days": lambda posts: table(posts, time="%Y-%m-%d"),
    "csv with an unclosed quote": lambda posts: table(posts) + '5,"x\n',
    "csv of HTML": lambda posts: table(posts).replace("words", "<b>words</b>"),
    "csv of quotations": lambda posts: table(posts).replace("made up words", """\"\"\"x\"\"\""""),
    "csv of bytes": lambda posts: table(posts).replace("made up words", "b'words'"),
    "csv with addresses": lambda posts: table(posts, beside=f"https://x.com/a/status/{FIRST_ID}"),
    "csv of other ids with addresses": lambda posts: table(
        posts, "small", beside=f"https://x.com/a/status/{FIRST_ID}"
    ),
    "csv with own addresses": lambda posts: own_addresses(posts, "x.com/a"),
    "csv with own addresses elsewhere": lambda posts: own_addresses(posts, "truthsocial.com/@a"),
    "csv with users as objects": lambda posts: table(posts).replace("user1", "User(id=1)"),
    "csv of HTML alone": lambda posts: table(posts).replace("made up", "<p>made up</p>"),
    "csv of dates and times": lambda posts: (
        table(posts, time="%Y-%m-%d", beside="%H:%M:%S")
        .replace("created_at", "date")
        .replace("seen", "time")
    ),
    "csv of local times beside": lambda posts: table(
        posts, "small", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:00:00Z"
    ),
    "csv of local times": lambda posts: table(posts, time="%Y-%m-%d %H:%M:%S"),
    "csv of zones beside": lambda posts: (
        table(posts, "small", "%Y-%m-%d %H:%M:%S")
        .replace(",seen\n", ",tz\n")
        .replace("\n", "+02:00\n")
        .replace("tz+02:00", "tz")
    ),
    "csv of some zones": lambda posts: table(posts, "small").replace("7Z", "7"),
    "csv of platforms": lambda posts: table(posts, beside="twitter").replace("seen", "platform"),
    "semicolons": lambda posts: table(posts).replace(",", ";"),
    "prose": lambda posts: "prose, with commas\nand lines\n" * len(posts),
    "header alone": lambda _: ",".join(COLUMNS) + "\n",
}


def contents(store: Store) -> list[list[tuple[Any, ...]]]:
    return [
        store.rows("SELECT * EXCLUDE (started_utc, finished_utc) FROM sources ORDER BY ALL"),
        store.rows("FROM tweets ORDER BY ALL"),
        store.rows("FROM rejects ORDER BY ALL"),
    ]


def accounts_of(store: Store, *paths: Path) -> list[Account]:
    return ingest(store, paths, IngestOptions(), lambda *_: None)


# Few forms in one folder, so that files of one form are read as one.
FILES = st.lists(st.sampled_from(sorted(FORMS)), min_size=1, max_size=3).flatmap(
    lambda forms: st.lists(
        st.tuples(st.sampled_from(forms), st.lists(POSTS, min_size=1, max_size=4)),
        min_size=2,
        max_size=8,
    )
)


@examples(25)
@given(FILES)
def test_small_files_together_are_as_one_after_the_other(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[str, list[dict[str, Any]]]]
) -> None:
    folder = tmp_path_factory.mktemp("files")
    paths = [folder / f"{number:02}" for number in range(len(files))]
    for path, (form, posts) in zip(paths, files, strict=True):
        path.write_text(FORMS[form](posts))
    alone, together = memory_store(1), memory_store(1)
    expected = [account for path in paths for account in accounts_of(alone, path)]
    assert accounts_of(together, *paths) == expected
    assert contents(together) == contents(alone)
    before = contents(together)
    accounts_of(together, *paths)
    assert contents(together) == before


SECTIONS = ("sources", "taken", "clocks")


def invoke(*arguments: object, code: int = 0) -> tuple[str, list[str]]:
    """Run a command; return what it printed on stdout, and the lines on stderr."""
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result.stdout, result.stderr.splitlines()


def test_many_files_are_told_by_kind_and_those_with_faults_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "posts"
    folder.mkdir()
    for number in range(25):
        own = [post(2 * number, "made up", 1), post(2 * number + 1, "made up", 1)]
        form = {3: damaged, 4: rounded}.get(number, lines)
        (folder / f"{number:02}.json").write_text(form(own))
    db = tmp_path / "posts.duckdb"
    out, err = invoke("ingest", folder, "--db", db, code=1)
    assert [line.split() for line in out.splitlines()[1:]] == [
        ["03.json", "tweets", "4", "2", "0", "0", "2"],
        ["23", "files", "of", "tweet-json", "tweets", "46", "46", "0", "0", "0"],
    ]
    columns = (
        "columns: text = 'full_text', posted = 'created_at', tweet_id = 'id_str', author = "
        "'user.screen_name', retweet_count"
    )
    assert err[:4] == [
        "03.json: clock: unproven claim: UTC fits the ids of 2 of 3 tweets",
        f"03.json: {columns}",
        "23 files of tweets (tweet-json): clock: unproven claim: UTC fits the ids of 2 of 2 tweets",
        f"23 files of tweets (tweet-json): {columns}",
    ]
    assert len(err) == 5
    assert err[4].startswith(f"Error: {folder / '04.json'}: its ids are rounded beyond repair")
    out, _ = invoke("ingest", folder, "--db", tmp_path / "other.duckdb", "--verbose", code=1)
    assert len(out.splitlines()) == 1 + 24
    out, _ = invoke("ingest", folder, "--db", tmp_path / "third.duckdb", "--json", code=1)
    assert len(json.loads(out)["files"]) == 25
    out, err = invoke("ingest", folder, "--db", db, code=1)
    assert out.splitlines()[1].split() == [
        *("24", "files", "of", "tweet-json", "tweets"),
        *"00000",
    ]
    assert err[0] == (
        "24 files of tweets (tweet-json): 24 read before with the same content, nothing changed"
    )


def test_info_names_the_first_of_many_files(tmp_path: Path) -> None:
    folder, db = tmp_path / "posts", tmp_path / "posts.duckdb"
    folder.mkdir()
    for number in range(22):
        (folder / f"{number:02}.csv").write_text(table([post(number, "made up", 1)]))
    invoke("ingest", folder, "--db", db)
    out, err = invoke("info", "--db", db)
    assert sum(line.endswith(".csv") or ".csv " in line for line in out.splitlines()) == 2 * 20
    assert err == [f"{name}: 2 more files; see them with --verbose" for name in SECTIONS]
    assert invoke("info", "--db", db, "--verbose")[0].count(".csv") == 2 * 22


def test_of_many_refused_files_the_first_are_named_and_the_others_counted(tmp_path: Path) -> None:
    folder = tmp_path / "posts"
    folder.mkdir()
    for number in range(23):
        (folder / f"{number:02}.csv").write_text(FORMS["csv without zone"]([post(number, "x", 1)]))
    _, err = invoke("ingest", folder, "--db", tmp_path / "posts.duckdb", code=1)
    assert len(err) == 21
    assert err[-1] == "Error: 3 more files were refused; see them with --verbose"
    _, err = invoke("ingest", folder, "--db", tmp_path / "posts.duckdb", "--verbose", code=1)
    assert len({line for line in err if line.startswith("Error: ")}) == 23
    out, _ = invoke("ingest", folder, "--db", tmp_path / "posts.duckdb", "--clock", "UTC")
    assert out.splitlines()[1].split()[:2] == ["23", "files"]


def processor_seconds() -> float:
    """Seconds of processor of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("form", ["array", "csv"])
def test_many_small_files_take_at_most_five_times_as_long_as_one(tmp_path: Path, form: str) -> None:
    posts = [post(number, "made up words", 1) for number in range(6_000)]
    folder, one = tmp_path / "many", tmp_path / "one"
    folder.mkdir()
    for number in range(0, len(posts), 2):
        (folder / f"{number:04}").write_text(FORMS[form](posts[number : number + 2]))
    one.write_text(FORMS[form](posts))
    seconds = dict[Path, list[float]]()
    for place, path in enumerate([one, folder] * 2):
        began = processor_seconds()
        db = tmp_path / f"{place}.duckdb"
        command = [sys.executable, "-m", "tweetscore", "ingest", str(path), "--db", str(db)]
        subprocess.run(command, check=True, capture_output=True)
        seconds.setdefault(path, []).append(processor_seconds() - began)
    assert min(seconds[folder]) <= 5 * min(seconds[one])
