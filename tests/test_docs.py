"""The documents say what the code does: nothing is undocumented, and the transcript is real."""

import re
from pathlib import Path

import pytest
from cogapp import Cog
from docs import COMMANDS, ROOT, UNDOCUMENTED, dictionary, help_blocks, queries
from transcript import in_readme, numbers, run, words

from tweetscore.cli.app import app
from tweetscore.query import shipped_queries


@pytest.mark.parametrize("name", ["README.md", "sql/README.md"])
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
    registered = {
        each.name or each.callback.__name__ for each in app.registered_commands if each.callback
    }
    assert set(COMMANDS) == registered
    assert help_blocks().count("<details>") == len(registered)
    assert all(f"| `{each.name}` | " in queries() for each in shipped_queries())


def test_an_undocumented_column_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("store/schema.sql", "store/views.sql"):
        text = (ROOT / "sql" / name).read_text("utf-8")
        (tmp_path / "sql" / "store").mkdir(parents=True, exist_ok=True)
        (tmp_path / "sql" / name).write_text(text.replace("  -- the lowest price", ""), "utf-8")
    monkeypatch.setattr("docs.ROOT", tmp_path)
    (line,) = [line for line in dictionary().splitlines() if UNDOCUMENTED in line]
    assert line == f"| `low` | double, never null | {UNDOCUMENTED} |"


def test_every_option_says_what_it_does() -> None:
    for block in help_blocks().split("<details>")[1:]:
        name = re.findall(r"<code>tweetscore (\w+)</code>", block)[0]
        for line in re.findall(r"^│ (?:\* +)?(--[\w-]+.*)│$", block, re.MULTILINE):
            text = re.sub(r"^--[\w-]+ +(?:-\w|--[\w-]+)? *(?:<[^>]*>(?: \[[^\]]*\])?)?", "", line)
            assert re.search("[a-z]{2}", text), f"{name}: {line}"


@pytest.mark.slow
def test_the_transcript_of_the_readme_is_what_a_user_sees(tmp_path: Path) -> None:
    shown, real = in_readme(), run(tmp_path)
    assert words(real) == words(shown)
    for one, other in zip(numbers(real), numbers(shown), strict=True):
        assert one == pytest.approx(other, rel=0.1, abs=2)
