"""What documents take from the code: `just docs` writes it, a test compares it."""

import os
import re
from functools import cache
from pathlib import Path

import duckdb
from typer.testing import CliRunner

from tweetscore.cli.app import PROGRAM, app
from tweetscore.query.shipped import shipped_queries
from tweetscore.store.database import create_schema

ROOT = Path(__file__).parent.parent
HELP_COLUMNS = 80
UNDOCUMENTED = "**undocumented**"
COMMANDS = (
    "demo", "sample", "ingest", "info", "doctor", "export", "import", "train", "study", "score",
    "evaluate", "report", "browse", "query", "link", "abnormal", "freeze", "model", "compare",
)  # fmt: skip


def help_blocks() -> str:
    """Return the help of the program and of every command, each under a heading."""
    blocks = {PROGRAM: help_of()} | {f"{PROGRAM} {name}": help_of(name) for name in COMMANDS}
    return "\n\n".join(f"## {name}\n\n```text\n{text}\n```" for name, text in blocks.items())


@cache
def help_of(*command: str) -> str:
    """Return the help of a command as a terminal of 80 columns shows it, without colours."""
    unset = dict.fromkeys(name for name in os.environ if name.startswith("TWEETSCORE"))
    plain = {"COLUMNS": str(HELP_COLUMNS), "NO_COLOR": "1", "TERM": "xterm"}
    result = CliRunner().invoke(
        app, [*command, "--help"], prog_name=PROGRAM, env={**unset, **plain}
    )
    assert result.exit_code == 0, result.output
    return "\n".join(line.rstrip() for line in result.stdout.strip("\n").splitlines())


def dictionary(sql_folder: Path = ROOT / "sql") -> str:
    """Return what every table and view holds, with the meaning of each column."""
    schema, views = (
        (sql_folder / "store" / name).read_text("utf-8") for name in ("schema.sql", "views.sql")
    )
    with duckdb.connect() as con:
        create_schema(con)
        columns = con.execute(
            "SELECT table_name, column_name, lower(data_type), is_nullable FROM duckdb_columns() "
            "WHERE NOT internal ORDER BY column_index"
        ).fetchall()
    of_tables, of_views = _column_meanings(schema), _view_meanings(views)
    shared = {column: meaning for (_, column), meaning in reversed(of_tables.items())}
    parts = []
    for name, row in (_row_meanings(views) | _row_meanings(schema)).items():
        lines = [f"### {name}", f"One row: {row}", "| column | type | meaning |\n|---|---|---|"]
        for _, column, kind, nullable in (each for each in columns if each[0] == name):
            meaning = of_tables.get((name, column)) or of_views.get(column) or shared.get(column)
            null = "" if nullable else ", never null"
            lines[-1] += f"\n| `{column}` | {kind}{null} | {meaning or UNDOCUMENTED} |"
        parts.append("\n\n".join(lines))
    return "\n\n".join(parts)


def _row_meanings(sql: str) -> dict[str, str]:
    """Read ``-- One row: ...`` above each table or view."""
    found = re.findall(
        r"-- One row: ((?:.*\n)(?:-- .*\n)*)CREATE (?:OR REPLACE )?(?:TABLE|VIEW) (\w+)", sql
    )
    return {name: " ".join(text.replace("\n-- ", " ").split()) for text, name in found}


def _column_meanings(schema: str) -> dict[tuple[str, str], str]:
    """Read the comment behind each column of each table."""
    found: dict[tuple[str, str], str] = {}
    for name, body in re.findall(r"CREATE TABLE (\w+) \((.*?)\n\);", schema, re.DOTALL):
        for column, meaning in re.findall(
            r"^    (\w+) [A-Z][^\n]*?-- ([^\n]+)$", body, re.MULTILINE
        ):
            found[name, column] = meaning
    return found


def _view_meanings(views: str) -> dict[str, str]:
    """Read what stands at the head of the views about columns that no table has."""
    head = views[: views.index("\n\n")].replace("\n--     ", " ")
    return dict(re.findall(r"^--   (\w+): (.+)$", head, re.MULTILINE))


def queries() -> str:
    """Return the shipped queries: what one row is, and the parameters."""
    lines = ["| query | one row is | parameters |", "|---|---|---|"]
    for each in shipped_queries():
        given = ", ".join(
            f"`{one.name}`{'' if one.default is None else f' ({one.default})'}: {one.description}"
            for one in each.parameters
        )
        lines.append(f"| `{each.name}` | {each.description} | {given} |")
    return "\n".join(lines)
