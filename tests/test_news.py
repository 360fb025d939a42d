"""Scheduled news: times are read as posts' times are, and windows near them are left out."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from results import DAYS, fill
from tiny import MINUTE
from typer.testing import CliRunner

from tweetscore.cli.app import app
from tweetscore.errors import InputError
from tweetscore.evaluation.earnings import earnings
from tweetscore.evaluation.evaluate import evaluate
from tweetscore.evaluation.event_study import price_paths
from tweetscore.market.news import News, news_of, read_news
from tweetscore.store.database import Store, open_store


def written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("event,released\nFOMC,2018-06-13T18:00:00Z\nNFP,2018-07-06T12:30:00Z\n", None),
        ("when_utc;what\n2018-06-13 18:00;FOMC\n2018-07-06 12:30;NFP\n", None),
        ("Date,Time,Event\n2018-07-06,08:30,NFP\n2018-06-13,14:00,FOMC\n", "America/New_York"),
        ("time,what\n1528912800,FOMC\n1530880200,NFP\n", None),
    ],
)
def test_times_are_read_in_every_form(tmp_path: Path, text: str, clock: str | None) -> None:
    news = read_news(written(tmp_path / "news.csv", text), clock, minutes=5)
    assert news.times_utc.to_list() == [datetime(2018, 6, 13, 18), datetime(2018, 7, 6, 12, 30)]
    assert (news.unread, news.minutes) == (0, 5)


def test_a_row_without_a_time_is_counted(tmp_path: Path) -> None:
    text = "time,what\n2018-06-13T18:00:00Z,a\nsoon,b\n2018-07-06T12:30:00Z,c\n"
    news = read_news(written(tmp_path / "news.csv", text))
    assert (len(news.times_utc), news.unread) == (2, 1)
    assert news.told(10, 8).endswith(
        "news.csv: 2 of 10 predictions are left out, as they touch the 30 minutes around one of "
        "its 2 times; rows without a time that can be read: 1"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Date,Time\n2018-07-06,08:30\n", "carry no zone; say it with --news-clock America/New"),
        (
            "date,what\n2018-07-06,NFP\n2018-07-13,x\n",
            "none of its columns holds times of day; it has 'date', 'what'",
        ),
        ("what,who\nNFP,BLS\n", "none of its columns holds times of day; it has 'what', 'who'"),
    ],
)
def test_what_is_no_time_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError) as error:
        read_news(written(tmp_path / "news.csv", text))
    assert words in str(error.value)


def test_a_window_is_left_out_where_any_minute_of_it_is_near() -> None:
    rng = np.random.default_rng(0)
    times = sorted(DAYS[0] + timedelta(minutes=int(n)) for n in rng.integers(0, 2_000, 12))
    entries = [DAYS[0] + int(n) * MINUTE for n in rng.integers(0, 2_000, 300)]
    exits = [
        entry + int(n) * MINUTE for entry, n in zip(entries, rng.integers(1, 60, 300), strict=True)
    ]
    rows = pl.DataFrame({"minute_utc": entries, "exit_utc": exits})
    for minutes in (0, 7, 30):
        news = News("x", pl.Series(times), 0, minutes)
        around = minutes * MINUTE
        wanted = [
            (entry, leave)
            for entry, leave in zip(entries, exits, strict=True)
            if not any(entry - around <= time <= leave + around for time in times)
        ]
        assert news.without(rows).rows() == wanted
        assert 0 < len(wanted) < 300


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("news") / "x.duckdb"
    with open_store(path) as store:
        fill(store)
    return path


@pytest.fixture
def opened(scored: Path) -> Iterator[Store]:
    with open_store(scored, read_only=True) as store:
        yield store


NOON = pl.Series([day + 200 * MINUTE for day in DAYS])


@pytest.mark.slow
def test_figures_earnings_and_paths_leave_out_the_same_windows(opened: Store) -> None:
    news, told = News("news.csv", NOON, 0, 60), list[str]()
    whole, far = evaluate(opened), evaluate(opened, news=news, on_message=told.append)
    assert sum(each.rows for each in far) < sum(each.rows for each in whole)
    left_out = sum(each.rows for each in whole) - sum(each.rows for each in far)
    assert told[0] == news.told(sum(each.rows for each in whole), sum(each.rows for each in far))
    assert "for reading only, so later figures are not corrected for this look" in told[1]
    assert f"{left_out:,} of" in told[0]
    earned = earnings(opened), earnings(opened, news=news)
    assert sum(each.entries for each in earned[1]) < sum(each.entries for each in earned[0])
    asked = {"model_id": "m", "symbol": "SPX", "session": "regular"}
    paths = [price_paths(opened, **asked, interval=30, news=each).paths for each in (None, news)]
    events = [frame.filter(offset_minutes=0)["events"].sum() for frame in paths]
    assert events[1] < events[0]


@pytest.mark.slow
def test_where_all_is_near_news_the_fact_and_the_option_are_named(opened: Store) -> None:
    with pytest.raises(InputError, match=r"news\.csv: .* are left out.*; lower --news-minutes"):
        evaluate(opened, news=News("news.csv", NOON, 0, 10_000))


@pytest.mark.slow
def test_the_command_tells_how_many_were_left_out(scored: Path, tmp_path: Path) -> None:
    text = "time_utc\n" + "".join(f"{time:%Y-%m-%d %H:%M}\n" for time in NOON)
    file = written(tmp_path / "news.csv", text)
    call = ["evaluate", "--db", str(scored), "--json"]
    with_all, without = (
        CliRunner().invoke(app, [*call, *more])
        for more in ([], ["--without-news", str(file), "--news-minutes", "60"])
    )
    assert without.exit_code == 0, without.stderr
    rows = [
        sum(each["rows"] for each in json.loads(done.stdout)["figures"])
        for done in (with_all, without)
    ]
    assert rows[1] < rows[0]
    assert f"{rows[0] - rows[1]:,} of {rows[0]:,} predictions are left out" in without.stderr


@pytest.mark.slow
def test_training_leaves_out_the_windows_near_news_and_the_card_says_so(tmp_path: Path) -> None:
    def invoke(*arguments: object) -> Any:
        done = CliRunner().invoke(
            app, [*map(str, arguments), "--json", "--db", str(tmp_path / "db")]
        )
        assert done.exit_code == 0, (done.stderr, done.exception)
        return json.loads(done.stdout), done.stderr

    sampled = CliRunner().invoke(
        app, ["sample", str(tmp_path / "made"), "--posts", "1500", "--json"]
    )
    made = json.loads(sampled.stdout)
    invoke("ingest", made["archive"], made["bars"])
    with open_store(tmp_path / "db", read_only=True) as store:
        near = store.rows(
            "SELECT minute_utc FROM windows WHERE minute_utc::TIME = '16:00' GROUP BY 1"
        )
    news = written(tmp_path / "noon.csv", "time_utc\n" + "\n".join(str(t) for (t,) in near) + "\n")
    small = ["--vectors", "random", "--embedding-dim", "8", "--hidden", "4", "--epochs", "2"]
    call = ["train", *small, "--interval", "30", "--log-dir", tmp_path / "runs"]
    invoke(*call, "--output", tmp_path / "with")
    _, told = invoke(*call, "--output", tmp_path / "without", "--without-news", news)
    cards = [
        json.loads((tmp_path / each / "card.json").read_text()) for each in ("with", "without")
    ]
    rows = [sum(part["texts"] for part in each["rows"].values()) for each in cards]
    assert 0.5 * rows[0] < rows[1] < 0.95 * rows[0]
    assert "windows are left out, as they touch the 30 minutes around one of its" in told
    kept = news_of(cards[1])
    assert kept
    assert kept.times_utc.to_list() == sorted(t for (t,) in near)
    assert news_of(cards[0]) is None
    page = " ".join((tmp_path / "without" / "README.md").read_text().split())
    assert (
        f"Windows within 30 minutes of one of the {len(near)} times in noon.csv were left" in page
    )
    # The leak audit leaves out the same.
    checked = CliRunner().invoke(app, [
        "doctor", "--leaks", "--model", str(tmp_path / "without"), "--db", str(tmp_path / "db"),
    ])  # fmt: skip
    assert "parts without" in checked.stdout
    refused = CliRunner().invoke(app, [
        "train", "--labelled", str(news), "--without-news", str(news), "--db", str(tmp_path / "db"),
    ])  # fmt: skip
    assert "labels of your own have no windows; leave it out" in refused.stderr
