"""Find the text of a query and its parameters: options and names enter, SQL and values leave."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tweetscore.errors import InputError, did_you_mean
from tweetscore.store.database import shipped

STANDARD_INPUT = "-"
ONE_ROW = "One row: "
LIST = "tweetscore query --list"
# In a header "-- $interval = 30: minutes", or "-- $tweet_id: the post" for what must be given.
PARAMETER = re.compile(r"-- \$(\w+)(?: = ([^:]*))?: (.+)")
Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One ``-- $interval = 30: minutes`` of a query's header."""

    name: str
    default: str | None  # as it would be given; None: it must be given
    description: str


@dataclass(frozen=True, slots=True)
class ShippedQuery:
    """One file of ``sql/queries/``."""

    name: str
    description: str  # what one row of its result is
    parameters: tuple[Parameter, ...]


def query_text(sql: str | None, file: str | None, stdin: TextIO) -> str:
    """Return the statement: SQL itself, or the text of a file or a shipped query; - is ``stdin``.

    Raises:
        InputError: not exactly one of SQL and file is given, or there is no such file, or it is not
            text.
    """
    if sql is not None and file is not None:
        raise InputError("SQL and --file are both given; give one of them")
    if STANDARD_INPUT in (sql, file):
        try:
            return stdin.read()
        except UnicodeDecodeError as error:
            raise InputError(
                f"standard input: is not UTF-8 text ({error}); save it as UTF-8"
            ) from error
    if sql is not None:
        return _from_shell(sql)
    if file is None:
        raise InputError(f"no query: give SQL, or --file with a file or a name from: {LIST}")
    return _text_of(file)


def shipped_queries() -> list[ShippedQuery]:
    """Describe the queries that come with the tool, by their headers."""
    return [_described(path) for path in sorted((shipped("sql") / "queries").glob("*.sql"))]


def parse_parameters(pairs: Sequence[str]) -> dict[str, Value]:
    """Read parameters written as ``name=value``; numbers become numbers, null becomes None.

    Raises:
        InputError: one is written otherwise, or given twice.
    """
    parameters: dict[str, Value] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(f"--param {pair}: is not NAME=VALUE; write it as --param interval=30")
        if name in parameters:
            raise InputError(f"--param {name}: is given twice; give each parameter once")
        parameters[name] = _value(_from_shell(value))
    return parameters


def _text_of(file: str) -> str:
    path, name = Path(file), file.removesuffix(".sql")
    if not path.is_file():
        path = shipped("sql") / "queries" / f"{name}.sql"
    if not path.is_file():
        near = did_you_mean(name, [each.name for each in shipped_queries()])
        raise InputError(f"{file}: no such file or shipped query; list these with: {LIST}{near}")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read as UTF-8 text ({error}); save it as UTF-8"
        ) from error


def _described(path: Path) -> ShippedQuery:
    header = _header(path.read_text(encoding="utf-8"))
    words = " ".join(line.removeprefix("--").strip() for line in header)
    description = words.removeprefix(ONE_ROW).partition(". ")[0].removesuffix(".")
    return ShippedQuery(path.stem, description, tuple(_parameters_of(header)))


def _header(text: str) -> list[str]:
    """Return the lines of comment before the statement."""
    lines = text.splitlines()
    ends = next((place for place, line in enumerate(lines) if not line.startswith("--")), None)
    return lines[:ends]


def _parameters_of(header: Sequence[str]) -> list[Parameter]:
    """Return the parameters that a header names."""
    return [Parameter(*each.groups()) for each in map(PARAMETER.fullmatch, header) if each]


def defaults(text: str, wanted: set[str], chosen: Mapping[str, Value]) -> dict[str, Value]:
    """Take the defaults of parameters that the statement has and nobody gave."""
    lacking = {name.lower() for name in wanted} - {name.lower() for name in chosen}
    return {
        each.name: _value(each.default)
        for each in _parameters_of(_header(text))
        if each.default is not None and each.name.lower() in lacking
    }


def check_parameters(wanted: set[str], given: Mapping[str, Value]) -> None:
    """Refuse missing and unknown parameters; DuckDB ignores the case of their names."""
    have = {name.lower() for name in given}
    if missing := sorted(name for name in wanted if name.lower() not in have):
        raise InputError(f"the query needs a value for ${missing[0]}: --param {missing[0]}=VALUE")
    if extra := sorted(have - {name.lower() for name in wanted}):
        known = ", ".join(sorted(wanted)) or "none"
        raise InputError(f"the query has no parameter ${extra[0]}; it has: {known}")


def _from_shell(text: str) -> str:
    """Read as UTF-8 what a shell whose locale is another one has given.

    Raises:
        InputError: it is none.
    """
    try:
        return text.encode(errors="surrogateescape").decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{text!r}: is not UTF-8 text; write it as UTF-8") from error


def _value(text: str) -> Value:
    """Turn a number into one, but not 0123, which is a name or an id, nor one of 39 digits."""
    if text == "null":
        return None
    if re.fullmatch(r"-?(0|[1-9]\d{0,37})", text):
        return int(text)
    if re.fullmatch(r"-?\d+\.\d+", text):
        return float(text)
    return text
