"""The documents say what the code does: nothing is undocumented, and the transcript is real."""

import re
from pathlib import Path

import pytest
from cogapp import Cog
from docs import COMMANDS, ROOT, UNDOCUMENTED, dictionary, help_blocks, help_of, queries
from transcript import in_readme, numbers, run, words
from typer.main import get_command

from tweetscore.cli.app import app
from tweetscore.query.shipped import shipped_queries


@pytest.mark.parametrize("name", ["tweetscore/cli/README.md", "sql/README.md"])
def test_what_comes_from_the_code_is_up_to_date(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    cog = Cog()
    cog.quiet = True
    assert cog.main(["cog", "-I", ".", "--check", name]) == 0, (
        f"{name} is out of date; run: just docs\n{capsys.readouterr().out}"
    )


def test_every_command_table_column_and_query_is_documented() -> None:
    assert UNDOCUMENTED not in dictionary()
    registered = set(get_command(app).commands)  # type: ignore[attr-defined]
    assert set(COMMANDS) == registered
    assert help_blocks().count("\n## tweetscore ") == len(registered)
    assert all(f"| `{each.name}` | " in queries() for each in shipped_queries())


def test_an_undocumented_column_is_seen(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    for name in ("store/schema.sql", "store/views.sql"):
        text = (ROOT / "sql" / name).read_text("utf-8")
        (tmp_path / name).write_text(text.replace("  -- the lowest price", ""), "utf-8")
    (line,) = [line for line in dictionary(tmp_path).splitlines() if UNDOCUMENTED in line]
    assert line == f"| `low` | double, never null | {UNDOCUMENTED} |"


def test_every_option_says_what_it_does() -> None:
    for name in COMMANDS:
        for line in re.findall(r"^│ (?:\* +)?(--[\w-]+.*)│$", help_of(name), re.MULTILINE):
            kind = r"(?:<[^> ]*>?|[A-Z:=]+)(?: \[[^\]]*\])?"
            text = re.sub(rf"^--[\w-]+ +(?:-\w|--[\w-]+)? *(?:{kind})?", "", line)
            assert re.search("[a-z]{2}", text), f"{name}: {line}"


@pytest.mark.slow
def test_the_transcript_of_the_readme_is_what_a_user_sees(tmp_path: Path) -> None:
    shown, real = in_readme(), run(tmp_path)
    assert words(real) == words(shown)
    for one, other in zip(numbers(real), numbers(shown), strict=True):
        assert one == pytest.approx(other, rel=0.1, abs=2)
