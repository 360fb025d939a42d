"""Draw studies: their summaries and runs enter, charts leave."""

from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import polars as pl

from tweetscore.evaluation.charts import ACCURACY, Chart, accuracy_chart
from tweetscore.study.reported import FINAL_REPORT, FIRST_REPORT, reported_ablation
from tweetscore.study.runs import StudyRun
from tweetscore.study.summary import Summary

ABLATION_HEIGHT = 150


def write_charts(
    folder: Path,
    compared: Sequence[Summary],
    ablation: Sequence[Summary],
    runs: Sequence[StudyRun],
) -> list[Path]:
    """Write accuracy by interval, the ablation, and both curves of training as SVG.

    Returns:
        Their paths.
    """
    from tweetscore.io.html.charts import write_svg

    folder.mkdir(parents=True, exist_ok=True)
    accuracy, loss = curve_charts(runs)
    charts = {
        "intervals": interval_chart(compared),
        "ablation": ablation_chart(ablation),
        "accuracy": accuracy,
        "loss": loss,
    }
    paths = [folder / f"{name}.svg" for name in charts]
    for path, chart in zip(paths, charts.values(), strict=True):
        write_svg(chart, path)
    return paths


def interval_chart(compared: Sequence[Summary]) -> Chart:
    """Draw accuracy by interval beside the majority and, under the same protocol, the reports."""
    return accuracy_chart(
        (
            (each.cell.interval_minutes, name, value)
            for each in compared
            for name, value in (
                ("ours", each.best_accuracy),
                ("majority", each.majority),
                ("first report", _reported(each, FIRST_REPORT)),
                ("final report", _reported(each, FINAL_REPORT)),
            )
        ),
        [(each.cell.interval_minutes, *_bounds(each)) for each in compared],
    )


def ablation_chart(ablation: Sequence[Summary]) -> Chart:
    """Draw the accuracy of the four networks beside what the study reported."""
    import altair as alt

    rows = [
        {"network": _network(each.cell.vectors, each.cell.counts), "of": name, ACCURACY: value}
        for each in ablation
        for name, value in (
            ("ours", each.best_accuracy),
            ("final report", _share(reported_ablation(*astuple(each.cell)))),
        )
        if value is not None and (name == "ours" or not each.figures)
    ]
    return (
        alt.Chart(pl.DataFrame(rows))
        .mark_point(filled=True, size=80)
        .encode(
            x=alt.X(f"{ACCURACY}:Q", scale=alt.Scale(zero=False), axis=alt.Axis(format="%")),
            y=alt.Y("network:N", title=None, sort=None),
            color=alt.Color("of:N", title=None, sort=None),
            tooltip=["network", "of", alt.Tooltip(ACCURACY, format=".1%")],
        )
        .properties(height=ABLATION_HEIGHT)
    )


def curve_charts(runs: Sequence[StudyRun]) -> tuple[Chart, Chart]:
    """Draw accuracy, and training loss, by epoch: a line a network, the mean of its seeds."""
    import altair as alt

    rows = [
        {
            "network": f"{run.interval_minutes} min, {_network(run.vectors, run.counts)}",
            "epoch": epoch.number,
            "accuracy": round(epoch.held_out_accuracy[0], 4),
            "training loss": round(epoch.train_loss, 4),
        }
        for run in runs
        for epoch in run.history
    ]
    table = pl.DataFrame(rows).group_by("network", "epoch", maintain_order=True).mean()
    lines = (
        alt.Chart(table)
        .mark_line()
        .encode(
            x=alt.X("epoch:Q", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color("network:N", title=None, sort=None, legend=alt.Legend(columns=2)),
            tooltip=["network", "epoch", "accuracy", "training loss"],
        )
    )
    accuracy = alt.Y("accuracy:Q", scale=alt.Scale(zero=False), axis=alt.Axis(format="%"))
    return lines.encode(y=accuracy), lines.encode(y="training loss:Q")


def _bounds(each: Summary) -> tuple[float, float]:
    """Return a deviation over the seeds on both sides, which is no interval of the truth."""
    spread = each.spread or 0.0
    return each.best_accuracy - spread, each.best_accuracy + spread


def _reported(each: Summary, percents: dict[int, float]) -> float | None:
    """Return what the study reported; only figures of its own protocol compare with it."""
    return None if each.figures else _share(percents.get(each.cell.interval_minutes))


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _network(vectors: bool, counts: bool) -> str:
    return f"{'trained' if vectors else 'random'}{', counts' if counts else ''}"
