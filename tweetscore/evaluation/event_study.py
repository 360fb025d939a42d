"""Draw the price path around tweets: stored predictions enter, a mean path with its band leaves.

An event is a scored tweet that the model was not trained on, and whose minute of entry lies
inside a session and has a price. Its path is the distance of each minute's price from the price at
entry, in basis points, from half an hour before to an hour after (MacKinlay 1997, on minutes). A
minute outside the session of the entry, or without a price, is missing and never filled: fewer
events are left towards both ends.

Tweets of one day share the market of that day, so the trading day is the unit: the band is the
central 95 % of 1,000 bootstrap means, each over as many whole days as there are, drawn with
replacement (Efron 1979).

The placebo holds the same events, all classes together, at the same time of another session of the
same split: the sessions are shuffled by a fixed seed, and the events of each go to the next, so
that no two sessions meet in one. Where it moves as the classes do, their paths show what the market
does at these times of the day, not what the tweets do.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.store.database import Store, statement

FIRST_MINUTE, LAST_MINUTE = -30, 60
DRAWS = 1_000
BLOCK_DRAWS = 100  # so many at once, so that memory does not grow with the days
TAIL = 0.025
SEED = 0
DECIMALS = 6  # of a basis point: digits beyond depend on the order of summing
PATHS = {
    "series": pl.String, "offset_minutes": pl.Int64, "mean_bps": pl.Float64, "low_bps": pl.Float64,
    "high_bps": pl.Float64, "events": pl.Int64, "days": pl.Int64,
}  # fmt: skip
Floats = npt.NDArray[np.float64]


def price_paths(
    store: Store, *, model_id: str | None, symbol: str | None, session: str, interval: int | None
) -> pl.DataFrame:
    """Return the mean path of each class that the model predicted, and of the placebo.

    One row is a series and minute, with the columns of ``PATHS``: the mean, its band, and the
    events and days that have a price there. A minute with fewer than two days has no band, and so
    no row. Without a model or a symbol there is none at all.
    """
    sums = store.frame(
        statement("evaluation/paths"),
        model_id=model_id, symbol=symbol, session=session, interval=interval,
        first_minute=FIRST_MINUTE, last_minute=LAST_MINUTE, seed=str(SEED),
    )  # fmt: skip
    return mean_paths(sums)


def mean_paths(sums: pl.DataFrame) -> pl.DataFrame:
    """Return mean and band of each series and minute.

    Args:
        sums: series, session_date, offset_minutes, events and sum_bps; one row each of the first
            three.
    """
    series = sums.partition_by("series", maintain_order=True)
    found = pl.concat([pl.DataFrame(schema=PATHS), *map(_mean_path, series)])
    return found.filter(pl.col("days") >= 2)


def _mean_path(sums: pl.DataFrame) -> pl.DataFrame:
    """Return the minutes of one series."""
    offsets = sums["offset_minutes"].unique().sort()
    days = sums["session_date"].rank("dense").to_numpy() - 1
    places = days, offsets.search_sorted(sums["offset_minutes"]).to_numpy()
    events, totals = np.zeros((2, int(days.max()) + 1, len(offsets)))  # (days, offsets)
    events[places], totals[places] = sums["events"], sums["sum_bps"]
    means = _drawn_means(events, totals)  # (draws, offsets)
    low, high = np.nanquantile(means, [TAIL, 1 - TAIL], axis=0)
    return pl.DataFrame(
        {
            "series": sums["series"].new_from_index(0, len(offsets)),
            "offset_minutes": offsets,
            "mean_bps": totals.sum(axis=0) / events.sum(axis=0),
            "low_bps": low,
            "high_bps": high,
            "events": events.sum(axis=0).astype(np.int64),
            "days": (events > 0).sum(axis=0),
        },
        schema=PATHS,
    ).with_columns(pl.col("mean_bps", "low_bps", "high_bps").round(DECIMALS))


def _drawn_means(events: Floats, totals: Floats) -> Floats:
    """Return the mean of each draw of days, NaN where none of them has an event."""
    days = len(events)
    rng = np.random.default_rng(SEED)
    means = []  # of each block: (draws, offsets)
    for _ in range(DRAWS // BLOCK_DRAWS):
        times = rng.multinomial(days, np.full(days, 1 / days), BLOCK_DRAWS).astype(np.float64)
        drawn = times @ events  # (draws, offsets)
        means.append(np.divide(times @ totals, drawn, np.full_like(drawn, np.nan), where=drawn > 0))
    return np.concatenate(means)
