"""The command line: every command parses, calls and prints."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tweetscore import __version__, api
from tweetscore.cli import printing as display
from tweetscore.cli.console import OUTPUT, OneLineErrors, command
from tweetscore.errors import InputError, IntegrityError, RejectsError

QUERY_SECONDS = 300
DATA, MODELS, RESULTS = "Data", "Models", "Scores and results"
FILES = "Files instead of the database"
LEARNED, NETWORK, TRAINING = "What to learn", "The network", "The training"


def _models(incomplete: str) -> list[str]:
    """Complete ``--model`` by the shipped models."""
    from tweetscore.store.database import shipped

    names = sorted(path.name for path in shipped("models").iterdir())
    return [name for name in names if name.startswith(incomplete)]


def _queries(incomplete: str) -> list[str]:
    """Complete ``--file`` by the shipped queries."""
    from tweetscore.query import shipped_queries

    return [each.name for each in shipped_queries() if each.name.startswith(incomplete)]


app = typer.Typer(
    name="tweetscore",
    cls=OneLineErrors,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"auto_envvar_prefix": "TWEETSCORE"},
    help="Score social-media archives against market minutes, in one DuckDB file.",
    epilog="Start with `tweetscore sample demo`. The environment may set any option: "
    "`TWEETSCORE_SCORE_MODEL` is `score --model`, `TWEETSCORE_DB` is `--db` everywhere.",
)
Db = Annotated[
    Path, typer.Option("--db", envvar="TWEETSCORE_DB", help="The DuckDB file.", show_default=True)
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        envvar="TWEETSCORE_JSON",
        help="Print one JSON value instead of tables.",
        rich_help_panel=OUTPUT,
    ),
]
Intervals = Annotated[
    list[int] | None,
    typer.Option("--interval", min=1, max=10_000, help="Minutes; may be given several times."),
]
Session = Annotated[
    Literal["regular", "extended"], typer.Option(help="Exchange hours, or all hours with bars.")
]
Device = Annotated[
    Literal["auto", "cpu", "cuda"], typer.Option(help="Where to run; auto: cuda where it is.")
]
TargetOption = Annotated[
    Literal["direction", "move"],
    typer.Option(help="Up or down, or whether the move is large.", rich_help_panel=LEARNED),
]
MoveQuantile = Annotated[
    float,
    typer.Option(
        min=0.01,
        max=0.99,
        help="Of absolute returns; a large move lies above it.",
        rich_help_panel=LEARNED,
    ),
]
Vectors = Annotated[
    str,
    typer.Option(
        help="A word2vec or GloVe file, archive (trained on it), or random.",
        rich_help_panel=NETWORK,
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", help="OURS=THEIRS, as in label=class, with --labelled."),
]
LogDir = Annotated[Path, typer.Option(help="Where TensorBoard events go.", rich_help_panel=OUTPUT)]
DEFAULT_DB = Path("tweetscore.duckdb")


def main() -> None:
    """Run the command line."""
    app()


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tweetscore {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    del version  # its callback has answered already


@command(app, DATA)
def ingest(
    paths: Annotated[
        list[Path], typer.Argument(help="Files, zips, folders, patterns, or - for standard input.")
    ],
    db: Db = DEFAULT_DB,
    symbol: Annotated[
        str | None, typer.Option(help="What bars are of, if the file is silent.")
    ] = None,
    clock: Annotated[
        str, typer.Option(help="auto, UTC, an IANA zone, EST, or a zone with an offset.")
    ] = "auto",
    stamp: Annotated[
        Literal["auto", "start", "end"], typer.Option(help="Which end of its minute a bar names.")
    ] = "auto",
    calendar: Annotated[str, typer.Option(help="Exchange calendar of the bars.")] = "XNYS",
    column: Annotated[
        list[str] | None,
        typer.Option(help="OURS=THEIRS, as in text=body, for a table; several times."),
    ] = None,
    platform: Annotated[
        str | None, typer.Option(help="Whose ids a table holds, if they do not tell.")
    ] = None,
    max_gap: Annotated[
        int | None,
        typer.Option(min=0, help="Minutes after which a price is none; kept, 5 at first."),
    ] = None,
    flat_bps: Annotated[
        float | None, typer.Option(min=0, help="Moves up to this size are flat; kept, 0 at first.")
    ] = None,
    strict: Annotated[bool, typer.Option(help="Exit 3 when a record was rejected.")] = False,
    as_json: Json = False,
) -> None:
    """Bring tweet archives and minute bars into the database.

    Kind and format are found by content. Clocks are checked, never believed. The same file again
    changes nothing.

    Example: `tweetscore ingest tweets.json.zip DAT_ASCII_SPXUSD_M1_2018.zip`
    """
    columns = _columns(column or [])
    with api.open(db) as database, display.row_progress("reading") as progress:
        accounts = database.ingest(
            *paths, symbol=symbol, clock=clock, stamp=stamp, calendar=calendar, platform=platform,
            columns=columns, max_gap_minutes=max_gap, flat_bps=flat_bps, progress=progress,
        )  # fmt: skip
    display.show_accounts(accounts, as_json=as_json)
    refused = [account.error for account in accounts if account.error]
    if refused:
        raise InputError("\nError: ".join(refused))
    rejected = sum(account.rejected for account in accounts)
    if strict and rejected:
        raise RejectsError(f"{rejected} records were rejected; see them with: tweetscore info")


def _columns(given: list[str]) -> dict[str, str]:
    """Read OURS=THEIRS pairs; an empty name says that there is no such column."""
    pairs = [each.partition("=") for each in given]
    if odd := [each for each, (_, sign, _) in zip(given, pairs, strict=True) if not sign]:
        raise InputError(f"--column {odd[0]}: is not OURS=THEIRS; write it as in text=body")
    return {ours.strip(): theirs for ours, _, theirs in pairs}


@command(app, DATA)
def sample(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")],
    posts: Annotated[int | None, typer.Option(min=100, help="How many posts.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed makes other posts.")] = 0,
    signal: Annotated[bool, typer.Option(help="Plant a signal at 30 minutes.")] = True,
    as_json: Json = False,
) -> None:
    """Write a made-up archive and bars with a planted signal, to try everything without data.

    Example: `tweetscore sample demo && tweetscore ingest demo/*`
    """
    from tweetscore.sample.write import write_sample

    options: dict[str, Any] = {} if posts is None else {"posts": posts}
    written = write_sample(folder, seed=seed, signal=signal, **options)
    display.show_sample(written, as_json=as_json)


@command(app, DATA)
def info(db: Db = DEFAULT_DB, as_json: Json = False) -> None:
    """Show what the database holds: sources, rejects, spans, windows and models.

    Example: `tweetscore info --json`
    """
    from tweetscore.query import describe

    display.show_info(describe(db), as_json=as_json)


@command(app, DATA)
def doctor(
    db: Db = DEFAULT_DB,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A bundle's folder or a shipped name; may be given several times.",
            autocompletion=_models,
        ),
    ] = None,
    leaks: Annotated[
        bool, typer.Option(help="Also look for what earlier rows know of later ones.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check the database, the clocks of what it holds, and bundles; exit 5 when one is broken.

    Shipped models are checked always. With `--model` and no database here, models alone are.
    `--leaks` makes labels, features and predictions again with all that is later than a moment cut
    away, and altered: whatever changes before the moment is a leak.

    Example: `tweetscore doctor --model my-model`
    """
    from tweetscore.checks.doctor import diagnose

    models_alone = bool(model) and db == DEFAULT_DB and not db.exists()
    checks = diagnose(None if models_alone else db, model or ())
    if leaks:
        from tweetscore.checks.leakage import audit

        checks += audit(db, model or (), with_clocks=False)
    display.show_checks(checks, as_json=as_json)
    broken = [check for check in checks if check.ok is False]
    if broken:
        first = f"the first is {broken[0].name} ({broken[0].fact})"
        tally = f"{len(broken)} of {len(checks)} checks found something broken"
        raise IntegrityError(f"{tally}; {first}; {broken[0].next_step}")


@command(app, MODELS)
def train(
    db: Db = DEFAULT_DB,
    out: Annotated[Path, typer.Option(help="The bundle's folder.")] = Path("model"),
    interval: Intervals = None,
    symbol: Annotated[
        str | None, typer.Option(help="Whose bars to learn from.", rich_help_panel=LEARNED)
    ] = None,
    session: Session = "regular",
    target: TargetOption = "direction",
    move_quantile: MoveQuantile = 0.5,
    labelled: Annotated[
        Path | None,
        typer.Option(
            help="CSV, JSON or Parquet with text and label: learn these.", rich_help_panel=LEARNED
        ),
    ] = None,
    column: Columns = None,
    vectors: Vectors = "archive",
    vocabulary_size: Annotated[
        int, typer.Option(min=1, help="The most frequent words.", rich_help_panel=NETWORK)
    ] = 10_000,
    max_tokens: Annotated[
        int, typer.Option(min=1, max=1_000, help="Words of a text.", rich_help_panel=NETWORK)
    ] = 50,
    embedding_dim: Annotated[
        int, typer.Option(min=1, help="Ignored with a vector file.", rich_help_panel=NETWORK)
    ] = 300,
    hidden: Annotated[
        int, typer.Option(min=1, help="Width of the LSTM.", rich_help_panel=NETWORK)
    ] = 128,
    dropout: Annotated[
        float, typer.Option(min=0, max=0.99, help="On the state read.", rich_help_panel=NETWORK)
    ] = 0.5,
    epochs: Annotated[
        int, typer.Option(min=1, help="The best on validation is kept.", rich_help_panel=TRAINING)
    ] = 100,
    batch_rows: Annotated[
        int, typer.Option(min=1, help="Texts a step.", rich_help_panel=TRAINING)
    ] = 256,
    learning_rate: Annotated[
        float, typer.Option(min=0, help="Adam's, at first.", rich_help_panel=TRAINING)
    ] = 3e-4,
    counts: Annotated[
        bool, typer.Option(help="Also read engagement counts.", rich_help_panel=NETWORK)
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, help="Of all that is random.", rich_help_panel=TRAINING)
    ] = 0,
    device: Device = "auto",
    shuffle_labels: Annotated[
        bool, typer.Option(help="A placebo: learn shuffled labels.", rich_help_panel=TRAINING)
    ] = False,
    resume: Annotated[
        bool, typer.Option(help="Go on with an interrupted run.", rich_help_panel=TRAINING)
    ] = False,
    log_dir: LogDir = Path("runs"),
    as_json: Json = False,
) -> None:
    """Train on the tweets with windows, or on labels of your own, and export a bundle that scores.

    One head per interval, split by time, best epoch on validation. Ctrl-C keeps the best epoch;
    `--resume` with the same options goes on from there.

    Example: `tweetscore train --interval 5 --interval 30 --out my-model`
    """
    api.need("train", "training")
    from tweetscore.market.targets import Target
    from tweetscore.store.database import STANDARD_INTERVALS
    from tweetscore.training.learn import LearnOptions
    from tweetscore.training.loop import FitOptions
    from tweetscore.training.run import Talk, train_labelled

    options = LearnOptions(
        intervals=tuple(sorted(set(interval or STANDARD_INTERVALS))), symbol=symbol,
        session=session, target=Target.of_market(target, move_quantile), vectors=vectors,
        vocabulary_size=vocabulary_size, max_tokens=max_tokens, embedding_dim=embedding_dim,
        hidden=hidden, dropout=dropout, counts=counts, seed=seed, device=device,
        shuffle_labels=shuffle_labels,
        fit=FitOptions(epochs=epochs, batch_rows=batch_rows, learning_rate=learning_rate),
    )  # fmt: skip
    with display.epoch_progress(epochs) as progress:
        talk, logs = Talk(progress, display.say), log_dir / out.name
        if labelled:
            columns = _columns(column or [])
            done = train_labelled(
                labelled, columns, options, out, log_folder=logs, talk=talk, resume=resume
            )
        else:
            with api.open(db, create=False) as database:
                done = database.train(out, options, log_folder=logs, talk=talk, resume=resume)
    display.show_trained(done, as_json=as_json)


@command(app, MODELS)
def study(
    db: Db = DEFAULT_DB,
    labelled: Annotated[
        Path | None,
        typer.Option(
            help="A folder of the 2019 study's tables, <minutes>.csv.", rich_help_panel=LEARNED
        ),
    ] = None,
    protocol: Annotated[
        Literal["honest", "seed"],
        typer.Option(help="seed: the 2019 study's, faults included.", rich_help_panel=TRAINING),
    ] = "honest",
    interval: Intervals = None,
    ablation: Annotated[int, typer.Option(min=1, help="Minutes of the ablation.")] = 5,
    symbol: Annotated[
        str | None, typer.Option(help="Whose bars to learn from.", rich_help_panel=LEARNED)
    ] = None,
    session: Session = "regular",
    target: TargetOption = "direction",
    move_quantile: MoveQuantile = 0.5,
    vectors: Vectors = "archive",
    epochs: Annotated[
        int, typer.Option(min=1, help="Of each network.", rich_help_panel=TRAINING)
    ] = 100,
    seeds: Annotated[
        int, typer.Option(min=1, help="How many; the first is 0.", rich_help_panel=TRAINING)
    ] = 1,
    folds: Annotated[
        int,
        typer.Option(
            min=1,
            max=5,
            help="Walk-forward folds; their test parts are pooled.",
            rich_help_panel=TRAINING,
        ),
    ] = 1,
    device: Device = "auto",
    resume: Annotated[
        bool, typer.Option(help="Take what is stored already.", rich_help_panel=TRAINING)
    ] = False,
    charts: Annotated[
        Path | None,
        typer.Option(
            help="A folder for intervals, ablation and curves as SVG.", rich_help_panel=OUTPUT
        ),
    ] = None,
    log_dir: LogDir = Path("runs"),
    as_json: Json = False,
) -> None:
    """Compare intervals, and vectors and counts, as the 2019 study did, with honest figures.

    Over the database, or over the study's own tables. Every run is stored in `study_runs`.

    Example: `tweetscore study --labelled seed --protocol seed --seeds 3`
    """
    api.need("train", "training")
    if charts:
        api.need("report", "charts")
    from tweetscore.market.targets import Target
    from tweetscore.report.charts import write_charts
    from tweetscore.store.database import STANDARD_INTERVALS, open_store
    from tweetscore.study.run import StudyOptions, database_source, table_source
    from tweetscore.study.run import study as run
    from tweetscore.study.summary import summarise
    from tweetscore.training.learn import LearnOptions
    from tweetscore.training.loop import FitOptions

    learn = LearnOptions(
        symbol=symbol, session=session, target=Target.of_market(target, move_quantile),
        vectors=vectors, device=device, fit=FitOptions(epochs=epochs),
    )  # fmt: skip
    options = StudyOptions(
        protocol=protocol, intervals=tuple(sorted(set(interval or STANDARD_INTERVALS))),
        ablation_minutes=ablation, seeds=tuple(range(seeds)), folds=folds, learn=learn,
    )  # fmt: skip
    logs = log_dir / f"study-{labelled.name if labelled else db.stem}-{protocol}"
    with open_store(db, create=labelled is not None) as store:
        source = table_source(labelled, options) if labelled else database_source(store, options)
        with display.study_progress(options) as progress:
            runs = run(
                store, source, options, log_folder=logs, resume=resume, progress=progress.epoch
            )
            done = [progress.finished(each) for each in runs]
    found = summarise(done, source, options)
    if charts:
        for path in write_charts(charts, found.compared, found.ablation, done):
            display.say(f"wrote {path}")
    display.show_study(found, as_json=as_json)


@command(app, RESULTS)
def score(
    db: Db = DEFAULT_DB,
    interval: Intervals = None,
    model: Annotated[
        str,
        typer.Option(
            help="A bundle's folder, or the name of a shipped one.", autocompletion=_models
        ),
    ] = "reference",
    precision: Annotated[
        Literal["float32", "int8"],
        typer.Option(help="int8 is faster, on the CPU, and differs as the model's card says."),
    ] = "float32",
    device: Device = "auto",
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            help="Parquet files, folders or patterns, instead of the database's tweets.",
            rich_help_panel=FILES,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Where their scores go.", rich_help_panel=FILES)
    ] = None,
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(help="This machine, or a Ray cluster.", rich_help_panel=FILES),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(help="Of a Ray cluster that runs; else one here.", rich_help_panel=FILES),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="On Ray; else one for every core.", rich_help_panel=FILES),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score every tweet that the model has not scored yet, and join it to the windows.

    With `--input` no database is needed: files in the columns of the table tweets become files in
    those of the view scored, joined to the bars of the database where there is one.

    Without `--interval`, at every interval of the model. Ended anywhere, it goes on when run again.
    Scores in int8 are kept beside the others, under the model's name with (int8) after it.

    Example: `tweetscore score --interval 30 --model my-model`
    """
    if precision == "int8" and device == "cuda":
        raise InputError("--precision int8 runs on the CPU alone; leave out either it or --device")
    bundle = api.find_model(model, precision)
    display.detail(f"model {bundle.name} of {bundle.path}, id {bundle.model_id}")
    if files:
        if not output:
            raise InputError("--input needs a folder for the scores; name it with --output")
        market = db if db != DEFAULT_DB or db.exists() else None
        if not market:
            display.say(f"{db} is not here: without bars, no score has a window")
        with display.row_progress("scoring") as progress:
            found = api.score_files(
                files, output, model=bundle, intervals=interval or (), market=market,
                engine=engine, address=address, workers=workers, progress=progress,
            )  # fmt: skip
        display.show_files(found, output, as_json=as_json)
        if found.failed:
            first = found.failed[0]
            raise InputError(
                f"{len(found.failed)} of {found.shards} shards failed, the first is {first.name} "
                f"({first.reason}); mend them and run the command again"
            )
        return
    with api.open(db, create=False) as database, display.row_progress("scoring") as progress:
        account = database.score(
            bundle, intervals=interval or (), precision=precision, device=device, progress=progress
        )
    display.show_scores(account, bundle.target, as_json=as_json)


@command(app, RESULTS)
def evaluate(
    db: Db = DEFAULT_DB,
    model: Annotated[str | None, typer.Option(help="A scored model's name or id.")] = None,
    session: Session = "regular",
    since: Annotated[
        datetime | None,
        typer.Option(
            "--from",
            envvar="TWEETSCORE_EVALUATE_FROM",
            help="Only tweets from this moment on, UTC.",
        ),
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="Only tweets before it, UTC.")] = None,
    labelled: Annotated[
        Path | None, typer.Option(help="CSV, JSON or Parquet with text and label, for --model.")
    ] = None,
    column: Columns = None,
    as_json: Json = False,
) -> None:
    """Hold stored predictions against what the market did, beside the majority baseline.

    Only tweets outside a model's training and validation parts count; a span that reaches into them
    is refused.

    Example: `tweetscore evaluate --model my-model`
    """
    if labelled:
        _evaluate_labelled(labelled, column or [], model, as_json=as_json)
        return
    with api.open(db, read_only=True) as database:
        found = database.evaluate(model, session=session, from_utc=since, until_utc=until)
    display.show_figures(found, as_json=as_json)


def _evaluate_labelled(file: Path, column: list[str], model: str | None, *, as_json: bool) -> None:
    from tweetscore.training.examine import examine
    from tweetscore.training.labelled import read_labelled

    if not model:
        raise InputError("--labelled needs the bundle that tells labels; name it with --model")
    table = read_labelled(file, _columns(column))
    examined = examine(api.find_model(model), table, file)
    display.say(f"{file}: {examined.fact}")
    display.show_figures(examined.figures, as_json=as_json)


@command(app, DATA)
def export(
    folder: Annotated[Path, typer.Argument(help="Where the files go; it must not exist.")],
    table: Annotated[
        list[str] | None,
        typer.Option(help="A table or view, as scored; several times. Without: every table."),
    ] = None,
    rows_per_file: Annotated[int, typer.Option(min=1, help="The most rows of one file.")] = 500_000,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Write the database as Parquet: to keep, to share, or to score on a cluster.

    Example: `tweetscore export posts --table tweets`
    """
    with api.open(db, read_only=True) as database, display.row_progress("writing") as progress:
        rows = database.export(folder, table or (), rows_per_file=rows_per_file, progress=progress)
    display.show_tables(rows, as_json=as_json)


@command(app, DATA, name="import")
def bring_in(
    folder: Annotated[Path, typer.Argument(help="From export, or from score --output.")],
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Make a database from an export, or add what was scored without one.

    Scores from a cluster can then be asked with query, evaluate and report.

    Example: `tweetscore import scored`
    """
    with api.open(db) as database:
        rows = database.bring_in(folder)
    display.show_tables(rows, as_json=as_json)


@command(app, RESULTS)
def report(
    db: Db = DEFAULT_DB,
    out: Annotated[Path, typer.Option(help="The page; one there is replaced.")] = Path(
        "report.html"
    ),
    model: Annotated[
        str | None, typer.Option(help="A scored model's name or id, if there are several.")
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(help="Whose bars to hold it against, if there are several.")
    ] = None,
    session: Session = "regular",
    interval: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, help="Minutes whose details are shown; 30 where scored."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write one page of what is in the database and what the scores are worth.

    It needs no network, and shows charts with their baselines, the price path around tweets, the
    strongest and the most wrong scores, the verdict in words, and how all of it was made.

    Example: `tweetscore report --out report.html --interval 30`
    """
    with api.open(db, read_only=True) as database:
        made = database.report(
            out, model=model, symbol=symbol, session=session, interval_minutes=interval
        )
    display.show_report(made, out, as_json=as_json)


@command(app, RESULTS)
def query(
    sql: Annotated[
        str | None, typer.Argument(help="One SELECT statement, or - for standard input.")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(help="An SQL file, the name of a shipped one, or -.", autocompletion=_queries),
    ] = None,
    list_them: Annotated[bool, typer.Option("--list", help="Show the shipped queries.")] = False,
    param: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE for $NAME; may be given several times.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds after which it is stopped; 0: never.")
    ] = QUERY_SECONDS,
    output: Annotated[
        Literal["table", "csv", "tsv", "json", "jsonl", "parquet", "md"] | None,
        typer.Option("--format", help="table, or by --out.", rich_help_panel=OUTPUT),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="A file; its ending tells the format.", rich_help_panel=OUTPUT),
    ] = None,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Ask the database in SQL: read-only, without access to anything else.

    Example: `tweetscore query "SELECT status, count(*) FROM scored GROUP BY ALL"`, or
    `tweetscore query --file hit_rate --out hit_rate.csv`
    """
    from tweetscore.io.formats import form_of
    from tweetscore.query import query_text, run_query, shipped_queries

    if list_them:
        display.show_queries(shipped_queries(), as_json=as_json)
        return
    text = query_text(sql, file, sys.stdin)
    form = "json" if as_json else output or (form_of(out) if out else "table")
    with run_query(db, text, param or [], limit_seconds=timeout or None) as answer:
        display.show_answer(answer, form, out)
