"""Look for look-ahead leakage: a database and bundles enter, a verdict on each kind of leak leaves.

Every derived fact has a moment at which it may be known. At that moment it must be the same from
the whole data, from the data up to the moment alone (cut), and from data whose later prices, texts
and counts were replaced (altered). A fact that differs is a leak, and is named with its row. What a
model's training saw is compared with what the code of today would let it see, and windows are
computed again from bars and the exchange's calendar, independently of ``sql/market/grid.sql``.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from tweetscore.checks.doctor import Check, diagnose
from tweetscore.checks.replica import (
    DAY,
    EXAMPLES,
    MINUTE,
    REBUILD,
    REPLICAS,
    Facts,
    Span,
    differences,
    leak_verdict,
    replica_of,
)
from tweetscore.checks.training_view import dated_split, training_checks
from tweetscore.market.horizons import DAY_MINUTES, Horizon
from tweetscore.market.sessions import exchange_hours
from tweetscore.scoring.bundle import Bundle, find_bundle
from tweetscore.scoring.changed import scored_classifier
from tweetscore.scoring.predictors import Model
from tweetscore.scoring.text_folder import is_text_folder
from tweetscore.store.database import Store, open_store, shipped, statement, subquery
from tweetscore.store.trials import symbols_of
from tweetscore.training.dataset import market_rows

DAYS_AROUND = 5  # trading days before and after a moment that are compared
MOST_TWEETS = 20_000  # of those days
SAMPLED_MINUTES = 300  # of those days, whose windows are computed again
SAMPLED_DAYS = 100  # whose bars are held against those of other symbols
SAMPLED_TWEETS = 2_000  # that a model scores again
PROBABILITY_TOLERANCE = 1e-5

RESCORE = "delete this model's predictions with a DuckDB client; then: tweetscore score"
RETIME = (
    "ingest its files into a new database: with --precision minute posts enter at the minute's "
    "end, with --precision second at these times, if they are exact: "
    "tweetscore ingest FILE… --db NEW --precision minute"
)
ONE_NAME = (
    "figures on it are no second market; delete its bars with a DuckDB client, or ingest all files "
    "into a new database under one --symbol"
)
ADJUST = (
    "ingest files that are all adjusted, or none of them, into a new database: tweetscore ingest "
    "FILE… --db NEW"
)
RESTAMP = (
    "correct the times in its files, or say their --clock, and ingest them into a new database: "
    "tweetscore ingest FILE… --db NEW"
)
UNCOUNT = "counts were read after the window; train a model without --counts"


def audit(
    db: Path, models: Sequence[str] = (), moments: int = 3, *, with_clocks: bool = True
) -> list[Check]:
    """Look for leaks in a database, in the training of models and in their predictions.

    Args:
        db: the database; it is only read, and replicas are built in a temporary folder.
        models: folders, or names of shipped models, beside the shipped ones that have scored here.
        moments: at how many moments windows are compared, spread over the tweets; the close of a
            short day and each model's validation part add one. 0 leaves windows out.
        with_clocks: also check the clocks, as ``diagnose`` does.

    Raises:
        InputError, LockedError, IntegrityError: the database or a bundle cannot be opened.
    """
    clocks = ("tweet_clocks", "bar_clock")  # a tweet stamped hours off sees the future
    known = diagnose(db) if with_clocks else []
    checks = [check for check in known if check.name.startswith(clocks)]
    with open_store(db, read_only=True) as store:
        checks.append(_seconds(store))
        stored = store.rows("SELECT model_id, name, uses_counts FROM models ORDER BY name")
        bundles = _bundles(models, {model_id for model_id, *_ in stored})
        named = list(bundles.values())
        symbols = store.rows("SELECT DISTINCT symbol, calendar FROM symbols ORDER BY ALL")
        checks += [_levels(store, symbol) for symbol, _ in symbols]
        checks += [_early(store, symbol) for symbol, _ in symbols]
        if len(symbols) > 1:
            checks.append(_instruments(store, len(symbols)))
        for symbol, calendar in symbols if moments else ():
            checks += _of_windows(store, symbol, calendar, named, moments)
        for bundle in named:
            checks += training_checks(store, bundle)
        counting = {bundle.name for bundle in named if bundle.uses_counts}
        counting |= {name for _, name, uses_counts in stored if uses_counts}
        checks += [_counts(store, name) for name in sorted(counting)]
        for model_id, name, _ in stored:
            model = bundles.get(model_id) or scored_classifier(store, model_id)
            checks.append(_predictions(store, model_id, name, model))
    return checks


def _bundles(models: Sequence[str], stored: set[str]) -> dict[str, Bundle]:
    """Return those named and the shipped ones that have scored, by their id."""
    ours = sorted(path.name for path in shipped("models").glob("[!.]*/"))
    own = [name for name in models if not is_text_folder(Path(name))]  # others have not been split
    found = {name: find_bundle(name, shipped("models")) for name in dict.fromkeys([*ours, *own])}
    return {
        bundle.model_id: bundle
        for name, bundle in found.items()
        if name in models or bundle.model_id in stored
    }


def _seconds(store: Store) -> Check:
    """Find files whose times are of whole minutes: their posts may enter before they were made."""
    rounded = f"FROM {subquery('checks/leaks/seconds')} ORDER BY problem"
    leaks = [problem for (problem,) in store.rows(rounded)]
    (posts,) = store.row("SELECT count(*) FROM tweets")
    return leak_verdict("post_seconds", posts, "posts' times with whole minutes", leaks, RETIME)


def _instruments(store: Store, symbols: int) -> Check:
    """Find symbols that are the one a model was trained on, under another name."""
    (days,) = store.row("SELECT count(DISTINCT minute_utc::DATE) FROM bars")
    one_in = max(1, days // SAMPLED_DAYS)
    found = store.rows(statement("checks/leaks/same_instrument"), one_in=one_in)
    leaks = sorted(problem for (problem,) in found)
    return leak_verdict("same_instrument", symbols, "symbols with each other", leaks, ONE_NAME)


def _levels(store: Store, symbol: str) -> Check:
    """Find where adjusted prices were joined to prices that are not."""
    leaks = [
        problem for (problem,) in store.rows(statement("checks/leaks/price_levels"), symbol=symbol)
    ]
    (bars,) = store.row("SELECT count(*) FROM bars WHERE symbol = $symbol", symbol=symbol)
    scope = "bars with those before them"
    return leak_verdict(f"price_levels {symbol}", bars, scope, leaks, ADJUST)


def _early(store: Store, symbol: str) -> Check:
    """Find bars that are stamped earlier than they are."""
    leaks = [
        problem for (problem,) in store.rows(statement("checks/leaks/early_bars"), symbol=symbol)
    ]
    (days,) = store.row(
        "SELECT count(DISTINCT session_date) FROM sessions WHERE symbol = $symbol", symbol=symbol
    )
    scope = "days' first and last bars with their sessions"
    return leak_verdict(f"early_bars {symbol}", days, scope, leaks, RESTAMP)


# --- windows and labels ---------------------------------------------------------------------------


def _of_windows(
    store: Store, symbol: str, calendar: str, bundles: Iterable[Bundle], moments: int
) -> Iterator[Check]:
    """Compare windows and labels around some moments in all replicas, and compute windows again."""
    splits = [dated_split(bundle) for bundle in bundles if symbol in symbols_of(bundle.card)]
    found = store.rows(
        statement("checks/leaks/moments"),
        symbol=symbol,
        days=DAYS_AROUND,
        shares=[(place + 1) / (moments + 1) for place in range(moments)],
        boundaries=[split.validation_from_utc for split in splits if split],
    )
    names = ("entries", "outcomes", "labels", "momentum", "windows_recomputed")
    compared, leaks = dict.fromkeys(names, 0), {name: list[str]() for name in names}
    for moment, first, last in found:
        span = Span((symbol,), first, last, first, moment, moment, MOST_TWEETS)
        for name, count, each in _around_moment(store, calendar, span):
            compared[name] += count
            leaks[name] += each
    scope = f"facts at {len(found)} moments" if found else "facts, as no stored window has a price"
    for name in names:
        yield leak_verdict(f"{name} {symbol}", compared[name], scope, leaks[name], REBUILD)


def _around_moment(store: Store, calendar: str, span: Span) -> Iterator[tuple[str, int, list[str]]]:
    """Yield the name of what was compared, how many facts, and the leaks."""
    moment = span.bars_moment_utc
    with replica_of(store, span, "whole") as replica:
        whole = _window_facts(replica, span.symbol)
        yield "windows_recomputed", *_recomputed(replica, calendar, span)  # by today's code
    yield "windows_recomputed", *_recomputed(store, calendar, span)  # those that are stored
    for kind, words in REPLICAS.items():
        with replica_of(store, span, kind) as replica:
            other = _window_facts(replica, span.symbol)
        for name, facts in whole.items():
            count = facts.filter(pl.col("known_utc") <= moment).height
            # A past move shows only beside an outcome, which the cut replica does not have yet.
            absent = name != "momentum"
            made_from = words.format(moment)
            yield name, count, differences(facts, other[name], made_from, moment, absent=absent)


def _window_facts(store: Store, symbol: str) -> dict[str, Facts]:
    intervals = [minutes for (minutes,) in store.rows("SELECT interval_minutes FROM intervals")]
    facts = {
        name: store.frame(statement(f"checks/leaks/{name}")) for name in ("entries", "outcomes")
    }
    labels = []
    for session in ("regular", "extended"):
        rows = market_rows(store, [symbol], session, intervals, with_counts=False, keep_flat=True)
        labels += [_label_facts(rows, session, minutes) for minutes in intervals]
    facts["labels"] = pl.concat(each.select("row", "known_utc", "value") for each in labels)
    facts["momentum"] = pl.concat(
        each.select("row", known_utc="entry_utc", value="past") for each in labels
    )
    return facts


def _label_facts(rows: pl.DataFrame, session: str, minutes: int) -> pl.DataFrame:
    exit_utc = pl.col(f"exit_{minutes}")
    return rows.filter(exit_utc.is_not_null()).select(
        row=pl.format(f"{{}} {{}} {session}, {Horizon(minutes).words}", "platform", "tweet_id"),
        # As in outcomes.sql: an extended session is known once it has closed.
        known_utc=exit_utc if session == "regular" else pl.max_horizontal("close_utc", exit_utc),
        value=pl.format("{} by {}", f"outcome_{minutes}", exit_utc),
        entry_utc=f"entry_{minutes}",
        past=pl.col(f"past_{minutes}").cast(pl.String).fill_null("unknown"),
    )


@dataclass(frozen=True, slots=True)
class _Market:
    """Prices and sessions, from which a window is computed one by one."""

    known: list[tuple[datetime, float]]  # when a bar closes, and its close; sorted
    opens: dict[datetime, float]  # the minute that a bar begins, and its open
    sessions: list[tuple[datetime, datetime]]  # open, close
    days: list[datetime]  # the last close of each trading day
    max_gap_minutes: int

    def window(self, minute: datetime, interval: int) -> tuple[float | None, float | None, str]:
        """Return entry, exit and status."""
        place = bisect_right(self.sessions, (minute, datetime.max)) - 1
        opens, closes = self.sessions[place]
        if minute > closes:
            return None, None, "outside every session"
        entry = self._price(minute, opens)
        if sessions := Horizon(interval).sessions:
            day = bisect_left(self.days, minute) + sessions
            leave = self._price_at_close(self.days[day]) if day < len(self.days) else None
            late = "no_exit" if leave is None else "ok"
        else:
            leaves = minute + interval * MINUTE
            leave = self._price(leaves, opens) if leaves <= closes else None
            late = "crosses_close" if leaves > closes else "no_exit" if leave is None else "ok"
        return entry, leave, "no_entry" if entry is None else late

    def _price_at_close(self, closes: datetime) -> float | None:
        place = bisect_left(self.sessions, (closes, datetime.min)) - 1
        return self._price(closes, self.sessions[place][0])

    def _price(self, minute: datetime, opens: datetime) -> float | None:
        """Return the last price known from a bar of the session, if it is not too old."""
        place = bisect_right(self.known, (minute, math.inf)) - 1
        at, price = self.known[place] if place >= 0 else (datetime.min, None)
        if at <= opens:
            at, price = opens, self.opens.get(opens)
        return price if minute - at <= self.max_gap_minutes * MINUTE else None


def _recomputed(store: Store, calendar: str, span: Span) -> tuple[int, list[str]]:
    """Compute windows of a span again: how many, and those that differ in the store."""
    bounds = {"symbol": span.symbol, "from_utc": span.from_utc, "until_utc": span.until_utc}
    market = _market(store, calendar, span)
    found = store.rows(statement("checks/leaks/windows"), **bounds, minutes=SAMPLED_MINUTES)
    again = [market.window(minute, interval) for minute, interval, *_ in found]
    return len(found), [
        f"{span.symbol} at {minute}, {Horizon(interval).words}: {_worded(*stored)}, but "
        f"{_worded(*true)} by bars and calendar"
        for (minute, interval, _, *stored), true in zip(found, again, strict=True)
        if tuple(stored) != true
    ]


def _market(store: Store, calendar: str, span: Span) -> _Market:
    bars = store.rows(
        "SELECT minute_utc, open, close FROM bars WHERE symbol = $symbol "
        "AND minute_utc >= $from_utc AND minute_utc < $until_utc ORDER BY minute_utc",
        symbol=span.symbol,
        from_utc=span.from_utc,
        until_utc=span.until_utc,
    )
    margin = 10 * DAY  # no exchange is closed for longer
    first, last = (span.from_utc - margin).date(), (span.until_utc + margin).date()
    hours = exchange_hours(calendar, first, last)
    (max_gap,) = store.row("SELECT max_gap_minutes FROM settings")
    (spacing,) = store.row(
        "SELECT spacing_minutes FROM symbols WHERE symbol = $symbol", symbol=span.symbol
    )
    days = hours.group_by("session_date").agg(pl.col("open_utc").min(), pl.col("close_utc").max())
    pieces = days if spacing == DAY_MINUTES else hours  # a daily bar knows of no lunch
    closes = pieces["close_utc"].sort().to_list()
    return _Market(
        [(_closes(minute, spacing, closes), close) for minute, _, close in bars],
        {minute: opened for minute, opened, _ in bars},
        _stretches(pieces.select("open_utc", "close_utc").sort("open_utc").rows()),
        days["close_utc"].sort().to_list(),
        max_gap,
    )


def _closes(minute: datetime, spacing: int, closes: Sequence[datetime]) -> datetime:
    """Return when a bar ends: after its spacing, or with the session that closes before."""
    end = minute + spacing * MINUTE
    place = bisect_right(closes, minute)
    return min(end, closes[place]) if place < len(closes) else end


def _stretches(hours: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Join sessions of which one opens as another closes."""
    joined: list[tuple[datetime, datetime]] = []
    for opened, closed in hours:
        if joined and joined[-1][1] == opened:
            joined[-1] = (joined[-1][0], closed)
        else:
            joined.append((opened, closed))
    return joined


def _worded(entry: float | None, leave: float | None, status: str) -> str:
    return f"{status} from {entry or 'no price'} to {leave or 'no price'}"


# --- predictions ----------------------------------------------------------------------------------


def _counts(store: Store, name: str) -> Check:
    """Find counts that were read after the entry, or at an unknown time."""
    late = subquery("checks/leaks/counts")
    found, leaks = store.row(f"SELECT count(*), min(problem, {EXAMPLES}) FROM {late}")
    (posts,) = store.row("SELECT count(*) FROM tweets")
    scope = "posts' counts with their entries"
    return leak_verdict(f"counts {name}", posts, scope, leaks or [], UNCOUNT, found)


def _predictions(store: Store, model_id: str, name: str, bundle: Model | None) -> Check:
    """Score texts again: the stored probabilities must come out."""
    if not bundle:
        query = "SELECT card ->> 'kind' FROM models WHERE model_id = $model_id"
        (kind,) = store.row(query, model_id=model_id)
        fact = "its bundle was not found; add --model FOLDER"
        if kind == "predictions":
            fact = "imported from a file: nothing here could make them again"
        return Check(f"predictions {name}", None, fact)
    key = ["platform", "tweet_id"]
    stored = store.frame(
        statement("checks/leaks/predictions"), model_id=bundle.model_id, tweets=SAMPLED_TWEETS
    )
    if stored.is_empty():
        return Check(f"predictions {name}", None, "it has no stored predictions")
    scored = bundle.load().probabilities(stored.unique(key, maintain_order=True))
    again = pl.concat(
        scored.rows.select(
            *key,
            interval_minutes=pl.lit(minutes, pl.Int32),
            **{"class": pl.lit(each)},
            again=pl.Series(scored.probabilities[:, head, place]),
        )
        for head, minutes in enumerate(bundle.horizons)
        for place, each in enumerate(bundle.target.classes)
    )
    both = stored.join(again, on=[*key, "interval_minutes", "class"], how="left").sort(key)
    near = (pl.col("probability") - pl.col("again")).abs() <= PROBABILITY_TOLERANCE
    wrong = both.filter(~near.fill_null(value=False))
    leaks = [
        f"{platform} {tweet}, {Horizon(minutes).words}, {each}: {before:.6f}, but scored again "
        f"{today}"
        for platform, tweet, minutes, each, before, today in wrong.select(
            *key, "interval_minutes", "class", "probability", "again"
        ).iter_rows()
    ]
    return leak_verdict(
        f"predictions {name}", stored.height, "stored probabilities", leaks, RESCORE
    )
