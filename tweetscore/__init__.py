"""Score archives of social-media posts and compare the scores with market prices.

>>> import tweetscore
>>> with tweetscore.open("tweets.duckdb") as database:
...     database.ingest("archive.json.zip", "bars.csv")
...     database.score("my-model", intervals=[30])
...     frame = database.scored(30)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tweetscore.api import (
    Database,
    browse,
    demo,
    doctor,
    evaluate_labelled,
    load_model,
    open,  # noqa: A004 - as gzip.open and others are named
    plan_files,
    query_text,
    read_news,
    run_query,
    score_files,
    shipped_models,
    shipped_queries,
    train_labelled,
    write_sample,
)

if TYPE_CHECKING:
    from tweetscore.market.targets import Target
    from tweetscore.study.options import StudyOptions
    from tweetscore.training.options import FitOptions, TrainingOptions

__version__ = "0.2.0"
__all__ = [
    "Database",
    "FitOptions",
    "StudyOptions",
    "Target",
    "TrainingOptions",
    "__version__",
    "browse",
    "demo",
    "doctor",
    "evaluate_labelled",
    "load_model",
    "open",
    "plan_files",
    "query_text",
    "read_news",
    "run_query",
    "score_files",
    "shipped_models",
    "shipped_queries",
    "train_labelled",
    "write_sample",
]

_OPTIONS = {
    "FitOptions": "tweetscore.training.options",
    "StudyOptions": "tweetscore.study.options",
    "Target": "tweetscore.market.targets",
    "TrainingOptions": "tweetscore.training.options",
}


def __getattr__(name: str) -> Any:
    """Import the options of training when they are first used: they need polars, which is slow."""
    if name in _OPTIONS:
        return getattr(import_module(_OPTIONS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
