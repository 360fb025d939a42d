"""Run a study as a whole: a database and options go in; runs are stored, a summary comes out."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from tweetscore.errors import InputError
from tweetscore.market.news import News
from tweetscore.store.database import Store
from tweetscore.store.trials import known_trials
from tweetscore.study.charts import write_charts
from tweetscore.study.options import StudyCell, StudyOptions
from tweetscore.study.run import study
from tweetscore.study.runs import StudyRun
from tweetscore.study.source import database_source, table_source
from tweetscore.study.summary import StudyResult, summarise
from tweetscore.training.epoch import Epoch


def run_study(
    store: Store,
    options: StudyOptions | None,
    *,
    tables: Path | None,
    charts: Path | None,
    log_folder: Path | None,
    resume: bool,
    news: News | None,
    on_epoch: Callable[[StudyCell, int, Epoch], None],
    on_run: Callable[[StudyRun], None],
    on_message: Callable[[str], None],
) -> StudyResult:
    """Train the networks of a study, sum up what they found, and draw charts if wanted.

    See ``Database.study``, which needs no import of torch before it is called.
    """
    options = options or StudyOptions()
    name = tables.name if tables else store.path.stem
    logs = log_folder or Path("runs") / f"study-{name}-{options.protocol}"
    if tables and news:
        raise InputError("--without-news: the study's tables have no windows; leave it out")
    told = cache(on_message)  # each seed reads the same rows again
    if tables:
        source = table_source(tables, options)
    else:
        source = database_source(store, options, news, told)
    runs = []
    for run in study(store, source, options, log_folder=logs, resume=resume, progress=on_epoch):
        runs.append(run)
        on_run(run)
    found = summarise(runs, source, options, known_trials(store))
    if charts:
        for path in write_charts(charts, found.compared, found.ablation, runs):
            on_message(f"wrote {path}")
    return found
