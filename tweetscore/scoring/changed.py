"""Folders of text classifiers that are not as they were when they scored.

A model of this program carries a list of its files; a folder of another program has none. So the
database keeps the sha256 of what has scored.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tweetscore.errors import InputError, TweetscoreError
from tweetscore.market.horizons import Horizon
from tweetscore.scoring.predictors import Model
from tweetscore.scoring.sides import recorded_sides
from tweetscore.scoring.text_folder import Reading, TextModel, load_text_folder, sums_of
from tweetscore.store.database import Store

NO_CLASSIFIER = "no text classifier of another program has scored"


@dataclass(frozen=True, slots=True)
class ScoredFolder:
    """A folder as it was when it scored."""

    model: str
    model_id: str
    folder: Path
    file: str  # the graph's
    sha256: dict[str, str]
    reads_as: str | None  # its labels as a direction

    def changes(self, sha256: Mapping[str, str]) -> list[str]:
        """Return the files that differ, or are on one side alone."""
        names = sorted(self.sha256.keys() | sha256)
        return [each for each in names if self.sha256.get(each) != sha256.get(each)]


def scored_folders(store: Store) -> list[ScoredFolder]:
    """Return the folders of the text classifiers that have scored, in the order of their rows."""
    rows = store.rows(
        "SELECT name, model_id, card FROM models WHERE contains(card, '\"text_model\"') "
        "ORDER BY rowid"
    )
    found = []
    for name, model_id, text in rows:
        card = json.loads(text)
        if of_text := card.get("text_model"):
            found.append(
                ScoredFolder(
                    name, model_id, Path(of_text["folder"]), of_text["file"], card["sha256"],
                    recorded_sides(of_text) or None,
                )
            )  # fmt: skip
    return found


def scored_classifier(store: Store, model_id: str) -> TextModel | None:
    """Return a text classifier that has scored; None if its folder is gone or has changed."""
    for each in scored_folders(store):
        if each.model_id == model_id:
            query = "SELECT DISTINCT interval_minutes FROM predictions WHERE model_id = $model_id"
            horizons = [Horizon(n) for (n,) in store.rows(query, model_id=model_id) if n]
            reading = Reading(each.file, each.reads_as, tuple(sorted(horizons)))
            with suppress(TweetscoreError):
                found = load_text_folder(each.folder, reading)
                return found if found.model_id == model_id else None
    return None


def check_unchanged(store: Store, model: Model) -> None:
    """Refuse a folder that has scored in this database with other files.

    Raises:
        InputError: it has, and never with these.
    """
    if not isinstance(model, TextModel):
        return
    folder = model.path.resolve()
    same = [
        each
        for each in scored_folders(store)
        if each.file == model.file and each.folder.name == folder.name  # wherever it is now
    ]
    if not same or any(each.sha256 == model.sha256 for each in same):
        return
    changed = ", ".join(same[-1].changes(model.sha256))
    raise InputError(
        f"{model.path}: {changed} changed since {same[-1].model} has scored in {store.path}; put "
        "the old file back, or score as another model with --accept-changed"
    )


def compare_folders(store: Store) -> tuple[bool | None, list[str]]:
    """Compare the folders that have scored with what they were: are all the same, and facts.

    Where one differs, only such facts are returned; None: no folder is there to compare.
    """
    latest = {(each.folder, each.file): each for each in scored_folders(store)}
    if not latest:
        return True, [NO_CLASSIFIER]
    found = [_compared(each) for each in latest.values()]
    wrong = [fact for same, fact in found if same is False]
    if wrong:
        return False, wrong
    return any(same for same, _ in found) or None, [fact for _, fact in found]


def _compared(scored: ScoredFolder) -> tuple[bool | None, str]:
    folder = scored.folder
    if not folder.is_dir():
        return None, f"{folder} is not there any more, and cannot be compared"
    try:
        changed = ", ".join(scored.changes(sums_of(folder, scored.file)))
    except TweetscoreError as error:
        return False, str(error).rpartition("; ")[0]
    fact = f"{changed} changed since it scored" if changed else "is as it was when it scored"
    return not changed, f"{folder}: {fact}"
