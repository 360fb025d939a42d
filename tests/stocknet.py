"""The protocol of StockNet (Xu and Cohen, ACL 2018) with our posts, windows and network.

``python -m tests.stocknet ../shared/data/stocknet/dev.zip`` prints the table of tests/README.md,
which also names what differs from theirs.
"""

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from sklearn import metrics

import tweetscore
from tweetscore.market.horizons import Horizon
from tweetscore.market.windows import ensure_windows
from tweetscore.store.database import Store
from tweetscore.text.rules import TextRules
from tweetscore.training.dataset import clean_rows, market_rows, texts_until
from tweetscore.training.features import prepare
from tweetscore.training.learn import Learned, learn
from tweetscore.training.loop import predict
from tweetscore.training.options import FitOptions, TrainingOptions
from tweetscore.training.split import Split

NEXT_CLOSE = Horizon.parse("1d")
FELL_BPS, ROSE_BPS = -50.0, 55.0  # moves between these are left out
FIRST_VALIDATION, FIRST_TEST, END = date(2015, 8, 1), date(2015, 10, 1), date(2016, 1, 1)
SEEDS = range(3)
OPTIONS = TrainingOptions(intervals=(NEXT_CLOSE,), fit=FitOptions(epochs=15))


def rows_of(store: Store) -> tuple[list[str], pl.DataFrame]:
    """Return the symbols, and a row a post and share that rose or fell, in the authors' parts."""
    symbols = [symbol for (symbol,) in store.rows("SELECT symbol FROM symbols ORDER BY symbol")]
    ensure_windows(store, [NEXT_CLOSE])
    rows = market_rows(store, symbols, "regular", [NEXT_CLOSE], with_counts=False)
    day, move = pl.col("session_date"), pl.col(f"outcome_{NEXT_CLOSE}")
    part = (
        pl.when(day < FIRST_VALIDATION)
        .then(pl.lit("train"))
        .when(day < FIRST_TEST)
        .then(pl.lit("validation"))
        .when(day < END)
        .then(pl.lit("test"))
    )
    moved = rows.filter((move <= FELL_BPS) | (move > ROSE_BPS))
    cleaned = clean_rows(moved, TextRules(max_tokens=OPTIONS.max_tokens))
    return symbols, cleaned.with_columns(part=part).drop_nulls("part")


def split_of(rows: pl.DataFrame) -> Split:
    """Return where the parts begin."""

    def close(before: date) -> object:
        return rows.filter(pl.col("session_date") < before)["close_utc"].max()

    first = rows["posted_utc"].min()
    bounds = (FIRST_VALIDATION, FIRST_VALIDATION, FIRST_TEST, END)
    return Split(first, *map(close, bounds))  # type: ignore[arg-type]  # times of a column


def measured(learned: Learned) -> pl.DataFrame:
    """Return the probability of a rise and the truth, for each post and share of the test part."""
    test = learned.prepared.parts["test"]
    probability = predict(learned.model, test).softmax(2)[:, 0, 1].numpy()
    return test.rows.select("symbol", "session_date").with_columns(
        probability=pl.Series(probability), truth=pl.Series(test.labels[:, 0])
    )


def figures(found: pl.DataFrame) -> list[str]:
    """Return rows, accuracy, that of the larger class, and MCC."""
    truth, predicted = found["truth"].to_numpy(), found["probability"].to_numpy() >= 0.5
    return [
        f"{found.height:,}",
        f"{np.mean(predicted == truth):.1%}",
        f"{max(truth.mean(), 1 - truth.mean()):.1%}",
        f"{metrics.matthews_corrcoef(truth, predicted):+.3f}",
    ]


def main(archive: Path) -> None:
    """Print the figures of each seed, by post and by share and day."""
    table = Table("seed", "a row is", "rows", "accuracy", "larger class", "MCC")
    with TemporaryDirectory() as folder, tweetscore.open(Path(folder) / "stocknet.duckdb") as db:
        db.ingest(archive)
        db.link(cashtags=True)
        symbols, rows = rows_of(db.store)
        for seed in SEEDS:
            options = replace(OPTIONS, seed=seed)
            prepared = prepare(
                rows, split_of(rows), options, TextRules(max_tokens=options.max_tokens),
                symbols=tuple(symbols), posts_until=lambda end: texts_until(db.store, end),
            )  # fmt: skip
            of_posts = measured(learn(prepared, options, Path(folder) / "runs", lambda _: None))
            of_days = of_posts.group_by("symbol", "session_date").agg(
                pl.col("probability").mean(), pl.col("truth").first()
            )
            table.add_row(str(seed), "a post and share", *figures(of_posts))
            table.add_row("", "a share and day", *figures(of_days))
    table.add_row("", "published", "", "58.2%", "", "+0.081")
    Console().print(table)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
