"""The panel "Data": files go into the database, and come out of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tweetscore import api
from tweetscore.cli import (
    file_options,
    links,
    market_options,
    options,
    printing,
    sample_options,
    transfer_options,
)
from tweetscore.cli.accounts import first_refusals, show_accounts, show_given
from tweetscore.cli.command import command
from tweetscore.cli.options import DEFAULT_DB
from tweetscore.cli.progress import reading_progress, row_progress
from tweetscore.errors import InputError, IntegrityError, RejectsError

if TYPE_CHECKING:  # polars would slow down --help
    from tweetscore.checks.doctor import Check
    from tweetscore.ingest.account import Account

DATA = "Data"
app = typer.Typer()


@command(app, DATA)
def sample(
    folder: sample_options.Folder,
    posts: sample_options.Posts = None,
    seed: sample_options.Seed = 0,
    signal: sample_options.Signal = True,
    symbols: sample_options.Symbols = 1,
    planted: sample_options.Planted = None,
    as_json: options.Json = False,
) -> None:
    """Write made-up posts and prices, to try everything without data of your own.

    Example: `tweetscore sample demo && tweetscore ingest demo/*`
    """
    written = api.write_sample(
        folder, posts=posts, seed=seed, signal=signal, symbols=symbols, planted=planted
    )
    printing.show_sample(written, as_json=as_json)


@command(app, DATA)
def ingest(
    paths: options.Paths,
    db: options.Db = DEFAULT_DB,
    *,
    reading: options.ReadingOptions,
    strict: options.Strict = False,
    storage_option: file_options.StorageOptions = None,
    as_json: options.Json = False,
) -> None:
    """Read archives of posts and minute bars into the database.

    The content of a file decides what it is, not its name. Its clock is checked against ids or
    trading hours. Reading the same file again changes nothing.

    Example: `tweetscore ingest demo/*`
    """
    said = _said(reading)
    said["storage_options"] = file_options.storage_options(storage_option)
    with api.open(db) as database, reading_progress() as on_bytes:
        accounts = database.ingest(*paths, **said, on_bytes=on_bytes)
        waiting = database.posts_to_link()
    show_accounts(accounts, as_json=as_json)
    links.note_waiting(waiting)
    _check_accounts(accounts, strict=strict)


def _said(reading: options.ReadingOptions) -> dict[str, Any]:
    """Return what is said of the files, as the function takes it."""
    said = dict(vars(reading))
    columns, max_gap = options.column_names(said.pop("column")), said.pop("max_gap")
    return {**said, "columns": columns, "max_gap_minutes": max_gap}


def _check_accounts(accounts: "Sequence[Account]", *, strict: bool) -> None:
    """Raise an error if a file was refused, or a record was rejected that must not be."""
    if refused := first_refusals(accounts):
        raise InputError("\nError: ".join(refused))
    rejected = sum(account.rejected for account in accounts)
    if strict and rejected:
        raise RejectsError(f"{rejected:,} records were rejected; see them with: tweetscore info")


@command(app, DATA)
def link(
    rules: market_options.LinkRules = None,
    cashtags: market_options.Cashtags = False,
    list_rules: market_options.ListRules = False,
    remove: market_options.RemoveRules = False,
    db: options.Db = DEFAULT_DB,
    as_json: options.Json = False,
) -> None:
    """Link posts to the symbols that they name; without rules each post meets each symbol.

    A rule looks for a cashtag, hashtag, word, phrase or author, and holds for posts from
    `valid_from` until before `valid_until` (days or times, UTC). A post that no rule links is
    scored, and has no symbol. Run it again after an ingest: only what is new is linked.

    Example: `tweetscore link --cashtags`
    """
    if sum((rules is not None, cashtags, list_rules, remove)) > 1:
        raise InputError("a table of rules, --cashtags, --list and --remove exclude each other")
    with api.open(db, create=False, read_only=list_rules) as database:
        if list_rules:
            links.show_rules(database.link_rules(), as_json=as_json)
        elif remove:
            links.show_removed(database.unlink(), as_json=as_json)
        else:
            with row_progress("linking") as on_rows:
                linked = database.link(rules, cashtags=cashtags, progress=on_rows)
            links.show_linked(linked, as_json=as_json)


@command(app, DATA)
def abnormal(
    symbol: market_options.AbnormalSymbol = None,
    benchmark: market_options.Benchmark = None,
    in_volatility: market_options.InVolatility = False,
    days: market_options.PastDays = 20,
    session: options.Session = "regular",
    db: options.Db = DEFAULT_DB,
    as_json: options.Json = False,
) -> None:
    """Derive a symbol that moves by what another one does beyond its market, or its usual moves.

    The market model, or the volatility, of each day is that of the days before. Train, evaluate and
    report on the new symbol as on any other; run it again after more bars were read. With a market
    it is `abnormal TSLA --benchmark SPY`, and the symbol TSLA~SPY.

    Example: `tweetscore abnormal --in-volatility`
    """
    with api.open(db, create=False) as database:
        derived = database.derive_abnormal(
            symbol, benchmark, in_volatility=in_volatility, past_days=days, session=session
        )
    printing.show_abnormal(derived, as_json=as_json)


@command(app, DATA)
def info(db: options.Db = DEFAULT_DB, as_json: options.Json = False) -> None:
    """Show what the database holds: files, rejected records, posts, bars, windows and models.

    Example: `tweetscore info --json`
    """
    with api.open(db, read_only=True) as database:
        sections = database.info()
    printing.show_info(sections, as_json=as_json)


@command(app, DATA)
def doctor(
    db: options.Db = DEFAULT_DB,
    model: options.CheckedModels = None,
    leaks: options.Leaks = False,
    as_json: options.Json = False,
) -> None:
    """Check the database, its clocks and the models; exit with code 5 if something is broken.

    The shipped models are always checked. If there is no database, `--model` checks models only.
    `--leaks` computes labels, features and predictions again after removing, and after changing,
    everything later than a moment: whatever changes before that moment leaks from the future.

    Example: `tweetscore doctor --model my-model`
    """
    checked_db = options.database_if_any(db) if model else db
    checks = api.doctor(checked_db, model or (), leaks=leaks)
    printing.show_checks(checks, as_json=as_json)
    _check_health(checks)


def _check_health(checks: "Sequence[Check]") -> None:
    """Raise an error if a check has found something broken."""
    broken = [check for check in checks if check.ok is False]
    if broken:
        first = f"the first is {broken[0].name} ({broken[0].fact})"
        tally = f"{len(broken)} of {len(checks)} checks found something broken"
        raise IntegrityError(f"{tally}; {first}; {broken[0].next_step}")


@command(app, DATA)
def export(
    folder: transfer_options.ExportFolder,
    table: transfer_options.Tables = None,
    rows_per_file: transfer_options.RowsPerFile = 500_000,
    db: options.Db = DEFAULT_DB,
    storage_option: file_options.StorageOptions = None,
    as_json: options.Json = False,
) -> None:
    """Write the database as Parquet files: to keep, to share, or to score on a cluster.

    Example: `tweetscore export posts --table tweets`
    """
    with api.open(db, read_only=True) as database, row_progress("writing") as on_rows:
        rows = database.export(
            folder,
            table or (),
            rows_per_file=rows_per_file,
            storage_options=file_options.storage_options(storage_option),
            progress=on_rows,
        )
    printing.show_tables(rows, as_json=as_json)


@command(app, DATA, name="import")
def import_from(
    folder: transfer_options.ImportFolder = None,
    *,
    given: transfer_options.GivenOptions,
    db: options.Db = DEFAULT_DB,
    storage_option: file_options.StorageOptions = None,
    as_json: options.Json = False,
) -> None:
    """Restore an export, or add the scores of `score --input` or anybody's predictions of posts.

    An export goes into an empty database. Afterwards, query, evaluate and report work on scores and
    predictions as on any others.

    Example: `tweetscore import scored`, or
    `tweetscore import --predictions llm.csv --model llm --trained-until 2023-10 --interval 30`
    """
    given.check(folder)
    reached = file_options.storage_options(storage_option)
    if folder is None:
        _import_predictions(given, reached, db, as_json=as_json)
        return
    with api.open(db) as database:
        rows = database.import_from(folder, storage_options=reached)
    printing.show_tables(rows, as_json=as_json)


def _import_predictions(
    given: transfer_options.GivenOptions, reached: dict[str, str], db: Path, *, as_json: bool
) -> None:
    """Add a table of predictions to a database that is there."""
    said = dict(vars(given))
    file, columns = said.pop("predictions"), options.column_names(said.pop("column"))
    with api.open(db, create=False) as database, row_progress("reading") as on_rows:
        account = database.import_predictions(
            file,
            interval_minutes=said.pop("interval"),
            columns=columns,
            storage_options=reached,
            progress=on_rows,
            **said,
        )
    show_given(account, as_json=as_json)
