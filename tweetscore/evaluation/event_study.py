"""Draw the price path around tweets: stored predictions enter, mean paths with their bands leave.

An event is a scored tweet that the model was not trained on, and whose minute of entry lies
inside a session and has a price. Its path is the distance of each minute's price from the price at
entry, in basis points, from half an hour before to an hour after (MacKinlay 1997, on minutes). A
minute outside the session of the entry, or without a price, is missing and never filled: fewer
events are left towards both ends.

Tweets of one day share the market of that day, so the trading day is the unit of the band, which
holds the whole path at once (``bands.simultaneous_band``).

The placebos hold the tweets of each day at the same time of another day of the same part of the
data: what the market does at these times of the day, whatever was posted. Days of one weekday are
shuffled among themselves where a part has at least five of each, else all days of the part. A path
is held against them as a whole (``bands.placebo_test``).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from tweetscore.evaluation.bands import placebo_test, simultaneous_band
from tweetscore.evaluation.placebo import Events, Paths, Sessions, moved_paths
from tweetscore.market.news import News
from tweetscore.store.database import Store, statement

FIRST_MINUTE, LAST_MINUTE = -30, 60
OFFSETS = range(FIRST_MINUTE, LAST_MINUTE + 1)
PLACEBOS = 499
LEAST_OF_A_WEEKDAY = 5
SEED = 0
DECIMALS = 6  # of a basis point: digits beyond depend on the order of summing
PATHS = {
    "series": pl.String, "offset_minutes": pl.Int64, "mean_bps": pl.Float64, "low_bps": pl.Float64,
    "high_bps": pl.Float64, "placebo_bps": pl.Float64, "placebo_low_bps": pl.Float64,
    "placebo_high_bps": pl.Float64, "events": pl.Int64, "days": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EventStudy:
    """What the market did around tweets.

    ``paths`` has a row a series (a class that the model predicted) and minute, with the columns of
    ``PATHS``: the mean and the band of the whole path, null where fewer than ten days have a price;
    the mean of the placebos and the envelope of a path like theirs; and the events and days that
    have a price there. A minute with fewer than two days has no row.
    """

    paths: pl.DataFrame
    p_values: dict[str, float]  # of each series among its placebos
    by_weekday: float  # share of the days with events whose placebos lie on the same weekday

    def sentences(self) -> tuple[str, ...]:
        """Say how the paths compare with the placebos, and what was matched."""
        if not self.p_values:
            return ()
        found = ", ".join(f"{name} {p:.3f}" for name, p in self.p_values.items())
        on = f"of the same weekday for {self.by_weekday:.0%} of the days, else of any"
        on = {1.0: "of the same weekday", 0.0: "of any weekday"}.get(self.by_weekday, on)
        return (
            f"p of the whole path among {PLACEBOS} placebos: {found}.",
            "A placebo holds the tweets of each day at the same time after the open of another day "
            f"of the same part of the data, {on}.",
        )


def price_paths(
    store: Store,
    *,
    model_id: str | None,
    symbol: str | None,
    session: str,
    interval: int | None,
    news: News | None = None,
) -> EventStudy:
    """Return the mean path of each class that the model predicted, beside its placebos.

    Without a model, a symbol or an event with a price there is none. Windows near ``news`` are no
    events.
    """
    asked = {"model_id": model_id, "symbol": symbol, "session": session, "interval": interval}
    prices = store.frame(statement("evaluation/session_prices"), **asked)
    events = store.frame(statement("evaluation/events"), **asked)
    if news:
        events = news.without(events)
    inside = prices.filter(pl.col("minute") < pl.col("minutes"))
    placed = events.join(inside, on="minute_utc").sort("series", "minute_utc")
    if placed.is_empty():
        return EventStudy(pl.DataFrame(schema=PATHS), {}, 0.0)
    usable = pl.col("unseen") | pl.col("open_utc").is_in(placed["open_utc"].unique().implode())
    sessions, opens, by_weekday = _sessions(prices.filter(usable))
    names = placed["series"].unique().sort().to_list()
    series = [_events(placed.filter(series=name), opens) for name in names]
    found = moved_paths(sessions, series, OFFSETS, PLACEBOS, SEED)
    filled = np.unique(np.concatenate([each.session for each in series]))
    return study_of(dict(zip(names, found, strict=True)), float(by_weekday[filled].mean()))


def _sessions(prices: pl.DataFrame) -> tuple[Sessions, pl.Series, np.ndarray]:
    """Return the sessions, when they open, and which have a stratum of their weekday alone."""
    each = (
        prices.group_by("open_utc")
        .agg(pl.col("session_date", "minutes", "split").first())
        .sort("open_utc")
        .with_columns(weekday=pl.col("session_date").dt.weekday())
        .with_columns(alike=pl.len().over("split", "weekday"))
        .with_columns(matched=pl.col("alike").min().over("split") >= LEAST_OF_A_WEEKDAY)
        .with_columns(
            stratum=pl.struct(
                "split", pl.when("matched").then("weekday").otherwise(0).alias("weekday")
            ).rank("dense"),
            starts=(pl.col("minutes") + 1).cum_sum() - pl.col("minutes") - 1,
        )
    )
    opens = each["open_utc"]
    known = np.full(int((each["minutes"] + 1).sum()), np.nan)
    starts = each["starts"].to_numpy()
    session = opens.search_sorted(prices["open_utc"]).to_numpy()
    known[starts[session] + prices["minute"].to_numpy()] = prices["price"].to_numpy()
    day, stratum = (
        each[name].rank("dense").cast(pl.Int64).to_numpy() - 1
        for name in ("session_date", "stratum")
    )
    sessions = Sessions(known, starts, each["minutes"].to_numpy(), day, stratum)
    return sessions, opens, each["matched"].to_numpy()


def _events(placed: pl.DataFrame, opens: pl.Series) -> Events:
    session = opens.search_sorted(placed["open_utc"]).to_numpy().astype(np.int64)
    return Events(session, placed["minute"].to_numpy(), placed["events"].to_numpy())


def study_of(found: dict[str, Paths], by_weekday: float) -> EventStudy:
    """Judge the paths of each series."""
    frames, p_values = [pl.DataFrame(schema=PATHS)], {}
    for name, each in found.items():
        tested = placebo_test(each.means_bps, each.errors_bps)
        half = simultaneous_band(each.counts, each.totals_bps, SEED)
        mean = each.means_bps[0]
        columns = {
            "series": [name] * len(OFFSETS),
            "offset_minutes": list(OFFSETS),
            "mean_bps": mean,
            "low_bps": mean - half,
            "high_bps": mean + half,
            "placebo_bps": tested.centre,
            "placebo_low_bps": tested.low,
            "placebo_high_bps": tested.high,
            "events": each.counts.sum(axis=0).astype(np.int64),
            "days": (each.counts > 0).sum(axis=0),
        }
        frames.append(pl.DataFrame(columns, schema=PATHS))
        p_values[name] = tested.p_value
    floats = pl.selectors.float()
    paths = pl.concat(frames).with_columns(floats.fill_nan(None).round(DECIMALS))
    return EventStudy(paths.filter(pl.col("days") >= 2), p_values, by_weekday)
