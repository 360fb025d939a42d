"""A report holds what the database holds: the figures of evaluate, and nothing learned from."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from results import CARD, DAYS, FAR_AHEAD, MOODS, SPANS, fill, put_model, put_predictions
from sklearn import metrics
from sklearn.isotonic import IsotonicRegression
from tiny import MINUTE, put_bars, put_symbol, put_tweets

from tweetscore.errors import InputError
from tweetscore.evaluation.curves import (
    CALIBRATION,
    MOST_POINTS,
    calibration_curve,
    roc_curve,
)
from tweetscore.evaluation.evaluate import evaluate
from tweetscore.evaluation.event_study import PATHS, price_paths
from tweetscore.evaluation.figures import UNTESTED, Figures
from tweetscore.evaluation.verdicts import overall_verdict, sentence
from tweetscore.evaluation.words import WORDS, distinctive_words
from tweetscore.market.windows import ensure_windows
from tweetscore.report.gather import gather
from tweetscore.report.opening import Opening, opening
from tweetscore.report.record import Report
from tweetscore.report.subject import Subject
from tweetscore.store.database import SCHEMA_VERSION, Store, open_store
from tweetscore.study.options import StudyCell, ablation_cells
from tweetscore.study.reported import LABEL_FAULTS, ORIGINAL_FAULTS, ORIGINAL_VERDICT
from tweetscore.study.runs import StudyRun, keep_run, stored_run
from tweetscore.study.summary import stored_studies, summaries
from tweetscore.study.words import ablation_table
from tweetscore.text.rules import TextRules
from tweetscore.training.epoch import Epoch

pytestmark = pytest.mark.slow  # every report reads a whole database

COLUMNS = {
    "sources": "file kind format symbol clock rows_read stored updated duplicates rejected "
    "repaired",
    "rejects": "file reason records first_line",
    "tweets_by_platform": "platform tweets authors first_utc last_utc",
    "bars_by_symbol": "symbol calendar bars first_utc last_utc",
    "statuses": "interval_minutes status predictions",
    "calibration": "predicted observed low high",
    "roc": "interval_minutes false_positive_rate true_positive_rate",
    "paths": "series offset_minutes mean_bps low_bps high_bps placebo_bps placebo_low_bps "
    "placebo_high_bps events days",
    "scores": "low high split predictions",
    "by_hour": "hour_utc tweets",
    "by_month": "month tweets with_window",
    "words": "class word z p_adjusted texts_in_class texts_elsewhere",
    "tweets": "kind posted_utc author text probability predicted outcome return_bps correct split",
}


@pytest.fixture
def market(filled: Path) -> Iterator[Store]:
    """A database with everything but studies, which nothing here can change."""
    with open_store(filled, read_only=True) as store:
        yield store


@pytest.fixture(scope="module")
def gathered(filled: Path) -> Report:
    """What the report of that database holds, when nothing is asked for."""
    with open_store(filled, read_only=True) as store:
        return gather(store)


def scored(store: Store, minutes: int = 30) -> pl.DataFrame:
    """Return what the view of users says of the tweets that the model has not learned from."""
    return store.frame(
        "FROM scored WHERE interval_minutes = $minutes AND split IN ('test', 'after') "
        "ORDER BY tweet_id",
        minutes=minutes,
    )


def frames(report: Report) -> dict[str, pl.DataFrame]:
    named = ((each.name, getattr(report, each.name)) for each in fields(report))
    return {name: value for name, value in named if isinstance(value, pl.DataFrame)}


# --- what it is about -----------------------------------------------------------------------------


def test_a_report_is_of_the_only_model_and_symbol_at_thirty_minutes(
    market: Store, gathered: Report
) -> None:
    found = gathered
    assert found.subject == Subject(
        model="m",
        model_id="m",
        target="direction",
        classes=("down", "up"),
        symbols=("SPX",),
        session="regular",
        intervals=(5, 30, 50),
        interval_minutes=30,
        learned=True,
        uses_counts=False,
    )
    assert (found.title, found.database) == ("m on SPX", "tweetscore.duckdb")
    assert {name: frame.columns for name, frame in frames(found).items()} == {
        name: columns.split() for name, columns in COLUMNS.items()
    }
    of_fifty = gather(market, model="m", symbol="SPX", interval_minutes=50, session="extended")
    assert of_fifty.subject == replace(found.subject, interval_minutes=50, session="extended")


def test_the_same_database_gives_the_same_report(market: Store) -> None:
    first, second = gather(market), gather(market)
    for name, frame in frames(first).items():
        assert frame.equals(getattr(second, name)), name
    plain = [each.name for each in fields(first) if each.name not in {*COLUMNS, "made_utc"}]
    assert [getattr(first, name) for name in plain] == [getattr(second, name) for name in plain]


def test_without_thirty_minutes_the_middle_interval_is_shown(store: Store) -> None:
    put_tweets(store, [(1, "2023-01-03 15:00", "up")])
    put_model(store, SPANS, card=CARD)
    for minutes in (5, 10, 50):
        put_predictions(store, [(1, 0.5)], minutes)
    found = gather(store)
    assert found.subject is not None
    assert (found.subject.intervals, found.subject.interval_minutes) == ((5, 10, 50), 10)


def test_what_is_not_there_is_told_with_what_there_is(market: Store) -> None:
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"model": "n"}, "no model n has scored direction or moves here; it has: m (m)"),
        ({"symbol": "DAX"}, "no bars of DAX; it has SPX"),
        (
            {"interval_minutes": 7},
            "m has not scored 7 minutes; choose one of 5, 30, 50 with --interval",
        ),
    ]
    for asked, message in refusals:
        with pytest.raises(InputError) as refusal:
            gather(market, **asked)
        assert str(refusal.value) == f"{market.path}: {message}"


def test_of_several_models_or_symbols_one_must_be_named(store: Store) -> None:
    fill(store)
    put_model(store, SPANS, "other", card=CARD)
    put_predictions(store, [(1, 0.5)], 5, "other")
    with pytest.raises(InputError) as refusal:
        gather(store)
    assert str(refusal.value) == (
        f"{store.path}: several models have scored here; choose one with --model, by its name or "
        "id: m (m), other (other)"
    )
    other = gather(store, model="other").subject
    assert other is not None
    assert (other.model, other.intervals, other.interval_minutes) == ("other", (5,), 5)
    before = gather(store, model="m")
    put_bars(store, str(DAYS[5]), [1.0 + n for n in range(390)], symbol="DAX")
    ensure_windows(store)
    with pytest.raises(InputError, match="has bars of DAX, SPX; choose one with --symbol DAX"):
        gather(store, model="m")
    after, of_dax = (gather(store, model="m", symbol=symbol) for symbol in ("SPX", "DAX"))
    # Another symbol is another try: what is corrected differs, what is measured does not.
    assert [replace(each, tests=3, p_corrected=0.0) for each in after.figures] == [
        replace(each, p_corrected=0.0) for each in before.figures
    ]
    for name in ("statuses", "roc", "paths", "scores", "words", "tweets"):
        assert getattr(after, name).equals(getattr(before, name)), name
    assert {each.symbol for each in of_dax.figures} == {"DAX"}
    assert of_dax.tweets["return_bps"].min() > 0  # type: ignore[operator]  # numbers are compared


# --- what it comes to -----------------------------------------------------------------------------


def test_figures_and_words_are_those_of_evaluate(market: Store, gathered: Report) -> None:
    found, measured = gathered, evaluate(market)
    assert found.figures == tuple(measured)
    assert [each.interval_minutes for each in measured] == [5, 30, 50]
    assert found.verdict == overall_verdict(measured)
    assert found.sentences == tuple(map(sentence, measured))


def test_what_the_model_has_learned_from_counts_nowhere_but_among_the_statuses(
    store: Store,
) -> None:
    fill(store)
    before = gather(store)
    learned = "(SELECT tweet_id FROM scored WHERE split = 'train')"
    store.con.execute(
        f"CREATE TEMP TABLE learned AS {learned};"
        "UPDATE predictions SET probability = 1 - probability "
        "WHERE tweet_id IN (FROM learned);"
        "UPDATE tweets SET text = text || ' learned' WHERE tweet_id IN (FROM learned)"
    )
    after = gather(store)
    assert after.figures == before.figures
    for name, frame in frames(before).items():
        assert frame.equals(getattr(after, name)), name
    assert before.statuses["predictions"].sum() == 3 * 240
    assert before.scores["predictions"].sum() == scored(store).height < 200
    assert store.row("SELECT count(*) > 40 FROM learned") == (True,)


def test_statuses_count_every_prediction(market: Store, gathered: Report) -> None:
    query = "SELECT interval_minutes, status FROM scored"
    wanted = Counter(market.rows(query))
    found = gathered.statuses
    assert {(row[0], row[1]): row[2] for row in found.rows()} == wanted
    assert {status for _, status in wanted} >= {"ok", "market_closed", "crosses_close"}


def test_scores_are_fifty_bins_of_the_shown_interval(market: Store, gathered: Report) -> None:
    found = gathered.scores
    rows = scored(market)
    splits = rows.group_by("split").len().sort("split").rows()
    assert found.group_by("split").agg(pl.col("predictions").sum()).sort("split").rows() == splits
    assert [name for name, _ in splits] == ["test"]
    found = found.group_by("low", "high").agg(pl.col("predictions").sum()).sort("low")
    wanted, edges = np.histogram(rows["probability_up"].cast(pl.Float64), 50, (0, 1))
    # A share of two decimals lies on an edge, and float32 puts it on one side or the other.
    assert abs(np.cumsum(found["predictions"]) - np.cumsum(wanted)).max() <= 12
    assert found["low"].to_list() == pytest.approx(edges[:-1])
    assert found["high"].to_list() == pytest.approx(edges[1:])


def test_exact_halves_and_ones_have_their_bins(store: Store) -> None:
    put_tweets(store, [(n, "2023-01-03 15:00", f"text {n}") for n in range(1, 5)])
    put_model(store, (DAYS[0], DAYS[0], DAYS[0]), card=CARD)
    put_predictions(store, [(1, 0.0), (2, 0.5), (3, 1.0), (4, 0.51)])
    found = gather(store).scores.filter(pl.col("predictions") > 0)
    assert found.rows() == [
        (0.0, 0.02, "after", 1),
        (0.5, 0.52, "after", 2),
        (0.98, 1.0, "after", 1),
    ]


def test_calibration_is_the_curve_of_the_shown_interval(market: Store, gathered: Report) -> None:
    rows = scored(market).drop_nulls("correct")
    truth = (rows["direction"] == "up").cast(pl.Float64).to_numpy()
    p = rows["probability_up"].cast(pl.Float64).to_numpy()
    curve = IsotonicRegression().fit(p, truth)
    found = gathered.calibration
    assert found["observed"].to_list() == pytest.approx(curve.predict(found["predicted"]).tolist())
    assert found["low"].null_count() == found.height  # four days are too few
    assert gathered.calibration_p is None
    empty, p_value = calibration_curve(pl.DataFrame(schema=["probability", "truth"]))
    assert (empty.schema, p_value) == (pl.Schema(CALIBRATION), None)


def test_the_curve_is_scikit_learns(market: Store, gathered: Report) -> None:
    found = gathered
    for each in found.figures:
        own = found.roc.filter(pl.col("interval_minutes") == each.interval_minutes)
        rows = scored(market, each.interval_minutes or 0).drop_nulls("correct")
        truth, p = rows["direction"] == "up", rows["probability_up"]
        curve = np.stack(metrics.roc_curve(truth, p)[:2], axis=1)
        points = own.select("false_positive_rate", "true_positive_rate").to_numpy()
        assert points.tolist() == curve.tolist()
        assert metrics.auc(*points.T) == pytest.approx(each.auc)
    assert found.roc["interval_minutes"].unique().sort().to_list() == [5, 30, 50]


@pytest.mark.parametrize("ties", [False, True])
def test_a_long_curve_is_thinned_without_losing_area(ties: bool) -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(20_000) < 0.3
    p = 1 / (1 + np.exp(-rng.normal(size=20_000) - truth))
    p = (p.round(1) if ties else p).astype(np.float32)
    thin = roc_curve(pl.Series(p), pl.Series(truth))
    assert thin.height <= MOST_POINTS
    assert (thin.row(0), thin.row(-1)) == ((0, 0), (1, 1))
    area = metrics.auc(thin["false_positive_rate"], thin["true_positive_rate"])
    assert area == pytest.approx(metrics.roc_auc_score(truth, p), abs=1e-9 if ties else 2e-3)
    whole = set(zip(*metrics.roc_curve(truth, p, drop_intermediate=False)[:2], strict=True))
    assert set(thin.rows()) <= whole


def test_paths_are_those_of_the_event_study_at_the_shown_interval(
    market: Store, gathered: Report
) -> None:
    asked: dict[str, Any] = {"model_id": "m", "symbol": "SPX", "session": "regular"}
    five, thirty = (price_paths(market, **asked, interval=minutes) for minutes in (5, 30))
    assert gathered.paths.equals(thirty.paths)
    assert gathered.paths_words == thirty.sentences()
    assert "p of the whole path among 499 placebos: down 0." in thirty.sentences()[0]
    assert gather(market, interval_minutes=5).paths.equals(five.paths)
    assert not five.paths.equals(thirty.paths)


# --- texts ----------------------------------------------------------------------------------------


def strongest(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Take the furthest of each text, by loops."""
    order = sorted(rows, key=lambda row: (row["posted_utc"], row["tweet_id"]))
    order.sort(key=lambda row: -abs(row["probability_up"] - 0.5))
    first = {row["text"]: row for row in reversed(order)}
    return [
        (
            row["posted_utc"],
            row["text"],
            row["probability_up"],
            row["predicted"],
            row["direction"],
            row["return_bps"],
            row["correct"],
            row["split"],
        )
        for row in order
        if first[row["text"]] is row
    ]


def test_the_strongest_and_the_most_wrong_are_those_with_an_outcome(
    market: Store, gathered: Report
) -> None:
    rows = scored(market).filter(pl.col("status") == "ok").to_dicts()
    wrong = [row for row in rows if row["correct"] is False]
    found = gathered.tweets
    assert found["author"].unique().to_list() == ["somebody"]
    kinds = found.drop("author").partition_by("kind", as_dict=True, include_key=False)
    assert list(kinds) == [("strongest",), ("most wrong",)]
    assert kinds["strongest",].rows() == strongest(rows)
    assert kinds["most wrong",].rows() == strongest(wrong)
    assert 20 < len(wrong) < len(rows)


def test_of_each_kind_there_are_at_most_three_hundred_each_text_once(store: Store) -> None:
    times = [(DAYS[0] + n * MINUTE).isoformat() for n in range(380)]
    put_tweets(store, [(n + 1, time, f"text {n // 2}") for n, time in enumerate(times * 2)])
    put_model(store, (DAYS[0], DAYS[0], DAYS[0]), card=CARD)
    put_predictions(store, [(n + 1, 0.25 if n % 2 else 0.75) for n in range(760)])
    found = gather(store).tweets
    assert found["kind"].to_list() == ["strongest"] * 300  # without bars nothing is wrong
    # All are as far from even: the earliest come first, and of those the smallest id.
    assert found["text"].to_list()[:4] == ["text 0", "text 190", "text 1", "text 191"]
    assert set(found["probability"]) == {0.75}
    assert found["text"].n_unique() == 300
    assert (
        found.select(pl.col("outcome", "return_bps", "correct").null_count()).row(0) == (300,) * 3
    )


def test_words_are_of_each_text_once_by_the_class_of_its_earliest_post(store: Store) -> None:
    posts = [(f"gain n{n % 300}", 0.9 if n < 300 else 0.1) for n in range(600)]
    posts += [("loss", 0.1)] * 9 + [(f"loss n{n}", 0.2) for n in range(200)]
    hours = [(DAYS[0] + n * 5 * MINUTE * 12).isoformat() for n in range(len(posts))]
    put_tweets(store, [(n + 1, hours[n], text) for n, (text, _) in enumerate(posts)])
    put_model(store, (DAYS[0], DAYS[0], DAYS[0]), card=CARD)
    put_predictions(store, [(n + 1, p) for n, (_, p) in enumerate(posts)])
    found = gather(store).words
    assert found.drop("z", "p_adjusted").rows() == [
        ("down", "loss", 201, 0),
        ("up", "gain", 300, 0),
    ]
    distinct = {text: (date.fromisoformat(hour[:10]), "up" if p >= 0.5 else "down")
                for hour, (text, p) in reversed(list(zip(hours, posts, strict=True)))}  # fmt: skip
    texts = pl.DataFrame(
        [(text, kind, day, "somebody") for text, (day, kind) in distinct.items()],
        schema=["text", "class", "day", "author"], orient="row",
    )  # fmt: skip
    own = distinctive_words([texts], TextRules(max_tokens=9), ("down", "up"))
    assert found["z"].to_list() == pytest.approx(own["z"].to_list())


def test_the_words_of_moves_are_of_still_and_move(store: Store) -> None:
    put_tweets(
        store, [(n, f"2023-01-{n % 25 + 3:02} 15:00", f"{MOODS[n % 2]} {n}") for n in range(1, 200)]
    )
    put_model(
        store, (DAYS[0], DAYS[0], DAYS[0]), card=CARD, target="move", classes=["still", "move"]
    )
    rows = [
        {
            "model_id": "m",
            "platform": "twitter",
            "tweet_id": n,
            "interval_minutes": 5,
            "class_number": 2,
            "probability": 0.9 if n % 2 else 0.1,
        }
        for n in range(1, 200)
    ]
    store.append("predictions", pl.DataFrame(rows))
    thresholds = {"model_id": ["m"], "interval_minutes": [5], "threshold_bps": [3.0]}
    store.append("thresholds", pl.DataFrame(thresholds))
    found = gather(store)
    assert found.subject is not None
    assert (found.subject.target, found.subject.classes) == ("move", ("still", "move"))
    assert set(found.words["class"]) == {"still", "move"}
    assert set(found.tweets["predicted"]) == {"still", "move"}
    assert "Benjamini" in found.words_method


# --- what is missing ------------------------------------------------------------------------------


def labelled(store: Store) -> None:
    put_tweets(store, [(1, "2023-01-03 15:00", "up")])
    put_model(store, None, "moods", card=CARD, target="label", classes=["glad", "sad"])
    row = {
        "model_id": "moods",
        "platform": "twitter",
        "tweet_id": 1,
        "class_number": 1,
        "probability": 0.7,
    }
    store.append("predictions", pl.DataFrame([row]))


def learned_alone(store: Store) -> None:
    fill(store, (datetime(2000, 1, 1), FAR_AHEAD, FAR_AHEAD))


def unscored(store: Store) -> None:
    put_tweets(store, [(1, "2023-01-03 15:00", "up")])


@pytest.mark.parametrize(
    ("make", "verdict", "model"),
    [
        (lambda _: None, "No verdict: the database holds no tweets.", None),
        (unscored, "No verdict: no model has scored the tweets.", None),
        (labelled, "No verdict: only labels of your own are predicted (by moods), which prices "
                   "cannot confirm.", None),
        (lambda store: fill(store, bars=False),
         "No verdict: there are no bars to compare the predictions of m with.", "m"),
        (learned_alone,
         "No verdict: no prediction of m of posts that it has not seen has an outcome in the "
         "regular session of SPX.", "m"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_and_the_frames_keep_their_columns(
    store: Store, make: Callable[[Store], None], verdict: str, model: str | None
) -> None:
    make(store)
    found = gather(store)
    assert found.verdict == verdict
    assert (found.figures, found.sentences, found.studies) == ((), (), ())
    assert (found.subject and found.subject.model) == model
    assert {name: frame.columns for name, frame in frames(found).items()} == {
        name: columns.split() for name, columns in COLUMNS.items()
    }
    for name in ("calibration", "roc", "paths"):
        assert getattr(found, name).is_empty()
    assert found.paths.schema == pl.Schema(PATHS)
    if model is None:
        assert found.words.schema == pl.Schema(WORDS)
        assert (found.words_method, found.words.height, found.tweets.height) == ("", 0, 0)
        with pytest.raises(
            InputError, match="no model m has scored direction or moves here; it has: none"
        ):
            gather(store, model="m")


def test_of_a_model_of_which_nobody_says_what_it_has_seen_all_is_shown_and_nothing_tested(
    store: Store,
) -> None:
    fill(store, None)
    found = gather(store)
    assert found.verdict == (
        "Cannot be tested: nobody says what m has seen; say until when with --trained-until."
    )
    assert {each.verdict for each in found.figures} == {"cannot be tested"}
    assert [each.split(".")[0] for each in found.sentences] == [
        f"{minutes} minutes: cannot be tested" for minutes in (5, 30, 50)
    ]
    for name in ("calibration", "roc", "paths", "tweets"):
        assert getattr(found, name).is_empty()


def test_a_symbol_without_any_bars_is_refused(store: Store) -> None:
    unscored(store)
    with pytest.raises(InputError, match="holds no bars; ingest minute bars first"):
        gather(store, symbol="SPX")


# --- where it comes from --------------------------------------------------------------------------


def put_source(store: Store, name: str, **more: Any) -> None:
    (number,) = store.row("SELECT count(*) + 1 FROM sources")
    row = {
        "source_id": number, "name": name, "sha256": f"{number}abcdef012345678", "bytes": 1,
        "kind": "tweets", "format": "csv", "symbol": None, "clock": "UTC", "rows_read": 4,
        "stored": 1, "updated": 1, "duplicates": 1, "rejected": 1, "repaired": 0,
        "started_utc": datetime(2023, 1, 1), "finished_utc": datetime(2023, 1, 1), **more,
    }  # fmt: skip
    store.append("sources", pl.DataFrame([row], schema_overrides={"symbol": pl.String}))


def test_sources_and_rejects_are_told_without_their_folders(store: Store) -> None:
    put_source(store, "/home/me/b.zip", repaired=2)
    put_source(store, "a.csv", kind="bars", symbol="SPX", clock="EST")
    wrong = [
        (1, 7, "\"posted\" is not a date: 'today: now'"),
        (1, 3, "\"posted\" is not a date: 'it''s'\nnever"),
        (1, 9, '"posted" is 4:00:01 off the time inside the id'),
        (1, 8, '"posted" is 0:07:12 off the time inside the id'),
        (
            1,
            5,
            '"posted" is 2020-01-02 03:04:05, but the time inside the id is 2020-01-02 03:04:09 '
            "(UTC)",
        ),
        (2, 2, "has no symbol"),
        (1, 1, "has no text"),
    ]
    rejects = [{"source_id": n, "line": line, "reason": reason} for n, line, reason in wrong]
    store.append("rejects", pl.DataFrame(rejects))
    found = gather(store)
    assert found.sources.rows() == [
        ("b.zip", "tweets", "csv", None, "UTC", 4, 1, 1, 1, 1, 2),
        ("a.csv", "bars", "csv", "SPX", "EST", 4, 1, 1, 1, 1, 0),
    ]
    assert found.rejects.rows() == [
        ("b.zip", '"posted" is not a date', 2, 3),
        ("b.zip", '"posted" is … off the time inside the id', 2, 8),
        ("a.csv", "has no symbol", 1, 2),
        ("b.zip", '"posted" is …, but the time inside the id is … (UTC)', 1, 5),
        ("b.zip", "has no text", 1, 1),
    ]


def test_tweets_and_bars_are_counted_by_place_hour_and_month(store: Store) -> None:
    put_tweets(
        store,
        [
            (1, "2022-12-31 23:59:59", "a"),
            (2, "2023-01-01 00:00", "b"),
            (3, "2023-01-31 23:00", "c"),
        ],
    )
    put_bars(store, "2023-01-03 14:30", [1.0, 2.0])
    found = gather(store)
    assert found.by_hour.rows() == [(hour, {0: 1, 23: 2}.get(hour, 0)) for hour in range(24)]
    assert found.by_month.rows() == [(date(2022, 12, 1), 1, 0), (date(2023, 1, 1), 2, 0)]
    assert found.tweets_by_platform.rows() == [
        ("twitter", 3, 1, datetime(2022, 12, 31, 23, 59, 59), datetime(2023, 1, 31, 23))
    ]
    assert found.bars_by_symbol.rows() == [
        ("SPX", "XNYS", 2, datetime(2023, 1, 3, 14, 30), datetime(2023, 1, 3, 14, 31))
    ]


WITH_WINDOW = (
    "SELECT count(DISTINCT tweet_id) FROM scored WHERE interval_minutes = 30 AND status = 'ok'"
)


@pytest.mark.parametrize("spacing_minutes", [1, 5])
def test_posts_with_a_window_are_those_that_the_view_has_one_for(
    store: Store, spacing_minutes: int
) -> None:
    put_symbol(store, spacing_minutes=spacing_minutes)
    fill(store)
    store.con.execute("DELETE FROM bars WHERE minute(minute_utc) % $n <> 0", {"n": spacing_minutes})
    store.con.execute("DELETE FROM windows; DELETE FROM sessions")
    ensure_windows(store)
    found = gather(store)
    (wanted,) = store.row(WITH_WINDOW)
    assert 0 < wanted < 240
    assert found.by_month["with_window"].to_list() == [wanted]
    rule = "INSERT INTO link_rules VALUES (1, 'SPX', 'word', 'great', NULL, NULL)"
    store.con.execute(rule)
    store.con.execute(
        "INSERT INTO links SELECT platform, tweet_id, 'SPX', [1] FROM tweets "
        "WHERE text LIKE '%great%'"
    )
    (fewer,) = store.row(WITH_WINDOW)
    assert 0 < fewer < wanted
    assert gather(store).by_month["with_window"].to_list() == [fewer]


def test_the_first_screen_says_how_far_an_archive_reaches_and_what_it_can_show(
    gathered: Report,
) -> None:
    with_window = gathered.by_month["with_window"].sum()
    said = opening(gathered)
    assert said.reach == (
        f"{with_window} of them ({100 * with_window / 240:.0f} %) have a window of 30 minutes in "
        "the regular session of SPX, with bars from 2023-01-03 to 2023-01-10."
    )
    shown = gathered.figures[1]
    assert said.can_show == (
        f"{shown.rows} scored posts on {shown.days} days, which the model has not seen, can be "
        "judged. So few days would show no AUC at all. An AUC of 0.5 is chance."
    )
    assert said.found.startswith(f"{gathered.verdict} At 30 minutes: AUC {shown.auc:.3f}, ")
    surer = replace(shown, smallest_auc=0.6, smallest_points=7.2, smallest_bps=3.14)
    more = replace(gathered, figures=(surer,))
    assert (
        "Four times in five an AUC of 0.600 (+7.2 points of accuracy, 3.1 basis points a trade "
        "before costs) would have shown."
    ) in opening(more).can_show


def test_without_figures_the_first_screen_says_what_is_missing(
    gathered: Report, store: Store
) -> None:
    nothing = "Nothing yet: predictions and prices of the same time are needed."
    assert opening(gather(store)) == Opening(
        "Neither bars nor posts yet; read some with: tweetscore ingest PATH.",
        nothing,
        "No verdict: the database holds no tweets.",
    )
    no_model = replace(gathered, subject=None, figures=(), verdict="No verdict.")
    assert opening(no_model) == Opening(
        opening(gathered).reach,
        "Nothing yet: that depends on the model; score the posts with: tweetscore score.",
        "No verdict.",
    )
    no_posts = replace(no_model, by_month=gathered.by_month.clear())
    assert opening(no_posts).reach == (
        "Bars of SPX, and no posts yet; read some with: tweetscore ingest PATH."
    )
    no_bars = replace(no_model, bars_by_symbol=gathered.bars_by_symbol.clear())
    assert opening(no_bars).reach == (
        "No price can be held against them; read bars with: tweetscore ingest PATH."
    )
    apart = replace(no_model, by_month=gathered.by_month.with_columns(with_window=pl.lit(0)))
    assert opening(apart).reach.startswith("None of them has a window of 30 minutes in the regular")
    assert opening(apart).can_show == nothing
    unknown = replace(
        gathered, figures=tuple(replace(each, verdict=UNTESTED) for each in gathered.figures)
    )
    assert opening(unknown).can_show == (
        "Nothing of skill, as nobody says what the model has seen."
    )
    assert opening(unknown).found == gathered.verdict


def test_a_report_says_how_to_make_it_again(store: Store) -> None:
    fill(store)
    put_source(store, "/home/me/my posts.zip!a/one.js")
    put_source(store, "/home/me/my posts.zip!a/two.js")
    put_source(store, "standard input")
    put_source(store, "spx.csv", kind="bars", symbol="SPX")
    put_source(store, "dax.csv", kind="bars", symbol="DAX")
    put_symbol(store, "DAX", "XETR")
    made = gather(store, symbol="SPX", session="extended", interval_minutes=5).made
    assert [each for each in made if each[0] not in ("tweetscore", "python", "duckdb")] == [
        ("schema of the database", str(SCHEMA_VERSION)),
        ("maximum age of a price", "5 minutes"),
        ("a move counts as flat up to", "0 basis points"),
        ("model", "m, id m"),
        ("sha256 of model.onnx", "0123456789ab"),
        ("sha256 of my posts.zip!a/one.js", "1abcdef01234"),
        ("sha256 of my posts.zip!a/two.js", "2abcdef01234"),
        ("sha256 of standard input", "3abcdef01234"),
        ("sha256 of spx.csv", "4abcdef01234"),
        ("sha256 of dax.csv", "5abcdef01234"),
        ("ingest", "tweetscore ingest 'my posts.zip'"),
        ("ingest", "tweetscore ingest spx.csv --calendar XNYS"),
        ("ingest", "tweetscore ingest dax.csv --calendar XETR"),
        ("score", "tweetscore score --model m"),
        ("report", "tweetscore report --model m --interval 5 --symbol SPX --session extended"),
    ]


def test_other_rules_intervals_and_databases_are_in_the_commands(tmp_path: Path) -> None:
    with open_store(tmp_path / "other.duckdb") as store:
        put_source(store, "a.csv")
        store.con.execute("UPDATE settings SET max_gap_minutes = 2, flat_bps = 0.5")
        put_tweets(store, [(1, "2023-01-03 15:00", "up")])
        put_model(store, SPANS, "m", card=CARD)
        put_predictions(store, [(1, 0.5)], 50, "m")
        made = dict(gather(store).made)
    assert made["maximum age of a price"] == "2 minutes"
    assert made["a move counts as flat up to"] == "0.5 basis points"
    assert made["sha256 of model.onnx"] == "0123456789ab"
    assert made["ingest"] == (
        "tweetscore ingest a.csv --max-gap 2 --flat-bps 0.5 --db other.duckdb"
    )
    assert made["score"] == "tweetscore score --model m --interval 50 --db other.duckdb"
    assert made["report"] == "tweetscore report --model m --interval 50 --db other.duckdb"


# --- studies --------------------------------------------------------------------------------------

FIGURES = Figures(
    model="honest", symbol="SPX", interval_minutes=5, target="direction", rows=1_234, days=9,
    accuracy=0.6, baseline=0.5, excess_low=0.01, excess_high=0.2, balanced_accuracy=0.59,
    auc=0.61, mcc=0.2, brier=0.24, log_loss=0.68, calibration_error=0.05, calibration=(),
    p_value=0.01, p_corrected=0.01, verdict="", bag_of_words=0.55, momentum=None,
)  # fmt: skip


def study_run(
    cell: StudyCell, seed: int = 0, p_value: float | None = None, **more: Any
) -> StudyRun:
    """A run made by hand; with a p-value it is an honest one."""
    figures = None
    if p_value is not None:
        symbol = more.pop("symbol", "SPX")
        figures = replace(
            FIGURES, interval_minutes=cell.interval_minutes, p_value=p_value, symbol=symbol
        )
    values: dict[str, Any] = {
        "fingerprint": f"{cell} {seed} {more} {figures and figures.symbol}",
        "source": "db",
        "target": "direction" if figures else "label",
        **asdict(cell),
        "protocol": "honest" if figures else "original",
        "seed": seed,
        "folds": 1,
        "train_rows": 5_000,
        "test_rows": 1_234,
        "best_epoch": 1,
        "best_accuracy": 0.5 + seed / 64,
        "last_accuracy": None if figures else 0.5,
        "majority": 0.5,
        "train_loss": 0.5,
        "seconds": 1.0,
        "figures": figures,
        "history": (Epoch(1, 3e-4, 0.5, 0.7, (0.5,)),),
        **more,
    }
    return StudyRun(**values)


def test_stored_studies_are_found_again_as_they_were_summed_up(store: Store) -> None:
    compared = [StudyCell(minutes, True, True) for minutes in (5, 10)]
    cells = list(dict.fromkeys([*compared, *ablation_cells(5)]))
    runs = [study_run(cell, seed) for seed in (0, 1) for cell in cells]
    for run in reversed(runs):
        keep_run(store, run)
    ((found, stored),) = stored_studies(store)
    assert sorted(stored, key=repr) == sorted(runs, key=repr)
    assert [run.seed for run in stored] == [0] * 5 + [1] * 5
    assert found.compared == tuple(summaries(runs, compared))
    assert found.ablation == tuple(summaries(runs, ablation_cells(5)))
    assert (found.protocol, found.source) == ("original", "db")
    assert (found.verdict, found.faults) == (ORIGINAL_VERDICT, (*ORIGINAL_FAULTS, *LABEL_FAULTS))
    assert stored_run(store, runs[0].fingerprint) == runs[0]
    assert [(each.result, list(each.runs)) for each in gather(store).studies] == [(found, stored)]


def test_studies_differ_by_source_protocol_target_folds_and_symbol(store: Store) -> None:
    cell = StudyCell(30, True, False)
    runs = [
        study_run(cell, p_value=0.01),
        study_run(cell, p_value=0.01, source="else"),
        study_run(cell, p_value=0.01, target="move"),
        study_run(cell, p_value=0.01, folds=2),
        study_run(cell, p_value=0.01, symbol="DAX"),
        study_run(cell, p_value=0.01, target="label", symbol=""),
        study_run(StudyCell(30, True, True)),
    ]
    for run in runs:
        keep_run(store, run)
    found = {each.runs[0].fingerprint: each for each in gather(store).studies}
    assert {name: each.runs for name, each in found.items()} == {
        run.fingerprint: (run,) for run in runs
    }
    faults = [found[run.fingerprint].result.faults for run in runs]
    assert faults == [()] * 5 + [LABEL_FAULTS, (*ORIGINAL_FAULTS, *LABEL_FAULTS)]


def test_of_one_cell_and_seed_the_latest_run_counts(store: Store) -> None:
    cell = StudyCell(30, True, False)
    for name, accuracy in (("b", 0.5), ("a", 0.6)):
        keep_run(store, study_run(cell, p_value=0.5, fingerprint=name, best_accuracy=accuracy))
    store.con.execute(
        "UPDATE study_runs SET finished_utc = finished_utc - INTERVAL 1 DAY WHERE fingerprint = 'b'"
    )
    ((found, (run,)),) = stored_studies(store)
    assert (run.fingerprint, found.compared[0].best_accuracy) == ("a", 0.6)
    store.con.execute(
        "UPDATE study_runs SET finished_utc = finished_utc - INTERVAL 2 DAY WHERE fingerprint = 'a'"
    )
    ((found, (run,)),) = stored_studies(store)
    assert (run.fingerprint, found.compared[0].best_accuracy) == ("b", 0.5)


def test_of_a_study_that_has_not_ended_there_is_what_there_is(store: Store) -> None:
    for cell, p_value in ((StudyCell(5, True, False), 0.001), (StudyCell(10, True, False), 0.9)):
        keep_run(store, study_run(cell, p_value=p_value))
    keep_run(store, study_run(StudyCell(5, True, False), seed=1, p_value=0.001))
    for cell in ablation_cells(10)[2:]:
        keep_run(store, study_run(cell, p_value=0.001))
    ((found, runs),) = stored_studies(store)
    assert len(runs) == 5
    assert [(each.cell.interval_minutes, each.seeds) for each in found.compared] == [
        (5, 2),
        (10, 1),
    ]
    assert found.verdict == (
        "Signal beyond the baseline at 5 minutes. 5 models were tried on these days; every p is "
        "corrected for all of them."
    )
    assert found.ablation == ()
    assert ablation_table(found.ablation) == ([], [])


def test_reporting_needs_no_torch() -> None:
    code = (
        "import sys, tweetscore.report.gather, tweetscore.report.page; "
        "print({'torch', 'gensim', 'onnx', 'tensorboard'} & sys.modules.keys())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_of_studies_alone_the_verdict_points_to_theirs(tmp_path: Path) -> None:
    with open_store(tmp_path / "studies.duckdb") as store:
        assert gather(store).verdict == "No verdict: the database holds no tweets."
        keep_run(store, study_run(StudyCell(5, True, True)))
        assert gather(store).verdict == (
            "No verdict: the database holds no tweets, only studies, "
            "which have verdicts of their own."
        )
