"""The whole job on made-up data in one call: a folder enters, a database and a report leave."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tweetscore.api.common import need, silent
from tweetscore.api.database import open as open_database
from tweetscore.api.files import write_sample

SMALL = {"embedding_dim": 64, "hidden": 32, "vectors": "random"}  # seconds, not minutes
EPOCHS, LEARNING_RATE, MINUTES = 20, 2e-3, 30


@dataclass(frozen=True, slots=True)
class Demo:
    """What the job has made, and what it has found."""

    database: Path
    model: Path
    report: Path
    verdict: str


def demo(folder: str | Path = "demo", *, on_step: Callable[[str], None] = silent) -> Demo:
    """Write a made-up archive, read it, train a small model, score, and write the report.

    Args:
        folder: where all of it goes; made if it is missing.
        on_step: called with what is done next.

    Returns:
        The paths, and the verdict: the archive has a signal, and the model finds it.

    Raises:
        InputError: training or the report is not installed, or the folder has a sample already.
    """
    need("train", "demo")
    need("report", "demo")
    from tweetscore.training.options import FitOptions, TrainingOptions

    folder = Path(folder)
    made = Demo(folder / "tweetscore.duckdb", folder / "demo-model", folder / "report.html", "")
    on_step("writing a made-up archive of posts and prices, in which posts move the price")
    written = write_sample(folder)
    fit = FitOptions(epochs=EPOCHS, learning_rate=LEARNING_RATE)
    options = TrainingOptions(intervals=(MINUTES,), fit=fit, **SMALL)  # type: ignore[arg-type]  # sizes
    with open_database(made.database) as database:
        on_step("reading it, and proving its clocks")
        database.ingest(written.archive, written.bars)
        on_step(f"training a small model on what the price did within {MINUTES} minutes")
        database.train(made.model, options, log_folder=folder / "runs")
        on_step("scoring every post")
        database.score(made.model, intervals=[MINUTES])
        on_step("writing the report")
        found = database.report(made.report)
    return Demo(made.database, made.model, made.report, found.verdict)
