"""Charts show the very figures of a study."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from results import study_run

from tweetscore.browse.charts import price_chart
from tweetscore.evaluation.charts import word_chart
from tweetscore.io.html.charts import IN_XML, SVG, picture
from tweetscore.study.charts import ablation_chart, curve_charts, interval_chart, write_charts
from tweetscore.study.options import StudyCell
from tweetscore.study.reported import REPORTED_ABLATION
from tweetscore.study.summary import Summary
from tweetscore.study.words import ablation_table


def summary(cell: StudyCell, accuracy: float) -> Summary:
    return Summary(
        cell,
        seeds=2,
        best_accuracy=accuracy,
        spread=0.01,
        last_accuracy=0.5,
        majority=0.51,
        train_loss=0.1,
        rows=100,
        figures=(),
    )


COMPARED = [summary(StudyCell(minutes, True, True), 0.5 + minutes / 1_000) for minutes in (5, 30)]
ABLATION = [
    summary(StudyCell(5, *both), 0.5 + place / 100) for place, both in enumerate(REPORTED_ABLATION)
]
RUNS = [
    study_run(StudyCell(5, True, True), 0, [0.5, 0.6]),
    study_run(StudyCell(5, True, True), 1, [0.7, 0.4]),
    study_run(StudyCell(30, True, False), 0, [0.3, 0.2]),
]


def data_of(chart: Any) -> list[dict[str, Any]]:
    """All rows that a chart draws."""
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows]


@pytest.mark.slow
def test_the_intervals_stand_beside_the_majority_and_both_reports() -> None:
    rows = data_of(interval_chart(COMPARED))
    drawn = {(row["minutes"], row["of"]): row["test accuracy"] for row in rows if "of" in row}
    assert drawn == pytest.approx(
        {
            (5, "ours"): 0.505,
            (5, "majority"): 0.51,
            (5, "first report"): 0.53,
            (5, "final report"): 0.5295,
            (30, "ours"): 0.53,
            (30, "majority"): 0.51,
            (30, "first report"): 0.5618,
            (30, "final report"): 0.5092,
        }
    )
    bounds = {row["minutes"]: (row["low"], row["high"]) for row in rows if "low" in row}
    assert bounds == {5: pytest.approx((0.495, 0.515)), 30: pytest.approx((0.52, 0.54))}


def test_the_ablation_has_its_four_networks_and_what_was_reported() -> None:
    drawn = {
        (row["network"], row["of"]): row["test accuracy"]
        for row in data_of(ablation_chart(ABLATION))
    }
    names = [
        "trained, counts",
        "trained",
        "random, counts",
        "random",
    ]
    ours = [0.5, 0.51, 0.52, 0.53]
    reported = [0.5295, 0.5263, 0.5271, 0.5138]
    assert drawn == {(name, "ours"): value for name, value in zip(names, ours, strict=True)} | {
        (name, "final report"): pytest.approx(value)
        for name, value in zip(names, reported, strict=True)
    }


def test_at_another_interval_nothing_was_reported_of_the_ablation() -> None:
    at_thirty = [replace(each, cell=replace(each.cell, interval_minutes=30)) for each in ABLATION]
    assert {row["of"] for row in data_of(ablation_chart(at_thirty))} == {"ours"}
    assert "final report" in ablation_table(ABLATION)[0]
    assert "final report" not in ablation_table(at_thirty)[0]


def test_a_curve_is_the_mean_of_its_seeds() -> None:
    for chart in curve_charts(RUNS):
        drawn = {
            (row["network"], row["epoch"]): (row["accuracy"], row["training loss"])
            for row in data_of(chart)
        }
        assert drawn == {
            ("5 min, trained, counts", 1): pytest.approx((0.6, 1.0)),
            ("5 min, trained, counts", 2): pytest.approx((0.5, 0.5)),
            ("30 min, trained", 1): pytest.approx((0.3, 1.0)),
            ("30 min, trained", 2): pytest.approx((0.2, 0.5)),
        }


@pytest.mark.parametrize(
    ("spacing_minutes", "days", "pieces"),
    [
        (1440, [5.0, 8.0, 9.0, 10.0], 1),  # over a weekend
        (1440, [5.0, 8.0, 9.0, 15.0], 2),  # a week is missing
        (1, [5.0 + minute / 1440 for minute in range(4)], 1),
        (1, [5.0, 5 + 59 / 1440, 5 + 120 / 1440], 2),
    ],
)
def test_the_price_of_a_post_is_one_line_where_no_bar_is_missing(
    spacing_minutes: int, days: list[float], pieces: int
) -> None:
    bars = [(datetime(2023, 1, 1) + timedelta(days=day), 100 + day) for day in days]
    chart = price_chart(bars, [("entry", bars[1][0])], [(bars[0][0], bars[-1][0])], spacing_minutes)
    drawn = [row for row in data_of(chart) if "close" in row]
    assert [row["close"] for row in drawn] == [price for _, price in bars]
    assert len({row["piece"] for row in drawn}) == pieces


@pytest.mark.slow
def test_the_charts_are_files_of_their_own_with_marks(tmp_path: Path) -> None:
    paths = write_charts(tmp_path / "charts", COMPARED, ABLATION, RUNS)
    assert [path.name for path in paths] == [
        "intervals.svg", "ablation.svg", "accuracy.svg", "loss.svg",
    ]  # fmt: skip
    for path in paths:
        groups = ET.parse(path).getroot().iter(f"{{{SVG}}}g")
        marks = [each for each in groups if "role-mark" in each.get("class", "")]
        assert sum(len(each) for each in marks) >= 2
        assert "http" not in path.read_text().replace("http://www.w3.org", "")
        assert "var(" not in path.read_text()  # there is no page around it whose colours to take


@pytest.mark.slow
def test_no_text_of_a_file_breaks_a_drawing_or_leaves_it() -> None:
    texts = [
        "</svg><script>x</script>",
        "\x00\x1b\ufffe\uffff",  # XML has none of these: they would abort the process
        "\N{RIGHT-TO-LEFT OVERRIDE}a\nb",
        "مرحبا 你好",
        "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{VARIATION SELECTOR-16}",
        "\U0010ffff]]>&amp;{{ 1 }}",
    ]
    words = pl.DataFrame({"word": texts, "z": range(len(texts)), "class": "up", "p_adjusted": 0.1,
                          "texts_in_class": 1, "texts_elsewhere": 0})  # fmt: skip
    drawn = ET.fromstring(picture(word_chart(words, ("down", "up"))).narrow)
    titles = [each.text or "" for each in drawn.iter(f"{{{SVG}}}title")]
    for text in texts:
        plain = text.translate(IN_XML)
        assert sum(plain.split("\n")[0] in each for each in titles) == 1, plain
    assert {each.tag.removeprefix(f"{{{SVG}}}") for each in drawn.iter()} <= {
        "svg", "g", "path", "line", "text", "title", "rect", "defs", "clipPath", "tspan",
    }  # fmt: skip
