"""Import what was scored without a database: a folder of results enters, rows are added."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from tweetscore.errors import InputError
from tweetscore.market.targets import kind_of
from tweetscore.market.windows import ensure_windows
from tweetscore.scoring.manifest import FINISHED, MANIFEST, read_finished, read_run
from tweetscore.scoring.predictions import register_card
from tweetscore.store.database import Store
from tweetscore.store.transfer import is_export, restore

ADDED = ("tweets", "predictions", "models")  # to what results are added


def import_from(store: Store, folder: Path) -> dict[str, int]:
    """Import an export of every table, or results of ``score_files``; return the rows by table.

    Raises:
        InputError: it is neither, or ``restore`` or ``attach`` cannot use it.
        IntegrityError: an export does not hold the rows that it says it holds.
    """
    if is_export(folder):
        return restore(store, folder)
    if (folder / MANIFEST).is_dir():
        return attach(store, folder)
    raise InputError(
        f"{folder}: is neither an export nor a folder of results; name one that tweetscore export "
        "or tweetscore score --output has written"
    )


def attach(store: Store, folder: Path) -> dict[str, int]:
    """Add results of ``score_files`` to a database; return the rows added to each table.

    Tweets and predictions that are there already stay as they are, and the same results again add
    nothing.

    Raises:
        InputError: the results are of labels, or no shard is finished.
    """
    started = datetime.now(UTC).replace(tzinfo=None)
    run, finished = read_run(folder), read_finished(folder)
    kind = kind_of(run["target"])
    if not kind.is_market:
        raise InputError(
            f"{folder}: holds scores of labels, and results keep only the likeliest one; "
            "score the posts in the database"
        )
    if not finished:
        raise InputError(f"{folder}: no shard of it is finished; run tweetscore score again")
    files = [str(folder / each.name) for each in finished]
    digest = hashlib.sha256((folder / MANIFEST / FINISHED).read_bytes()).hexdigest()
    if store.rows("FROM sources WHERE sha256 = $sha256", sha256=digest):
        return dict.fromkeys(ADDED, 0)
    model_id, classes = run["model_id"], run["card"]["classes"]
    (positive,) = kind.stored(classes)
    with store.transaction():
        before = _counts(store)
        (source_id,) = store.row("SELECT coalesce(max(source_id), 0) + 1 FROM sources")
        store.run("scoring/attach_tweets", files=files, source_id=source_id)
        store.run(
            "scoring/attach_predictions",
            files=files,
            model_id=model_id,
            class_number=classes.index(positive) + 1,
        )
        register_card(store, run["model"], model_id, run["target"], run["card"])
        after = _counts(store)
        added = {name: after[name] - before[name] for name in after}
        rows = sum(each.scored for each in finished)
        store.run(
            "scoring/attach_source",
            source_id=source_id,
            folder=str(folder),
            sha256=digest,
            rows=rows,
            bytes=sum(Path(each).stat().st_size for each in files),
            stored=added["tweets"],
            started_utc=started,
            finished_utc=datetime.now(UTC).replace(tzinfo=None),
        )
    ensure_windows(store, run["intervals"])
    return added


def _counts(store: Store) -> dict[str, int]:
    found = {}
    for name in ADDED:
        (found[name],) = store.row(f"SELECT count(*) FROM {name}")
    return found
