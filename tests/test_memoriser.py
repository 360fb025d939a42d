"""A model that has read the outcomes of days until a date is unmasked: it is no signal."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from tiny import put_bars, put_tweets

from tweetscore.evaluation.evaluate import evaluate
from tweetscore.evaluation.figures import Figures
from tweetscore.evaluation.verdicts import overall_verdict
from tweetscore.market.horizons import Horizon
from tweetscore.market.sessions import exchange_sessions
from tweetscore.market.windows import ensure_windows
from tweetscore.scoring.given import import_predictions
from tweetscore.scoring.given_rows import open_given
from tweetscore.scoring.seen import seen_until
from tweetscore.store.database import Store, open_store

pytestmark = pytest.mark.slow

DAYS, POSTS_A_DAY, MINUTES = 80, 10, 30
HALF = 40  # trading days that the memoriser has read
BARS = 391


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Eighty days of a random walk with ten posts each, and no prediction."""
    rng = np.random.default_rng(7)
    with open_store(tmp_path_factory.mktemp("world") / "world.duckdb") as store:
        sessions = exchange_sessions("XNYS", date(2023, 1, 1), date(2023, 6, 1))
        posts: list[tuple[int, str, str]] = []
        for day, opens in enumerate(sessions["open_utc"][:DAYS]):
            walk = 4_000 * np.exp(rng.normal(0, 3e-4, BARS).cumsum())
            put_bars(store, str(opens), walk.tolist())
            for minute in sorted(rng.choice(BARS - MINUTES - 2, POSTS_A_DAY, replace=False)):
                time = opens + timedelta(minutes=int(minute), seconds=10)
                posts.append((len(posts) + 1, str(time), f"post of day {day}"))
        put_tweets(store, posts)
        ensure_windows(store, [MINUTES])
        yield store


def outcomes(store: Store) -> tuple[np.ndarray, np.ndarray, datetime]:
    """Return posts, whether the price rose after each, and where the second half begins."""
    rows = store.rows(
        "SELECT t.tweet_id, w.return_bps > 0, w.session_date FROM tweets t "
        "JOIN windows w ON w.minute_utc = entry_minute(t.posted_utc) AND w.session = 'regular' "
        "AND w.interval_minutes = $minutes WHERE w.return_bps <> 0 ORDER BY 1",
        minutes=MINUTES,
    )
    days = sorted({day for *_, day in rows})
    ids, up, _ = (np.array(each) for each in zip(*rows, strict=True))
    return ids, up, datetime.combine(days[HALF], datetime.min.time())


def memoriser(store: Store, rng: np.random.Generator) -> np.ndarray:
    """It is nearly always right about what it has read, and guesses afterwards."""
    ids, up, half = outcomes(store)
    (known,) = store.row("SELECT max(tweet_id) FROM tweets WHERE posted_utc < $half", half=half)
    recalled = np.where(up, 0.9, 0.1) + rng.normal(0, 0.03, len(up))
    return np.where(ids <= known, recalled, rng.random(len(up))).clip(0, 1)


def skilled(store: Store, rng: np.random.Generator) -> np.ndarray:
    """It knows a little of every outcome: an AUC of 0.66."""
    _, up, _ = outcomes(store)
    lift = np.sqrt(2) * stats.norm.ppf(0.66)
    return np.asarray(stats.norm.cdf((rng.normal(size=len(up)) + lift * up - lift / 2) / 2))


@contextmanager
def judged(
    store: Store, guesses: np.ndarray, path: Path, trained_until: str | None
) -> Iterator[list[Figures]]:
    """Import guesses as a file of predictions, judge them, and forget them."""
    ids, _, _ = outcomes(store)
    lines = [f"{n},{guess:.6f}" for n, guess in zip(ids, guesses, strict=True)]
    path.write_text("\n".join(["id,probability", *lines]), "utf-8")
    given = open_given(path, {}, horizon=Horizon(MINUTES))
    until = seen_until(trained_until) if trained_until else None
    account = import_predictions(store, given, "llm", until, lambda *_: None)
    assert account.stored == len(ids)
    yield evaluate(store)
    for table in ("predictions", "models", "trials", "sources"):
        store.rows(f"DELETE FROM {table}")


def date_of_half(store: Store) -> str:
    """The day before the second half, as a user writes it."""
    return str((outcomes(store)[2] - timedelta(days=1)).date())


def test_a_memoriser_is_no_signal_after_its_date_and_cannot_be_tested_without_one(
    world: Store, tmp_path: Path
) -> None:
    guesses = memoriser(world, np.random.default_rng(1))
    with judged(world, guesses, tmp_path / "a.csv", None) as (figures,):
        # Over all posts it looks like a marvel, and nothing says signal.
        assert figures.accuracy > 0.7
        assert figures.auc is not None
        assert figures.auc > 0.7
        assert (figures.verdict, figures.p_corrected) == ("cannot be tested", 1.0)
        assert "signal" not in overall_verdict([figures]).lower()
    with judged(world, guesses, tmp_path / "b.csv", date_of_half(world)) as (figures,):
        assert figures.days == DAYS - HALF
        assert figures.verdict in ("no signal", "inconclusive")
        assert figures.p_corrected > 0.05
    guesses = skilled(world, np.random.default_rng(1))
    with judged(world, guesses, tmp_path / "c.csv", None) as (figures,):
        assert figures.verdict == "cannot be tested"
    with judged(world, guesses, tmp_path / "d.csv", date_of_half(world)) as (figures,):
        assert figures.verdict == "signal"
    # Who conceals what it has read lets it pass for skill: the date is his word.
    guesses = memoriser(world, np.random.default_rng(1))
    with judged(world, guesses, tmp_path / "e.csv", "2022") as (figures,):
        assert figures.verdict == "signal"


def test_of_memorisers_one_in_twenty_is_a_signal_at_most_and_of_the_skilled_nearly_all(
    world: Store, tmp_path: Path
) -> None:
    rng, runs, found = np.random.default_rng(0), 100, {"memoriser": 0, "skilled": 0}
    for n in range(runs):
        for name, make in (("memoriser", memoriser), ("skilled", skilled)):
            path = tmp_path / f"{name}{n}.csv"
            with judged(world, make(world, rng), path, date_of_half(world)) as (figures,):
                found[name] += figures.verdict == "signal"
    assert found["memoriser"] <= stats.binom.ppf(0.999, runs, 0.05)
    assert found["skilled"] >= 90
