"""Lay out a report: its record enters, one self-contained HTML page leaves."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl
from markupsafe import Markup

from tweetscore.evaluation import charts
from tweetscore.evaluation.compare import Comparison
from tweetscore.evaluation.compare_words import (
    COMPARED_EXPLAINED,
    comparison_sentences,
    comparison_table,
)
from tweetscore.evaluation.earnings_words import (
    EARNINGS_EXPLAINED,
    earnings_sentence,
    entry_table,
    net_table,
)
from tweetscore.evaluation.verdicts import FIGURES_EXPLAINED, figure_table, quality_table
from tweetscore.io.html.charts import HALF, Chart, Picture, picture
from tweetscore.io.html.parts import (
    Table,
    asset,
    base_style,
    environment,
    frame_table,
    table_script,
    worded_table,
)
from tweetscore.report.opening import opening
from tweetscore.report.record import Report, Study
from tweetscore.study.charts import ablation_chart, curve_charts, interval_chart
from tweetscore.study.words import (
    ablation_table,
    interval_table,
    sentences,
    study_quality_table,
)

PACKAGE = "tweetscore.report"
WORDED = {"verdict", "model", "vectors", "counts"}  # columns of words in tables of numbers


@dataclass(frozen=True, slots=True)
class StudyPart:
    """A study as the page shows it."""

    study: Study
    tables: tuple[tuple[str, str, Table], ...]  # its id and heading
    charts: tuple[tuple[str, str], ...]  # the chart's name, and what it shows
    sentences: tuple[str, ...]  # what each network shows


def page(report: Report) -> str:
    """Return the page: charts, tables and its script are inside, and nothing is fetched.

    What comes from files, such as the texts of tweets, is escaped, and characters that would turn
    the direction of text or move a cursor are shown as marks. A policy inside the page allows its
    own script by its hash and no other.
    """
    studies = [_study_part(n, each) for n, each in enumerate(report.studies, 1)]
    script = Markup(table_script() + asset(PACKAGE, "page.js"))
    return (
        environment(PACKAGE)
        .get_template("page.html")
        .render(
            report=report,
            opening=opening(report),
            pictures=dict(_pictures(report)),
            tables=dict(_tables(report)),
            studies=studies,
            earned=[*map(earnings_sentence, report.earnings), EARNINGS_EXPLAINED],
            compared=_compared(report.comparison),
            figures_explained=FIGURES_EXPLAINED,
            script=script,
            hash=_hash(script),
            style=Markup(base_style() + asset(PACKAGE, "page.css")),
        )
        + "\n"
    )


def _compared(comparison: Comparison | None) -> list[str]:
    """Return what a comparison of all models shows, in sentences."""
    if comparison is None:
        return []
    return [*comparison_sentences(comparison), *comparison.left_out, COMPARED_EXPLAINED]


def _hash(script: str) -> str:
    """Name a script in the policy of the page (W3C, Content Security Policy Level 3)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


# --- charts ---------------------------------------------------------------------------------------


def _pictures(report: Report) -> Iterator[tuple[str, Picture]]:
    """Yield the charts that have something to show, by name."""
    yield from _first_picture(report)
    if figures := report.of_subject:
        yield "figures", picture(charts.figure_chart(figures))
    if report.subject:
        positive = report.subject.classes[1]
        if report.calibration.height:
            chart = charts.calibration_chart(report.calibration)
            yield "calibration", _half(chart, report.calibration)
        if report.scores["predictions"].sum():
            filled = report.scores.filter(pl.col("predictions") > 0)
            chart = charts.score_chart(filled, positive)
            yield "scores", picture(chart, table=frame_table(filled))
        for name in report.paths["series"].unique().sort():
            chart = charts.path_chart(report.paths, name, report.subject.classes)
            yield f"paths-{name}", _half(chart, report.paths.filter(series=name))
        if report.words.height:
            yield "words", picture(charts.word_chart(report.words, report.subject.classes))
    if report.roc.height:
        yield "roc", _half(charts.roc_chart(report.roc))
    if report.by_hour.height:
        yield "hours", _half(charts.hour_chart(report.by_hour), report.by_hour)
    for n, study in enumerate(report.studies, 1):
        yield from _study_pictures(n, study)


def _first_picture(report: Report) -> Iterator[tuple[str, Picture]]:
    """Yield what was found beside what could be seen; the months stand there if nothing was."""
    seen = [each for each in report.of_subject if each.auc is not None]
    if seen:
        yield "effect", _half(charts.effect_chart(seen))
    if report.by_month.height:
        yield "months", _half(charts.month_chart(report.by_month), report.by_month)


def _study_pictures(n: int, study: Study) -> Iterator[tuple[str, Picture]]:
    if study.result.compared:
        yield f"study-{n}-intervals", _half(interval_chart(study.result.compared))
    if study.result.ablation:
        yield f"study-{n}-ablation", _half(ablation_chart(study.result.ablation))
    for name, chart in zip(("accuracy", "loss"), curve_charts(study.runs), strict=True):
        yield f"study-{n}-{name}", _half(chart)


def _half(chart: Chart, frame: pl.DataFrame | None = None) -> Picture:
    """Return one of a pair."""
    return picture(chart, wide=HALF, table=None if frame is None else frame_table(frame))


# --- tables ---------------------------------------------------------------------------------------


def _tables(report: Report) -> Iterator[tuple[str, Table]]:
    if report.figures:
        yield "figures", _worded(*figure_table(report.figures))
        yield "quality", _worded(*quality_table(report.figures))
    if report.comparison:
        yield "comparison", _worded(*comparison_table(report.comparison))
    if report.earnings:
        yield "earnings", _worded(*net_table(report.earnings))
        yield "entries", _worded(*entry_table(report.earnings))
    for name, frame in (
        ("sources", report.sources),
        ("rejects", report.rejects),
        ("tweets_by_platform", report.tweets_by_platform),
        ("bars_by_symbol", report.bars_by_symbol),
        ("statuses", _by_interval(report.statuses)),
        ("words", report.words),
    ):
        if frame.height:
            yield name, frame_table(frame)
    if report.tweets.height:
        yield "tweets", frame_table(report.tweets, most=report.tweets.height, searchable=True)


def _study_part(n: int, study: Study) -> StudyPart:
    found, tables = study.result, []
    if found.compared:
        tables += [("Intervals", _worded(*interval_table(found.compared)))]
    if any(each.figures for each in found.compared):
        tables += [
            (
                "Quality of the probabilities",
                _worded(*study_quality_table(found.compared)),
            )
        ]
    if found.ablation:
        tables += [("Ablation", _worded(*ablation_table(found.ablation)))]
    shown = [
        (
            f"study-{n}-intervals",
            "Accuracy by interval, the mean over seeds; bars: their standard deviation",
        ),
        (f"study-{n}-ablation", "Accuracy with and without trained vectors and counts"),
        (f"study-{n}-accuracy", "Held-out accuracy by epoch, the mean over seeds"),
        (f"study-{n}-loss", "Training loss by epoch, the mean over seeds"),
    ]
    named = [(f"study-{n}-table-{place}", *each) for place, each in enumerate(tables, 1)]
    told = tuple(sentences(found.compared, found.ablation))
    return StudyPart(study, tuple(named), tuple(shown), told)


def _worded(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    return worded_table(headings, rows, WORDED)


def _by_interval(statuses: pl.DataFrame) -> pl.DataFrame:
    """Return a row an interval with a column a status, the most frequent first."""
    order = statuses.group_by("status").agg(pl.col("predictions").sum())
    names = order.sort("predictions", "status", descending=[True, False])["status"]
    return statuses.group_by("interval_minutes", maintain_order=True).agg(
        pl.col("predictions").filter(status=name).sum().alias(name) for name in names
    )
