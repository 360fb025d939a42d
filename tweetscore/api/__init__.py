"""The program as functions, for notebooks and for the command line.

>>> import tweetscore
>>> with tweetscore.open("tweets.duckdb") as database:
...     database.ingest("archive.json.zip", "bars.csv")
...     database.score(intervals=[30])
...     frame = database.scored(30)

Whatever a command does is a method of ``Database`` or a function here; a command only parses and
prints.
"""

from tweetscore.api.checks import doctor, standing
from tweetscore.api.common import load_model, need
from tweetscore.api.database import (
    Database,
    open,  # noqa: A004 - as gzip.open and others are named
    open_to_judge,
)
from tweetscore.api.demo import demo
from tweetscore.api.files import (
    evaluate_labelled,
    plan_files,
    score_files,
    shipped_models,
    train_labelled,
    write_sample,
)
from tweetscore.api.market import read_news
from tweetscore.api.queries import browse, parse_parameters, query_text, run_query, shipped_queries

__all__ = [
    "Database",
    "browse",
    "demo",
    "doctor",
    "evaluate_labelled",
    "load_model",
    "need",
    "open",
    "open_to_judge",
    "parse_parameters",
    "plan_files",
    "query_text",
    "read_news",
    "run_query",
    "score_files",
    "shipped_models",
    "shipped_queries",
    "standing",
    "train_labelled",
    "write_sample",
]
