"""The wheel, installed elsewhere, brings its statements and models along, and scores with them."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny_bundle

from tweetscore.sample.write import ARCHIVE_NAME, BARS_NAME

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[1]
REFERENCE = CHECKOUT / "models" / "reference"


def run(*arguments: object, cwd: Path) -> str:
    # No PYTHONPATH, no user's packages: only what the new environment itself can see.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(each) for each in arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=env | {"PYTHONNOUSERSITE": "1"},
    )
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a fresh environment that holds the wheel, and our dependencies within reach."""
    folder = tmp_path_factory.mktemp("elsewhere")
    run(
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        folder,
        CHECKOUT,
        cwd=folder,
    )
    (wheel,) = folder.glob("tweetscore-*.whl")
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--no-deps",
        "--no-index",
        wheel,
        cwd=folder,
    )
    paths = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder)
    # A path named in a .pth file is searched, but the .pth files in it are not: the dependencies
    # are found and an editable install of this checkout is not.
    theirs = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(paths.strip()) / "dependencies.pth").write_text("\n".join(sorted(theirs)))
    return folder


def tweetscore(elsewhere: Path, *arguments: object) -> Any:
    program = elsewhere / "env" / "bin" / "tweetscore"
    return json.loads(run(program, *arguments, "--json", cwd=elsewhere))


def inside(elsewhere: Path, expression: str) -> str:
    code = f"import tweetscore; from tweetscore.store.database import shipped; print({expression})"
    return run(elsewhere / "env" / "bin" / "python", "-c", code, cwd=elsewhere).strip()


def test_package_statements_and_models_are_those_of_the_wheel(elsewhere: Path) -> None:
    package = Path(inside(elsewhere, "tweetscore.__path__[0]"))
    assert package.is_relative_to(elsewhere / "env")
    assert Path(inside(elsewhere, "shipped('sql')")) == package / "sql"
    for folder in ("sql", "models"):
        ours = {
            path.relative_to(CHECKOUT): path.read_bytes()
            for path in (CHECKOUT / folder).rglob("*")
            if path.is_file() and path.name != ".gitkeep"
        }
        theirs = {
            path.relative_to(package): path.read_bytes()
            for path in (package / folder).rglob("*")
            if path.is_file() and path.name != ".gitkeep"
        }
        assert theirs == ours


def test_types_come_with_the_wheel(elsewhere: Path) -> None:
    assert (Path(inside(elsewhere, "tweetscore.__path__[0]")) / "py.typed").is_file()


def test_the_installed_wheel_ingests_scores_and_answers(elsewhere: Path) -> None:
    tiny_bundle(elsewhere / "tiny")
    tweetscore(elsewhere, "sample", "made")
    files = [f"made/{ARCHIVE_NAME}", f"made/{BARS_NAME}"]
    assert tweetscore(elsewhere, "ingest", *files)["total"]["rejected"] == 0
    found = tweetscore(elsewhere, "score", "--model", "tiny", "--interval", 30)
    assert found["tweets"] == 6_000 == found["scored"] + found["skipped"]
    rows = tweetscore(elsewhere, "query", "--file", "statuses")
    assert sum(row["predictions"] for row in rows) == found["scored"]


def test_the_installed_wheel_shows_its_pages(elsewhere: Path) -> None:
    python = elsewhere / "env" / "bin" / "python"
    code = """
import threading, urllib.request, tweetscore
with tweetscore.open("shown.duckdb"):
    pass
def look(address):
    for path in ("", "posts", "queries", "static/style.css", "static/page.js", "static/tables.js"):
        print(len(urllib.request.urlopen(address + path).read()))
    import _thread
    _thread.interrupt_main()
try:
    tweetscore.browse(
        "shown.duckdb", on_address=lambda each: threading.Thread(target=look, args=[each]).start()
    )
except KeyboardInterrupt:
    pass
"""
    sizes = [int(each) for each in run(python, "-c", code, cwd=elsewhere).split()]
    assert len(sizes) == 6
    assert min(sizes) > 500


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="models/reference is not made yet")
def test_the_installed_wheel_scores_with_the_shipped_reference(elsewhere: Path) -> None:
    package = Path(inside(elsewhere, "tweetscore.__path__[0]"))
    assert Path(inside(elsewhere, "shipped('models')")) == package / "models"
    tweetscore(elsewhere, "sample", "again", "--posts", 500)
    files = [f"again/{ARCHIVE_NAME}", f"again/{BARS_NAME}"]
    tweetscore(elsewhere, "ingest", *files, "--db", "again.duckdb")
    found = tweetscore(elsewhere, "score", "--interval", 30, "--db", "again.duckdb")
    assert (found["model"], found["tweets"]) == ("reference", 500)
    assert found["scored"] > 400
