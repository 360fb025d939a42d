"""Say what a database found, for one model: a store enters, the record of a report leaves."""

import json
import platform
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl

from tweetscore.errors import InputError
from tweetscore.evaluation.evaluate import evaluate
from tweetscore.evaluation.event_study import price_paths
from tweetscore.evaluation.figures import CONFIDENCE, Figures
from tweetscore.evaluation.verdicts import overall_verdict, sentence
from tweetscore.evaluation.words import WORDS, telling_words
from tweetscore.market.symbols import choose_symbol
from tweetscore.market.targets import Target
from tweetscore.scoring.bundle import GRAPHS, Precision
from tweetscore.store.database import Store, statement
from tweetscore.study.runs import StudyRun
from tweetscore.study.summary import StudyResult, stored_studies
from tweetscore.text.tokens import TextRules

USUAL_MINUTES = 30
MOST_TWEETS = 300  # of each kind
MOST_POINTS = 200  # of a curve
TEXT_ROWS = 65_536
USUAL_DATABASE = "tweetscore.duckdb"
USUAL_CALENDAR = "XNYS"
USUAL_GAP_MINUTES, USUAL_FLAT_BPS = 5, 0
STANDARD_INPUT = "standard input"  # what sources call it
SHORT = 12  # digits of a sha256
CALIBRATION = {
    "interval_minutes": pl.Int64, "low": pl.Float64, "high": pl.Float64, "rows": pl.Int64,
    "predicted": pl.Float64, "observed": pl.Float64,
    "observed_low": pl.Float64, "observed_high": pl.Float64,
}  # fmt: skip
ROC = {
    "interval_minutes": pl.Int64,
    "false_positive_rate": pl.Float64,
    "true_positive_rate": pl.Float64,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """The model that a report is about, the market it is held against, and the interval shown."""

    model: str
    model_id: str
    target: str  # direction or move
    classes: tuple[str, str]  # the negative and the positive one: (down, up) or (still, move)
    symbol: str | None  # None without bars
    session: str
    intervals: tuple[int, ...]  # minutes that the model has scored
    interval_minutes: int  # the one whose details are shown
    learned: bool  # whether its card says which days it has learned from
    uses_counts: bool


@dataclass(frozen=True, slots=True)
class Study:
    """A study whose runs the database holds."""

    result: StudyResult
    runs: tuple[StudyRun, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All that the page shows. Every frame may be empty; its columns are always there.

    Unless said otherwise, frames about predictions hold the subject's own, of its session, and
    only of tweets outside the parts that it has learned from.

    - sources: file, kind, format, symbol, clock, rows_read, stored, updated, duplicates, rejected,
      mended; one row a file, in the order of ingesting.
    - rejects: file, reason, records, first_line; most frequent first.
    - tweets_by_platform: platform, tweets, authors, first_utc, last_utc.
    - bars_by_symbol: symbol, calendar, bars, first_utc, last_utc.
    - statuses: interval_minutes, status, predictions, of every split.
    - calibration: interval_minutes, low, high, rows, predicted, observed, observed_low and
      observed_high; the last two a 95 % interval (Wilson 1927).
    - roc: interval_minutes, false_positive_rate, true_positive_rate; at most 200 points each.
    - paths: series, offset_minutes (-30 to 60), mean_bps, low_bps, high_bps, events, days; series
      is a class of the subject's, or placebo. A minute with fewer than two days is left out.
    - scores: low, high, split, predictions; 50 bins of the probability at the shown interval.
    - by_hour: hour_utc (0 to 23), tweets. by_month: month (a date, its first day), tweets.
    - words: class, word, z, texts_in_class, texts_elsewhere; at most 20 of each class.
    - tweets: kind (strongest, most wrong), posted_utc, author, text, probability, predicted,
      outcome, return_bps, correct, split.
    """

    title: str
    made_utc: datetime
    database: str  # the file's name
    sources: pl.DataFrame
    rejects: pl.DataFrame
    tweets_by_platform: pl.DataFrame
    bars_by_symbol: pl.DataFrame
    subject: Subject | None  # None where nothing of direction or move is scored
    verdict: str  # one sentence
    sentences: tuple[str, ...]  # one an interval
    figures: tuple[Figures, ...]
    statuses: pl.DataFrame
    calibration: pl.DataFrame
    roc: pl.DataFrame
    paths: pl.DataFrame
    scores: pl.DataFrame
    by_hour: pl.DataFrame
    by_month: pl.DataFrame
    words: pl.DataFrame
    words_method: str  # how they were found, in one or two sentences
    tweets: pl.DataFrame
    studies: tuple[Study, ...]
    made: tuple[tuple[str, str], ...]  # what and value: versions, hashes, commands


def gather(
    store: Store,
    *,
    model: str | None = None,
    symbol: str | None = None,
    session: str = "regular",
    interval_minutes: int | None = None,
) -> Report:
    """Read all that the page shows.

    Args:
        store: the open database; nothing in it is changed.
        model: the name or id of one that has scored direction or moves; None where there is one.
        symbol: whose bars it is held against; None where there is one.
        session: regular or extended.
        interval_minutes: the interval whose details are shown; None is 30 where it is scored, else
            the middle one.

    Raises:
        InputError: model, symbol or interval is not there, or must be named.
    """
    scored = store.frame(statement("report/models")).to_dicts()
    known = _symbol(store, symbol)
    chosen = _chosen(store, scored, model)
    subject = _subject(store, chosen, known, session, interval_minutes) if chosen else None
    card: dict[str, Any] = json.loads(chosen["card"]) if chosen else {}
    # Without a subject the statements find nothing, in the columns that they always have.
    of_all: dict[str, Any] = {"model_id": None, "symbol": None, "session": session}
    if subject:
        of_all |= {"model_id": subject.model_id, "symbol": subject.symbol}
    of_shown = {**of_all, "interval": subject.interval_minutes if subject else None}
    figures = _figures(store, subject)
    return Report(
        title=_title(store, subject),
        made_utc=datetime.now(UTC).replace(tzinfo=None),
        database=store.path.name,
        sources=store.frame(statement("report/sources")),
        rejects=store.frame(statement("report/rejects")),
        tweets_by_platform=store.frame(statement("query/info/tweets")),
        bars_by_symbol=store.frame(statement("query/info/bars")),
        subject=subject,
        verdict=overall_verdict(figures) if figures else _why_none(store, subject, scored),
        sentences=tuple(map(sentence, figures)),
        figures=figures,
        statuses=store.frame(statement("report/statuses"), **of_all),
        calibration=calibration_table(figures),
        roc=_roc(store, subject, of_all),
        paths=price_paths(store, **of_shown),
        scores=store.frame(statement("report/scores"), **of_shown),
        by_hour=store.frame(statement("report/hours")),
        by_month=store.frame(statement("report/months")),
        words=_words(store, subject, card, of_shown),
        words_method=_words_method(subject),
        tweets=store.frame(statement("report/tweets"), **of_shown, most=MOST_TWEETS),
        studies=tuple(Study(result, tuple(runs)) for result, runs in stored_studies(store)),
        made=tuple(_made(store, subject, card)),
    )


# --- what the report is about ---------------------------------------------------------------------


def _symbol(store: Store, wanted: str | None) -> str | None:
    if wanted is None and not store.rows("FROM symbols LIMIT 1"):
        return None
    return choose_symbol(store, wanted)


def _chosen(
    store: Store, scored: Sequence[dict[str, Any]], wanted: str | None
) -> dict[str, Any] | None:
    """Return the model wanted, or the only one of direction or moves, if there is one.

    Raises:
        InputError: it is not there, or there are several.
    """
    of_market = [each for each in scored if each["target"] != "label"]
    fitting = [each for each in of_market if wanted in (None, each["name"], each["model_id"])]
    known = ", ".join(f"{each['name']} ({each['model_id']})" for each in of_market) or "none"
    if wanted is not None and not fitting:
        raise InputError(
            f"{store.path}: no model {wanted} has scored direction or moves here; it has: {known}"
        )
    if len(fitting) > 1:
        raise InputError(
            f"{store.path}: several models have scored here; choose one with --model, by its name "
            f"or id: {known}"
        )
    return fitting[0] if fitting else None


def _subject(
    store: Store,
    chosen: dict[str, Any],
    symbol: str | None,
    session: str,
    interval_minutes: int | None,
) -> Subject:
    intervals = tuple(chosen["intervals"])
    shown = interval_minutes
    if shown is None:
        middle = intervals[len(intervals) // 2]
        shown = USUAL_MINUTES if USUAL_MINUTES in intervals else middle
    if shown not in intervals:
        raise InputError(
            f"{store.path}: {chosen['name']} has not scored {shown} minutes; choose one of "
            f"{', '.join(map(str, intervals))} with --interval"
        )
    negative, positive = Target.of_market(chosen["target"]).classes
    return Subject(
        model=chosen["name"],
        model_id=chosen["model_id"],
        target=chosen["target"],
        classes=(negative, positive),
        symbol=symbol,
        session=session,
        intervals=intervals,
        interval_minutes=shown,
        learned=chosen["learned"],
        uses_counts=chosen["uses_counts"],
    )


def _title(store: Store, subject: Subject | None) -> str:
    if subject is None:
        return store.path.name
    return f"{subject.model} on {subject.symbol}" if subject.symbol else subject.model


# --- what it comes to -----------------------------------------------------------------------------


def _figures(store: Store, subject: Subject | None) -> tuple[Figures, ...]:
    """Return the subject's figures; none where no prediction of it can be judged."""
    if subject is None or subject.symbol is None:
        return ()
    try:
        found = evaluate(store, model=subject.model_id, session=subject.session)
    except InputError:  # nothing out of sample has an outcome; the verdict says why
        return ()
    return tuple(each for each in found if each.symbol == subject.symbol)


def _why_none(store: Store, subject: Subject | None, scored: Sequence[dict[str, Any]]) -> str:
    """Say in one sentence why there are no figures."""
    if subject is None:
        if not store.rows("FROM tweets LIMIT 1"):
            but = " but studies, which have verdicts of their own" if _has_studies(store) else ""
            return f"No verdict: the database holds no tweets{but}."
        if scored:
            names = ", ".join(dict.fromkeys(each["name"] for each in scored))
            return (
                f"No verdict: only labels of your own are scored ({names}), which no price can "
                "confirm."
            )
        return "No verdict: no model has scored the tweets."
    if subject.symbol is None:
        return f"No verdict: there are no bars to hold the predictions of {subject.model} against."
    if not subject.learned:
        return (
            f"No verdict: the card of {subject.model} does not say which days it has learned from, "
            "so no prediction is known to be out of sample."
        )
    return (
        f"No verdict: no prediction of {subject.model} outside its training and validation parts "
        f"has an outcome in the {subject.session} session of {subject.symbol}."
    )


def _has_studies(store: Store) -> bool:
    return bool(store.rows("FROM study_runs LIMIT 1"))


def calibration_table(figures: Sequence[Figures]) -> pl.DataFrame:
    """Return the bins of all figures, each share with its 95 % interval."""
    rows = []
    for each in figures:
        for one in each.calibration:
            low, high = wilson(one.observed, one.rows)
            bounds = {"observed_low": low, "observed_high": high}
            rows.append({"interval_minutes": each.interval_minutes, **asdict(one), **bounds})
    return pl.DataFrame(rows, schema=CALIBRATION)


def wilson(share: float, rows: int) -> tuple[float, float]:
    """Bound a share of so many independent rows at 95 % (Wilson 1927)."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    centre = share + z**2 / (2 * rows)
    half = z * (share * (1 - share) / rows + z**2 / (4 * rows**2)) ** 0.5
    scale = 1 + z**2 / rows
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def _roc(store: Store, subject: Subject | None, of_all: dict[str, Any]) -> pl.DataFrame:
    curves = [pl.DataFrame(schema=ROC)]
    for minutes in subject.intervals if subject else ():
        rows = store.frame(statement("report/outcomes"), **of_all, interval=minutes)
        if rows["truth"].n_unique() == 2:
            curve = roc_curve(rows["probability"], rows["truth"])
            curves.append(
                curve.select(pl.lit(minutes, pl.Int64).alias("interval_minutes"), pl.all())
            )
    return pl.concat(curves)


def roc_curve(probability: pl.Series, truth: pl.Series) -> pl.DataFrame:
    """Return at most 200 points of the curve, from (0, 0) to (1, 1), evenly along its way.

    Both classes must be among the truth.
    """
    from sklearn import metrics

    false, true, _ = metrics.roc_curve(truth.to_numpy(), probability.to_numpy())
    places = np.searchsorted(false + true, np.linspace(0, 2, MOST_POINTS))  # it never turns back
    kept = np.unique(places)
    return pl.DataFrame({"false_positive_rate": false[kept], "true_positive_rate": true[kept]})


def _words(
    store: Store, subject: Subject | None, card: dict[str, Any], of_shown: dict[str, Any]
) -> pl.DataFrame:
    if subject is None:
        return pl.DataFrame(schema=WORDS)
    rules = TextRules.from_dict(card["text_rules"])
    return telling_words(_texts(store, of_shown), rules, subject.classes)


def _texts(store: Store, of_shown: dict[str, Any]) -> Iterator[pl.DataFrame]:
    """Yield the subject's distinct texts in batches, so that memory does not grow with them."""
    reader = store.con.cursor()
    batches = reader.sql(statement("report/texts"), params=of_shown).to_arrow_reader(TEXT_ROWS)
    yield from map(pl.DataFrame, batches)
    reader.close()


def _words_method(subject: Subject | None) -> str:
    if subject is None:
        return ""
    return (
        f"Words by the class that {subject.model} gives a text at {subject.interval_minutes} "
        "minutes, over distinct texts that it has not learned from, each word counted once a text: "
        "log-odds ratio with the word's overall share as prior, in standard deviations (Monroe, "
        "Colaresi and Quinn 2008). They show what the model reads, not what moves prices."
    )


# --- how to make it again -------------------------------------------------------------------------


def _made(store: Store, subject: Subject | None, card: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield versions, rules, hashes and commands; what is not known is left out."""
    schema, gap, flat = store.row("SELECT schema_version, max_gap_minutes, flat_bps FROM settings")
    sources = store.rows(
        "SELECT s.name, s.sha256, y.calendar FROM sources s LEFT JOIN symbols y USING (symbol) "
        "ORDER BY source_id"
    )
    yield "tweetscore", version("tweetscore")
    yield "python", platform.python_version()
    yield "duckdb", version("duckdb")
    yield "schema of the database", str(schema)
    yield "a price is none after", f"{gap} minutes"
    yield "a move is flat up to", f"{flat:g} basis points"
    if subject:
        yield "model", f"{subject.model}, id {subject.model_id}"
        graph = GRAPHS[_precision(subject)]
        if graph in card.get("sha256", {}):
            yield f"sha256 of {graph}", card["sha256"][graph][:SHORT]
    for name, sha256, _ in sources:
        yield f"sha256 of {_file(name)}", sha256[:SHORT]
    rules: list[str] = []
    rules += ["--max-gap", str(gap)] if gap != USUAL_GAP_MINUTES else []
    rules += ["--flat-bps", f"{flat:g}"] if flat != USUAL_FLAT_BPS else []
    yield from _commands(store, subject, card, sources, rules)


def _commands(
    store: Store,
    subject: Subject | None,
    card: dict[str, Any],
    sources: Sequence[tuple[str, str, str | None]],
    rules: Sequence[str],
) -> Iterator[tuple[str, str]]:
    name = store.path.name
    db = ["--db", name] if name != USUAL_DATABASE else []
    files: dict[str, list[str]] = {}
    for source, _, calendar in sources:
        if source != STANDARD_INPUT:
            of_calendar = files.setdefault(calendar or USUAL_CALENDAR, [])
            of_calendar.append(_file(source).partition("!")[0])
    for calendar, paths in files.items():
        options = ["--calendar", calendar] if calendar != USUAL_CALENDAR else []
        yield "ingest", _typed("ingest", *dict.fromkeys(paths), *options, *rules, *db)
    if subject:
        model = ["--model", str(card.get("name") or subject.model)]
        precision = _precision(subject)
        options = ["--precision", precision] if precision != "float32" else []
        if set(subject.intervals) != set(card["intervals"]):
            options += [part for each in subject.intervals for part in ("--interval", str(each))]
        yield "score", _typed("score", *model, *options, *db)
        shown = ["--model", subject.model, "--interval", str(subject.interval_minutes)]
        shown += ["--symbol", subject.symbol] if subject.symbol else []
        shown += ["--session", subject.session] if subject.session != "regular" else []
        yield "report", _typed("report", *shown, *db)
    else:
        yield "report", _typed("report", *db)


def _precision(subject: Subject) -> Precision:
    """Tell which graph has scored: a bundle's name says so where it is not the usual one."""
    return next((each for each in GRAPHS if subject.model.endswith(f" ({each})")), "float32")


def _file(source: str) -> str:
    """Return a source's name without its folders; an entry of a zip keeps its own."""
    path, mark, entry = source.partition("!")
    return path.replace("\\", "/").rpartition("/")[2] + mark + entry


def _typed(*words: str) -> str:
    return shlex.join(["tweetscore", *words])
