"""Say where somebody stands: a path enters, a fact and the commands that come next leave."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tweetscore.errors import TweetscoreError
from tweetscore.market.symbols import symbols_words
from tweetscore.store.database import Store, open_store, statement


@dataclass(frozen=True, slots=True)
class Step:
    """A command that makes sense now, and what it does."""

    command: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands, and what they can do."""

    fact: str
    steps: tuple[Step, ...]


DEMO = Step("demo", "the whole job on made-up data, in a minute")
INGEST = Step("ingest PATH", "read your archive of posts, and minute bars of a market")
INFO = Step("info", "what was read, and what was rejected")
SCORE = Step("score --interval 30", "score the posts with the shipped model")
TRAIN = Step("train --output my-model", "learn from these posts; then score --model my-model")
EVALUATE = Step("evaluate", "what the scores are worth, beside simple baselines")
REPORT = Step("report", "one page of all of it")
BROWSE = Step("browse", "look at posts and prices in a browser")


def standing(db: Path) -> Standing:
    """Look at a database, if there is one, and never change it."""
    if not db.exists():
        return Standing(f"{db} does not exist yet", (DEMO, INGEST))
    try:
        with open_store(db, read_only=True) as store:
            return Standing(*_of_database(store))
    except TweetscoreError as error:
        return Standing(f"{error}", ())


def _of_database(store: Store) -> tuple[str, tuple[Step, ...]]:
    (posts,) = store.row("SELECT count(*) FROM tweets")
    symbols = [name for (name,) in store.rows("SELECT symbol FROM symbols ORDER BY symbol")]
    models = [name for _, name, *_ in store.rows(statement("report/models"))]
    fact = f"{store.path} has {', '.join(_words(posts, symbols, models))}"
    if not posts and not symbols:
        return fact, (INGEST, DEMO)
    if not posts:
        read = Step("ingest PATH", "read an archive of posts to hold against these prices")
        return fact, (read, INFO)
    scored = (REPORT, BROWSE, EVALUATE) if models else (SCORE, TRAIN, BROWSE)
    if symbols:
        return fact, scored
    read = Step("ingest PATH", "read minute bars: without prices no score can be judged")
    return fact, (read, BROWSE if models else SCORE, INFO)


def _words(posts: int, symbols: list[str], models: list[str]) -> Iterator[str]:
    yield "one post" if posts == 1 else f"{posts:,} posts" if posts else "no posts"
    yield f"bars of {symbols_words(symbols)}" if symbols else "no bars"
    yield f"scores of {', '.join(dict.fromkeys(models))}" if models else "no scores"
