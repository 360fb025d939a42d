"""Score archives of social-media posts and compare the scores with market prices.

>>> import tweetscore
>>> with tweetscore.open("tweets.duckdb") as database:
...     database.ingest("archive.json.zip", "bars.csv")
...     database.score("my-model", intervals=[30])
...     frame = database.scored(30)
"""

from tweetscore.api import (
    Database,
    doctor,
    evaluate_labelled,
    load_model,
    open,  # noqa: A004 - as gzip.open and others are named
    query_text,
    run_query,
    score_files,
    shipped_models,
    shipped_queries,
    train_labelled,
    write_sample,
)

__version__ = "0.1.0"
__all__ = [
    "Database",
    "__version__",
    "doctor",
    "evaluate_labelled",
    "load_model",
    "open",
    "query_text",
    "run_query",
    "score_files",
    "shipped_models",
    "shipped_queries",
    "train_labelled",
    "write_sample",
]
