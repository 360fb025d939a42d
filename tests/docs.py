"""What README.md and sql/README.md take from the code: `just docs` writes it, a test holds it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb

ROOT = Path(__file__).parent.parent
HELP_COLUMNS = 96
UNDOCUMENTED = "**undocumented**"
COMMANDS = (
    "sample", "ingest", "info", "doctor", "export", "import", "train", "study", "score", "evaluate",
    "report", "query",
)  # fmt: skip


def help_blocks() -> str:
    """Return the help of every command, each under a line that opens it."""
    return "\n".join(
        f"<details><summary><code>tweetscore {name}</code></summary>\n\n"
        f"```text\n{help_of(name)}\n```\n\n</details>"
        for name in COMMANDS
    )


def help_of(*command: str) -> str:
    """Return a command's help as it is on a wide terminal without colours."""
    plain = {"TERMINAL_WIDTH": str(HELP_COLUMNS), "NO_COLOR": "1", "TERM": "dumb"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TWEETSCORE")}
    shown = subprocess.run(
        [sys.executable, "-m", "tweetscore", *command, "--help"],
        capture_output=True, text=True, check=True, cwd=ROOT, env={**kept, **plain},
    ).stdout  # fmt: skip
    return "\n".join(line.rstrip() for line in shown.strip("\n").splitlines())


def dictionary() -> str:
    """Return what every table and view holds, with the meaning of each column."""
    schema, views = (
        (ROOT / "sql" / name).read_text("utf-8") for name in ("store/schema.sql", "store/views.sql")
    )
    with duckdb.connect() as con:
        con.execute(schema)
        con.execute(views)
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
    from tweetscore.query import shipped_queries

    lines = ["| query | one row is | parameters |", "|---|---|---|"]
    for each in shipped_queries():
        given = ", ".join(
            f"`{one.name}`{'' if one.default is None else f' ({one.default})'}: {one.says}"
            for one in each.parameters
        )
        lines.append(f"| `{each.name}` | {each.says} | {given} |")
    return "\n".join(lines)
