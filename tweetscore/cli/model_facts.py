"""Print what a model is: a loaded model goes in; a table or one JSON value goes out on stdout."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweetscore.cli.tables import show_record, show_table
from tweetscore.market.horizons import NO_HORIZON

if TYPE_CHECKING:
    from tweetscore.api.common import Loaded

_GIVEN = {
    "softmax": "one of the labels holds: softmax",
    "sigmoid": "each label holds or not: sigmoid",
    "raw": "a number without bounds (regression), which cannot be scored",
}


def show_model(model: "Loaded", *, as_json: bool) -> None:
    """Print a model's classes, inputs and files, and what it may have seen."""
    known = model.knows_until_utc
    record: dict[str, Any] = {
        "model": model.name,
        "model_id": model.model_id,
        "folder": str(model.path),
        "target": model.target.name,
        "classes": list(model.target.classes),
        "intervals": [str(each) for each in model.horizons if each != NO_HORIZON],
        **_of_texts(model.card),
        "uses_counts": model.uses_counts,
        "knows_until_utc": known.isoformat() if known else None,
        "files": {name: model.card["sha256"][name] for name in sorted(model.card["sha256"])},
    }
    if as_json:
        bytes_of = {name: (Path(model.path) / name).stat().st_size for name in record["files"]}
        show_record(record | {"bytes": bytes_of})
        return
    files = record.pop("files")
    rows = [(name.replace("_", " "), _worded(name, value)) for name, value in record.items()]
    rows += [(f"sha256 of {name}", sha256) for name, sha256 in files.items()]
    show_table(["what", "value"], rows)


def _of_texts(card: dict[str, Any]) -> dict[str, Any]:
    """Return what is said of how a model reads texts."""
    of_text = card.get("text_model")
    if encoder := card.get("encoder"):
        return {
            "encoder": encoder["name"],
            "pooling": encoder["pooling"],
            "max_tokens": encoder["max_tokens"],
        }
    if not of_text:
        return {"max_tokens": card["text_rules"]["max_tokens"]}
    names = ("file", "function", "max_tokens", "inputs", "texts_alone")
    return {name: of_text[name] for name in names}


def _worded(name: str, value: Any) -> str:
    if name == "function":
        return _GIVEN[value]
    if name == "texts_alone":
        return "each by itself" if value else "in batches, with the same result"
    if name == "knows_until_utc" and value is None:
        return "nobody says; say it when scoring, with --trained-until"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return str(value)
