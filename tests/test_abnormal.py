"""Abnormal returns: planted betas and jumps are found, and no later price counts."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from results import FAR_AHEAD, put_model, put_predictions
from tiny import MINUTE, contents, put_bars, put_tweets

from tweetscore.checks.doctor import diagnose
from tweetscore.errors import InputError
from tweetscore.evaluation.event_study import price_paths
from tweetscore.ingest.abnormal import derive_abnormal
from tweetscore.market.sessions import exchange_sessions
from tweetscore.market.windows import forget_windows
from tweetscore.store.database import Store, open_store

DAYS = exchange_sessions("XNYS", date(2018, 1, 1), date(2018, 3, 1)).head(12)["open_utc"].to_list()
MINUTES, PAST = 120, 5  # the first two hours
BETA, ALPHA = 1.5, 2e-5
JUMP_AT, JUMP_BPS = 100, 40.0  # on the last day, while the market moves by twice as much
Bars = dict[datetime, tuple[float, float]]  # open, close
Floats = npt.NDArray[np.float64]


def steps() -> tuple[Floats, Floats]:
    """Return the log returns of both symbols, (days, minutes): beta and one jump are planted."""
    rng = np.random.default_rng(0)
    market = rng.normal(0, 4e-4, (len(DAYS), MINUTES))
    market[-1, JUMP_AT] = 2 * JUMP_BPS / 10_000
    own = ALPHA + BETA * market + rng.normal(0, 2e-4, market.shape)
    own[-1, JUMP_AT] = ALPHA + BETA * market[-1, JUMP_AT] + JUMP_BPS / 10_000
    return own, market


def put_both(store: Store, days: slice = slice(None)) -> None:
    store.con.execute("DELETE FROM intervals WHERE interval_minutes NOT IN (5, 30)")
    for symbol, moves, first in zip(("OWN", "MKT"), steps(), (50, 100), strict=True):
        paths = first * np.exp(moves.ravel().cumsum()).reshape(moves.shape)
        for day, closes in list(zip(DAYS, paths, strict=True))[days]:
            put_bars(store, str(day), closes.tolist(), symbol)


@pytest.fixture(scope="module")
def derived_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bars of both with gaps, and what was derived from them in both ways."""
    path = tmp_path_factory.mktemp("abnormal") / "x.duckdb"
    with open_store(path) as store:
        put_both(store)
        gaps = "date_part('minute', minute_utc) IN (7, 8) AND symbol = 'MKT' OR minute_utc = $open"
        store.con.execute(f"DELETE FROM bars WHERE {gaps}", {"open": DAYS[-2]})
        derive_abnormal(store, "OWN", "MKT", past_days=PAST)
        derive_abnormal(store, "OWN", "MKT", past_days=PAST, in_volatility=True)
        derive_abnormal(store, "OWN", None, past_days=PAST, in_volatility=True)
    return path


@pytest.fixture
def derived(derived_db: Path) -> Iterator[Store]:
    with open_store(derived_db, read_only=True) as store:
        yield store


def bars_of(store: Store, symbol: str) -> Bars:
    rows = store.rows(
        "SELECT minute_utc, open, close FROM bars WHERE symbol = $symbol ORDER BY 1", symbol=symbol
    )
    return {minute: (opened, closed) for minute, opened, closed in rows}


def on_day(bars: Bars, day: datetime) -> list[datetime]:
    return [minute for minute in bars if day <= minute < day + MINUTES * MINUTE]


def models_by_lstsq(own: Bars, market: Bars | None) -> list[tuple[float, float, float] | None]:
    """Return alpha, beta and deviation in basis points of each day, by numpy on the days before."""
    days = []
    for day in DAYS:
        both = [minute for minute in on_day(own, day) if market is None or minute in market]
        pairs = [(a, a + MINUTE) for a in both if a + MINUTE in both]
        y, x = (
            np.array([np.log(bars[b][1] / bars[a][1]) * 1e4 for a, b in pairs])
            for bars in (own, market or own)
        )
        days.append((x, y))
    found: list[tuple[float, float, float] | None] = [None] * PAST
    for place in range(PAST, len(DAYS)):
        x, y = (np.concatenate(each) for each in zip(*days[place - PAST : place], strict=True))
        if market is None:
            found.append((0.0, 0.0, float(np.sqrt((y**2).mean()))))
            continue
        design = np.column_stack([np.ones(len(x)), x])
        (alpha, beta), residuals, *_ = np.linalg.lstsq(design, y, rcond=None)
        found.append((alpha, beta, float(np.sqrt(residuals[0] / (len(y) - 2)))))
    return found


@pytest.mark.parametrize(
    ("name", "has_market", "in_volatility"),
    [("OWN~MKT", True, False), ("OWN~MKT~VOL", True, True), ("OWN~VOL", False, True)],
)
def test_bars_are_those_of_least_squares_on_the_days_before(
    derived: Store, name: str, has_market: bool, in_volatility: bool
) -> None:
    own, market = bars_of(derived, "OWN"), bars_of(derived, "MKT")
    models = models_by_lstsq(own, market if has_market else None)
    price, wanted = 100.0, {}
    for day, model in zip(DAYS, models, strict=True):
        both = [minute for minute in on_day(own, day) if not has_market or minute in market]
        if model is None:
            continue
        alpha, beta, deviation = model
        unit = deviation if in_volatility else 1.0
        first, base = both[0], price
        for minute in both:
            passed = (minute - first) // MINUTE
            values = []
            for place in (0, 1):  # open, and close
                moved = np.log(own[minute][place] / own[first][0]) * 1e4
                theirs = np.log(market[minute][place] / market[first][0]) * 1e4 if has_market else 0
                abnormal = (moved - alpha * (passed + place) - beta * theirs) / unit
                values.append(base * np.exp(abnormal / 1e4))
            wanted[minute] = tuple(values)
            price = values[1]
    found = bars_of(derived, name)
    assert list(found) == list(wanted)
    np.testing.assert_allclose(list(found.values()), list(wanted.values()), rtol=1e-9)
    (odd,) = derived.row(
        "SELECT count(*) FROM bars WHERE symbol = $name "
        "AND (high <> greatest(open, close) OR low <> least(open, close))",
        name=name,
    )
    assert odd == 0


def test_the_planted_beta_and_the_planted_jump_are_found(derived: Store) -> None:
    entry = DAYS[-1] + JUMP_AT * MINUTE
    returns = dict(
        derived.rows(
            "SELECT symbol, return_bps FROM windows WHERE minute_utc = $entry "
            "AND interval_minutes = 5 AND session = 'regular' ORDER BY symbol",
            entry=entry,
        )
    )
    assert returns["OWN"] == pytest.approx(JUMP_BPS + BETA * 2 * JUMP_BPS, abs=20)
    assert returns["OWN~MKT"] == pytest.approx(JUMP_BPS, abs=12)  # four standard errors
    assert returns["OWN~MKT~VOL"] == pytest.approx(JUMP_BPS / 2, abs=6)  # of 2 bps a minute
    (share,) = derived.row(
        "SELECT stddev(ln(close / open)) * 10000 FROM bars "
        "WHERE symbol = 'OWN~VOL' AND minute_utc < $last",
        last=DAYS[-1],
    )
    assert share == pytest.approx(1, abs=0.15)  # a usual minute is one basis point


@pytest.mark.slow
def test_later_prices_change_nothing_before_them(store: Store) -> None:
    put_both(store, slice(0, 8))
    first = derive_abnormal(store, "OWN", "MKT", past_days=PAST)
    before = bars_of(store, "OWN~MKT")
    assert (first.stored, first.too_early, first.left_out) == (3 * MINUTES, PAST * MINUTES, 0)
    assert first.last_beta == pytest.approx(BETA, abs=0.05)
    put_both(store, slice(8, None))
    for symbol in ("OWN", "MKT"):
        forget_windows(store, symbol)
    # Of the last of the first days, nothing but its own bars may change with it.
    store.con.execute(
        "UPDATE bars SET open = open * 1.5, close = close * 1.5, high = high * 1.5, "
        "low = low * 1.5 WHERE symbol = 'OWN' AND minute_utc >= $later",
        {"later": DAYS[7] + 70 * MINUTE},
    )
    derive_abnormal(store, "OWN", "MKT", past_days=PAST)
    after = bars_of(store, "OWN~MKT")
    assert len(after) == 7 * MINUTES
    cut = DAYS[7] + 70 * MINUTE
    early, again = ({m: each for m, each in bars.items() if m < cut} for bars in (before, after))
    assert list(early) == list(again)
    np.testing.assert_allclose(list(early.values()), list(again.values()), rtol=1e-12)
    assert store.rows("SELECT symbol, count(*) FROM sources GROUP BY ALL") == [("OWN~MKT", 1)]


@pytest.mark.slow
def test_paths_around_posts_lose_what_the_market_did(store: Store) -> None:
    """Every day posts come as the market falls; what is their own is a rise of ten basis points."""
    rng = np.random.default_rng(1)
    shape = len(DAYS), MINUTES
    market, own = rng.normal(0, 1e-5, (2, *shape))
    at = rng.integers(40, 80, len(DAYS))
    market[np.arange(len(DAYS)), at] -= 20e-4
    market += rng.normal(0, 6e-4, shape)  # so that the falls are rare in the model
    store.con.execute("DELETE FROM intervals WHERE interval_minutes <> 30")
    own += BETA * market
    own[np.arange(len(DAYS)), at] += 10e-4
    for symbol, moves in (("OWN", own), ("MKT", market)):
        for day, each in zip(DAYS, moves, strict=True):
            put_bars(store, str(day), (100 * np.exp(each.cumsum())).tolist(), symbol)
    posts = [day + int(minute) * MINUTE for day, minute in zip(DAYS, at, strict=True)]
    put_tweets(store, [(n, str(posted), "x") for n, posted in enumerate(posts, 1)])
    put_model(store, (datetime(2000, 1, 1), datetime(2000, 1, 2), FAR_AHEAD))
    put_predictions(store, [(n, 0.9) for n in range(1, len(posts) + 1)])
    derive_abnormal(store, "OWN", "MKT", past_days=PAST)
    asked: dict[str, Any] = {"model_id": "m", "session": "regular", "interval": 30}
    ends = {}
    for symbol in ("OWN", "OWN~MKT"):
        paths = price_paths(store, symbol=symbol, **asked).paths
        ends[symbol] = paths.filter(series="up", offset_minutes=10)["mean_bps"][0]
    assert ends["OWN"] < -5  # -20, and the market of the other minutes
    assert ends["OWN~MKT"] == pytest.approx(10, abs=3)


def test_the_same_bars_again_are_no_look_and_others_are(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    looks: list[int] = []
    tables: list[Any] = []
    for days in (PAST, PAST, PAST + 1):
        with open_store(path) as store:
            if not looks:
                put_both(store)
                put_model(store, (datetime(2000, 1, 1), datetime(2000, 1, 2), FAR_AHEAD))
            derived = derive_abnormal(store, "OWN", "MKT", past_days=days)
            looks.append(len(store.rows("FROM trials")))
            assert derived.stored == len(bars_of(store, "OWN~MKT"))
        tables.append(contents(path))
    assert looks == [0, 0, 1]
    assert tables[0] == tables[1] != tables[2]


@pytest.mark.slow
def test_the_doctor_finds_nothing_wrong_with_derived_bars(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    with open_store(path) as store:
        put_both(store)
        derive_abnormal(store, "OWN", "MKT", past_days=PAST)
        store.con.execute("DELETE FROM bars WHERE symbol <> 'OWN~MKT'")  # which no source has
        store.con.execute("DELETE FROM symbols WHERE symbol <> 'OWN~MKT'")
        for table in ("sessions", "windows"):
            store.con.execute(f"DELETE FROM {table} WHERE symbol <> 'OWN~MKT'")
    broken = [check for check in diagnose(path) if check.ok is False]
    assert broken == []


@pytest.mark.parametrize(
    ("symbol", "benchmark", "in_volatility", "days", "words"),
    [
        ("OWN", "OWN", False, 5, "--benchmark OWN: is the symbol itself"),
        ("OWN", None, False, 5, "OWN: nothing to derive; give --benchmark SYMBOL"),
        ("OWN", "XYZ", False, 5, "no bars of XYZ; it has MKT, OWN"),
        (None, "MKT", False, 5, "choose one with --symbol MKT"),
        ("OWN", "MKT", False, 12, "has 12 before it with bars that MKT has, too; ingest more bars"),
        (
            "OWN~MKT",
            None,
            True,
            5,
            "OWN~MKT: is derived already; name the symbol that it is of, OWN",
        ),
    ],
)
def test_what_cannot_be_derived_is_refused_by_name(
    store: Store,
    symbol: str | None,
    benchmark: str | None,
    in_volatility: bool,
    days: int,
    words: str,
) -> None:
    put_both(store, slice(0, 7))
    if symbol == "OWN~MKT":
        derive_abnormal(store, "OWN", "MKT", past_days=PAST)
    with pytest.raises(InputError) as error:
        derive_abnormal(store, symbol, benchmark, in_volatility=in_volatility, past_days=days)
    assert words in str(error.value)
    assert store.rows("FROM bars WHERE symbol LIKE '%VOL'") == []
