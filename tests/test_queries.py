"""Every shipped query gives what a plain reading of the same rows gives, and nothing else."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import groupby
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from results import DAYS, fill, put_model, study_run
from scipy import stats
from simulated_queries import accuracy_held, bins_held, macros, sums_held

from tweetscore.query.shipped import (
    check_parameters,
    defaults,
    parse_parameters,
    query_text,
    shipped_queries,
)
from tweetscore.store.database import Store, open_store, shipped
from tweetscore.study.options import StudyCell
from tweetscore.study.runs import keep_run

pytestmark = pytest.mark.slow  # every query runs over every table

Rows = list[dict[str, Any]]
EMPTY_STDIN = open(Path("/dev/null"))  # noqa: SIM115 - no query here reads it
FILES = sorted((shipped("sql") / "queries").glob("*.sql"))


def put_classes(store: Store) -> None:
    """A second model of direction, one of moves and one of labels, over the first thirty posts."""
    for name, target, classes in (
        ("second", "direction", ["down", "up"]),
        ("moving", "move", ["still", "move"]),
        ("labelling", "label", ["joy", "fear"]),
    ):
        spans = (DAYS[0], DAYS[2], DAYS[5] + timedelta(days=9))
        put_model(store, spans, name=name, target=target, classes=classes)
    for n in range(1, 31):
        for minutes in (5, 30):
            store.con.execute(
                "INSERT INTO predictions VALUES ('second', 'twitter', ?, ?, 2, ?)",
                [n, minutes, (n * 7 % 30) / 30],
            )
        store.con.execute(
            "INSERT INTO predictions VALUES ('moving', 'twitter', ?, 30, 2, ?)", [n, n / 32]
        )
        for number, p in ((1, n % 3 / 4), (2, 0.3)):
            store.con.execute(
                "INSERT INTO predictions VALUES ('labelling', 'twitter', ?, NULL, ?, ?)",
                [n, number, p],
            )
    store.con.execute("INSERT INTO thresholds VALUES ('moving', 30, 4.0)")


def put_sources(store: Store) -> None:
    for number, name in enumerate(("a.json", "b.csv"), 1):
        store.con.execute(
            "INSERT INTO sources VALUES (?, ?, 'x', 1, 'tweets', 'f', NULL, 'UTC', 10, 5, 0, 2, 3, "
            "0, '2020-01-01', '2020-01-01', NULL, NULL)",
            [number, name],
        )
    for line, reason in ((4, "no text"), (9, "no time"), (2, "no time")):
        store.con.execute("INSERT INTO rejects VALUES (2, ?, NULL, ?, NULL)", [line, reason])


def put_trials(store: Store) -> None:
    """Add two trials that meet, one that begins as one of them ends, and one of another symbol.

    One model has also looked at a part.
    """
    for name, part, symbol, first, last, tests in (
        ("a", "", "SPX", 1, 9, 7),
        ("b", "", "SPX", 5, 20, 1),
        ("c", "", "SPX", 9, 12, 2),
        ("c", "/noon", "SPX", 9, 12, 4),
        ("d", "", "NDX", 1, 20, 3),
    ):
        trial_id = f"{name}-graph{part}"
        store.con.execute(
            "INSERT INTO trials VALUES ('t', ?, ?, ?, ?, ?, ?, ?)",
            [symbol, day_of(first), day_of(last), trial_id, f"{name}-id", name, tests],
        )


def day_of(number: int) -> datetime:
    return datetime(2023, 1, number)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("queries") / "tweetscore.duckdb"
    with open_store(path) as store:
        fill(store)
        store.con.execute("UPDATE tweets SET author = 'author ' || tweet_id % 5")
        store.con.execute("UPDATE tweets SET is_retweet = tweet_id % 4 = 0")
        put_classes(store)
        put_sources(store)
        for seed in (0, 1):
            keep_run(store, study_run(StudyCell(5, True, True), seed, [0.5, 0.6 + seed / 10]))
        put_trials(store)
    return path


@pytest.fixture(scope="module")
def tables(db: Path) -> dict[str, Rows]:
    """The tables and views as plain rows."""
    names = (
        "scored scored_any scored_moves scored_labels tweets probabilities_up models sessions bars "
        "rejects sources study_runs windows"
    )
    with open_store(db, read_only=True) as store:
        return {name: store.frame(f"FROM {name} ORDER BY ALL").to_dicts() for name in names.split()}


def asked(db: Path, name: str, *given: str) -> pl.DataFrame:
    text, chosen = query_text(None, name, EMPTY_STDIN), parse_parameters(given)
    wanted = duckdb.extract_statements(text)[0].named_parameters
    check_parameters(wanted, values := defaults(text, wanted, chosen) | chosen)
    with open_store(db, read_only=True) as store:
        return store.frame(text, **values)


def grouped(rows: Rows, *keys: str) -> Iterator[tuple[dict[str, Any], Rows]]:
    """Rows with equal keys together, in the order of the keys, nulls last."""

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple((row[name] is None, row[name] or 0) for name in keys)

    for _, each in groupby(sorted(rows, key=key), key):
        group = list(each)
        yield {name: group[0][name] for name in keys}, group


def judged(rows: Rows, interval: int | None = None) -> Rows:
    return [
        row
        for row in rows
        if row["correct"] is not None
        and row["split"] in ("test", "after")
        and interval in (None, row["interval_minutes"])
    ]


def share(rows: Rows, is_so: Callable[[dict[str, Any]], bool]) -> float:
    return sum(map(is_so, rows)) / len(rows)


def bounds(rows: Rows, of: Callable[[dict[str, Any]], float]) -> tuple[float | None, float | None]:
    """Return the 95 % interval of the mean of rows: least squares, clustered by day."""
    values = [float(of(row)) for row in rows]
    by_day: dict[Any, float] = defaultdict(float)
    for row, value in zip(rows, values, strict=True):
        by_day[row["session_date"]] += value - mean(values)
    days, squares = len(by_day), sum(each**2 for each in by_day.values())
    if days < 2 or squares < 1e-12:
        return None, None
    error = sqrt(days / (days - 1) * squares) / len(values)
    half = float(stats.t.ppf(0.975, days - 1)) * error
    return round(mean(values) - half, 4), round(mean(values) + half, 4)


def share_bounds(rows: Rows, name: str, of: Callable[[dict[str, Any]], float]) -> dict[str, Any]:
    low, high = bounds(rows, of)
    return {
        f"{name}_low": None if low is None else max(0.0, low),
        f"{name}_high": None if high is None else min(1.0, high),
    }


def minutes_and_days(rows: Rows) -> dict[str, int]:
    return {
        "minutes": len({row["minute_utc"] for row in rows}),
        "days": len({row["session_date"] for row in rows}),
    }


def rates(rows: Rows) -> dict[str, Any]:
    up = share(rows, lambda row: row["outcome"] == "up")
    return {
        "rows": len(rows),
        **minutes_and_days(rows),
        "accuracy": round(share(rows, lambda row: row["correct"]), 4),
        **share_bounds(rows, "accuracy", lambda row: row["correct"]),
        "majority": round(max(up, 1 - up), 4),
    }


MODEL = ("model", "model_id", "symbol", "interval_minutes")


def by(part: str, of: Callable[[dict[str, Any]], Any], rows: Rows, least: int = 1) -> Rows:
    placed = [{**row, part: of(row)} for row in rows]
    return [
        {**keys, **rates(group)}
        for keys, group in grouped(placed, *MODEL, part)
        if len(group) >= least
    ]


def opening(row: dict[str, Any], sessions: Rows) -> dict[str, Any]:
    (found,) = [
        each
        for each in sessions
        if each["session"] == "regular"
        and each["open_utc"] <= row["minute_utc"] < each["close_utc"]
    ]
    return found


def dated(t: dict[str, Rows]) -> Rows:
    """Predictions of direction with a window, and their trading days."""
    return [
        {
            **row,
            "outcome": row["direction"],
            "session_date": opening(row, t["sessions"])["session_date"],
        }
        for row in t["scored"]
        if row["status"] == "ok"
    ]


def hit_rate(t: dict[str, Rows]) -> Rows:
    return [{**keys, **rates(group)} for keys, group in grouped(judged(dated(t)), *MODEL)]


def by_author(t: dict[str, Rows]) -> Rows:
    return by("author", lambda row: row["author"], judged(dated(t)), 5)


def by_month(t: dict[str, Rows]) -> Rows:
    return by("month", lambda row: row["minute_utc"].date().replace(day=1), judged(dated(t), 5))


def by_hour(t: dict[str, Rows]) -> Rows:
    return by("hour_utc", lambda row: row["minute_utc"].hour, judged(dated(t), 5))


def after_open(t: dict[str, Rows]) -> Rows:
    def half_hour(row: dict[str, Any]) -> int:
        gone = row["minute_utc"] - opening(row, t["sessions"])["open_utc"]
        return int(gone.total_seconds()) // 1_800 * 30

    return by("minutes_after_open", half_hour, judged(dated(t), 5))


def by_split(t: dict[str, Rows]) -> Rows:
    order = ["before", "train", "validation", "test", "after", "unknown"]
    rows = [row for row in dated(t) if row["correct"] is not None]
    found = by("split", lambda row: row["split"], rows)
    return sorted(found, key=lambda row: ([row[name] for name in MODEL], order.index(row["split"])))


def confident(t: dict[str, Rows]) -> Rows:
    found = []
    for keys, group in grouped(judged(dated(t)), *MODEL):
        sure = [row for row in group if abs(round(row["probability_up"], 6) - 0.5) >= 0.4]
        found.append(
            {
                **keys,
                "all_rows": len(group),
                "rows": len(sure),
                **minutes_and_days(sure),
                "coverage": round(len(sure) / len(group), 4),
                **(
                    dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high", "majority"))
                    if not sure
                    else rates(sure)
                ),
            }
        )
    return found


def calibration(t: dict[str, Rows]) -> Rows:
    placed = [
        {**row, "low": min(int(row["probability_up"] * 10 + 1e-9), 9) / 10}
        for row in judged(dated(t), 30)
    ]
    return [
        {
            **keys,
            "high": round(keys["low"] + 0.1, 1),
            "rows": len(group),
            **minutes_and_days(group),
            **share_bounds(group, "observed", lambda row: row["outcome"] == "up"),
            "predicted": round(mean(row["probability_up"] for row in group), 4),
            "observed": round(share(group, lambda row: row["direction"] == "up"), 4),
        }
        for keys, group in grouped(placed, *MODEL, "low")
    ]


def statuses(t: dict[str, Rows]) -> Rows:
    found = []
    for keys, group in grouped(t["scored"], *MODEL):
        counts: dict[str, int] = defaultdict(int)
        for row in group:
            counts[row["status"]] += 1
        for status, count in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
            found.append(
                {
                    **keys,
                    "status": status,
                    "predictions": count,
                    "share": round(count / len(group), 4),
                }
            )
    return found


def mean_and_bounds(values: list[float]) -> dict[str, Any]:
    """Return the mean of days and its interval, as scipy has it."""
    test = stats.ttest_1samp(values, 0) if len(values) > 1 else None
    interval = test.confidence_interval() if test else (None, None)
    return {
        "days": len(values),
        "mean_bps": round(mean(values), 2),
        "standard_error_bps": round(stdev(values) / sqrt(len(values)), 2) if test else None,
        "low_bps": None if interval[0] is None else round(interval[0], 2),
        "high_bps": None if interval[1] is None else round(interval[1], 2),
    }


def day_means(rows: Rows) -> dict[Any, tuple[int, float]]:
    """Return the minutes of each day and their mean, each minute once."""
    minutes = {row["minute_utc"]: row for row in rows}
    return {
        keys["session_date"]: (len(group), mean(row["return_bps"] for row in group))
        for keys, group in grouped(list(minutes.values()), "session_date")
    }


def returns(t: dict[str, Rows]) -> Rows:
    market = [
        {**row, "session_date": opening(row, t["sessions"])["session_date"]}
        for row in t["windows"]
        if row["session"] == "regular" and row["status"] == "ok"
    ]
    found = []
    for keys, group in grouped(unseen(dated(t)), *MODEL):
        up, down = (
            day_means([row for row in group if row["predicted"] == name]) for name in ("up", "down")
        )
        days = up.keys() | down.keys()
        same = ("symbol", "interval_minutes")
        around = day_means(
            [
                row
                for row in market
                if row["session_date"] in days and all(row[name] == keys[name] for name in same)
            ]
        )
        both = {
            day: (up[day][0] + down[day][0], up[day][1] - down[day][1])
            for day in up.keys() & down.keys()
        }
        for name, each in (
            ("any minute", around), ("down", down), ("up", up), ("up less down", both),
        ):  # fmt: skip
            minutes = sum(count for count, _ in each.values())
            of_days = mean_and_bounds([bps for _, bps in each.values()])
            found.append({**keys, "predicted": name, "minutes": minutes, **of_days})
    return found


def unseen(rows: Rows) -> Rows:
    return [row for row in rows if row["split"] in ("test", "after")]


def long_short(t: dict[str, Rows]) -> Rows:
    entries = []
    for keys, group in grouped(unseen(dated(t)), *MODEL, "session_date", "minute_utc"):
        side = 1 if mean(row["probability_up"] for row in group) >= 0.5 else -1
        entries.append({**keys, "side": side, "return_bps": group[0]["return_bps"]})
    found: Rows = []
    for _, of_model in grouped(entries, *MODEL):
        own: list[float] = []
        always: list[float] = []
        for keys, group in grouped(of_model, *MODEL, "session_date"):
            own.append(mean(row["side"] * row["return_bps"] for row in group))
            always.append(mean(row["return_bps"] for row in group))
            more = [one - other for one, other in zip(own, always, strict=True)]
            found.append(
                {
                    **keys,
                    "minutes": len(group),
                    "long_minutes": sum(row["side"] == 1 for row in group),
                    "mean_bps": round(own[-1], 2),
                    "long_only_bps": round(always[-1], 2),
                    **running("running", own),
                    **running("running_long_only", always),
                    **running("running_difference", more),
                }
            )
    return found


def running(name: str, values: list[float]) -> dict[str, float | None]:
    error = round(stdev(values) * sqrt(len(values)), 2) if len(values) > 1 else None
    return {f"{name}_bps": round(sum(values), 2), f"{name}_error_bps": error}


def strength(row: dict[str, Any]) -> tuple[Any, ...]:
    away = -abs(np.float32(row["probability_up"]) - np.float32(0.5))  # as it is stored
    return away, row["posted_utc"], row["tweet_id"], row["interval_minutes"], row["model"]


def shown(row: dict[str, Any], *more: str) -> dict[str, Any]:
    names = (*MODEL, "posted_utc", "author", "predicted", "direction", "text", *more)
    return {
        **{name: row[name] for name in names},
        "probability_up": round(row["probability_up"], 3),
        "return_bps": round(row["return_bps"], 1),
    }


def strongest(t: dict[str, Rows]) -> Rows:
    rows = [r for r in t["scored"] if r["status"] == "ok" and r["split"] in ("test", "after")]
    return [shown(row, "correct") for row in sorted(rows, key=strength)[:7]]


def most_wrong(t: dict[str, Rows]) -> Rows:
    rows = [row for row in judged(t["scored"]) if not row["correct"]]
    return [shown(row) for row in sorted(rows, key=strength)[:20]]


def intervals_agree(t: dict[str, Rows]) -> Rows:
    said: dict[tuple[str, int], dict[int, bool]] = defaultdict(dict)
    for row in t["probabilities_up"]:
        up = row["probability_up"] >= 0.5
        said[row["model_id"], row["interval_minutes"]][row["tweet_id"]] = up
    found = []
    for (model, one), first in sorted(said.items()):
        for (other_model, other), second in sorted(said.items()):
            if other_model == model and other > one:
                pairs = [(first[n], second[n]) for n in first.keys() & second.keys()]
                found.append(
                    {
                        "model": model,
                        "model_id": model,
                        "interval_minutes": one,
                        "other_interval_minutes": other,
                        "rows": len(pairs),
                        "agree": round(mean(a == b for a, b in pairs), 4),
                        "both_up": round(mean(a and b for a, b in pairs), 4),
                    }
                )
    return found


def scores_by_day(t: dict[str, Rows]) -> Rows:
    posted = {row["tweet_id"]: row["posted_utc"].date() for row in t["tweets"]}
    rows = [
        {**row, "model": row["model_id"], "day": posted[row["tweet_id"]]}
        for row in t["probabilities_up"]
        if row["interval_minutes"] == 30
    ]
    return [
        {
            **keys,
            "posts": len(group),
            "mean_probability_up": round(mean(row["probability_up"] for row in group), 4),
            "predicted_up": round(share(group, lambda row: row["probability_up"] >= 0.5), 4),
        }
        for keys, group in grouped(rows, "model", "model_id", "interval_minutes", "day")
    ]


def activity(t: dict[str, Rows]) -> Rows:
    rows = [{**row, "month": row["posted_utc"].date().replace(day=1)} for row in t["tweets"]]
    return [
        {
            **keys,
            "posts": len(group),
            "authors": len({row["author"] for row in group}),
            "reposts": sum(row["is_retweet"] for row in group),
            "texts": len({row["text"] for row in group}),
        }
        for keys, group in grouped(rows, "platform", "month")
    ]


def bar_coverage(t: dict[str, Rows]) -> Rows:
    found = []
    for session in t["sessions"]:
        if session["session"] != "regular":
            continue
        first, last = session["open_utc"], session["close_utc"]
        there = {b["minute_utc"] for b in t["bars"] if first <= b["minute_utc"] < last}
        length = int((last - first).total_seconds()) // 60
        gaps = "".join(
            "." if first + timedelta(minutes=n) in there else "x" for n in range(length)
        ).split(".")
        found.append(
            {
                "symbol": session["symbol"],
                "session_date": session["session_date"],
                "minutes": length,
                "bars": len(there),
                "missing": length - len(there),
                "longest_gap_minutes": max(map(len, gaps)),
            }
        )
    return found


def moves(t: dict[str, Rows]) -> Rows:
    found = []
    rows = [
        {**row, "session_date": opening(row, t["sessions"])["session_date"]}
        for row in judged(t["scored_moves"])
    ]
    for keys, group in grouped(rows, *MODEL, "threshold_bps"):
        moved = share(group, lambda row: row["outcome"] == "move")
        said = [row for row in group if row["predicted"] == "move"]
        right = round(share(said, lambda row: row["outcome"] == "move"), 4) if said else None
        found.append(
            {
                **keys,
                "rows": len(group),
                **minutes_and_days(group),
                "accuracy": round(share(group, lambda row: row["correct"]), 4),
                **share_bounds(group, "accuracy", lambda row: row["correct"]),
                "majority": round(max(moved, 1 - moved), 4),
                "moved": round(moved, 4),
                "predicted_move": round(len(said) / len(group), 4),
                "precision": right,
            }
        )
    return found


def duplicates(t: dict[str, Rows]) -> Rows:
    texts = [
        (keys["text"], group) for keys, group in grouped(t["tweets"], "text") if len(group) >= 3
    ]
    found = []
    for text, posts in sorted(texts, key=lambda each: (-len(each[1]), each[0])):
        ids = {row["tweet_id"] for row in posts}
        scores = [
            row
            for row in t["probabilities_up"]
            if row["tweet_id"] in ids and row["interval_minutes"] == 30
        ]
        for keys, group in grouped(scores, "model_id", "interval_minutes"):
            found.append(
                {
                    "posts": len(posts),
                    "authors": len({row["author"] for row in posts}),
                    "first_utc": min(row["posted_utc"] for row in posts),
                    "last_utc": max(row["posted_utc"] for row in posts),
                    "model": keys["model_id"],
                    **keys,
                    "lowest": round(min(row["probability_up"] for row in group), 3),
                    "highest": round(max(row["probability_up"] for row in group), 3),
                    "text": text,
                }
            )
    return found[:9]


def context(t: dict[str, Rows]) -> Rows:
    rows = [row for row in t["scored_any"] if row["tweet_id"] == 7]
    order = ("platform", "model", "model_id", "symbol")
    rows.sort(
        key=lambda row: (
            *(row[name] for name in order),
            row["session"] != "regular",
            row["target"],
            row["interval_minutes"],
        )
    )
    names = (
        "platform posted_utc author model model_id split symbol session target interval_minutes "
        "predicted minute_utc entry_price exit_price outcome status correct text"
    )
    return [
        {
            **{name: row[name] for name in names.split()},
            "probability": round(row["probability"], 3),
            "return_bps": None if row["return_bps"] is None else round(row["return_bps"], 1),
        }
        for row in rows
    ]


def labels(_: dict[str, Rows]) -> Rows:
    """Joy is said 0, 0.25 and 0.5 in turn, fear always 0.3."""
    common = {"model": "labelling", "model_id": "labelling"}
    return [
        {**common, "class": "fear", "posts": 20, "share": 0.6667, "mean_probability": 0.3},
        {**common, "class": "joy", "posts": 10, "share": 0.3333, "mean_probability": 0.5},
    ]


def rejects(_: dict[str, Rows]) -> Rows:
    common = {"source_id": 2, "file": "b.csv"}
    return [
        {**common, "reason": "no time", "records": 2, "share": 0.2, "first_line": 2},
        {**common, "reason": "no text", "records": 1, "share": 0.1, "first_line": 4},
    ]


def clocks(t: dict[str, Rows]) -> Rows:
    times = [row["posted_utc"] for row in t["tweets"]] + [row["minute_utc"] for row in t["bars"]]
    common = {"kind": "tweets", "format": "f", "symbol": None, "clock": "UTC"}
    return [
        {
            "source_id": 1,
            "file": "a.json",
            **common,
            "first_utc": min(times),
            "last_utc": max(times),
        },
        {"source_id": 2, "file": "b.csv", **common, "first_utc": None, "last_utc": None},
    ]


def studies(t: dict[str, Rows]) -> Rows:
    return [
        {
            "source": "x",
            "protocol": "original",
            "target": "label",
            "interval_minutes": 5,
            "vectors": True,
            "counts": True,
            "folds": 1,
            "runs": 2,
            "test_rows": 20,
            "accuracy": 0.65,
            "deviation": 0.0707,
            "majority": 0.5,
            "finished_utc": max(row["finished_utc"] for row in t["study_runs"]),
        }
    ]


def trials(_: dict[str, Rows]) -> Rows:
    names = "symbol test_from_utc test_until_utc model model_id part tests models_tried all_tests"
    rows = [
        ("NDX", day_of(1), day_of(20), "d", "d-id", None, 3, 1, 3),
        ("SPX", day_of(1), day_of(9), "a", "a-id", None, 7, 2, 8),
        ("SPX", day_of(5), day_of(20), "b", "b-id", None, 1, 3, 14),
        ("SPX", day_of(9), day_of(12), "c", "c-id", "noon", 4, 2, 7),
        ("SPX", day_of(9), day_of(12), "c", "c-id", None, 2, 2, 7),
    ]
    return [dict(zip(names.split(), row, strict=True)) for row in rows]


CASES: dict[str, tuple[Callable[[dict[str, Rows]], Rows], tuple[str, ...]]] = {
    "activity_by_month": (activity, ()),
    "bar_coverage": (bar_coverage, ()),
    "calibration": (calibration, ("interval=30",)),
    "clocks": (clocks, ()),
    "duplicates": (duplicates, ("least=3", "interval=30", "rows=9")),
    "hit_rate": (hit_rate, ()),
    "hit_rate_after_open": (after_open, ("interval=5",)),
    "hit_rate_by_author": (by_author, ("least=5",)),
    "hit_rate_by_hour": (by_hour, ("interval=5",)),
    "hit_rate_by_month": (by_month, ("interval=5",)),
    "hit_rate_by_split": (by_split, ()),
    "hit_rate_confident": (confident, ("confidence=0.9",)),
    "intervals_agree": (intervals_agree, ()),
    "labels": (labels, ()),
    "long_short_by_day": (long_short, ()),
    "most_wrong": (most_wrong, ()),
    "moves": (moves, ()),
    "rejects": (rejects, ()),
    "returns_by_prediction": (returns, ()),
    "scores_by_day": (scores_by_day, ("interval=30",)),
    "statuses": (statuses, ()),
    "strongest": (strongest, ("rows=7",)),
    "studies": (studies, ()),
    "trials": (trials, ()),
    "tweet_context": (context, ("tweet_id=7",)),
}


def test_the_quantile_of_students_t_is_scipys(store: Store) -> None:
    found = store.rows("SELECT n, t_975(n) FROM range(0, 3000) AS of(n) ORDER BY n")
    assert found[0] == (0, None)
    wanted = stats.t.ppf(0.975, np.arange(1, 3000))
    assert [value for _, value in found[1:]] == pytest.approx(wanted.tolist(), abs=1e-5)


@pytest.mark.parametrize("days", [2, 3, 11, 60])
def test_the_interval_of_days_of_equal_size_is_scipys(store: Store, days: int) -> None:
    totals = np.random.default_rng(days).integers(0, 20, days).tolist()
    (half,) = store.row(
        "SELECT half_width_95(total, 20) FROM unnest($totals) AS of(total)", totals=totals
    )
    interval = stats.ttest_1samp(np.array(totals) / 20, 0).confidence_interval()
    assert half == pytest.approx((interval.high - interval.low) / 2, abs=1e-6)


def test_a_share_of_one_day_or_of_days_that_do_not_differ_has_no_interval(store: Store) -> None:
    for totals in ([3], [4, 4, 4]):
        found = store.row(
            "SELECT share_low_95(total, 4), share_high_95(total, 4) "
            "FROM unnest($totals) AS of(total)",
            totals=totals,
        )
        assert found == (None, None)


def test_every_shipped_query_has_its_case() -> None:
    assert set(CASES) == {path.stem for path in FILES} == {each.name for each in shipped_queries()}
    assert len(CASES) >= 12


@pytest.mark.parametrize("name", CASES)
def test_a_query_gives_what_plain_reading_gives(
    db: Path, tables: dict[str, Rows], name: str
) -> None:
    oracle, given = CASES[name]
    found = asked(db, name, *given)
    known = oracle(tables)
    assert known
    assert found.height == len(known)
    for one, other in zip(found.iter_rows(named=True), known, strict=True):
        assert set(one) == set(other)
        for column, value in other.items():
            if isinstance(value, float):  # rounded from sums in another order
                assert one[column] == pytest.approx(
                    value, abs=0.0101 if "bps" in column else 1.1e-3
                )
            else:
                assert one[column] == value, (column, one, other)


@pytest.mark.parametrize("name", CASES)
def test_an_empty_database_has_no_rows_of_it(db: Path, empty_db: Path, name: str) -> None:
    given = CASES[name][1]
    found = asked(empty_db, name, *given)
    assert found.is_empty()
    assert found.columns == asked(db, name, *given).columns


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_header_says_what_a_row_is_and_names_every_parameter(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    header = [line for line in lines if line.startswith("--")]
    body = "\n".join(line for line in lines if not line.startswith("--"))
    assert header[0].startswith("-- One row: one ")
    assert max(map(len, lines)) <= 110
    told = {
        each[1]
        for each in map(re.compile(r"-- \$(\w+)(?: = \w[\w.]*)?: .+").fullmatch, header)
        if each
    }
    assert told == set(re.findall(r"\$(\w+)", body))


@pytest.mark.slow
def test_intervals_of_queries_hold_the_truth_as_often_as_they_say() -> None:
    with macros() as store:
        assert accuracy_held(store, 40, 5, "momentum", 100) >= 0.88
        assert accuracy_held(store, 40, 5, "dominating day", 100) >= 0.82
        assert 0.92 <= bins_held(store, 40, 5, 60) <= 0.99
        assert sums_held(store, 40, 5, 100) >= 0.88
