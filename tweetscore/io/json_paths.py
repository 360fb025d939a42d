"""Read values at paths in JSON: paths enter, a schema for the parser and expressions leave.

A path is the keys from a record to a value, and the places of elements of lists, from 0; every
value is read as a string.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

Path = tuple[str | int, ...]


def schema_of(paths: Iterable[Path]) -> dict[str, Any]:
    """Return the schema of records with a string at each path."""
    tree: dict[str, list[Path]] = {}
    for first, *rest in paths:
        tree.setdefault(str(first), []).extend([tuple(rest)] if rest else [])
    return {name: _type_of(inner) for name, inner in tree.items()}


def _type_of(inner: Sequence[Path]) -> pl.DataType:
    """Return the type of a value from which these paths lead on."""
    elements = [path[1:] for path in inner if isinstance(path[0], int)]
    if elements:
        return pl.List(_type_of([path for path in elements if path]))
    return pl.Struct(schema_of(inner)) if inner else pl.String()


def at(path: Path) -> pl.Expr:
    """Return the value at a path of the records."""
    first, *rest = path
    place = pl.col(str(first))
    for step in rest:
        if isinstance(step, int):
            place = place.list.get(step, null_on_oob=True)
        else:
            place = place.struct.field(step)
    return place


def element_path(value: Any, name: str) -> Path | None:
    """Return the path to a plain value within lists that a dotted name means, as ``edges.0.text``.

    None where it leads through no list, or to no plain value.
    """
    path: list[str | int] = []
    for step in name.split("."):
        if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            path.append(int(step))
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            path.append(step)
            value = value[step]
        else:
            return None
    is_plain = value is not None and not isinstance(value, dict | list)
    return tuple(path) if is_plain and any(isinstance(step, int) for step in path) else None
