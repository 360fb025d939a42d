"""Freeze a bundle: a hash and the moment are noted, and its predictions of later posts count."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from tweetscore.scoring.bundle import Bundle
from tweetscore.scoring.predictions import register_model
from tweetscore.store.database import Store


@dataclass(frozen=True, slots=True)
class Frozen:
    """A model whose record has begun."""

    model: str
    model_id: str
    bundle_sha256: str
    frozen_utc: datetime
    again: bool  # it was frozen before, and that moment stays


def freeze(store: Store, bundle: Bundle, now: datetime | None = None) -> Frozen:
    """Note a bundle and the moment, once; a bundle that has changed is another, and starts anew.

    ``now`` is in UTC, without a zone; None is the clock's.
    """
    digest = hashlib.sha256()
    for path in sorted(each for each in bundle.path.iterdir() if each.name != "README.md"):
        digest.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    sha256 = digest.hexdigest()
    query = "SELECT min(frozen_utc) FROM frozen WHERE model_id = $model_id AND bundle_sha256 = $sha"
    (before,) = store.row(query, model_id=bundle.model_id, sha=sha256)
    moment = before or now or datetime.now(UTC).replace(tzinfo=None)
    if not before:
        row = {"model_id": bundle.model_id, "bundle_sha256": sha256, "frozen_utc": moment}
        with store.transaction():
            register_model(store, bundle)
            store.append("frozen", pl.DataFrame([row]))
    return Frozen(bundle.name, bundle.model_id, sha256, moment, before is not None)
