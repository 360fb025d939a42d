"""Score social-media archives against market minutes.

>>> import tweetscore
>>> with tweetscore.open("tweets.duckdb") as database:
...     database.ingest("archive.json.zip", "bars.csv")
...     database.score("my-model", intervals=[30])
...     frame = database.scored(30)
"""

from tweetscore.api import Database, open, score_files  # noqa: A004 - as gzip.open and others are named

__version__ = "0.1.0"
__all__ = ["Database", "__version__", "open", "score_files"]
