"""How to make a report's figures again: a database enters; versions, hashes and commands leave."""

import platform
import shlex
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from tweetscore.market.horizons import Horizon
from tweetscore.market.sessions import UNKNOWN
from tweetscore.report.subject import Subject
from tweetscore.scoring.sides import recorded_sides
from tweetscore.store.database import Store

USUAL_DATABASE = "tweetscore.duckdb"
USUAL_GAP_MINUTES, USUAL_FLAT_BPS = 5, 0
STANDARD_INPUT = "standard input"  # its name in the table sources
SHORT = 12  # digits of a sha256


def provenance(
    store: Store, subject: Subject | None, card: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield versions, rules, hashes and commands; what is unknown is left out."""
    schema, gap, flat = store.row("SELECT schema_version, max_gap_minutes, flat_bps FROM settings")
    sources = store.rows(
        "SELECT s.name, s.sha256, y.calendar, s.taken, s.kind = 'predictions' FROM sources s "
        "LEFT JOIN symbols y USING (symbol) ORDER BY source_id"
    )
    yield "tweetscore", version("tweetscore")
    yield "python", platform.python_version()
    yield "duckdb", version("duckdb")
    yield "schema of the database", str(schema)
    yield "maximum age of a price", f"{gap} minutes"
    yield "a move counts as flat up to", f"{flat:g} basis points"
    if subject:
        yield "model", f"{subject.model}, id {subject.model_id}"
        if graph := card.get("sha256", {}).get("model.onnx"):
            yield "sha256 of model.onnx", graph[:SHORT]
    for name, sha256, *_ in sources:
        yield f"sha256 of {_file(name)}", sha256[:SHORT]
    rules: list[str] = []
    rules += ["--max-gap", str(gap)] if gap != USUAL_GAP_MINUTES else []
    rules += ["--flat-bps", f"{flat:g}"] if flat != USUAL_FLAT_BPS else []
    yield from _commands(store, subject, card, sources, rules)


def _commands(
    store: Store,
    subject: Subject | None,
    card: dict[str, Any],
    sources: Sequence[tuple[Any, ...]],
    rules: Sequence[str],
) -> Iterator[tuple[str, str]]:
    name = store.path.name
    db = ["--db", name] if name != USUAL_DATABASE else []
    files: dict[str | None, list[str]] = {}
    for source, _, calendar, _, is_given in sources:
        if source != STANDARD_INPUT and not is_given:
            of_calendar = files.setdefault(None if calendar == UNKNOWN else calendar, [])
            of_calendar.append(_file(source).partition("!")[0])
    for calendar, paths in files.items():
        options = ["--calendar", calendar] if calendar else []
        yield "ingest", _typed("ingest", *dict.fromkeys(paths), *options, *rules, *db)
    if subject:
        yield from _predicted(subject, card, sources, db)
        shown = ["--model", subject.model, "--interval", str(Horizon(subject.interval_minutes))]
        shown += ["--symbol", *subject.symbols] if len(subject.symbols) == 1 else []
        shown += ["--session", subject.session] if subject.session != "regular" else []
        yield "report", _typed("report", *shown, *db)
    else:
        yield "report", _typed("report", *db)


def _predicted(
    subject: Subject, card: dict[str, Any], sources: Sequence[tuple[Any, ...]], db: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield what has made the predictions: the model, or imports of somebody's files."""
    asked = [("--interval", str(Horizon(each))) for each in subject.intervals]
    if card.get("kind") != "predictions":
        model = ["--model", str(card.get("name") or subject.model)]
        options: list[str] = []
        if "text_model" in card:
            model, options = _of_classifier(card)
        if "text_model" in card or set(subject.intervals) != set(card.get("intervals", ())):
            options += [part for each in asked for part in each]
        yield "score", _typed("score", *model, *options, *db)
        return
    until = card.get("knows_until_utc")
    said = ["--model", subject.model, *(["--trained-until", until] if until else [])]
    for source, _, _, taken, is_given in sources:
        if is_given and taken.startswith(f"model: {subject.model}; "):
            for each in [()] if " horizon" in taken else asked:
                file = ["--predictions", _file(source)]
                yield "import", _typed("import", *file, *said, *each, *db)


def _of_classifier(card: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the options that name and read a text classifier of another program."""
    of_text = card["text_model"]
    options = ["--file", of_text["file"], "--as", recorded_sides(of_text)]
    if known := card.get("knows_until_utc"):
        options += ["--trained-until", known]
    return ["--model", of_text["folder"]], options


def _file(source: str) -> str:
    """Return a source's name without its folders; an entry of a zip keeps its own."""
    path, mark, entry = source.partition("!")
    return path.replace("\\", "/").rpartition("/")[2] + mark + entry


def _typed(*words: str) -> str:
    return shlex.join(["tweetscore", *words])
