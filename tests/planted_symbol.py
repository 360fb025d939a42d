"""From a sample of several symbols to verdicts, by commands: is the planted one found, alone?

``python -m tests.planted_symbol`` tries twenty seeds, each with another symbol planted in turn.
"""

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from tweetscore.cli.app import app
from tweetscore.evaluation.figures import POOLED
from tweetscore.sample.plan import SYMBOLS as NAMES

SYMBOLS, SEEDS = 5, 20
NETWORK = ["--interval", 30, "--epochs", 8, "--embedding-dim", 32, "--hidden", 16]
LEARNING = ["--vectors", "random", "--batch-rows", 32, "--learning-rate", 0.003]


def invoke(*arguments: object) -> Any:
    """Run a command and return its record."""
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, (result.stderr, result.exception)
    return json.loads(result.stdout)


def verdicts(folder: Path, seed: int) -> tuple[str, dict[str, str]]:
    """Return which symbol is planted in the world of a seed, and the verdict on each and on all."""
    db = ["--db", folder / "db"]
    planted = NAMES[seed % SYMBOLS]
    options = ["--symbols", SYMBOLS, "--seed", seed, "--planted", planted]
    invoke("sample", folder / "sample", *options)
    invoke("ingest", folder / "sample", *db)
    invoke("link", "--cashtags", *db)
    where = ["--output", folder / "model", "--log-dir", folder / "runs"]
    invoke("train", *NETWORK, *LEARNING, "--seed", seed, *where, *db)
    invoke("score", "--model", folder / "model", *db)
    found = invoke("evaluate", *db)["figures"]
    return planted, {each["symbol"]: each["verdict"] for each in found}


def main() -> None:
    """Print how often the planted symbol, all together, and one of the others was a signal."""
    table = Table("seed", "planted", "found", "all together", "others with a signal")
    total = Counter[str]()
    for seed in range(SEEDS):
        with TemporaryDirectory() as folder:
            planted, found = verdicts(Path(folder), seed)
        others = [
            symbol
            for symbol, verdict in found.items()
            if verdict == "signal" and symbol not in {planted, POOLED}
        ]
        named = ", ".join(others) or "none"
        table.add_row(str(seed), planted, found[planted], found[POOLED], named)
        total["found"] += found[planted] == "signal"
        total["alone"] += not others
    Console().print(table)
    Console().print(f"found in {total['found']} of {SEEDS}, no other in {total['alone']}")


if __name__ == "__main__":
    main()
