"""Look for what a model may know of its held-out parts, though its card says nothing of it.

What training saw and a bundle enter; a check of its losses and one of near-copies leave.
"""

import numpy as np
import polars as pl
from scipy import stats

from tweetscore.checks.doctor import Check
from tweetscore.checks.replica import EXAMPLES, leak_verdict
from tweetscore.scoring.predictors import Predictor
from tweetscore.training.features import Prepared

CERTAIN = 1e-3  # a chance at which days are not luck
SHINGLE = 3  # words in a row
LEAST_WORDS = 8  # of a text that can be a near-copy: shorter ones are alike by chance
NEAR = 0.5  # share of the shingles of the longer text that both have
# Of texts that share a shingle; more, and it is a phrase of many, as hashtags at the end.
LEAST_FREQUENT, MOST_FREQUENT, FREQUENT = 3, 50, 0.01
MOST_HELD_OUT = 5_000  # texts whose near-copies are looked for
FEW = 0.01  # share of texts with near-copies that is left in peace

RETRAIN = (
    "unless the market was so much easier on these days, it was trained on them: do not trust its "
    "figures; train it again with: tweetscore train"
)
UNCOPY = (
    "these texts are no test of it; delete them with a DuckDB client (DELETE FROM tweets …), then: "
    "tweetscore train"
)


def knew_test(name: str, scorer: Predictor, whole: Prepared) -> Check:
    """Compare losses on the test part with those on validation, day by day, in logs.

    The validation part chose the epoch, so that a model that has seen neither does no better on
    test. One that does, far beyond what days differ by chance (Welch 1947, one-sided), has learned
    from it.
    """
    losses = {part: _losses_by_day(scorer, whole, part) for part in ("validation", "test")}
    texts = len(whole.parts["test"])
    scope = "test texts' losses with those of validation"
    if min(map(len, losses.values())) < 3:
        return leak_verdict(f"knew_test {name}", 0, scope, [], RETRAIN)
    logs = [np.log(np.maximum(losses[part], 1e-12)) for part in ("test", "validation")]
    chance = stats.ttest_ind(*logs, equal_var=False, alternative="less").pvalue
    means = {part: float(each.mean()) for part, each in losses.items()}
    leak = (
        f"its loss is {means['test']:.4f} on the test part, but {means['validation']:.4f} on "
        f"validation, which chose its epoch: by chance in {chance:.1e}"
    )
    return leak_verdict(f"knew_test {name}", texts, scope, [leak] * bool(chance < CERTAIN), RETRAIN)


def _losses_by_day(scorer: Predictor, whole: Prepared, name: str) -> np.ndarray:
    """Return the mean cross-entropy of each day, over rows and heads: (days,)."""
    part = whole.parts[name]
    found = scorer.probabilities(part.rows).probabilities  # (rows, heads, classes)
    likelihood = np.take_along_axis(found, np.maximum(part.labels, 0)[:, :, None], 2)[:, :, 0]
    logs = np.where(part.labels < 0, np.nan, -np.log(np.maximum(likelihood, 1e-30)))
    day, place = np.unique(part.rows["session_date"].to_numpy(), return_inverse=True)
    known = ~np.isnan(logs)
    sums = np.bincount(place, np.where(known, logs, 0).sum(axis=1), len(day))
    counts = np.bincount(place, known.sum(axis=1), len(day))
    return np.asarray(sums[counts > 0] / counts[counts > 0])


def near_copies(name: str, whole: Prepared) -> Check:
    """Find held-out texts that differ from one of the training part by a few words."""
    held_out = pl.concat(
        whole.parts[part].rows.select("platform", "tweet_id", "tokens", part=pl.lit(part))
        for part in ("validation", "test")
    )
    long_enough = pl.col("tokens").list.len() >= LEAST_WORDS
    held_out = held_out.filter(long_enough)
    if held_out.height > MOST_HELD_OUT:
        held_out = held_out.sample(MOST_HELD_OUT, seed=0)
    train = whole.parts["train"].rows.select("tweet_id", "tokens").filter(long_enough)
    most = min(MOST_FREQUENT, max(LEAST_FREQUENT, int(FREQUENT * train.height)))
    found = _near(_shingles(held_out), _shingles(train), most)
    pairs = held_out.with_row_index("row").join(found, on="row").sort("tweet_id")
    leaks = [
        f"{platform} {tweet_id} of {part} has {share:.0%} of its runs of {SHINGLE} words in "
        f"{train['tweet_id'][at]} of train"
        for platform, tweet_id, part, share, at in pairs.select(
            "platform", "tweet_id", "part", "share", "row_right"
        ).iter_rows()
    ]
    few = len(leaks) <= FEW * held_out.height
    scope = f"held-out texts of {LEAST_WORDS} words or more with those of train"
    if few and leaks:
        alike = f"{len(leaks):,} are near-copies, the first {leaks[0]}"
        return Check(f"near_copies {name}", True, f"compared {held_out.height:,} {scope}: {alike}")
    return leak_verdict(
        f"near_copies {name}", held_out.height, scope, leaks[:EXAMPLES], UNCOPY, len(leaks)
    )


def _shingles(texts: pl.DataFrame) -> pl.DataFrame:
    """Return each text's distinct runs of three words: row, of (their number), shingle."""
    long = (
        texts.with_row_index("row")
        .select("row", "tokens")
        .explode("tokens")
        .with_columns(
            shingle=pl.concat_str(
                [pl.col("tokens").shift(-n).over("row") for n in range(SHINGLE)], separator="\n"
            )
        )
        .drop_nulls("shingle")
        .unique(["row", "shingle"])
    )
    return long.select("row", "shingle", of=pl.len().over("row"))


def _near(held_out: pl.DataFrame, train: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return the nearest text of the training part of each that has a near one."""
    rare = train.filter(pl.len().over("shingle") <= most)
    both = held_out.join(rare, on="shingle")
    shared = both.group_by("row", "row_right").agg(
        share=pl.len() / pl.max_horizontal(pl.col("of").first(), pl.col("of_right").first())
    )
    near = shared.filter(pl.col("share") >= NEAR)
    return near.sort("share", "row_right", descending=[True, False]).unique("row", keep="first")
