"""A coin, a currency and an index in one database, and posts about all three: plain Python again.

In these weeks summer time ends in New York (3 November 2019), and the exchange has a holiday and a
half-day (28 and 29 November); the coin trades through every midnight and weekend.
"""

import csv
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import MINUTE, tiny_bundle
from typer.testing import CliRunner
from window_oracle import Oracle, Window, days_of, made_bars, moments

from tweetscore.cli.app import app
from tweetscore.market.horizons import SESSIONS, Horizon

FIRST, LAST = date(2019, 10, 28), date(2019, 12, 3)
CALENDARS = {"BTCUSD": "24/7", "EURUSD": "24/5", "SPX": "XNYS"}
WORDS = {"BTCUSD": "#Bitcoin", "EURUSD": "the euro", "SPX": "$SPX"}
RULES = """symbol,kind,term
BTCUSD,hashtag,bitcoin
BTCUSD,cashtag,BTC
EURUSD,phrase,the euro
SPX,cashtag,spx
"""
NO_SYMBOL = Window(None, "no_symbol")
HORIZONS = [Horizon(each) for each in (5, 30, 60, SESSIONS + 1)]


def invoke(db: Path, *arguments: object) -> Any:
    given = [*map(str, arguments), "--db", str(db), "--json"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, (result.stderr, result.exception)
    return json.loads(result.stdout)


def write_bars(path: Path, bars: dict[datetime, tuple[float, float]]) -> Path:
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["time", "open", "high", "low", "close"])
        for minute, (opened, closed) in bars.items():
            high, low = max(opened, closed), min(opened, closed)
            out.writerow([f"{minute:%Y-%m-%dT%H:%M:%SZ}", opened, high, low, closed])
    return path


def write_posts(path: Path, posts: list[tuple[datetime, tuple[str, ...]]]) -> Path:
    rows = [
        {
            "id": n, "created_at": f"{posted:%Y-%m-%dT%H:%M:%SZ}",
            "text": " ".join(["stocks up", *(WORDS[symbol] for symbol in named)]),
        }
        for n, (posted, named) in enumerate(posts, 1)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The database as the commands make it, an oracle for each symbol, and the posts."""
    folder = tmp_path_factory.mktemp("markets")
    db, oracles, times = folder / "db", {}, list[datetime]()
    for seed, (symbol, calendar) in enumerate(CALENDARS.items()):
        days = days_of(calendar, FIRST, LAST + timedelta(days=1))
        bars = made_bars([day for day in days if day.day <= LAST], 1, seed)
        write_bars(folder / f"{symbol}.csv", bars)
        oracles[symbol] = Oracle(days, bars, 1)
        times += moments(oracles[symbol], seed)
    times += [at + timedelta(hours=n) for at in days_at("2019-11-02", 4) for n in (-1, 0, 1)]
    times += [at + n * MINUTE for at in days_at("2019-10-29", 35) for n in (-31, -5, 0, 1)]
    rng = np.random.default_rng(4)
    posts = [(at, tuple(each for each in WORDS if rng.random() < 0.6)) for at in sorted({*times})]
    archive = write_posts(folder / "posts.jsonl", posts)
    (folder / "rules.csv").write_text(RULES)
    tiny_bundle(folder / "tiny", HORIZONS)
    files = [folder / f"{symbol}.csv" for symbol in CALENDARS]
    invoke(db, "ingest", archive, *files)
    linked = invoke(db, "link", folder / "rules.csv")
    assert linked["links"] == sum(len(named) for _, named in posts)
    invoke(db, "score", "--model", folder / "tiny")
    return db, oracles, posts


def days_at(first: str, count: int) -> list[datetime]:
    return [datetime.fromisoformat(first) + timedelta(days=n) for n in range(count)]


def query(db: Path, sql: str) -> list[dict[str, Any]]:
    rows = invoke(db, "query", sql)
    assert isinstance(rows, list)
    return rows


@pytest.mark.slow
def test_each_post_meets_the_windows_of_its_own_markets_alone(world: Any) -> None:
    db, oracles, posts = world
    found = {
        (row["posted"], row["symbol"], row["interval_minutes"]): [*row.values()][3:]
        for row in query(
            db,
            "SELECT posted_utc::VARCHAR AS posted, symbol, interval_minutes, status, "
            "minute_utc::VARCHAR AS minute, entry_price, exit_price FROM scored",
        )
    }
    wanted, seen = {}, set()
    for posted, named in posts:
        for horizon in HORIZONS:
            for symbol in named or (None,):
                window = met(oracles[symbol], posted, horizon) if symbol else NO_SYMBOL
                seen.add((symbol, window.status))
                # Where there is no entry, the minute shown is that of the post.
                entry = window.entry or minute_of(posted)
                prices = window.entry_price, window.exit_price
                wanted[f"{posted}", symbol, int(horizon)] = [window.status, f"{entry}", *prices]
    assert found == wanted
    assert seen >= {
        *((symbol, status) for symbol in CALENDARS for status in ("ok", "no_data", "no_exit")),
        *(
            (symbol, status)
            for symbol in ("EURUSD", "SPX")
            for status in ("market_closed", "crosses_close")
        ),
    }
    assert ("BTCUSD", "market_closed") not in seen
    assert ("BTCUSD", "crosses_close") not in seen


def met(oracle: Oracle, posted: datetime, horizon: Horizon) -> Window:
    if not min(oracle.bars) <= minute_of(posted) <= max(oracle.bars) + MINUTE:
        return Window(None, "no_data")
    return oracle.window(posted, horizon)


def minute_of(posted: datetime) -> datetime:
    return posted if posted.second == 0 else posted.replace(second=0) + MINUTE


@pytest.mark.slow
def test_the_coin_is_entered_at_each_minute_of_each_day_and_left_after_midnight(world: Any) -> None:
    db, oracles, _ = world
    oracle, horizons = oracles["BTCUSD"], (5, 30, 60)
    first, last = min(oracle.bars), max(oracle.bars) + MINUTE
    windows = (
        "SELECT interval_minutes AS horizon, minute_utc::VARCHAR AS minute, status, entry_price, "
        "exit_price FROM windows WHERE symbol = 'BTCUSD' AND session = 'regular' AND "
        "interval_minutes IN (5, 30, 60)"
    )
    every = int((last - first) / MINUTE) + 1
    assert query(
        db,
        f"SELECT horizon, count(*) AS minutes, max(status = 'crosses_close') AS crosses "
        f"FROM ({windows}) GROUP BY ALL ORDER BY ALL",
    ) == [{"horizon": horizon, "minutes": every, "crosses": False} for horizon in horizons]
    found = {
        (row["horizon"], row["minute"]): [*row.values()][2:]
        for row in query(db, f"{windows} AND minute_utc::TIME NOT BETWEEN '00:03' AND '22:57'")
    }
    wanted = {}
    for midnight in days_at(f"{FIRST}", 38):
        for horizon in map(Horizon, horizons):
            for entry in (midnight + n * MINUTE for n in range(-62, 3)):
                if first <= entry <= last:
                    window = oracle.window(entry, horizon)
                    prices = window.entry_price, window.exit_price
                    wanted[int(horizon), f"{entry}"] = [window.status, *prices]
    assert found == wanted
    assert len(wanted) == 3 * (37 * 65 + 1)


def write_together(path: Path, late: timedelta) -> dict[str, datetime]:
    """Write five-minute bars of four markets in one file; return the first of each."""
    rows, firsts = list[tuple[datetime, str, float, float]](), {}
    for symbol, calendar in {**CALENDARS, "NKY": "XTKS"}.items():
        days = days_of(calendar, date(2019, 9, 2), date(2019, 10, 11))
        bars = made_bars([day for day in days if day.day <= date(2019, 10, 11)], 5, 1)
        firsts[symbol] = min(bars)
        rows += [(minute, symbol, *prices) for minute, prices in bars.items()]
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["time", "symbol", "open", "high", "low", "close"])
        for minute, symbol, opened, closed in sorted(rows):
            at = f"{minute + late:%Y-%m-%dT%H:%M:%SZ}"
            out.writerow([at, symbol, opened, max(opened, closed), min(opened, closed), closed])
    return firsts


@pytest.mark.slow
@pytest.mark.parametrize("late", [0, 5])
def test_what_one_market_of_a_file_proves_of_its_stamps_holds_for_the_others(
    tmp_path: Path, late: int
) -> None:
    db, path = tmp_path / "db", tmp_path / "bars.csv"
    firsts = write_together(path, late * MINUTE)
    invoke(db, "ingest", path)
    assert query(
        db,
        "SELECT symbol, calendar, min(minute_utc)::VARCHAR AS first FROM bars "
        "JOIN symbols USING (symbol) GROUP BY ALL ORDER BY ALL",
    ) == [
        {"symbol": symbol, "calendar": calendar, "first": f"{firsts[symbol]}"}
        for symbol, calendar in sorted({**CALENDARS, "NKY": "XTKS"}.items())
    ]


@pytest.mark.slow
def test_a_calendar_none_of_whose_sessions_has_a_bar_is_refuted_and_nothing_is_stored(
    tmp_path: Path,
) -> None:
    db, path = tmp_path / "db", tmp_path / "NKY.csv"
    days = days_of("XTKS", date(2019, 9, 2), date(2019, 9, 27))
    write_bars(path, made_bars(days, 5, 1))
    given = ["ingest", str(path), "--calendar", "XNYS", "--db", str(db)]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        f"Error: {path}: --calendar XNYS is refuted: none of the {len(made_bars(days, 5, 1)):,} "
        "bars of NKY is inside its sessions; say another, or leave --calendar out"
    )
    assert query(db, "SELECT count(*) AS bars FROM bars") == [{"bars": 0}]
    invoke(db, "ingest", path)
    assert query(db, "SELECT calendar FROM symbols") == [{"calendar": "XTKS"}]
