"""Small things made by hand that several tests need: a bundle, tweets, bars."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from tweetscore.io.new_file import sha256_of
from tweetscore.scoring.bundle import Bundle, write_bundle
from tweetscore.scoring.sums import SUMS, listed
from tweetscore.store.database import Store
from tweetscore.text.rules import TextRules
from tweetscore.text.vocabulary import Vocabulary

MINUTE = timedelta(minutes=1)
WORDS = ("stocks up great day", "stocks down sad day", "tariffs great sad win", "china tariffs win")
RULES = TextRules(max_tokens=6)
VOCABULARY = Vocabulary.from_texts(WORDS, RULES)
COUNTS_MEAN, COUNTS_STD = (2.0, 3.0), (0.5, 1.5)

OF_DIRECTION = {"target": "direction", "classes": ["down", "up"]}  # of a row of the table models
UP = 2  # the number of the class up

Row = tuple[int, str, str] | tuple[int, str, str, int | None, int | None]


def tiny_bundle(
    folder: Path,
    intervals: Sequence[int] = (5, 30),
    *,
    counts: bool = False,
    split: Mapping[str, str] | None = None,
    seed: int = 0,
) -> tuple[Bundle, Any]:
    """Write a bundle of a small untrained network; return it, and the network itself."""
    import torch

    from tweetscore.training.classifier import NetworkConfig
    from tweetscore.training.network import NETWORK

    torch.manual_seed(seed)
    config = NetworkConfig(len(VOCABULARY), len(intervals), 2, 8, 4, counts=2 if counts else 0)
    model = NETWORK(config).eval()
    with torch.no_grad():  # far from even, so that another text or head has another probability
        for weights in model.parameters():
            weights.mul_(3)
    weight = model.counts_weight()
    card = {
        "name": folder.name,
        "classes": ["down", "up"],
        "intervals": list(intervals),
        "session": "regular",
        "text_rules": RULES.to_dict(),
        "counts": None
        if weight is None
        else {"mean": COUNTS_MEAN, "std": COUNTS_STD, "weight": weight.tolist()},
        "split": dict(split or {}),
    }
    bundle = write_bundle(
        folder,
        onnx_model=model.to_onnx().SerializeToString(),
        vocabulary=VOCABULARY.words,
        card=card,
        readme=f"# {folder.name}\n",
    )
    return bundle, model


def class_bundle(
    folder: Path,
    target: str,
    classes: Sequence[str],
    intervals: Sequence[int],
    *,
    counts: bool = False,
    seed: int = 0,
    **card: Any,
) -> tuple[Bundle, Any]:
    """Write a bundle of a small untrained network of these classes; return both."""
    import torch

    from tweetscore.training.classifier import NetworkConfig
    from tweetscore.training.lstm import LstmClassifier

    torch.manual_seed(seed)
    config = NetworkConfig(
        len(VOCABULARY), len(intervals), len(classes), 8, 4, counts=2 if counts else 0
    )
    model = LstmClassifier(config).eval()
    with torch.no_grad():  # far from even, so that another text, head or class has another score
        for weights in model.parameters():
            weights.mul_(3)
    weight = model.counts_weight()
    written = write_bundle(
        folder,
        onnx_model=model.to_onnx().SerializeToString(),
        vocabulary=VOCABULARY.words,
        card={
            "name": folder.name,
            "target": target,
            "classes": list(classes),
            "intervals": list(intervals),
            "text_rules": RULES.to_dict(),
            "split": {},
            "counts": None
            if weight is None
            else {"mean": COUNTS_MEAN, "std": COUNTS_STD, "weight": weight.tolist()},
            **card,
        },
        readme=f"# {folder.name}\n",
    )
    return written, model


def resum(folder: Path) -> None:
    """List the files of a bundle again, as whoever changes one on purpose would."""
    found = {each.name: sha256_of(each) for each in folder.iterdir() if each.name != SUMS}
    (folder / SUMS).write_bytes(listed(found))


def edit_card(folder: Path, **changes: Any) -> None:
    """Change what a card says, under a list that is right."""
    path = folder / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")
    resum(folder)


def torch_probabilities(model: Any, tokens: Sequence[str], counts: Sequence[int] = ()) -> list[Any]:
    """Return torch's own probability of up for one text, head by head."""
    import torch

    words = list(VOCABULARY.words)
    ids = [words.index(token) if token in words else 1 for token in tokens[: RULES.max_tokens]]
    z = (np.log1p(np.array(counts or (0, 0))) - COUNTS_MEAN) / COUNTS_STD
    with torch.no_grad():
        logits = model(
            torch.tensor([ids]),
            torch.tensor([len(ids)]),
            torch.tensor(np.array([z]), dtype=torch.float32) if counts else None,
        )
    found: list[Any] = logits.softmax(-1)[0, :, 1].tolist()
    return found


def put_tweets(store: Store, rows: Sequence[Row]) -> None:
    """Add tweets of somebody: id, time of posting, text and, if wanted, both counts."""
    store.append(
        "tweets",
        pl.DataFrame(
            {
                "platform": ["twitter"] * len(rows),
                "tweet_id": [row[0] for row in rows],
                "author": ["somebody"] * len(rows),
                "posted_utc": [datetime.fromisoformat(row[1]) for row in rows],
                "text": [row[2] for row in rows],
                "retweet_count": [row[3] if len(row) > 3 else 1 for row in rows],
                "favorite_count": [row[4] if len(row) > 3 else 2 for row in rows],
                "is_retweet": [False] * len(rows),
                "source_id": [1] * len(rows),
            },
            schema_overrides={"retweet_count": pl.Int64, "favorite_count": pl.Int64},
        ),
    )


def put_symbol(
    store: Store, symbol: str = "SPX", calendar: str = "XNYS", spacing_minutes: int = 1
) -> None:
    """Add a symbol, without bars."""
    row = {"symbol": [symbol], "calendar": [calendar], "spacing_minutes": [spacing_minutes]}
    store.append("symbols", pl.DataFrame(row))


def put_bars(store: Store, start: str, closes: Sequence[float], symbol: str = "SPX") -> None:
    """Add bars minute by minute, each opening where the one before it closed."""
    if not store.rows("FROM symbols WHERE symbol = $symbol", symbol=symbol):
        put_symbol(store, symbol)
    opens = [closes[0], *closes[:-1]]
    first = datetime.fromisoformat(start)
    store.append(
        "bars",
        pl.DataFrame(
            {
                "symbol": [symbol] * len(closes),
                "minute_utc": [first + place * MINUTE for place in range(len(closes))],
                "open": opens,
                "high": [max(pair) for pair in zip(opens, closes, strict=True)],
                "low": [min(pair) for pair in zip(opens, closes, strict=True)],
                "close": closes,
                "source_id": [1] * len(closes),
            }
        ),
    )


def contents(db: Path) -> dict[str, tuple[Any, ...]]:
    """Rows and a hash of each table, whatever the order, without what differs from run to run."""
    run = {"sources": "EXCLUDE (source_id, started_utc, finished_utc)"}
    run |= dict.fromkeys(("tweets", "bars", "rejects"), "EXCLUDE (source_id)")
    with duckdb.connect(str(db), read_only=True) as con:
        names = con.execute("SELECT table_name FROM duckdb_tables() ORDER BY ALL").fetchall()
        found: dict[str, tuple[Any, ...]] = {}
        for (name,) in names:
            (rows,) = con.execute(f"SELECT count(*) FROM {name}").fetchone() or (0,)
            of_all = f"SELECT sum(hash(t)) FROM (SELECT * {run.get(name, '')} FROM {name}) t"
            found[name] = (rows, con.execute(of_all).fetchone() if rows else None)
    return found
