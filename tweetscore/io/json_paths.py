"""Read values at paths in JSON: paths enter, a schema for the parser and expressions leave.

A path is the keys from a record to a value; every value is read as a string.
"""

from collections.abc import Iterable
from typing import Any

import polars as pl

Path = tuple[str, ...]


def schema_of(paths: Iterable[Path]) -> dict[str, Any]:
    """Return the schema of records with a string at each path."""
    tree: dict[str, list[Path]] = {}
    for first, *rest in paths:
        tree.setdefault(first, []).extend([tuple(rest)] if rest else [])
    return {
        name: pl.Struct(schema_of(inner)) if inner else pl.String() for name, inner in tree.items()
    }


def at(path: Path) -> pl.Expr:
    """Return the value at a path of the records."""
    first, *rest = path
    place = pl.col(first)
    for name in rest:
        place = place.struct.field(name)
    return place
