"""The page is whole by itself: read as text, and opened in a browser without a screen."""

import base64
import hashlib
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from browser import PATIENCE_MS
from results import fill, study_run

from tweetscore.evaluation.verdicts import figure_table
from tweetscore.io.html.parts import MOST_CHARACTERS, MOST_ROWS
from tweetscore.report.gather import gather
from tweetscore.report.page import page
from tweetscore.report.record import Report
from tweetscore.store.database import open_store
from tweetscore.study.options import StudyCell
from tweetscore.study.reported import REPORTED_ABLATION
from tweetscore.study.runs import keep_run

pytestmark = pytest.mark.slow  # whole reports are drawn, and opened in a browser

HOSTILE = """</script></td><script>window.broken = 1</script><img src="http://x.test/i.png"
 onerror="window.broken = 1">{{ 7 * 7 }}{% raw %}<!-- \N{RIGHT-TO-LEFT OVERRIDE}\x1b[31m' " &amp;"""
PLAIN = HOSTILE.replace("\N{RIGHT-TO-LEFT OVERRIDE}", "\N{REPLACEMENT CHARACTER}").replace(
    "\x1b", "\N{REPLACEMENT CHARACTER}"
)
CHARTS = {
    "effect", "figures", "calibration", "roc", "scores", "paths-down", "paths-up", "words",
    "hours", "months",
    "study-1-intervals", "study-1-ablation", "study-1-accuracy", "study-1-loss",
}  # fmt: skip


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A report with something in every place."""
    with open_store(tmp_path_factory.mktemp("full") / "full.duckdb") as store:
        fill(store)
        for both in REPORTED_ABLATION:
            keep_run(store, study_run(StudyCell(5, *both), 0, [0.5, 0.6]))
        found = gather(store)
    words = pl.DataFrame(
        {
            "class": ["down", "up"],
            "word": ["sad", "great"],
            "z": [4.5, 4.0],
            "p_adjusted": [0.01, 0.04],
            "texts_in_class": [9, 8],
            "texts_elsewhere": [0, 1],
        }
    )
    return replace(found, words=words) if found.words.is_empty() else found


@pytest.fixture(scope="module")
def hostile(full: Report) -> Report:
    """The same, with markup wherever a file or its maker has a say."""
    first = full.studies[0]
    columns = {
        "sources": ("file", "clock", "symbol"),
        "rejects": ("file", "reason"),
        "tweets": ("text", "author"),
        "words": ("word",),
        "tweets_by_platform": ("platform",),
        "bars_by_symbol": ("symbol",),
    }
    frames = {
        name: getattr(full, name).with_columns(pl.lit(HOSTILE).alias(each) for each in changed)
        for name, changed in columns.items()
    }
    rejects = pl.DataFrame(
        {"file": [HOSTILE], "reason": [HOSTILE], "records": [1], "first_line": [1]}
    )
    result = replace(first.result, source=HOSTILE, faults=(HOSTILE,))
    return replace(
        full,
        title=HOSTILE,
        database=HOSTILE,
        made=((HOSTILE, HOSTILE),),
        studies=(replace(first, result=result),),
        **(frames | {"rejects": rejects}),
    )


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Report:
    with open_store(tmp_path_factory.mktemp("empty") / "empty.duckdb") as store:
        return gather(store)


@pytest.fixture(scope="module")
def text(full: Report) -> str:
    return page(full)


def cells(text: str, table: str) -> list[list[str]]:
    """The cells of a table, as they stand in the page."""
    inside = text.split(f'<table id="{table}">')[1].split("</table>")[0].split("<tbody>")[1]
    return [
        re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in inside.split("</tr>")[:-1]
    ]


# --- as text --------------------------------------------------------------------------------------


def test_the_same_report_gives_the_same_page(full: Report, text: str) -> None:
    assert page(full) == text


def test_the_figures_of_the_page_are_those_of_evaluate(full: Report, text: str) -> None:
    assert cells(text, "figures") == figure_table(full.figures)[1]
    assert full.verdict in text
    assert all(each in text for each in full.sentences)


def test_statuses_are_counted_by_interval(full: Report, text: str) -> None:
    for row in cells(text, "statuses"):
        minutes, *counts = (int(each.replace(",", "")) for each in row)
        told = full.statuses.filter(interval_minutes=minutes)["predictions"]
        assert sorted(counts, reverse=True)[: len(told)] == sorted(told, reverse=True)
        assert sum(counts) == told.sum() == 240


def test_its_policy_names_its_own_script_and_no_other(text: str) -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    own = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{own}';" in policy
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy


def test_what_comes_from_files_is_escaped_everywhere(hostile: Report) -> None:
    text = page(hostile)
    (script,) = re.findall(r"<script[^>]*>.*?</script>", text, re.DOTALL)
    text = text.replace(script, "")
    assert "window.broken" in text
    assert "<img" not in text
    assert not {"\x1b", "\N{RIGHT-TO-LEFT OVERRIDE}"} & set(text)


def test_long_tables_and_cells_are_cut_and_say_so(full: Report) -> None:
    row = dict.fromkeys(full.sources.columns) | {"file": "x" * 5_000, "rows_read": 1}
    many = pl.DataFrame([row] * (MOST_ROWS + 12), schema=full.sources.schema)
    text = page(replace(full, sources=many))
    shown = cells(text, "sources")
    assert len(shown) == MOST_ROWS
    assert shown[0] == ["x" * (MOST_CHARACTERS - 1) + "…", "1"]  # columns of nothing are left out
    assert "12 more rows are in the database." in text


# --- in a browser ---------------------------------------------------------------------------------


class Opened:
    """A page in the browser, and all that it said and asked for meanwhile."""

    def __init__(self, browser: Any, path: Path, text: str, **options: Any) -> None:
        path.write_text(text, encoding="utf-8")
        self.heard: list[str] = []
        self.asked: list[str] = []
        self.tab = browser.new_page(**options)
        self.tab.set_default_timeout(PATIENCE_MS)
        self.tab.on("console", lambda message: self.heard.append(message.text))
        self.tab.on("pageerror", lambda error: self.heard.append(str(error)))
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.tab.goto(path.as_uri())
        self.heard_at_first, self.asked_at_first = tuple(self.heard), tuple(self.asked)
        self.address = path.as_uri()

    def ask(self, script: str) -> Any:
        """Return what a script in the page gives."""
        return self.tab.evaluate(script)

    def marks(self) -> dict[str, int]:
        """How many marks each chart has drawn, without axes, grids and legends."""
        found: dict[str, int] = self.ask(
            "Object.fromEntries([...document.querySelectorAll('.wide')].map((c) => "
            "[c.dataset.chart, [...c.querySelectorAll('.mark-symbol path, .mark-line path, "
            ".mark-rect path, .mark-area path, .mark-rule line')].filter((m) => "
            "!m.closest('.role-axis, .role-legend')).length]))"
        )
        return found

    def column(self, table: str, place: int) -> list[str]:
        """The texts of one column, of the rows that are shown."""
        found: list[str] = self.ask(
            f"[...document.getElementById('{table}').tBodies[0].rows].filter((r) => !r.hidden)"
            f".map((r) => r.cells[{place}].textContent)"
        )
        return found


@pytest.fixture(scope="module")
def desk(browser: Any, text: str, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return Opened(browser, tmp_path_factory.mktemp("desk") / "report.html", text)


def test_every_chart_is_drawn_without_an_error_or_a_request(desk: Opened) -> None:
    marks = desk.marks()
    assert set(marks) == CHARTS
    assert min(marks.values()) > 0, marks
    assert marks["hours"] == 24
    assert desk.heard_at_first == ()
    assert desk.asked_at_first == (desk.address,)


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (360, 740)])
def test_the_first_screen_has_the_three_answers_and_on_a_desk_the_one_picture(
    browser: Any, full: Report, text: str, tmp_path: Path, width: int, height: int
) -> None:
    size = {"width": width, "height": height}
    opened = Opened(browser, tmp_path / "first.html", text, viewport=size)
    ends = opened.ask(
        "['#archive + p', '#can-show + p', '#verdict', '.first figure'].map((each) => "
        "document.querySelector(each).getBoundingClientRect().bottom)"
    )
    assert max(ends[:3]) < height
    assert opened.tab.locator(".first figure").count() == 1
    assert (ends[3] < height) == (width > 1_000)
    assert opened.tab.locator("#verdict").text_content().startswith(full.verdict)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(browser: Any, text: str, tmp_path: Path, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    # axe itself is a script that our policy would refuse.
    options = {"color_scheme": scheme, "bypass_csp": True}
    opened = Opened(browser, tmp_path / "everybody.html", text, **options)
    checked = axe.run(opened.tab).response
    assert len(checked["passes"]) > 10
    assert [(each["id"], each["nodes"][0]["html"]) for each in checked["violations"]] == []


def test_markup_from_files_stays_text(browser: Any, hostile: Report, tmp_path: Path) -> None:
    opened = Opened(browser, tmp_path / "hostile.html", page(hostile))
    assert opened.heard == []
    assert opened.asked == [opened.address]
    assert opened.ask("window.broken") is None
    assert opened.ask("document.querySelectorAll('img').length") == 0
    texts = opened.column("tweets", 3)
    assert set(texts) == {PLAIN}
    assert len(texts) == hostile.tweets.height
    drawn = opened.ask("document.querySelector('[data-chart=words] title').textContent")
    assert PLAIN.split("\n")[0] in drawn


def test_the_policy_stops_other_scripts_and_requests(desk: Opened) -> None:
    desk.ask(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.broken = 1';"
        " document.body.append(s); })()"
    )
    refused = desk.ask("fetch('http://x.test/').then(() => 'sent', () => 'refused')")
    assert (desk.ask("window.broken"), refused) == (None, "refused")
    assert any("script-src" in each for each in desk.heard)


def test_a_heading_sorts_by_its_column_both_ways(desk: Opened, full: Report) -> None:
    heading = desk.tab.locator("#tweets th button", has_text="return bps")
    headings = desk.ask("[...document.querySelectorAll('#tweets th')].map((t) => t.textContent)")
    place = headings.index("return bps")
    heading.click()
    rising = [float(each.replace(",", "")) for each in desk.column("tweets", place)]
    assert rising == pytest.approx(full.tweets["return_bps"].sort().to_list(), abs=0.005)
    heading.click()
    falling = [float(each.replace(",", "")) for each in desk.column("tweets", place)]
    assert falling == rising[::-1]
    desk.tab.locator("#tweets th button", has_text="posted utc").click()
    times = [datetime.fromisoformat(each) for each in desk.column("tweets", 1)]
    assert times == full.tweets["posted_utc"].sort().to_list()


def test_search_shows_the_rows_that_hold_every_word(desk: Opened, full: Report) -> None:
    box = desk.tab.locator("input[type=search]")
    box.fill("SAD wrong")
    wanted = full.tweets.filter(pl.col("text").str.contains("sad"), pl.col("kind") == "most wrong")[
        "text"
    ].to_list()
    assert 0 < len(wanted) < full.tweets.height
    assert sorted(desk.column("tweets", 3)) == sorted(wanted)
    found = desk.tab.locator("#tweets-found").text_content()
    assert found == f"{len(wanted)} of {full.tweets.height} rows"
    box.fill("")
    assert len(desk.column("tweets", 3)) == full.tweets.height


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_follows_the_readers_colours(
    browser: Any, text: str, tmp_path: Path, scheme: str
) -> None:
    size = {"width": 360, "height": 740}
    opened = Opened(browser, tmp_path / "phone.html", text, viewport=size, color_scheme=scheme)
    assert opened.ask("document.documentElement.scrollWidth") == 360
    widest = opened.ask(
        "Math.max(...[...document.querySelectorAll('.narrow svg')].map("
        "(s) => s.getBoundingClientRect().right))"
    )
    assert 320 < widest <= 360
    assert opened.ask("document.querySelector('.wide').checkVisibility()") is False
    paper, ink, label = (
        opened.ask(script)
        for script in (
            "getComputedStyle(document.body).backgroundColor",
            "getComputedStyle(document.body).color",
            "getComputedStyle(document.querySelector('.role-legend text')).fill",
        )
    )
    light = [sum(map(int, re.findall(r"\d+", each)[:3])) for each in (paper, ink)]
    assert (light[0] > light[1]) == (scheme == "light")
    assert label == ink


def test_on_paper_everything_is_open_and_dark_on_white(
    browser: Any, text: str, tmp_path: Path
) -> None:
    opened = Opened(browser, tmp_path / "paper.html", text, color_scheme="dark")
    opened.tab.emulate_media(media="print")
    assert opened.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert opened.ask("getComputedStyle(document.querySelector('nav')).display") == "none"
    opened.ask("window.dispatchEvent(new Event('beforeprint'))")
    assert opened.ask("[...document.querySelectorAll('details')].every((d) => d.open)")
    assert opened.tab.pdf().startswith(b"%PDF")


def test_an_empty_database_has_a_page_that_says_so(
    browser: Any, empty: Report, tmp_path: Path
) -> None:
    opened = Opened(browser, tmp_path / "empty.html", page(empty))
    assert opened.heard == []
    assert opened.marks() == {}
    said = opened.tab.locator("#verdict").text_content()
    assert said == "No verdict: the database holds no tweets."
