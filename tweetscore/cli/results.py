"""The panel "Scores and results": score posts, and see what the scores are worth."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tweetscore import api
from tweetscore.cli import (
    answers,
    file_options,
    judging_options,
    market_options,
    options,
    printing,
    scores,
)
from tweetscore.cli.classifier_options import ClassifierOptions
from tweetscore.cli.command import command
from tweetscore.cli.console import detail, note
from tweetscore.cli.options import DEFAULT_DB
from tweetscore.cli.progress import file_progress, row_progress, working
from tweetscore.errors import InputError
from tweetscore.evaluation import EFFECT_AUC
from tweetscore.io.new_file import check_apart

if TYPE_CHECKING:
    from tweetscore.api.common import Loaded
    from tweetscore.evaluation.earnings import Earnings
    from tweetscore.evaluation.figures import Figures
    from tweetscore.evaluation.forward_record import ForwardRecord
    from tweetscore.market.horizons import Horizon  # onnxruntime would slow down --help

RESULTS = "Scores and results"
app = typer.Typer()


@command(app, RESULTS)
def score(
    db: options.Db = DEFAULT_DB,
    interval: options.Intervals = None,
    model: options.Model = "reference",
    device: options.Device = "auto",
    *,
    classifier: ClassifierOptions,
    files: file_options.FileOptions,
    as_json: options.Json = False,
) -> None:
    """Score every post that the model has not scored yet, in the database or in Parquet files.

    If it is interrupted, run it again: it continues. Files must have the columns of the table
    tweets; their scores have those of the view scored.

    Example: `tweetscore score --interval 30 --model my-model`, or
    `tweetscore score --input posts --output scored`
    """
    bundle = api.load_model(model, intervals=interval or (), **classifier.read())
    detail(f"model {bundle.name} from {bundle.path}, id {bundle.model_id}")
    if files.input:
        _score_files(bundle, interval or [], db, files, as_json=as_json)
        return
    with api.open(db, create=False) as database, row_progress("scoring") as on_rows:
        account = database.score(
            bundle,
            intervals=interval or (),
            device=device,
            accept_changed=classifier.accept_changed,
            progress=on_rows,
        )
    scores.show_scores(account, bundle.target.kind, as_json=as_json)


def _score_files(
    bundle: "Loaded",
    intervals: "list[Horizon]",
    db: Path,
    files: file_options.FileOptions,
    *,
    as_json: bool,
) -> None:
    """Score files into files, with the prices of the database if there is one."""
    if not files.output:
        raise InputError("--input needs a folder for the scores; name one with --output")
    market = options.database_if_any(db)
    if not market:
        note(f"{db} does not exist: without bars, no score is compared with prices")
    job: Any = {
        "inputs": files.input or (),
        "output": files.output,
        "model": bundle,
        "intervals": intervals,
        "market": market,
        "storage_options": file_options.storage_options(files.storage_option),
    }
    if files.dry_run:
        scores.show_plan(api.plan_files(**job), as_json=as_json)
        return
    with file_progress(as_json=as_json) as on_shard:
        account = api.score_files(
            **job,
            engine=files.engine,
            address=files.address,
            workers=files.workers,
            take_over=files.take_over,
            progress=on_shard,
        )
    scores.show_files(account, files.output, as_json=as_json)
    if account.failed:
        first = account.failed[0]
        raise InputError(
            f"{len(account.failed)} of {account.shards} shards failed, the first is {first.name} "
            f"({first.reason}); fix them and run the command again"
        )


@command(app, RESULTS)
def evaluate(
    db: options.Db = DEFAULT_DB,
    model: options.ScoredModel = None,
    session: options.Session = "regular",
    since: judging_options.From = None,
    until: judging_options.Until = None,
    labelled: judging_options.EvaluatedFile = None,
    column: options.Columns = None,
    encoding: options.Encoding = None,
    effect: judging_options.Effect = EFFECT_AUC,
    costs: judging_options.Costs = "1,2,5",
    *,
    around: market_options.NewsOptions,
    as_json: options.Json = False,
) -> None:
    """Compare the stored scores with what the price did, beside simple baselines.

    Posts of the model's training and validation parts do not count; a time span that includes them
    is refused. Beside the figures stand what trading by the scores would earn after costs, and the
    record of models that were frozen. A look at a part of the posts (--from, --until, another
    --session, --without-news) is noted in the database, and every p corrected for it.

    Example: `tweetscore evaluate --model my-model`
    """
    around.check_market(labelled)
    costs_bps = judging_options.costs_bps(costs)
    earnings: Sequence[Earnings] = ()
    forward: Sequence[ForwardRecord] = ()
    if labelled:
        columns = options.column_names(column)
        figures = _labelled_figures(labelled, model, columns, encoding, effect)
    else:
        a_part = bool(since or until or around.without_news or session != "regular")
        with api.open_to_judge(db, a_part=a_part) as database, working() as on_step:
            on_step("measuring the figures")
            span: Any = {"session": session, "from_utc": since, "until_utc": until}
            span["news"] = around.read()
            figures = database.evaluate(model, effect_auc=effect, on_message=note, **span)
            on_step("counting what trading would earn")
            earnings = database.earnings(model, costs_bps=costs_bps, **span)
            forward = database.forward(model, session=session)
    printing.show_figures(figures, earnings, forward, as_json=as_json)


def _labelled_figures(
    file: Path, model: str | None, columns: dict[str, str], encoding: str | None, effect_auc: float
) -> "list[Figures]":
    if not model:
        raise InputError("--labelled needs a model that predicts labels; name it with --model")
    measured = api.evaluate_labelled(
        file, model, columns=columns, encoding=encoding, effect_auc=effect_auc
    )
    note(f"{file}: {measured.fact}")
    return measured.figures


@command(app, RESULTS)
def compare(
    model: judging_options.ComparedModels = None,
    db: options.Db = DEFAULT_DB,
    session: options.Session = "regular",
    as_json: options.Json = False,
) -> None:
    """Compare all models of the database on the posts that none of them may have seen.

    Differences are paired over days, and corrected for all models known to have been tried on these
    days. Models of which nobody says what they have seen are left out. Compare fewer where all of
    them share no post.

    Example: `tweetscore compare --model my-model --model llm`
    """
    with api.open(db, read_only=True) as database:
        found = database.compare(model or (), session=session)
    printing.show_comparison(found, as_json=as_json)


@command(app, RESULTS)
def freeze(
    model: options.FrozenModel,
    db: options.Db = DEFAULT_DB,
    as_json: options.Json = False,
) -> None:
    """Note a model and the moment: what it predicts of later posts is a record of its own.

    `evaluate` shows that record with evidence that may be looked at every day. A model that has
    changed starts anew.

    Example: `tweetscore freeze my-model`
    """
    with api.open(db, create=False) as database:
        frozen = database.freeze(model)
    printing.show_frozen(frozen, as_json=as_json)


@command(app, RESULTS)
def report(
    db: options.Db = DEFAULT_DB,
    output: options.Page = Path("report.html"),
    model: options.ScoredModel = None,
    symbol: options.ReportedSymbol = None,
    session: options.Session = "regular",
    interval: options.ReportedInterval = None,
    *,
    around: market_options.NewsOptions,
    as_json: options.Json = False,
) -> None:
    """Write a web page about what the database holds and what the scores are worth.

    It shows the figures beside their baselines, the prices around the posts, the best and the worst
    scores, the verdict, and how everything was made. Open it in a browser; no network is needed.

    Example: `tweetscore report --output report.html --interval 30`
    """
    a_part = bool(around.without_news or session != "regular")
    with api.open_to_judge(db, a_part=a_part) as database, working() as on_step:
        written = database.report(
            output,
            model=model,
            symbol=symbol,
            session=session,
            interval_minutes=interval,
            news=around.read(),
            on_step=on_step,
        )
    printing.show_report(written, output, as_json=as_json)


@command(app, RESULTS)
def query(
    sql: options.Sql = None,
    *,
    asked: options.QueryOptions,
    db: options.Db = DEFAULT_DB,
    as_json: options.Json = False,
) -> None:
    """Query the database in SQL; it is read-only, and no file or network can be reached.

    Example: `tweetscore query "SELECT status, count(*) FROM scored GROUP BY ALL"`, or
    `tweetscore query --file hit_rate --output hit_rate.csv`
    """
    if asked.list_queries:
        answers.show_queries(api.shipped_queries(), as_json=as_json)
        return
    text = api.query_text(sql, asked.file, sys.stdin)
    if asked.output:
        check_apart(asked.output, db, Path(asked.file or db))
    parameters = api.parse_parameters(asked.param or [])
    form = answers.answer_form("json" if as_json else asked.format, asked.output)
    with api.run_query(db, text, parameters, limit_seconds=asked.timeout or None) as answer:
        answers.show_answer(answer, form, asked.output)
