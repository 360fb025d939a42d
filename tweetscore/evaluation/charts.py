"""Describe charts of what was predicted and found: figures, curves, paths and counts enter.

A chart says what its marks mean; ``io.html.charts`` draws it, in one look for all.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from tweetscore.evaluation.figures import Figures
from tweetscore.market.horizons import Horizon

Chart = Any  # one of altair's, whose methods are not typed
WORD_HEIGHT = 17
ACCURACY = "test accuracy"
WINDOW_WORDS = {"with_window": "with a window", "without": "without"}
FOUND, UNSEEN = "found", "too small to be seen"
STEP, MOST_HEIGHT = 32, 420  # pixels of a row, and of all
LEAST_MONTHS = 12  # that there is room for
PLACEBO_COLUMNS = "placebo_bps", "placebo_low_bps", "placebo_high_bps"
EVEN = pl.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]})  # a diagonal


def effect_chart(figures: Sequence[Figures]) -> Chart:
    """Draw the AUC of each interval beside what is too small to be seen in its data."""
    import altair as alt

    frame = pl.DataFrame(
        {
            "interval": [Horizon(each.interval_minutes or 0).words for each in figures],
            "AUC": [each.auc for each in figures],
            "low": [each.auc_low for each in figures],
            "high": [each.auc_high for each in figures],
            "visible": [_visible(each) for each in figures],
            "verdict": [each.verdict for each in figures],
            "chance": [0.5] * len(figures),
            "found": [FOUND] * len(figures),
            "unseen": [UNSEEN] * len(figures),
        },
        schema_overrides=dict.fromkeys(("AUC", "low", "high", "visible"), pl.Float64),
    ).with_columns(pl.selectors.float().round(4))
    scale = alt.Scale(domain=[FOUND, UNSEEN], range=["var(--mark-1)", "var(--faint)"])
    found, unseen = (alt.Color(each, title=None, scale=scale) for each in ("found:N", "unseen:N"))
    base = alt.Chart(frame).encode(
        y=alt.Y("interval:N", sort=None, title=None),
        tooltip=["interval", "AUC", "low", "high", "visible", "verdict"],
    )
    axis, near = alt.Axis(format=".2f", tickCount=5), alt.Scale(zero=False)
    too_small = base.mark_bar(height={"band": 0.7}).encode(
        x=alt.X("chance:Q", title="AUC", axis=axis, scale=near), x2="visible:Q", color=unseen
    )
    interval = base.mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q", color=found)
    point = base.mark_point(filled=True, size=80, opacity=1).encode(x="AUC:Q", color=found)
    chance = alt.Chart(pl.DataFrame({"x": [0.5]})).mark_rule(strokeDash=[4, 4]).encode(x="x:Q")
    step = min(STEP, MOST_HEIGHT / len(figures))
    return alt.layer(too_small, chance, interval, point).properties(height={"step": step})


def _visible(each: Figures) -> float | None:
    """Return the least AUC that would be seen; 1 where none would, and None where it is unknown."""
    nothing = each.smallest_auc is None and each.accuracy_low is not None
    return 1.0 if nothing else each.smallest_auc


def figure_chart(figures: Sequence[Figures]) -> Chart:
    """Draw accuracy by interval with its 95 % interval, beside each baseline."""
    return accuracy_chart(
        (
            (each.interval_minutes or 0, name, value)
            for each in figures
            for name, value in (
                ("model", each.accuracy),
                ("majority", each.baseline),
                ("bag of words", each.bag_of_words),
                ("momentum", each.momentum),
            )
        ),
        [
            (each.interval_minutes or 0, each.accuracy_low, each.accuracy_high)
            for each in figures
            if each.accuracy_low is not None and each.accuracy_high is not None
        ],
    )


def calibration_chart(calibration: pl.DataFrame) -> Chart:
    """Draw observed share by predicted probability, the band of a calibrated model, and y = x."""
    import altair as alt

    share, near = alt.Axis(format="%"), alt.Scale(zero=False)
    base = alt.Chart(calibration.with_columns(pl.selectors.float().round(4))).encode(
        x=alt.X("predicted:Q", title="predicted probability", axis=share, scale=near)
    )
    band = base.mark_area(opacity=0.18).encode(
        y=alt.Y("low:Q", title="observed share", axis=share, scale=near), y2="high:Q"
    )
    line = base.mark_line(interpolate="linear").encode(
        y="observed:Q", tooltip=["predicted", "observed", "low", "high"]
    )
    ends = [calibration["predicted"].min(), calibration["predicted"].max()]
    even = _even_line(pl.DataFrame({"x": ends, "y": ends}))
    known = calibration["low"].is_not_null().any()  # on a few days there is no band
    return alt.layer(*([band] if known else []), even, line)


def roc_chart(roc: pl.DataFrame) -> Chart:
    """Draw the curve of each interval, and that of chance."""
    import altair as alt

    lines = alt.Chart(roc).mark_line(interpolate="linear").encode(
        x=alt.X("false_positive_rate:Q", title="false positive rate", axis=alt.Axis(format="%")),
        y=alt.Y("true_positive_rate:Q", title="true positive rate", axis=alt.Axis(format="%")),
        order="row:Q",
        color=alt.Color(
            "interval_minutes:N", title="min", sort=None, legend=alt.Legend(columns=7)
        ),
    )  # fmt: skip
    lines.data = roc.with_columns(pl.selectors.float().round(4)).with_row_index("row")
    return alt.layer(_even_line(EVEN), lines)


def path_chart(paths: pl.DataFrame, series: str, classes: tuple[str, str]) -> Chart:
    """Draw the mean path of one class with its band, and of its placebos with their envelope."""
    import altair as alt

    own = paths.filter(series=series).with_columns(pl.selectors.ends_with("bps").round(3))
    shared = own.select("offset_minutes", "events", "days")
    columns = ["of", "mean_bps", "low_bps", "high_bps"]
    placebos = own.select(pl.lit("placebos"), *PLACEBO_COLUMNS).rename(
        dict(zip(["literal", *PLACEBO_COLUMNS], columns, strict=True))
    )
    drawn = own.rename({"series": "of"}).select(columns)
    both = pl.concat([shared.hstack(placebos), shared.hstack(drawn)])
    base = alt.Chart(both).encode(
        x=alt.X("offset_minutes:Q", title="minutes from entry"),
        color=alt.Color(
            "of:N",
            title=None,
            scale=alt.Scale(domain=[*reversed(classes), "placebos"]),
            legend=alt.Legend(values=[series, "placebos"], symbolOpacity=1),
        ),
    )
    bands = base.mark_area(opacity=0.18).encode(
        y=alt.Y("low_bps:Q", title="mean distance from entry (basis points)"), y2="high_bps:Q"
    )
    tooltip = ["of", "offset_minutes", *columns[1:], "events", "days"]
    lines = base.mark_line().encode(y="mean_bps:Q", tooltip=tooltip)
    entry = alt.Chart(pl.DataFrame({"at": [0]})).mark_rule(strokeDash=[4, 4]).encode(x="at:Q")
    return alt.layer(bands, lines, entry)


def score_chart(scores: pl.DataFrame, positive: str) -> Chart:
    """Draw how often each probability was predicted, its bars stacked by part of the split."""
    import altair as alt

    return alt.Chart(scores).mark_bar().encode(
        x=alt.X(
            "low:Q", title=f"probability of {positive}", axis=alt.Axis(format="%"), bin="binned",
        ),
        x2="high",
        y=alt.Y("predictions:Q", title="predictions"),
        color=alt.Color("split:N", title=None, sort=None),
        tooltip=["low", "high", "split", "predictions"],
    )  # fmt: skip


def hour_chart(by_hour: pl.DataFrame) -> Chart:
    """Draw tweets by hour of the day."""
    import altair as alt

    return alt.Chart(by_hour).mark_bar().encode(
        x=alt.X(
            "hour_utc:O", title="hour of the day (UTC)",
            axis=alt.Axis(labelAngle=0, labelOverlap=True),
        ),
        y=alt.Y("tweets:Q", title="tweets"),
        tooltip=["hour_utc", "tweets"],
    )  # fmt: skip


def month_chart(by_month: pl.DataFrame) -> Chart:
    """Draw tweets by month, those with a window apart; a month without any is a gap."""
    import altair as alt

    counted = by_month.select(
        pl.col("month").cast(pl.String),
        with_window="with_window",
        without=pl.col("tweets") - pl.col("with_window"),
    ).unpivot(index="month", variable_name="window", value_name="tweets")
    named = counted.with_columns(pl.col("window").replace(WINDOW_WORDS))
    ends = pl.DataFrame({"at": [by_month["month"].min(), by_month["month"].max()]}).select(
        low=pl.col("at").first(),
        high=pl.max_horizontal(
            pl.col("at").last().dt.offset_by("1mo"),
            pl.col("at").first().dt.offset_by(f"{LEAST_MONTHS}mo"),
        ),
    )
    span = [str(each) for each in ends.row(0)]
    return (
        alt.Chart(named.filter(pl.col("tweets") > 0))
        .mark_bar()
        .encode(
            x=alt.X(
                "month:T",
                timeUnit="utcyearmonth",
                title="month (UTC)",
                scale=alt.Scale(type="utc", domain=span),
            ),
            y=alt.Y("tweets:Q", title="tweets"),
            color=alt.Color(
                "window:N",
                title=None,
                scale=alt.Scale(
                    domain=list(WINDOW_WORDS.values()), range=["var(--mark-1)", "var(--faint)"]
                ),
            ),
            tooltip=["month:N", "window", "tweets"],
        )
    )


def word_chart(words: pl.DataFrame, classes: tuple[str, str]) -> Chart:
    """Draw the distinctive words of both classes by their score."""
    import altair as alt

    rounded = words.with_columns(pl.col("z").round(2))
    return alt.Chart(rounded).mark_bar().encode(
        x=alt.X("z:Q", title="z (standard errors over days)"),
        y=alt.Y("word:N", title=None, sort=None),
        color=alt.Color("class:N", title=None, scale=alt.Scale(domain=list(reversed(classes)))),
        tooltip=["word", "class", "z", "p_adjusted", "texts_in_class", "texts_elsewhere"],
    ).properties(height=WORD_HEIGHT * words["word"].n_unique())  # fmt: skip


def accuracy_chart(
    values: Iterable[tuple[int, str, float | None]], bounds: Sequence[tuple[int, float, float]]
) -> Chart:
    """Draw accuracies of several by interval, and the bounds of one of them."""
    import altair as alt

    rows: list[dict[str, Any]] = [
        {"minutes": minutes, "of": name, ACCURACY: value}
        for minutes, name, value in values
        if value is not None
    ]
    ends = [{"minutes": minutes, "low": low, "high": high} for minutes, low, high in bounds]
    lines = (
        alt.Chart(pl.DataFrame(rows))
        .mark_line(point=True)
        .encode(
            x=alt.X("minutes:O", title="minutes after the tweet", axis=alt.Axis(labelAngle=0)),
            y=alt.Y(f"{ACCURACY}:Q", scale=alt.Scale(zero=False), axis=alt.Axis(format="%")),
            color=alt.Color("of:N", title=None, sort=None),
            tooltip=["minutes", "of", alt.Tooltip(ACCURACY, format=".1%")],
        )
    )
    bars = (
        alt.Chart(pl.DataFrame(ends))
        .mark_rule(opacity=0.6)
        .encode(x="minutes:O", y=alt.Y("low:Q", title=ACCURACY), y2="high:Q")
    )
    return alt.layer(*([bars] if ends else []), lines)


def _even_line(ends: pl.DataFrame) -> Chart:
    import altair as alt

    return alt.Chart(ends).mark_line(strokeDash=[4, 4], opacity=0.6).encode(x="x:Q", y="y:Q")
