"""Look for what is broken: a database and bundles enter, a verdict on each check leaves.

Each row of a statement of ``sql/checks/doctor/`` is a fault; no rows means that all is well. Clocks
are checked again by the evidence that ``ingest`` uses, over everything stored. Nothing is changed.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from tweetscore.bars.clock import DAYS_NEEDED, Claims
from tweetscore.bars.daily import session_opens
from tweetscore.bars.spaced import audit_spaced
from tweetscore.errors import InputError, IntegrityError, TweetscoreError
from tweetscore.ingest.links import posts_to_link
from tweetscore.io.clocks import Clock
from tweetscore.market.horizons import DAY_MINUTES
from tweetscore.market.sessions import UNKNOWN
from tweetscore.posts.clock import TweetClock, id_times
from tweetscore.scoring.bundle import Bundle
from tweetscore.scoring.changed import compare_folders
from tweetscore.scoring.find import find_model
from tweetscore.scoring.text_folder import TextModel
from tweetscore.store.database import (
    SCHEMA_VERSION,
    Store,
    create_schema,
    open_store,
    shipped,
    statement,
    subquery,
)
from tweetscore.text.known import FEW_KNOWN, WordCounts

EXAMPLES = 3
BATCH_ROWS = 131_072
PART_ROWS = 10_000_000  # grouping 100 million rows at once is too much even with spilling
SUM_TOLERANCE = 1e-4
AGAIN = "ingest its files into a new database: tweetscore ingest FILE… --db NEW"
BY_HAND = f"delete or correct these rows with a DuckDB client, or {AGAIN}"
NO_RULE = "there is no rule, so each post meets each symbol"
# The statements of sql/checks/doctor/ in the order in which they run, and what to do about rows
NEXT_STEPS = {
    "duplicate_tweets": AGAIN,
    "duplicate_bars": AGAIN,
    "duplicate_windows": "with a DuckDB client: DELETE FROM windows; DELETE FROM sessions; "
    "then: tweetscore score",
    "duplicate_predictions": "with a DuckDB client: DELETE FROM predictions; "
    "DELETE FROM known_words; then: tweetscore score",
    "duplicate_links": "tweetscore link --remove; then link again with your rules",
    "duplicate_entries": BY_HAND,
    "accounting": AGAIN,
    "collisions": AGAIN,
    "orphans": BY_HAND,
    "values": BY_HAND,
}


@dataclass(frozen=True, slots=True)
class Check:
    """One verdict; ``ok`` is None where a check was skipped, and ``fact`` then says why."""

    name: str
    ok: bool | None
    fact: str
    next_step: str | None = None  # where it is broken, or ok with a warning


def diagnose(
    db: Path | None, models: Sequence[str] = (), *, part_rows: int = PART_ROWS
) -> list[Check]:
    """Check a database, unless it is None, the shipped models and the given ones.

    Args:
        db: the database; it is only read.
        models: folders, or names of shipped models.
        part_rows: how many rows of a table are searched at once.

    Raises:
        InputError, LockedError, IntegrityError: the database cannot be opened.
    """
    checks: list[Check] = []
    if db:
        with open_store(db, read_only=True) as store:
            checks += _of_database(store, part_rows)
    ours = sorted(path.name for path in shipped("models").glob("[!.]*/"))
    return checks + [_bundle(name) for name in dict.fromkeys([*ours, *models])]


# --- the database ---------------------------------------------------------------------------------


def _of_database(store: Store, part_rows: int) -> Iterator[Check]:
    grounds = [_schema(store), _readable(store)]
    yield from grounds
    # Statements over tables that are not ours, or cannot be read, would find nothing more.
    bad = next((check.name for check in grounds if not check.ok), None)
    names = [
        *NEXT_STEPS,
        "links",
        "warnings",
        "known_words",
        "text_folders",
        "tweet_clocks",
        "bar_clocks",
    ]
    if bad:
        yield from (Check(name, None, f"not run: {bad} is broken") for name in names)
        return
    yield from (_statement(store, name, part_rows) for name in NEXT_STEPS)
    yield _links(store)
    yield _warnings(store)
    yield _known_words(store)
    yield _text_folders(store)
    yield _tweet_clocks(store)
    yield from _bar_clocks(store)


def _verdict(name: str, count: int, examples: Sequence[str], next_step: str) -> Check:
    if not count:
        return Check(name, True, "none found")
    more = "; …" if count > len(examples) else ""
    return Check(name, False, f"{count:,} found: {'; '.join(examples)}{more}", next_step)


def _schema(store: Store) -> Check:
    """Compare columns, types and views with those of a fresh database; more tables may be there."""
    with duckdb.connect(":memory:") as fresh:
        create_schema(fresh)
        ours = dict(fresh.execute(statement("checks/doctor/schema")).fetchall())
    theirs = dict(store.rows(statement("checks/doctor/schema")))
    tables = {name.split(".")[0] for name in ours if "." in name}
    (version,) = store.row("SELECT schema_version FROM settings")
    faults = [f"{name} is missing" for name in ours.keys() - theirs.keys()]
    faults += [
        f"{name} does not belong there"
        for name in theirs.keys() - ours.keys()
        if name.split(".")[0] in tables
    ]
    faults += [
        f"{name} differs" if name.startswith("view ") else f"{name} is {theirs[name]}, not {wanted}"
        for name, wanted in ours.items()
        if theirs.get(name, wanted) != wanted
    ]
    if version != SCHEMA_VERSION:
        faults.append(f"schema_version is {version}, not {SCHEMA_VERSION}")
    step = f"undo this change with a DuckDB client, or {AGAIN}"
    return _verdict("schema", len(faults), sorted(faults)[:EXAMPLES], step)


def _readable(store: Store) -> Check:
    """Read every value of every table: DuckDB compares each block with its checksum."""
    names = store.rows(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' ORDER BY table_name"
    )
    faults = []
    for (name,) in names:
        quoted = name.replace('"', '""')
        try:
            store.rows(f'SELECT max(hash(COLUMNS(*))) FROM "{quoted}"')
        except duckdb.Error as error:
            faults.append(f"{name}: {str(error).splitlines()[0]}")
    step = f"restore a backup, or {AGAIN}"
    return _verdict("readable", len(faults), faults[:EXAMPLES], step)


def _statement(store: Store, name: str, part_rows: int) -> Check:
    """Count the rows of a statement, and show the first ones in alphabetical order."""
    found = subquery(f"checks/doctor/{name}")
    total, examples = 0, list[str]()
    for part in _parts(store, part_rows) if "$parts" in found else [{}]:
        count, first = store.row(f"SELECT count(*), min(problem, {EXAMPLES}) FROM {found}", **part)
        total += count
        examples = sorted([*examples, *(first or [])])[:EXAMPLES]
    return _verdict(name, total, examples, NEXT_STEPS[name])


def _links(store: Store) -> Check:
    """Tell how many posts no rule was held against: nothing is broken, but they meet no symbol."""
    (rules,) = store.row("SELECT count(*) FROM link_rules")
    if not rules:
        return Check("links", True, NO_RULE)
    if not (waiting := posts_to_link(store)):
        return Check("links", True, f"every post was held against the {rules:,} rules")
    fact = f"{waiting:,} posts are not held against the rules yet"
    return Check("links", True, fact, "link them with: tweetscore link")


def _warnings(store: Store) -> Check:
    """Repeat what was doubtful or missing in a file: nothing is broken, but a user must know."""
    found = store.rows(
        "SELECT parse_filename(name), warnings FROM sources WHERE warnings IS NOT NULL "
        "ORDER BY source_id"
    )
    if not found:
        return Check("warnings", True, "none found")
    shown = [f"{name}: {warnings}" for name, warnings in found[:EXAMPLES]]
    files = "1 file has some" if len(found) == 1 else f"{len(found):,} files have some"
    more = "; …" if len(found) > EXAMPLES else ""
    return Check("warnings", True, f"{files}: {'; '.join(shown)}{more}")


def _parts(store: Store, part_rows: int) -> list[dict[str, int]]:
    """Return the parameters of each part, so that none has too many rows of the largest table."""
    (rows,) = store.row("SELECT coalesce(max(estimated_size), 0) FROM duckdb_tables()")
    parts = rows // part_rows + 1
    return [{"part": part, "parts": parts} for part in range(parts)]


def _known_words(store: Store) -> Check:
    """Tell how many of the words that a model has read are in its vocabulary."""
    counts: dict[tuple[str, str], WordCounts] = {}
    for model_id, name, script, words, known in store.rows(statement("checks/doctor/known_words")):
        one = WordCounts(Counter({script: int(words)}), Counter({script: int(known)}))
        counts[model_id, name] = counts.get((model_id, name), WordCounts()) + one
    if not counts:
        return Check("known_words", None, "no word counts are stored")
    shares = [
        f"{100 * each.share:.0f} % of the words are known to {name} ({each})"
        for (_, name), each in counts.items()
    ]
    # Nothing is broken where a model meets words that it does not know: its scores mean little.
    few = any(each.share < FEW_KNOWN for each in counts.values())
    step = "train a model on such posts: tweetscore train" if few else None
    return Check("known_words", True, "; ".join(shares), step)


def _text_folders(store: Store) -> Check:
    """Hold the folders of text classifiers that have scored against what they were then."""
    ok, facts = compare_folders(store)
    if ok is not False:
        return Check("text_folders", ok, "; ".join(facts[:EXAMPLES]))
    step = "put the old files back, or score again with: tweetscore score --accept-changed"
    return _verdict("text_folders", len(facts), facts[:EXAMPLES], step)


# --- clocks ---------------------------------------------------------------------------------------


def _tweet_clocks(store: Store) -> Check:
    """Compare every stored time with the time inside its id."""
    sources = dict(store.rows("SELECT source_id, parse_filename(name) FROM sources"))
    tested, off, examples = 0, 0, pl.DataFrame()
    for (platform,) in store.rows("SELECT DISTINCT platform FROM tweets ORDER BY platform"):
        clock = TweetClock(platform, Clock.parse("UTC"), proven=True, evidence="stored as UTC")
        stored = store.con.sql(
            "SELECT platform, tweet_id, posted_utc, source_id FROM tweets "
            "WHERE platform = $platform "
            # Polars cannot show other times; values.sql finds them.
            "AND posted_utc BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31'",
            params={"platform": platform},
        )
        for batch in stored.to_arrow_reader(BATCH_ROWS):
            tweets = pl.DataFrame(batch)
            inside_utc, posted = id_times(platform, tweets["tweet_id"]), tweets["posted_utc"]
            reasons = clock.apply(inside_utc, posted, "posted_utc")[1].alias("reason")
            wrong = tweets.with_columns(reasons).filter(pl.col("reason").is_not_null())
            tested += int(inside_utc.is_not_null().sum())
            off += wrong.height
            examples = pl.concat([examples, wrong], how="diagonal")
            examples = examples.sort("platform", "tweet_id").head(EXAMPLES)
    if not tested:
        return Check("tweet_clocks", None, "no stored id contains a time")
    if not off:
        return Check(
            "tweet_clocks", True, f"{tested:,} tweets agree with the time inside their ids"
        )
    shown = [
        f"{row['platform']} {row['tweet_id']} of {sources.get(row['source_id'])}: {row['reason']}"
        for row in examples.iter_rows(named=True)
    ]
    return _verdict("tweet_clocks", off, shown, AGAIN)


def _bar_clocks(store: Store) -> Iterator[Check]:
    """Audit the stored minutes of each symbol as UTC."""
    names = dict(store.rows("SELECT source_id, parse_filename(name) FROM sources"))
    symbols = store.rows(
        "SELECT DISTINCT symbol, calendar, spacing_minutes FROM symbols ORDER BY ALL"
    )
    for symbol, calendar, spacing in symbols:
        bars = store.frame(
            "SELECT minute_utc, source_id, high - low AS size, high = low AS flat "
            "FROM bars WHERE symbol = $symbol "
            # Calendars know no other times; values.sql finds them.
            "AND minute_utc BETWEEN TIMESTAMP '1970-01-01' AND TIMESTAMP '2200-01-01' "
            "ORDER BY minute_utc",
            symbol=symbol,
        )
        if bars.is_empty():
            yield Check(f"bar_clock {symbol}", None, "no bars")
        else:
            yield _bar_clock(symbol, calendar, spacing, bars, names)


def _bar_clock(
    symbol: str, calendar: str, spacing: int, bars: pl.DataFrame, names: dict[int, str]
) -> Check:
    facts: dict[bool | None, list[str]] = {False: [], True: [], None: []}
    groups = _audited_together(bars)
    for sources in groups:
        own = bars.filter(pl.col("source_id").is_in(sources))
        ok, fact = _audit(symbol, calendar, spacing, own)
        called = f"{len(sources)} sources together"
        called = f"source {sources[0]} ({names.get(sources[0])})" if len(sources) == 1 else called
        apart = f"{called}: {fact.removeprefix(f'{symbol}: ')}"
        facts[ok].append(apart if len(groups) > 1 else fact)
    found = facts[False] or facts[True] + facts[None]
    fact = "; ".join(found[:EXAMPLES]) + ("; …" if len(found) > EXAMPLES else "")
    if not facts[False]:
        return Check(f"bar_clock {symbol}", bool(facts[True]) or None, fact)
    fact += f" (sources: {bars['source_id'].n_unique()})"
    step = f"{AGAIN}, with the --clock, --stamp or --calendar that is right"
    return Check(f"bar_clock {symbol}", False, fact, step)


def _audited_together(bars: pl.DataFrame) -> list[list[int]]:
    """Return each source of enough days by itself, as sources may differ; then the rest together.

    A few days alone prove nothing, and a file may hold a single day.
    """
    days = bars.group_by("source_id").agg(days=pl.col("minute_utc").dt.date().n_unique())
    large = pl.col("days") >= DAYS_NEEDED
    apart = days.filter(large)["source_id"].sort().to_list()
    rest = days.filter(~large)["source_id"].sort().to_list()
    return [*([source] for source in apart), *([rest] if rest else [])]


def _audit(symbol: str, calendar: str, spacing: int, bars: pl.DataFrame) -> tuple[bool | None, str]:
    """Audit stored minutes as UTC; return what they prove, and the fact."""
    if spacing == DAY_MINUTES:
        return _audit_days(calendar, bars)
    known = "auto" if calendar == UNKNOWN else calendar
    claims = Claims(known, clock="UTC", stamp="start", zoned=True, symbol=symbol)
    try:
        verdict = audit_spaced(
            symbol, bars["minute_utc"], spacing, claims, sizes=bars["size"], flat=bars["flat"]
        )
    except InputError as error:
        # The rest says how to ingest a file; these bars are already stored.
        return False, str(error).rpartition("; ")[0] or str(error)
    fact = f"{verdict.evidence}; {verdict.calendar_fact}"
    if calendar == UNKNOWN:
        fact += "; read its files again with --calendar"
    return False if verdict.stamp_word == "refuted" else verdict.proven or None, fact


def _audit_days(calendar: str, bars: pl.DataFrame) -> tuple[bool | None, str]:
    """Hold daily bars against the opens of their calendar's sessions."""
    opens = session_opens(bars["minute_utc"], calendar, zoned=True)
    off = int((opens != bars["minute_utc"]).fill_null(value=True).sum())
    fact = f"{bars.height - off:,} of {bars.height:,} daily bars stand at the opens of {calendar}"
    return not off, fact


# --- bundles --------------------------------------------------------------------------------------


def _bundle(name: str) -> Check:
    """Load a bundle, which checks its hashes, and score a text of its words."""
    title = f"bundle {name}"
    try:
        bundle = find_model(name, shipped("models"))
        _try_scoring(bundle)
        if isinstance(bundle, TextModel):
            return Check(title, True, f"text classifier {bundle.model_id} scores")
    except Exception as error:  # whatever keeps a bundle from scoring is a finding
        if isinstance(error, TweetscoreError):
            fact, _, step = str(error).rpartition("; ")
        else:
            fact, step = "", f"{type(error).__name__}: {str(error).splitlines()[0]}"
        copy = "copy the whole model folder again, or train it again"
        return Check(title, False, fact or step, step if fact else copy)
    fact = f"model {bundle.model_id} scores"
    if bundle.is_verified:
        return Check(title, True, fact)
    fact += ", but is not verified: an older version wrote it without the sha256 of all its files"
    return Check(title, True, fact, "train it again: tweetscore train")


def _try_scoring(model: Bundle | TextModel) -> None:
    """Score one text that the model must be able to score.

    Raises:
        IntegrityError: it knows no text, or its probabilities do not add up to 1.
    """
    predictor = model.load()
    text = {"text": [predictor.known_text()], "retweet_count": [1], "favorite_count": [1]}
    sums = predictor.probabilities(pl.DataFrame(text)).probabilities.sum(axis=-1)  # (1, horizons)
    many_hold = isinstance(model, TextModel) and model.config.function == "sigmoid"
    if not many_hold and not np.allclose(sums, 1, atol=SUM_TOLERANCE):
        raise IntegrityError(f"{model.onnx_path}: the probabilities of a text do not add up to 1")
