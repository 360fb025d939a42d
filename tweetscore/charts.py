"""Draw what a study found: summaries and runs enter, charts leave."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tweetscore.errors import InputError
from tweetscore.findings import FINAL_REPORT, FIRST_REPORT, REPORTED_ABLATION, StudyRun, Summary

if TYPE_CHECKING:
    import altair as alt

WIDTH, HEIGHT = 560, 300
ACCURACY = "test accuracy"


def write_charts(
    folder: Path,
    compared: Sequence[Summary],
    ablation: Sequence[Summary],
    runs: Sequence[StudyRun],
) -> list[Path]:
    """Write ``intervals.svg``, ``ablation.svg`` and ``curves.svg``, and return their paths.

    Raises:
        InputError: altair or vl-convert is not installed.
    """
    try:
        import altair  # noqa: F401 - a message for what is missing, before anything is drawn
        import vl_convert  # noqa: F401
    except ImportError as error:
        raise InputError(f"charts need {error.name}: pip install 'tweetscore[report]'") from error
    folder.mkdir(parents=True, exist_ok=True)
    charts = {
        "intervals": interval_chart(compared),
        "ablation": ablation_chart(ablation),
        "curves": curve_chart(runs),
    }
    paths = [folder / f"{name}.svg" for name in charts]
    for path, chart in zip(paths, charts.values(), strict=True):
        chart.save(path)
    return paths


def interval_chart(compared: Sequence[Summary]) -> "alt.LayerChart":
    """Draw accuracy by interval beside the majority and what the study reported."""
    import altair as alt

    rows = [
        {"minutes": each.cell.interval_minutes, "of": name, ACCURACY: value}
        for each in compared
        for name, value in (
            ("ours", each.best_accuracy),
            ("majority", each.majority),
            ("first report", _share(FIRST_REPORT.get(each.cell.interval_minutes))),
            ("final report", _share(FINAL_REPORT.get(each.cell.interval_minutes))),
        )
        if value is not None
    ]
    bounds = [
        {"minutes": each.cell.interval_minutes, "low": low, "high": high}
        for each in compared
        for low, high in [_bounds(each)]
    ]
    lines = alt.Chart(pl.DataFrame(rows)).mark_line(point=True).encode(
        x=alt.X("minutes:O", title="minutes after the tweet"),
        y=alt.Y(f"{ACCURACY}:Q", scale=alt.Scale(zero=False), axis=alt.Axis(format="%")),
        color=alt.Color("of:N", title=None),
    )  # fmt: skip
    bars = alt.Chart(pl.DataFrame(bounds)).mark_rule(opacity=0.5).encode(
        x="minutes:O", y=alt.Y("low:Q", title=ACCURACY), y2="high:Q"
    )  # fmt: skip
    layered: alt.LayerChart = (bars + lines).properties(width=WIDTH, height=HEIGHT)
    return layered


def ablation_chart(ablation: Sequence[Summary]) -> "alt.Chart":
    """Draw the accuracy of the four networks beside what the study reported."""
    import altair as alt

    rows = [
        {"network": _name(each.cell.vectors, each.cell.counts), "of": name, ACCURACY: value}
        for each in ablation
        for name, value in (
            ("ours", each.best_accuracy),
            ("final report", _share(REPORTED_ABLATION[each.cell.vectors, each.cell.counts])),
        )
    ]
    chart: alt.Chart = alt.Chart(pl.DataFrame(rows)).mark_point(filled=True, size=80).encode(
        x=alt.X(f"{ACCURACY}:Q", scale=alt.Scale(zero=False), axis=alt.Axis(format="%")),
        y=alt.Y("network:N", title=None, sort=None),
        color=alt.Color("of:N", title=None),
    ).properties(width=WIDTH, height=HEIGHT // 2)  # fmt: skip
    return chart


def curve_chart(runs: Sequence[StudyRun]) -> "alt.VConcatChart":
    """Draw accuracy and training loss by epoch, a line a network, the mean of its seeds."""
    import altair as alt

    rows = [
        {
            "network": f"{run.interval_minutes} min, {_name(run.vectors, run.counts)}",
            "epoch": epoch.number,
            "accuracy": epoch.held_out_accuracy[0],
            "training loss": epoch.train_loss,
        }
        for run in runs
        for epoch in run.history
    ]
    table = pl.DataFrame(rows).group_by("network", "epoch", maintain_order=True).mean()
    lines = alt.Chart(table).mark_line().encode(
        x="epoch:Q", color=alt.Color("network:N", title=None, sort=None)
    ).properties(width=WIDTH, height=HEIGHT)  # fmt: skip
    scale = alt.Scale(zero=False)
    accuracy = lines.encode(y=alt.Y("accuracy:Q", scale=scale, axis=alt.Axis(format="%")))
    return alt.vconcat(accuracy, lines.encode(y="training loss:Q"))


def _bounds(each: Summary) -> tuple[float, float]:
    """Return the 95 % interval of the first seed's accuracy, or a deviation over the seeds."""
    if each.figures:
        first = each.figures[0]
        return first.baseline + first.excess_low, first.baseline + first.excess_high
    spread = each.spread or 0.0
    return each.best_accuracy - spread, each.best_accuracy + spread


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _name(vectors: bool, counts: bool) -> str:
    return f"{'trained' if vectors else 'random'} vectors{', counts' if counts else ''}"
