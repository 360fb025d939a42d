"""The audit finds each leak that is planted, names its row, and finds none where none is."""

import random
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from tiny import edit_card, put_bars, put_symbol, tiny_bundle

from tweetscore.checks.doctor import Check
from tweetscore.checks.leakage import audit
from tweetscore.ingest.abnormal import derive_abnormal
from tweetscore.ingest.account import IngestOptions
from tweetscore.ingest.links import link, unlink
from tweetscore.ingest.run import ingest
from tweetscore.market import windows
from tweetscore.market.sessions import exchange_hours, exchange_sessions
from tweetscore.market.targets import Target
from tweetscore.market.windows import ensure_windows, forget_windows
from tweetscore.scoring.bundle import load_bundle
from tweetscore.scoring.score import score
from tweetscore.store import database as store
from tweetscore.store.database import Store, open_store, statement
from tweetscore.text.encode import TokenIds
from tweetscore.text.rules import TextRules
from tweetscore.training import dataset, features, split
from tweetscore.training.export import Parity
from tweetscore.training.features import Prepared, prepare
from tweetscore.training.options import FitOptions, Protocol, TrainingOptions
from tweetscore.training.split import PARTS, Split

learn = pytest.importorskip("tweetscore.training.learn")
train = pytest.importorskip("tweetscore.training.run")

MINUTE = timedelta(minutes=1)
HALF_DAY = date(2018, 7, 3)  # the exchange closes at 17:00 UTC
FIRST_DAY, DAYS = date(2018, 6, 11), 28
INTERVALS = (5, 30)
POSTS_A_DAY = 6
TWITTER_EPOCH = datetime(1970, 1, 1) + timedelta(milliseconds=1_288_834_974_657)
Leaky = Callable[[str, Mapping[str, str]], None]
Honest = tuple[Path, list[str]]  # a database that its model has scored, and the model


pytestmark = pytest.mark.slow  # every leak is looked for in several databases

# --- a database without leaks, and its model ------------------------------------------------------


def put_market(opened: Store) -> pl.DataFrame:
    """Bars of every minute in session, and for 15 minutes after the half-day; return the days."""
    days = exchange_sessions("XNYS", FIRST_DAY, date(2018, 12, 31)).head(DAYS)
    rng, price = np.random.default_rng(0), 2_800.0
    frames = []
    for day, opens, closes in days.select("session_date", "open_utc", "close_utc").iter_rows():
        last = closes + (15 if day == HALF_DAY else 0) * MINUTE
        minutes = pl.datetime_range(opens, last - MINUTE, "1m", eager=True, time_unit="us")
        path = (price + rng.normal(0, 0.5, len(minutes) + 1).cumsum()).round(2)
        price = path[-1]
        both = np.stack([path[:-1], path[1:]])
        frame = pl.DataFrame(
            {"open": both[0], "close": both[1], "high": both.max(0), "low": both.min(0)}
        )
        frames.append(frame.with_columns(minute_utc=minutes, symbol=pl.lit("SPX"), source_id=1))
    put_symbol(opened)
    opened.append("bars", pl.concat(frames))
    return days


def put_posts(opened: Store, days: pl.DataFrame) -> None:
    """Posts of each session and night, with their times in their ids; every tenth is a copy."""
    rng = random.Random(0)
    rows: list[dict[str, Any]] = []
    for opens in days["open_utc"]:
        for place in range(-2, POSTS_A_DAY):
            offset = timedelta(minutes=25 * place, milliseconds=rng.randrange(60_000))
            posted = opens + timedelta(minutes=20) + offset * (60 if place < 0 else 1)
            number = len(rows)
            words = [f"word{rng.choice('abcdefghij')}" for _ in range(3)]
            text = f"only{number} {' '.join(words)}"
            if number % 10 == 9:
                text = rng.choice(rows)["text"]
            milliseconds = (posted - TWITTER_EPOCH) // timedelta(milliseconds=1)
            rows.append(
                {
                    "platform": "twitter",
                    "tweet_id": milliseconds << 22,
                    "author": "somebody",
                    "posted_utc": posted,
                    "text": text,
                    "source_id": 1,
                    "is_retweet": False,
                    # Later ones are seen by more.
                    "retweet_count": number + rng.randrange(9),
                    "favorite_count": number,
                    "counts_as_of_utc": posted,
                }
            )
    opened.append("tweets", pl.DataFrame(rows))


def put_sources(opened: Store) -> None:
    for number, (kind, table) in enumerate((("bars", "bars"), ("tweets", "tweets")), start=1):
        (rows,) = opened.row(f"SELECT count(*) FROM {table}")
        now = datetime(2020, 1, 1)
        source = {
            "source_id": number, "name": f"{kind}.csv", "sha256": kind, "bytes": 1, "kind": kind,
            "format": kind, "clock": "UTC", "rows_read": rows, "stored": rows, "updated": 0,
            "duplicates": 0, "rejected": 0, "repaired": 0, "started_utc": now, "finished_utc": now,
        }  # fmt: skip
        opened.append("sources", pl.DataFrame([source]))


def made_database(path: Path) -> Path:
    with open_store(path) as opened:
        opened.con.execute("DELETE FROM intervals WHERE interval_minutes NOT IN (5, 30)")
        put_posts(opened, put_market(opened))
        put_sources(opened)
        opened.con.execute("UPDATE tweets SET source_id = 2")
        ensure_windows(opened)
    return path


def trained(db: Path, folder: Path, **options: Any) -> str:
    """Train a small model, whatever stands in train's and learn's places; score the tweets."""
    plain = TrainingOptions(
        intervals=INTERVALS,
        vectors="random",
        embedding_dim=8,
        hidden=4,
        dropout=0.0,
        device="cpu",
        fit=FitOptions(epochs=2, batch_rows=32, learning_rate=0.02),
    )
    silent = train.Callbacks(on_epoch=lambda _: None, on_message=lambda _: None)
    with open_store(db) as opened:
        chosen = replace(plain, **options)
        train.train(opened, chosen, folder, log_folder=folder.parent / "runs", callbacks=silent)
        if chosen.target.name == "direction":
            score(opened, load_bundle(folder), (), lambda *_: None)
    return str(folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without leaks."""
    return made_database(tmp_path_factory.mktemp("made") / "made.duckdb")


@pytest.fixture
def db(made: Path, tmp_path: Path) -> Path:
    """A copy of the database."""
    return Path(shutil.copy(made, tmp_path / "copy.duckdb"))


@pytest.fixture(scope="module")
def made_honest(made: Path) -> Honest:
    """A scored database and its model, that leak nothing."""
    db = Path(shutil.copy(made, made.with_name("honest.duckdb")))
    return db, [trained(db, made.with_name("honest"), counts=True, vectors="archive")]


@pytest.fixture
def honest(made_honest: Honest, tmp_path: Path) -> Honest:
    """A copy of the scored database, and its model."""
    db, models = made_honest
    return Path(shutil.copy(db, tmp_path / "copy.duckdb")), models


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Leave out what takes longest in training: the parity gate is tested elsewhere."""
    parity = Parity(graph=0.0, float32=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "check_parity", lambda *_: parity)
        yield


def change(db: Path, sql: str) -> None:
    with duckdb.connect(str(db)) as con:
        con.execute(sql)


def found(checks: Sequence[Check]) -> dict[str, str]:
    """The broken checks, by the first word of their name."""
    return {check.name.split()[0]: check.fact for check in checks if check.ok is False}


@pytest.fixture
def leaky(monkeypatch: pytest.MonkeyPatch) -> Leaky:
    """Give a function that changes a statement of ``sql/`` wherever the store runs it."""
    texts: dict[str, str] = {}
    monkeypatch.setattr(store, "statement", lambda name: texts.get(name) or statement(name))

    def put(name: str, changes: Mapping[str, str]) -> None:
        texts[name] = statement(name)
        for old, new in changes.items():
            assert old in texts[name]
            texts[name] = texts[name].replace(old, new)

    return put


def rebuild(db: Path) -> None:
    """Store the windows that the code, as it is now, gives."""
    with open_store(db) as opened:
        forget_windows(opened, "SPX")
        ensure_windows(opened)


# --- no leak --------------------------------------------------------------------------------------

OF_DATA = {"tweet_clocks", "bar_clock SPX", "post_seconds", "price_levels SPX", "early_bars SPX"}
OF_WINDOWS = {
    f"{name} SPX" for name in ("entries", "outcomes", "labels", "momentum", "windows_recomputed")
}
OF_TRAINING = {
    "best_epoch", "split", "features", "vocabulary", "normalisation", "parts", "vectors", "copies",
    "purge", "chosen_on", "counts", "predictions", "knew_test",
}  # fmt: skip


def test_nothing_is_found_where_nothing_leaks(honest: Honest) -> None:
    before = honest[0].read_bytes()
    checks = {check.name: check for check in audit(*honest, moments=1)}
    assert {name for name, check in checks.items() if check.ok} == (
        OF_DATA | OF_WINDOWS | {f"{name} honest" for name in OF_TRAINING}
    )
    skipped = {name: check.fact for name, check in checks.items() if not check.ok}
    assert skipped == {
        "thresholds honest": "compared 0 facts on its card",
        "near_copies honest": "compared 0 held-out texts of 8 words or more with those of train",
    }
    # Of the tweets' middle, before the half-day's close and before the validation part.
    assert re.fullmatch(r"compared [0-9,]{6,} facts at 3 moments", checks["entries SPX"].fact)
    assert "archive vectors among them" in checks["features honest"].fact
    assert honest[0].read_bytes() == before


def test_nothing_is_found_in_a_model_of_older_text_rules(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(db, "UPDATE tweets SET text = text || ' $SPX 株価'")
    with monkeypatch.context() as before:
        before.setattr(features, "TextRules", partial(TextRules, version=1))
        model = trained(db, tmp_path / "older")
    assert found(audit(db, [model], moments=0)) == {}


def test_nothing_is_found_in_a_model_of_moves_in_the_extended_session(
    db: Path, tmp_path: Path
) -> None:
    options = {"target": Target.of_market("move"), "session": "extended"}
    model = trained(db, tmp_path / "moves", **options)
    checks = {check.name: check for check in audit(db, [model], moments=0)}
    assert {name for name, check in checks.items() if not check.ok} == {
        "normalisation moves",
        "vectors moves",
        "near_copies moves",
    }
    assert checks["thresholds moves"].fact == "compared 2 facts on its card"


def test_what_cannot_be_derived_again_is_skipped_with_the_reason(honest: Honest) -> None:
    db, models = honest
    change(db, "UPDATE sources SET sha256 = 'another' WHERE kind = 'tweets'")
    change(
        db,
        "INSERT INTO models BY NAME SELECT 'x' AS model_id, 'gone' AS name, '{}' AS card, "
        "false AS uses_counts, 'direction' AS target, "
        "['down', 'up'] AS classes",
    )
    skipped = {each.name: each.fact for each in audit(db, models, 0) if each.ok is None}
    assert skipped == {
        "training honest": "not derived again: it was trained on other files than those in "
        "this database",
        "predictions gone": "its bundle was not found; add --model FOLDER",
    }


def test_nothing_is_found_in_a_model_of_two_symbols(db: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.csv"
    rules.write_text("symbol,kind,term\nSPX,word,worda\nDAX,word,worda\nDAX,word,wordb\n", "utf-8")
    with open_store(db) as opened:
        opened.con.execute(
            "INSERT INTO symbols SELECT 'DAX', * EXCLUDE (symbol) FROM symbols; "
            "INSERT INTO bars SELECT 'DAX', minute_utc, open * before, "
            "high * greatest(before, after), low * least(before, after), close * after, volume, "
            "source_id FROM bars, LATERAL (SELECT epoch(minute_utc) / 900 AS place), "
            "LATERAL (SELECT 1 + 0.02 * sin(place) AS before, "
            "1 + 0.02 * sin(place + 60 / 900) AS after)"
        )
        link(opened, rules, lambda *_: None)
        ensure_windows(opened)
    model = trained(db, tmp_path / "several")
    card = load_bundle(Path(model)).card
    assert (card["symbol"], [*card["symbols"]]) == (None, ["DAX", "SPX"])
    checks = {check.name: check for check in audit(db, [model], moments=1)}
    assert {check.fact for check in checks.values() if check.ok is False} == set()
    assert checks["parts several"].ok
    assert checks["labels DAX"].ok
    with open_store(db) as opened:
        opened.con.execute("DELETE FROM link_rules WHERE term = 'wordb'")
    told = {check.name: check.fact for check in audit(db, [model], moments=1)}
    assert "its posts were linked to its symbols by other rules" in told["training several"]


def test_nothing_is_found_in_a_model_of_linked_posts_and_other_rules_are_told(
    db: Path, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.csv"
    rules.write_text("symbol,kind,term\nSPX,word,worda\nSPX,word,wordb\nSPX,word,wordc\n", "utf-8")
    with open_store(db) as opened:
        linked = link(opened, rules, lambda *_: None)
        (every,) = opened.row("SELECT count(*) FROM tweets")
    assert every // 3 < linked.linked < every
    model = trained(db, tmp_path / "linked")
    card = load_bundle(Path(model)).card
    assert [each["term"] for each in card["link_rules"]] == ["worda", "wordb", "wordc"]
    readme = (Path(model) / "README.md").read_text("utf-8")
    rules_said = "by these rules alone: word worda to SPX, word wordb to SPX, word wordc to SPX."
    assert f"Posts linked {rules_said}" in " ".join(readme.split())
    checks = {check.name: check for check in audit(db, [model], moments=1)}
    assert {name for name, check in checks.items() if check.ok is False} == set()
    assert checks["parts linked"].ok
    with open_store(db) as opened:
        rows = opened.rows("SELECT DISTINCT text FROM scored WHERE symbol = 'SPX'")
        assert all({"worda", "wordb", "wordc"} & {*text.split()} for (text,) in rows)
        unlink(opened)
    checks = {check.name: check for check in audit(db, [model], moments=0)}
    assert checks["training linked"].fact == (
        "not derived again: its posts were linked to its symbols by other rules than those in this "
        "database"
    )


# --- clocks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-4, 5])
def test_leak_1_times_in_utc_read_as_those_of_new_york(db: Path, hours: int) -> None:
    change(db, f"UPDATE tweets SET posted_utc = posted_utc + to_hours({hours})")
    broken = found(audit(db, moments=0))
    assert list(broken) == ["tweet_clocks"]
    assert re.search(
        rf"twitter \d+ of tweets.csv: .* is {abs(hours)}:00:00 off", broken["tweet_clocks"]
    )


def test_leak_2_the_end_of_a_minute_read_as_its_start(db: Path) -> None:
    change(db, "UPDATE bars SET minute_utc = minute_utc + INTERVAL 1 MINUTE")
    broken = found(audit(db, moments=0))
    assert list(broken) == ["bar_clock"]
    assert "--stamp start is taken, but refuted" in broken["bar_clock"]


def test_times_whose_seconds_were_cut_off(db: Path) -> None:
    change(db, "UPDATE tweets SET posted_utc = date_trunc('minute', posted_utc)")
    fact = found(audit(db, moments=0))["post_seconds"]
    assert re.fullmatch(
        r"1 found: source 2 \(tweets\.csv\): 224 of 224 posts are at second 0, the first "
        r"twitter \d+",
        fact,
    )
    # At the minute's end they enter after they were made, whatever their seconds were.
    change(db, "UPDATE tweets SET posted_utc = posted_utc + INTERVAL 59999999 MICROSECONDS")
    assert "post_seconds" not in found(audit(db, moments=0))


def _id_of(posted: datetime) -> int:
    return ((posted - TWITTER_EPOCH) // timedelta(milliseconds=1)) << 22


@pytest.mark.parametrize(
    ("header", "row", "odd", "precision", "is_leak"),
    [
        ("date,text", "{0:%F %T}Z,rain", 0, "auto", False),  # placed at the minute's end
        ("date,text", "{0:%F %T}Z,rain", 0, "second", False),
        ("date,text", "{0:%F %T}Z,rain", 2, "auto", True),  # too few show seconds
        ("date,text", "{0:%F %T}Z,rain", 2, "second", False),
        ("date,text", "{0:%F %T}Z,rain", 2, "minute", False),
        ("id,date,text", "{1},{0:%F %T}Z,rain", 0, "auto", False),  # a bot's, by its ids
    ],
)
def test_whole_minutes_count_where_somebody_vouches_for_their_seconds(
    tmp_path: Path, header: str, row: str, odd: int, precision: Any, is_leak: bool
) -> None:
    times = [datetime(2018, 6, 11, 14) + n * 7 * MINUTE for n in range(60)]
    times[:odd] = [time + timedelta(seconds=31) for time in times[:odd]]
    path, db = tmp_path / "posts.csv", tmp_path / "new.duckdb"
    rows = (row.format(time, _id_of(time + timedelta(milliseconds=500))) for time in times)
    path.write_text("\n".join([header, *rows]))
    with open_store(db) as opened:
        (account,) = ingest(opened, [path], IngestOptions(precision=precision), lambda *_: None)
        assert account.stored == 60
    checks = {check.name: check for check in audit(db, moments=0, with_clocks=False)}
    assert checks["post_seconds"].ok is not is_leak
    assert not is_leak or "--db NEW --precision minute" in (checks["post_seconds"].next_step or "")


# --- windows --------------------------------------------------------------------------------------

UNCLOSED = {"done.minute_utc = m.minute_utc - INTERVAL 1 MINUTE": "done.minute_utc = m.minute_utc"}
ACROSS = {
    "exit_utc > entry.close_utc AS crosses_close": "false AS crosses_close",
    "LEFT JOIN grid later ON later.key = entry.key + minute_keys(i.interval_minutes)": (
        "ASOF LEFT JOIN grid later ON later.session = entry.session"
        " AND later.minute_utc >= entry.minute_utc + to_minutes(i.interval_minutes)"
    ),
}


def test_leak_3_an_entry_at_a_bar_that_has_not_closed(db: Path, leaky: Leaky) -> None:
    leaky("market/grid", UNCLOSED)
    broken = found(audit(db, moments=1))
    assert set(broken) == {"entries", "outcomes", "momentum", "windows_recomputed"}
    minute = r"2018-06-\d\d \d\d:\d\d:00"
    row = rf"SPX regular at ({minute}): [0-9.]+, but [0-9.]+ from the data up to \1 alone"
    assert re.search(row, broken["entries"])


def test_leak_4_a_window_across_the_close(db: Path, leaky: Leaky) -> None:
    leaky("market/windows", ACROSS)
    broken = found(audit(db, moments=1))
    assert set(broken) == {"windows_recomputed"}
    row = r"SPX at 2018-\S+ 19:\d\d:00, 30 minutes: ok from .*, but crosses_close from"
    assert re.search(row, broken["windows_recomputed"])


def late_half_days(*given: Any) -> pl.DataFrame:
    usual = pl.col("open_utc") + timedelta(hours=6.5)
    return exchange_hours(*given).with_columns(close_utc=usual)


def test_leak_5_a_window_across_the_close_of_a_half_day(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "exchange_hours", late_half_days)
    broken = found(audit(db, moments=1))
    assert set(broken) == {"windows_recomputed"}
    row = r"SPX at 2018-07-03 16:\d\d:00, \d+ minutes: ok from .*, but crosses_close from"
    assert re.search(row, broken["windows_recomputed"])


@pytest.mark.parametrize("plant", ["unclosed", "across", "half-day"])
def test_windows_that_were_stored_by_a_leak_are_found_by_a_code_that_has_none(
    db: Path, monkeypatch: pytest.MonkeyPatch, plant: str
) -> None:
    name, changes = ("market/grid", UNCLOSED) if plant == "unclosed" else ("market/windows", ACROSS)
    text = statement(name)
    for old, new in changes.items():
        text = text.replace(old, new)
    with monkeypatch.context() as planted:
        if plant == "half-day":
            planted.setattr(windows, "exchange_hours", late_half_days)
        else:
            planted.setattr(
                store, "statement", lambda each: text if each == name else statement(each)
            )
        rebuild(db)
    assert list(found(audit(db, moments=1))) == ["windows_recomputed"]


# --- training -------------------------------------------------------------------------------------

SEES_ALL = partial(prepare, protocol=Protocol("honest", PARTS, "validation"))
LUCKIEST = partial(learn.learn, protocol=Protocol("honest", ("train",), "test"))


def test_leak_6_a_vocabulary_of_the_test_part_too(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as planted:
        planted.setattr(features, "prepare", SEES_ALL)
        model = trained(db, tmp_path / "leaky")
    broken = found(audit(db, [model], moments=0))
    assert set(broken) == {"vocabulary"}
    assert re.search(r"word only\d+: known, but nothing by today's rules", broken["vocabulary"])


def test_leak_6_in_the_code(honest: Honest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "prepare", SEES_ALL)
    broken = found(audit(*honest, moments=0))
    assert set(broken) == {"features", "vocabulary", "normalisation"}
    assert re.search(r"word only\d+: known, but nothing from the data", broken["features"])


def test_leak_7_a_normalisation_of_the_test_part_too(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as planted:
        planted.setattr(features, "prepare", SEES_ALL)
        model = trained(db, tmp_path / "leaky", counts=True)
    broken = found(audit(db, [model], moments=0))
    assert set(broken) == {"vocabulary", "normalisation"}
    row = r"4 found: mean of the log of favorite_count: [0-9.]+, but [0-9.]+ by today's rules"
    assert re.match(row, broken["normalisation"])


def test_leak_8_a_best_epoch_that_the_test_part_chose(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "learn", LUCKIEST)
    broken = found(audit(db, [trained(db, tmp_path / "leaky")], moments=0))
    assert set(broken) == {"chosen_on"}
    row = r"epoch \d was chosen by a loss of (\S+), .* on validation, \1 on test"
    assert re.search(row, broken["chosen_on"])


def test_leak_8_a_best_epoch_that_has_not_the_lowest_loss(honest: Honest, tmp_path: Path) -> None:
    db, (model,) = honest
    leaky = Path(shutil.copytree(model, tmp_path / "leaky"))
    training = load_bundle(leaky).card["training"]
    best = training["best_epoch"]
    edit_card(leaky, training=training | {"best_epoch": 3 - best})  # of two
    assert found(audit(db, [str(leaky)], moments=0)) == {
        "best_epoch": f"1 found: its card names epoch {3 - best} as the best, but epoch {best} has "
        "the lowest loss on the held-out part"
    }


@pytest.mark.parametrize(
    ("read", "words"),
    [("posted_utc + INTERVAL 2 DAY", "of 2018-"), ("NULL", "of a time that nobody knows")],
)
def test_leak_9_counts_that_are_read_later(honest: Honest, read: str, words: str) -> None:
    change(honest[0], f"UPDATE tweets SET counts_as_of_utc = {read}")
    broken = found(audit(*honest, moments=0))
    assert set(broken) == {"counts"}
    row = rf"224 found: twitter \d+ enters at 2018-\S+ \S+, its counts are {words}"
    assert re.match(row, broken["counts"])


def test_leak_10_copies_of_a_text_in_two_parts(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as planted:
        planted.setattr(split, "_without_copies", lambda rows: rows)
        model = trained(db, tmp_path / "leaky")
    broken = found(audit(db, [model], moments=0))
    assert "parts" in broken
    row = r"train: (\d+), but \d+ by today's rules; left out before its end: twitter \d+"
    assert re.search(row, broken["parts"])


def test_leak_10_in_the_code(honest: Honest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "_without_copies", lambda rows: rows)
    broken = found(audit(*honest, moments=0))
    assert "copies" in broken
    row = r"twitter \d+ of train has the text of \d+ of (validation|test)"
    assert re.search(row, broken["copies"])


def test_leak_11_windows_of_training_that_reach_into_validation(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leaky: Leaky
) -> None:
    leaky("market/windows", ACROSS)
    monkeypatch.setattr(split, "_purged", lambda rows, *_: rows)
    model = trained(db, tmp_path / "leaky", intervals=(30, 2_880))
    broken = found(audit(db, [model], moments=0))
    assert set(broken) == {"purge", "features"}  # features: the label depends on later prices
    row = r"twitter \d+ of train has a label of (\S+ \S+), after (\S+ \S+);"
    late = re.search(row, broken["purge"])
    assert late
    assert late[1] > late[2]


def test_leak_12_word_vectors_of_posts_of_the_test_part(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as planted:
        planted.setattr(features, "texts_until", all_texts)
        model = trained(db, tmp_path / "leaky", vectors="archive")
    broken = found(audit(db, [model], moments=0))
    row = r"1 found: vectors: trained on 224 posts, but trained on 1\d\d posts by today's rules"
    assert set(broken) == {"vectors"}
    assert re.fullmatch(row, broken["vectors"])


def test_leak_12_in_the_code(honest: Honest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "texts_until", all_texts)
    broken = found(audit(*honest, moments=0))
    assert set(broken) == {"features"}
    assert re.search(r"vector of \S+: \d+, but \d+ from the data up to", broken["features"])


def all_texts(opened: Store, _: datetime) -> pl.Series:
    return dataset.texts_until(opened, datetime.max)


# --- texts, models and prices under another name ------------------------------------------------


def knows_test(prepared: Prepared, *given: Any, **more: Any) -> Any:
    """Learn from the test part, many times over, and say nothing of it."""
    test, train = (prepared.parts[name] for name in ("test", "train"))
    often = 60
    ids = TokenIds(np.tile(test.tokens.ids, (often, 1)), np.tile(test.tokens.lengths, often))
    rows = pl.concat([test.rows] * often)
    parts = {
        **prepared.parts,
        "train": replace(train, rows=rows, tokens=ids, labels=np.tile(test.labels, (often, 1))),
    }
    learned = learn.learn(replace(prepared, parts=parts), *given, **more)
    return replace(learned, prepared=prepared)


def test_leak_13_a_model_that_knew_the_test_part(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "learn", knows_test)
    broken = found(audit(db, [trained(db, tmp_path / "leaky", hidden=32)], moments=0))
    assert set(broken) == {"knew_test"}
    row = r"its loss is 0\.\d+ on the test part, but [1-9]\.\d+ on validation, .* in \d\.\de-\d+"
    assert re.search(row, broken["knew_test"])


def put_other(db: Path, change_of: str) -> None:
    """Add a symbol whose bars are those of SPX, with another level and another change."""
    change(
        db,
        "INSERT INTO symbols VALUES ('OTHER', 'XNYS', 1); INSERT INTO bars BY NAME "
        "SELECT * REPLACE ('OTHER' AS symbol, open / 4 AS open, least(low, high) / 8 AS low, "
        f"high / 2 AS high, open / 4 * (1 + {change_of}) AS close) FROM bars",
    )


def test_leak_14_the_same_instrument_under_another_name(honest: Honest) -> None:
    put_other(honest[0], "close / open - 1")
    broken = found(audit(*honest, moments=0))
    assert set(broken) == {"same_instrument"}
    row = r"1 found: honest was trained on SPX, and OTHER moves as that in 100.0 % of \d+ minutes"
    assert re.fullmatch(row, broken["same_instrument"])


def test_another_instrument_of_the_same_market_is_no_leak(honest: Honest) -> None:
    put_other(honest[0], "1.3 * (close / open - 1)")
    assert found(audit(*honest, moments=0)) == {}


def test_abnormal_returns_are_no_other_name_and_hide_no_training(honest: Honest) -> None:
    with open_store(honest[0]) as opened:
        derive_abnormal(opened, "SPX", None, in_volatility=True, past_days=5)
    checks = audit(*honest, moments=0)
    assert found(checks) == {}
    assert {"copies honest", "same_instrument"} <= {check.name for check in checks if check.fact}


def second_file(db: Path, factor: float) -> None:
    """Let the last half of the bars come from another file, with its prices so many times lower."""
    change(
        db,
        "UPDATE bars SET source_id = 3, open = open / $f, high = high / $f, low = low / $f, "
        "close = close / $f WHERE minute_utc >= TIMESTAMP '2018-06-29'".replace("$f", str(factor)),
    )


def test_leak_15_adjusted_prices_joined_to_others(db: Path) -> None:
    second_file(db, 4)
    broken = found(audit(db, moments=0))
    assert set(broken) == {"price_levels"}
    row = (
        r"1 found: SPX at 2018-06-29 13:30:00: [0-9.]+ in source 1, then [0-9.]+ in source 3, "
        r"a factor of 4.0"
    )
    assert re.fullmatch(row, broken["price_levels"])


def test_prices_of_two_files_at_one_level_are_no_leak(db: Path) -> None:
    second_file(db, 1)
    assert found(audit(db, moments=0)) == {}


def test_leak_16_near_copies_of_texts_across_the_split(db: Path, tmp_path: Path) -> None:
    change(  # texts of eight words, of which the last quarter has those of the first
        db,
        "CREATE TABLE again AS SELECT *, row_number() OVER (ORDER BY tweet_id) AS n FROM tweets; "
        "UPDATE again SET text = text || concat_ws(' ', '', 'a' || hash(n) % 997, "
        "'b' || hash(n + 1) % 997, 'c' || hash(n + 2) % 997, 'd' || hash(n + 3) % 997); "
        "UPDATE tweets SET text = again.text FROM again WHERE again.tweet_id = tweets.tweet_id",
    )
    assert found(audit(db, [trained(db, tmp_path / "honest")], moments=0)) == {}
    change(
        db,
        "UPDATE tweets SET text = 'breaking ' || early.text FROM again late "
        "JOIN again early ON early.n = late.n - 180 WHERE late.tweet_id = tweets.tweet_id "
        "AND late.n > 190; DROP TABLE again",
    )
    broken = found(audit(db, [trained(db, tmp_path / "leaky")], moments=0))
    assert set(broken) == {"near_copies"}
    row = r"\d+ found: twitter \d+ of test has \d+% of its runs of 3 words in \d+ of train"
    assert re.match(row, broken["near_copies"])


# --- beside the sixteen ---------------------------------------------------------------------------


def test_a_stored_probability_that_its_text_does_not_give_is_found(honest: Honest) -> None:
    first = "tweet_id = (SELECT min(tweet_id) FROM tweets)"
    change(honest[0], f"UPDATE tweets SET text = 'only5 wordj' WHERE {first}")
    broken = found(audit(*honest, moments=0))
    assert set(broken) == {"predictions"}
    row = r"2 found: twitter \d+, 5 minutes, up: 0.\d+, but scored again 0.\d+"
    assert re.match(row, broken["predictions"])


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        (  # the exchange is closed on the fourth
            ["2018-07-03T17:00:00", "2018-07-05T13:30:00"],
            "no trading day lies between train_until_utc 2018-07-03 17:00:00 and validation",
        ),
        (
            ["2018-07-05T20:00:00", "2018-07-03T17:00:00"],
            "validation_from_utc 2018-07-03 17:00:00 is not after train_until_utc 2018-07-05",
        ),
    ],
)
def test_a_split_without_an_embargoed_day_is_found(
    db: Path, tmp_path: Path, dates: list[str], words: str
) -> None:
    every = ["2018-06-11T13:30:00", *dates, "2018-07-09T20:00:00", "2018-07-12T20:00:00"]
    bounds = dict(zip(Split.__slots__, every, strict=True))
    bundle, _ = tiny_bundle(tmp_path / "tiny", split=bounds)
    edit_card(bundle.path, symbol="SPX")
    broken = found(audit(db, [str(bundle.path)], moments=0))
    assert set(broken) == {"split"}
    assert words in broken["split"]


@pytest.mark.parametrize(
    ("early_minutes", "days", "found"), [(0, 20, 0), (1, 20, 1), (7, 20, 1), (-1, 20, 0), (1, 9, 0)]
)
def test_bars_of_one_symbol_under_earlier_times_are_found(
    store: Store, early_minutes: int, days: int, found: int
) -> None:
    opens = exchange_sessions("XNYS", FIRST_DAY, date(2018, 12, 31))["open_utc"].head(days)
    for symbol, early in (("SPX", early_minutes), ("NDX", 0)):
        for opened in opens:
            put_bars(store, str(opened - early * MINUTE), [100.0 + n for n in range(390)], symbol)
        put_bars(store, str(opens[0] - 60 * MINUTE), [99.0] * 20, symbol)  # once before the open
    ensure_windows(store)
    problems = {
        symbol: store.rows(statement("checks/leaks/early_bars"), symbol=symbol)
        for symbol in ("SPX", "NDX")
    }
    said = (  # one day has bars before, and one is short
        f"SPX: on {days - 2} of {days} days its bars begin {early_minutes} min before the session "
        "opens, and end as many before it closes"
    )
    assert problems == {"SPX": [(said,)] * found, "NDX": []}
