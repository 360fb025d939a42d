"""The explorer in a browser without a screen: every view, order and filter, keys, and axe-core."""

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import copy
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from bench.browse import FILTERS, make
from browser import PATIENCE_MS
from served import HOSTILE, Served, patiently_open

from tweetscore.browse.asked import SORTS

pytestmark = pytest.mark.slow
pytest.importorskip("starlette", reason="starlette is not installed")

VIEWS = (
    "", "posts?text=broken", "posts?text=nothing%20fits", "post/twitter/1000", "sources",
    "sources?alignments=1", "rejects", "models", "models/m?interval=30", "queries",
    "queries/tweet_context?tweet_id=1000&run=1", "sql",
    "sql?sql=SELEC", "tables", "tables/tweets", "posts?sort=nothing", "nothing",
)  # fmt: skip
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}


class Tab:
    """A tab of the browser, and all that it said and asked for."""

    def __init__(self, browser: Any, served: Served, **options: Any) -> None:
        self.served, self.context = served, browser.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.heard: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.heard.append(message.text))
        self.page.on("pageerror", lambda error: self.heard.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def open(self, path: str) -> Any:
        """Open a page of the explorer."""
        self.page.goto(self.served.address + path)
        return self.page

    def column(self, name: str) -> list[str]:
        """The texts of a column of posts."""
        place = SORTS.index(name) + 1
        found: list[str] = self.page.locator(
            f"#posts tbody td:nth-child({place})"
        ).all_inner_texts()
        return found


@pytest.fixture
def tab(browser: Any, served: Served) -> Iterator[Tab]:
    opened = Tab(browser, served, viewport=DESK)
    yield opened
    opened.context.close()


def test_every_view_opens_without_an_error_or_a_request_elsewhere(tab: Tab) -> None:
    for view in VIEWS:
        page = tab.open(view)
        assert page.evaluate("window.broken") is None
        assert page.locator("img").count() == 0
        assert page.locator("h1").count() == 1
    refused = "Failed to load resource: the server responded with a status of 4"
    assert [each for each in tab.heard if not each.startswith(refused)] == []
    own = tab.served.address
    assert [each for each in tab.asked if not each.startswith((own, "data:"))] == []
    text = tab.open("post/twitter/1000").locator("#post-text").text_content()
    assert text == HOSTILE.replace("\N{RIGHT-TO-LEFT OVERRIDE}", "\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize(("size", "scheme"), [(DESK, "light"), (PHONE, "dark")])
def test_every_view_fits_and_can_be_used_by_everybody(
    browser: Any, served: Served, size: dict[str, int], scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    # axe itself is a script that our policy would refuse.
    tab = Tab(browser, served, viewport=size, color_scheme=scheme, bypass_csp=True)
    found = []
    for view in VIEWS:
        page = tab.open(view)
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"], view
        checked = axe.run(page).response
        assert len(checked["passes"]) > 10
        found += [(view, each["id"], each["nodes"][0]["html"]) for each in checked["violations"]]
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper)[:3])) > 384) == (scheme == "light")
    tab.context.close()
    assert found == []


def test_every_heading_sorts_both_ways(tab: Tab) -> None:
    tab.open("posts?text=a")
    for name in SORTS:
        for _ in range(2):
            tab.page.locator(
                "#posts th a", has_text=re.compile(f"^{name.replace('_', ' ')}$")
            ).click()
            heading = tab.page.locator(f"#posts th:nth-child({SORTS.index(name) + 1})")
            way = heading.get_attribute("aria-sort")
            shown = [each for each in tab.column(name) if each != "-"]
            if name in ("probability", "return_bps"):
                numbers = [float(each) for each in shown]
                assert numbers == sorted(numbers, reverse=way == "descending"), name
            else:
                assert shown == sorted(shown, reverse=way == "descending"), name
            assert shown


def test_filters_show_what_fits_and_make_an_address_to_keep(tab: Tab) -> None:
    page = tab.open("posts")
    page.get_by_label("Text").fill("GREAT")
    page.get_by_label("Status").select_option("ok")
    page.get_by_label("Correct").select_option("no")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**text=GREAT**")
    assert set(tab.column("status")) == {"ok"}
    assert set(tab.column("correct")) == {"no"}
    assert all("great" in each.lower() for each in tab.column("text"))
    kept = dict(parse_qsl(urlsplit(page.url).query))
    assert {"text": "GREAT", "status": "ok", "correct": "no"}.items() <= kept.items()
    assert "" not in kept.values()
    before = tab.column("text")
    page.goto(page.url)
    assert tab.column("text") == before != []
    assert page.get_by_label("Text").input_value() == "GREAT"


def test_pages_follow_each_other_until_the_end(tab: Tab) -> None:
    page = tab.open("posts?sort=probability")
    seen = tab.column("posted_utc")
    while page.locator("#next").count():
        page.keyboard.press("n")
        page.wait_for_url(lambda url, before=page.url: url != before)
        seen += tab.column("posted_utc")
    assert len(seen) == 240
    assert page.get_by_text("First page").count() == 1


def test_keys_lead_to_a_post_and_its_prices(tab: Tab) -> None:
    page = tab.open("posts?status=ok")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "text"
    page.evaluate("document.activeElement.blur()")
    for key in "jjk":
        page.keyboard.press(key)
    first = page.locator("#posts tbody a").first
    assert first.evaluate("each => each === document.activeElement")
    page.keyboard.press("Enter")
    page.wait_for_url("**/post/**")
    drawn = page.locator(".chart.wide")
    assert "SPX from" in (drawn.get_attribute("aria-label") or "")
    points = drawn.locator(".mark-line path").first.get_attribute("d").split("L")
    assert len(points) > 30
    names = [each.text_content() for each in drawn.locator(".role-mark text").all()]
    assert names == ["posted", "entry", "exit"]
    page.get_by_text("As a table").click()
    prices = page.get_by_role("region", name="Table prices-1-drawn").locator("tbody tr")
    assert prices.count() == len(points)
    page.get_by_label("Interval").select_option("50")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**interval=50**")
    assert page.get_by_text("50 minutes", exact=True).last.is_visible()


def test_sql_runs_by_keys_and_says_what_is_wrong(tab: Tab) -> None:
    page = tab.open("sql")
    page.get_by_label("One SELECT").fill("SELECT 6 * 7 AS answer")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#answer")
    assert page.locator("#answer td").all_inner_texts() == ["42"]
    page.get_by_label("One SELECT").fill("DROP TABLE tweets")
    page.get_by_role("button", name="Run").click()
    page.wait_for_selector("#error")
    assert "one SELECT" in (page.locator("#error").text_content() or "")


def test_a_page_comes_back_when_another_command_has_ended(
    browser: Any, hostile_db: Path, tmp_path: Path
) -> None:
    db = Path(copy(hostile_db, tmp_path / "busy.duckdb"))
    running = Served(db)
    try:
        with patiently_open(db):
            tab = Tab(browser, running)
            page = tab.open("posts")
            assert page.locator("h1").text_content() == "The database is being written to"
        page.wait_for_selector("#posts")
        tab.context.close()
    finally:
        running.end()


@pytest.mark.skipif(
    not os.environ.get("TWEETSCORE_PAGES_POSTS"), reason="a million posts are opened by: just pages"
)
def test_every_order_and_filter_of_many_posts_opens_in_a_browser(
    browser: Any, tmp_path: Path
) -> None:
    """Prints the seconds of the slowest."""
    db = tmp_path / "many.duckdb"
    make(db, int(os.environ["TWEETSCORE_PAGES_POSTS"]))
    running = Served(db)
    orders = [{"sort": sort, "order": order} for sort in SORTS for order in ("up", "down")]
    tab, seconds = Tab(browser, running, viewport=DESK), {}
    try:
        for asked in (*orders, *FILTERS, {"model": "mood", "predicted": "good"}):
            path = f"posts?{urlencode(asked)}"
            began = time.monotonic()
            page = tab.open(path)
            seconds[path] = time.monotonic() - began
            assert page.locator("#posts").count() == 1, path
        for view in ("", "models/m?interval=30", "sources?alignments=1", "tables", "rejects"):
            began = time.monotonic()
            assert tab.open(view).locator("h1").count() == 1
            seconds[view] = time.monotonic() - began
    finally:
        running.end()
    assert tab.heard == []
    assert [each for each in tab.asked if not each.startswith((running.address, "data:"))] == []
    for path in sorted(seconds, key=seconds.__getitem__, reverse=True)[:5]:
        sys.stdout.write(f"{seconds[path]:.2f} s {path or 'overview'}\n")
