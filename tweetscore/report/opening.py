"""Say at first what matters most: a report enters; what it is, can show and has found leave."""

from dataclasses import dataclass

import polars as pl

from tweetscore.evaluation.figures import UNTESTED, Figures
from tweetscore.evaluation.verdicts import auc_words, p_words, smallest_words
from tweetscore.market.horizons import Horizon
from tweetscore.market.symbols import symbols_words
from tweetscore.report.record import Report


@dataclass(frozen=True, slots=True)
class Opening:
    """The three answers of a report's first screen."""

    reach: str  # how many posts have a window, or why none has
    can_show: str  # the smallest visible effect, or why there is none
    found: str  # the verdict, and the figure shown


def opening(report: Report) -> Opening:
    """Answer how far an archive reaches, what it could show, and what was found."""
    shown = _shown(report)
    measured = shown and shown.verdict != UNTESTED and shown.auc is not None
    detail = f" At {Horizon(report.shown_minutes or 0).words}: {_measured(shown)}." if shown else ""
    return Opening(
        reach=_reach(report),
        can_show=_can_show(report, shown),
        found=f"{report.verdict}{detail if measured else ''}",
    )


def _shown(report: Report) -> Figures | None:
    """Return the figures of the interval shown, if there are any."""
    fitting = (each for each in report.of_subject if each.interval_minutes == report.shown_minutes)
    return next(fitting, None)


def _measured(each: Figures | None) -> str:
    return f"{auc_words(each)}{p_words(each)}" if each else ""


def _reach(report: Report) -> str:
    """Say how many posts have a price when they enter, and one at the exit."""
    posts = int(report.by_month["tweets"].sum())
    symbols = report.bars_by_symbol["symbol"].to_list()
    if not posts:
        bars = f"Bars of {symbols_words(symbols)}, and no" if symbols else "Neither bars nor"
        return f"{bars} posts yet; read some with: tweetscore ingest PATH."
    if not symbols:
        return "No price can be held against them; read bars with: tweetscore ingest PATH."
    if report.shown_minutes is None:
        return "There are no windows of their prices yet."
    number = int(report.by_month["with_window"].sum())
    of = symbols_words(report.subject.symbols if report.subject else symbols)
    have = "has" if number <= 1 else "have"
    some = f"{number:,} of them ({_share(number, posts)})" if number else "None of them"
    return (
        f"{some} {have} a window of {Horizon(report.shown_minutes).words} in the {report.session} "
        f"session of {of}, with bars from {_span(report.bars_by_symbol)}."
    )


def _span(bars: pl.DataFrame) -> str:
    first, last = bars.select(pl.col("first_utc").min(), pl.col("last_utc").max()).row(0)
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _share(number: int, posts: int) -> str:
    percent = 100 * number / posts
    return f"{percent:.0f} %" if percent >= 1 else "under 1 %"


def _can_show(report: Report, shown: Figures | None) -> str:
    """Say which effect would be seen in this much data."""
    if shown is None or shown.verdict == UNTESTED:
        if report.subject and report.subject.symbol and report.figures:
            return "Nothing of skill, as nobody says what the model has seen."
        if report.subject or not report.by_month["with_window"].sum():
            return "Nothing yet: predictions and prices of the same time are needed."
        return "Nothing yet: that depends on the model; score the posts with: tweetscore score."
    posts = "1 scored post" if shown.rows == 1 else f"{shown.rows:,} scored posts"
    days = f" on {shown.days:,} days" if shown.days != shown.rows else ""
    judged = f"{posts}{days}, which the model has not seen, can be judged."
    return f"{judged} {smallest_words(shown)}An AUC of 0.5 is chance."
