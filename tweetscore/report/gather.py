"""Gather what a database found, for one model: a store enters, the record of a report leaves."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from tweetscore.errors import InputError
from tweetscore.evaluation.compare import TARGET, Comparison, compare
from tweetscore.evaluation.curves import CALIBRATION, ROC, calibration_curve, roc_curve
from tweetscore.evaluation.earnings import Earnings, earnings
from tweetscore.evaluation.evaluate import evaluate
from tweetscore.evaluation.event_study import PATHS, price_paths
from tweetscore.evaluation.figures import POOLED, Figures
from tweetscore.evaluation.forward_record import forward_records
from tweetscore.evaluation.verdicts import overall_verdict, sentences
from tweetscore.evaluation.words import (
    FALSE_SHARE,
    LEAST_DAYS,
    WORDS,
    distinctive_words,
)
from tweetscore.market.horizons import DAY_MINUTES, Horizon
from tweetscore.market.news import News
from tweetscore.market.symbols import symbols_words
from tweetscore.report.provenance import provenance
from tweetscore.report.record import Report, Study
from tweetscore.report.subject import Subject, choose, usual
from tweetscore.store.database import Store, statement
from tweetscore.study.summary import stored_studies
from tweetscore.text.rules import TextRules

MOST_TWEETS = 300  # of each kind
TEXT_ROWS = 65_536
_OF_DATABASE = {  # fields that depend on no model
    "sources": "report/sources",
    "rejects": "report/rejects",
    "tweets_by_platform": "query/info/tweets",
    "bars_by_symbol": "query/info/bars",
    "by_hour": "report/hours",
}


def gather(
    store: Store,
    *,
    model: str | None = None,
    symbol: str | None = None,
    session: str = "regular",
    interval_minutes: int | None = None,
    news: News | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> Report:
    """Read all that the page shows.

    Args:
        store: the open database; only a look at a part of the posts is noted in it.
        model: the name or id of one that has scored direction or moves; None where there is one.
        symbol: of the bars to compare it with; None: all that it has learned from, or the only one.
        session: regular or extended.
        interval_minutes: the one to show in detail; None: 30 where it is scored, or the middle.
        news: windows near it count in no figure, earning or path.
        on_step: called with what is done next.

    Raises:
        InputError: model, symbol or interval is not there, or must be named.
    """
    choice = choose(
        store, model=model, symbol=symbol, session=session, interval_minutes=interval_minutes
    )
    subject, card = choice.subject, choice.card
    of_all = _parameters(subject, session)
    shown_minutes = subject.interval_minutes if subject else _usual_minutes(store)
    of_shown = {**of_all, "interval": subject.interval_minutes if subject else None}
    told: list[str] = []
    on_step("measuring the figures")
    figures = _figures(store, subject, news, told.append)
    on_step("following prices around posts")
    paths, paths_words = _paths(store, subject, news)
    outcomes = _outcomes(store, subject, of_all)
    shown = outcomes[subject.interval_minutes] if subject else pl.DataFrame(schema=CALIBRATION)
    calibration, calibration_p = calibration_curve(shown)
    on_step("comparing models, counting earnings and words")
    return Report(
        title=_title(store, subject),
        made_utc=datetime.now(UTC).replace(tzinfo=None),
        database=store.path.name,
        subject=subject,
        session=session,
        shown_minutes=shown_minutes,
        verdict=overall_verdict(figures) if figures else _why_none(store, subject, choice.scored),
        sentences=(*sentences(figures), *_forward(store, subject), *told),
        figures=figures,
        earnings=_earnings(store, subject, news),
        comparison=_comparison(store, choice.scored, session, news),
        calibration=calibration,
        calibration_p=calibration_p,
        roc=_roc(outcomes),
        paths=paths,
        paths_words=paths_words,
        words=_words(store, subject, card, of_shown),
        words_method=_words_method(subject),
        studies=tuple(Study(result, tuple(runs)) for result, runs in stored_studies(store)),
        made=tuple(provenance(store, subject, card)),
        by_month=_by_month(store, subject, session, shown_minutes),
        **_frames(store, of_all, of_shown),
    )


def _parameters(subject: Subject | None, session: str) -> dict[str, Any]:
    """Return those of the statements, which without a subject find nothing, in all columns."""
    if not subject:
        return {"model_id": None, "symbols": [], "session": session}
    symbols = list(subject.symbols) or [""]
    return {"model_id": subject.model_id, "symbols": symbols, "session": session}


def _usual_minutes(store: Store) -> int | None:
    """Return the interval that is shown where none is scored: 30 minutes, or the middle one."""
    known = [each for (each,) in store.rows("FROM intervals ORDER BY interval_minutes")]
    return usual(known) if known else None


def _by_month(
    store: Store, subject: Subject | None, session: str, shown_minutes: int | None
) -> pl.DataFrame:
    """Return how many posts each month has, and how many of them have a window."""
    symbols = (
        subject.symbols if subject else [s for (s,) in store.rows("SELECT symbol FROM symbols")]
    )
    asked = {"symbols": list(symbols), "session": session, "interval": shown_minutes}
    return store.frame(statement("report/months"), **asked)


def _frames(
    store: Store, of_all: Mapping[str, Any], of_shown: Mapping[str, Any]
) -> dict[str, pl.DataFrame]:
    """Return what one statement gives each: of the database, the model, and the interval shown."""
    of_database = {field: store.frame(statement(name)) for field, name in _OF_DATABASE.items()}
    return of_database | {
        "statuses": store.frame(statement("report/statuses"), **of_all),
        "scores": store.frame(statement("report/scores"), **of_shown),
        "tweets": store.frame(statement("report/tweets"), **of_shown, most=MOST_TWEETS),
    }


def _title(store: Store, subject: Subject | None) -> str:
    if subject is None:
        return store.path.name
    return (
        f"{subject.model} on {symbols_words(subject.symbols)}" if subject.symbols else subject.model
    )


def _figures(
    store: Store, subject: Subject | None, news: News | None, on_message: Callable[[str], None]
) -> tuple[Figures, ...]:
    """Return the subject's figures; none where no prediction of it can be judged."""
    if subject is None or subject.symbol is None:
        return ()
    try:
        found = evaluate(
            store,
            model=subject.model_id,
            session=subject.session,
            news=news,
            on_message=on_message,
        )
    except InputError:  # nothing out of sample has an outcome; the verdict says why
        return ()
    several = subject.symbol == POOLED
    return tuple(each for each in found if several or each.symbol == subject.symbol)


def _paths(
    store: Store, subject: Subject | None, news: News | None
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return what the market did around posts, and words about it, or why there is nothing."""
    why_none = _no_paths(store, subject)
    if subject is None or why_none:
        return pl.DataFrame(schema=PATHS), why_none
    study = price_paths(
        store,
        model_id=subject.model_id,
        symbol=subject.symbol,
        session=subject.session,
        interval=subject.interval_minutes,
        news=news,
    )
    return study.paths, study.sentences()


def _no_paths(store: Store, subject: Subject | None) -> tuple[str, ...]:
    """Say why there is no price path, where there can be none."""
    if subject is None:
        return ()
    if len(subject.symbols) > 1:
        one = f"tweetscore report --symbol {subject.symbols[0]}"
        return (f"Price paths around posts, and what entries earn, are of one symbol: {one}.",)
    query = "FROM symbols WHERE symbol = $symbol AND spacing_minutes = $day"
    if store.rows(query, symbol=subject.symbol, day=DAY_MINUTES):
        return (f"{subject.symbol} has daily bars, and so no price path around posts.",)
    return ()


def _earnings(store: Store, subject: Subject | None, news: News | None) -> tuple[Earnings, ...]:
    """Return what entries by the subject's predictions of direction would earn."""
    if subject is None or subject.symbol is None:
        return ()
    found = earnings(store, model=subject.model_id, session=subject.session, news=news)
    return tuple(each for each in found if each.symbol == subject.symbol)


def _comparison(
    store: Store, scored: Sequence[dict[str, Any]], session: str, news: News | None
) -> Comparison | None:
    """Return all models on the rows that they share; None where no two share any."""
    if sum(each["target"] == TARGET for each in scored) < 2:  # without reading their rows
        return None
    try:
        return compare(store, session=session, news=news)
    except InputError:
        return None


def _forward(store: Store, subject: Subject | None) -> list[str]:
    """Say what the subject has shown since it was frozen, if it was."""
    if subject is None:
        return []
    found = forward_records(store, model=subject.model_id, session=subject.session)
    own = (each.sentence for each in found if each.symbol == subject.symbol)
    return [f"{each[0].upper()}{each[1:]}" for each in dict.fromkeys(own)]


def _why_none(store: Store, subject: Subject | None, scored: Sequence[dict[str, Any]]) -> str:
    """Say in one sentence why there are no figures."""
    if subject is None:
        if not store.rows("FROM tweets LIMIT 1"):
            but = ", only studies, which have verdicts of their own" if _has_studies(store) else ""
            return f"No verdict: the database holds no tweets{but}."
        if scored:
            names = ", ".join(dict.fromkeys(each["name"] for each in scored))
            return (
                f"No verdict: only labels of your own are predicted (by {names}), which prices "
                "cannot confirm."
            )
        return "No verdict: no model has scored the tweets."
    if subject.symbol is None:
        return f"No verdict: there are no bars to compare the predictions of {subject.model} with."
    if not subject.learned:
        return (
            f"No verdict: nobody says what {subject.model} has seen, so no prediction is known to "
            "be out of sample, and none has an outcome."
        )
    return (
        f"No verdict: no prediction of {subject.model} of posts that it has not seen has an "
        f"outcome in the {subject.session} session of {symbols_words(subject.symbols)}."
    )


def _has_studies(store: Store) -> bool:
    return bool(store.rows("FROM study_runs LIMIT 1"))


def _outcomes(
    store: Store, subject: Subject | None, of_all: dict[str, Any]
) -> dict[int, pl.DataFrame]:
    """Return what was predicted and came true, by interval."""
    return {
        minutes: store.frame(statement("report/outcomes"), **of_all, interval=minutes)
        for minutes in (subject.intervals if subject else ())
    }


def _roc(outcomes: Mapping[int, pl.DataFrame]) -> pl.DataFrame:
    curves = [pl.DataFrame(schema=ROC)]
    for minutes, rows in outcomes.items():
        if rows["truth"].n_unique() == 2:
            curve = roc_curve(rows["probability"], rows["truth"])
            curves.append(
                curve.select(pl.lit(minutes, pl.Int64).alias("interval_minutes"), pl.all())
            )
    return pl.concat(curves)


def _words(
    store: Store, subject: Subject | None, card: dict[str, Any], of_shown: dict[str, Any]
) -> pl.DataFrame:
    if subject is None:
        return pl.DataFrame(schema=WORDS)
    rules = TextRules.from_dict(card["text_rules"]) if "text_rules" in card else TextRules()
    return distinctive_words(_texts(store, of_shown), rules, subject.classes)


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
        f"Words by the class that {subject.model} gives a text at "
        f"{Horizon(subject.interval_minutes).words}, over distinct texts that it was not trained "
        "on, each word counted once per text: "
        "the difference between its shares in both classes, in standard errors over days, or over "
        f"authors where these say less. Of all words on at least {LEAST_DAYS} days, those that "
        f"chance does not explain: at most {FALSE_SHARE:.0%} of them are expected to be there by "
        "chance (Benjamini and Hochberg 1995). They show what the model reads, not what moves "
        "prices."
    )
