"""Test whether scores know more than the clock and the market's past: scores enter, p-values leave.

A score test whose contributions change their signs by day (Hemerik, Goeman and Finos 2020, Robust
testing in generalized linear models by sign flipping score contributions; by clusters as in Kline
and Santos 2012, A score based approach to wild bootstrap inference). Truth and scores are both
reduced to what the controls do not explain, so that a score that only knows them has no skill.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import stats

from tweetscore.evaluation.intervals import Floats, Wholes

POWER = 0.80
_SIMULATIONS = 500
_MOST_DAYS = 2_000
_DISTANCES = np.linspace(0, 4, 201)  # between the scores of two classes, in standard deviations
_MOST_SYMBOLS = 64  # with a control of their own, the most frequent ones
_DAYS_A_KNOT = 20
_ROUNDING = 1e-10


@dataclass(frozen=True, slots=True)
class Resampling:
    """How the p-values are drawn; the sizes of blocks change no value."""

    draws: int = 10_000
    block_draws: int = 1_000
    block_cells: int = 5_000_000  # draws times days at once: memory does not grow with the days

    def blocks(self, days: int) -> Iterator[int]:
        """Split the draws into blocks."""
        size = max(1, min(self.block_draws, self.block_cells // days))
        for start in range(0, self.draws, size):
            yield min(size, self.draws - start)


USUAL = Resampling()


@dataclass(frozen=True, slots=True)
class Skill:
    """What scores show beyond the controls.

    ``p_value`` is the chance of as much skill among scores without any, one-sided; ``p_within`` is
    the same over differences within days alone, which neither a slow drift nor one dominating day
    can touch; None where no day has two rows. ``smallest_auc`` is the least AUC that such scores
    would have shown on these rows with a power of 80 %; None if no AUC would.
    """

    p_value: float
    p_within: float | None
    smallest_auc: float | None


def skill(
    scores: Floats,  # (rows, classes)
    observed: Floats,  # (rows, classes), 1 in the column of the true class
    day: Wholes,  # (rows,), from 0 on
    controls: Floats,  # (rows, controls), a constant among them
    *,
    significance: float,
    seed: int = 0,
    resampling: Resampling = USUAL,
) -> Skill:
    """Test the scores of one target; ``significance`` is that of one of several such tests."""
    guess, truth = _unexplained(scores, controls), _unexplained(observed, controls)
    deviations = guess.std(axis=0)
    own_scale = guess / np.where(deviations > 0, deviations, 1)
    within = _by_day(_centred(guess, day) * _centred(truth, day), day)
    return Skill(
        _p_value(_by_day(guess * truth, day), seed, resampling),
        _p_value(within, seed, resampling) if len(within) < len(day) else None,
        _smallest_auc(_by_day(own_scale * truth, day), _by_day(truth**2, day), significance, seed),
    )


def contributions(scores: Floats, observed: Floats, day: Wholes, controls: Floats) -> Floats:
    """Return what each day says for the scores: the sums whose signs ``skill`` draws."""
    return _by_day(_unexplained(scores, controls) * _unexplained(observed, controls), day)


def _smallest_auc(noise: Floats, truth: Floats, significance: float, seed: int) -> float | None:
    """Return the least AUC that would be shown, by sums of days.

    Scores are imagined that lie further apart by class than the real ones, in their own standard
    deviations: an AUC of Phi(distance / sqrt 2) where they are normal. What they are beside it is
    taken from the real ones with the signs of days drawn anew, so shared windows count.

    Args:
        noise: of each day, the product of the real scores and the truth.
        truth: of each day, the truth with itself.
        significance: of the test.
        seed: of the signs.
    """
    if 2.0 ** -len(truth) > significance or not truth.any():
        return None
    if len(truth) > _MOST_DAYS:  # neighbours share a sign, which changes next to nothing
        block = np.arange(len(truth)) * _MOST_DAYS // len(truth)
        noise, truth = (_by_day(sums[:, None], block) for sums in (noise, truth))
    noise = noise - truth * (noise.sum() / truth.sum())  # without the effect that is there
    if (noise**2).sum() < truth.sum():
        noise = np.sqrt(truth)  # no less than that of scores that are independent of each other
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(0, 2, (_SIMULATIONS, len(noise))) * 2 - 1) * noise
    needed = stats.norm.isf(significance)
    for distance in _DISTANCES:
        sums = distance * truth + drawn  # (simulations, days)
        shown = sums.sum(axis=1) > needed * np.sqrt((sums**2).sum(axis=1))
        if shown.mean() >= POWER:
            return float(stats.norm.cdf(distance / np.sqrt(2)))
    return None


def market_controls(rows: pl.DataFrame, past: str) -> Floats:
    """Return ``clock_and_past`` of rows of the market.

    Args:
        rows: with ``symbol``, ``minute_of_session``, ``session_date`` and ``volatility_bps``.
        past: the column with the return of as many minutes before the entry.
    """
    floats = rows.select(pl.col("minute_of_session", past, "volatility_bps").cast(pl.Float64))
    minute, past_bps, volatility_bps = (column.fill_null(np.nan).to_numpy() for column in floats)
    day = rows["session_date"].rank("dense").cast(pl.Int64).to_numpy() - 1
    shared = clock_and_past(minute, day, past_bps, volatility_bps)
    # Which symbol a row is of is known, too: some rise more often than others.
    counted = rows["symbol"].value_counts().sort("count", "symbol", descending=[True, False])
    _, *others = counted["symbol"].head(_MOST_SYMBOLS)
    return np.column_stack([shared, *(rows["symbol"] == each for each in others)])


def clock_and_past(
    minute: Floats,  # (rows,), since the session opened
    day: Wholes,  # (rows,), from 0 on in the order of time
    past_bps: Floats,  # (rows,), return of as many minutes before the entry; NaN where unknown
    volatility_bps: Floats,  # (rows,), of the minutes before the entry; NaN where unknown
) -> Floats:
    """Return what everybody knows at the entry, as controls: (rows, controls)."""
    drift_knots = int(day.max()) // _DAYS_A_KNOT + 2
    return np.column_stack(
        [
            np.ones(len(minute)),
            _spline(minute, knots=5),
            _spline(day.astype(float), knots=drift_knots),
            *_known(past_bps),
            np.sign(np.nan_to_num(past_bps)),
            *_known(np.log1p(volatility_bps)),
        ]
    )


def _spline(values: Floats, *, knots: int) -> Floats:
    """Return a cubic spline without its constant; nothing where there are too few values."""
    from sklearn.preprocessing import SplineTransformer

    if len(np.unique(values)) < 2 * knots:
        return np.empty((len(values), 0))
    transformer = SplineTransformer(knots, degree=3, knots="quantile", include_bias=False)
    return np.asarray(transformer.fit_transform(values[:, None]), np.float64)


def _known(values: Floats) -> tuple[Floats, Floats]:
    """Return values on a scale of their own, without outliers, and where they are unknown."""
    unknown = np.isnan(values)
    scale = np.nanstd(values) if not unknown.all() else 0.0
    filled = np.where(unknown, 0.0, values - (0.0 if unknown.all() else np.nanmean(values)))
    return np.clip(filled / (scale or 1.0), -5, 5), unknown.astype(float)


def _unexplained(values: Floats, controls: Floats) -> Floats:
    """Return the residuals of least squares, column by column; 0 where rounding alone is left."""
    fitted, *_ = np.linalg.lstsq(controls, values, rcond=None)
    left = values - controls @ fitted
    return np.where(np.abs(left).max(axis=0) > _ROUNDING * np.abs(values).max(axis=0), left, 0.0)


def _centred(values: Floats, day: Wholes) -> Floats:
    rows = np.bincount(day)
    means = np.stack([np.bincount(day, column) / rows for column in values.T], axis=1)
    return np.asarray(values - means[day], np.float64)


def _by_day(products: Floats, day: Wholes) -> Floats:
    """Return the sums of rows and columns, day by day."""
    return np.bincount(day, products.sum(axis=1)).astype(np.float64)


def _p_value(by_day: Floats, seed: int, resampling: Resampling) -> float:
    """Return the share of random signs of days that reach the sum; one-sided."""
    if not by_day.any():
        return 1.0
    rng = np.random.default_rng(seed)
    sums = np.concatenate(
        [
            (rng.integers(0, 2, (draws, len(by_day))) * 2 - 1) @ by_day
            for draws in resampling.blocks(len(by_day))
        ]
    )
    # The sum itself is one of the draws, so the p-value is never 0.
    return float((1 + (sums >= by_day.sum() - 1e-12).sum()) / (1 + resampling.draws))
