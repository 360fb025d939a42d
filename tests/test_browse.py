"""The explorer lets in only who has its address, shows what the database holds, and only reads."""

import io
import re
from concurrent.futures import ThreadPoolExecutor, as_completed
from html import unescape
from pathlib import Path
from shutil import copy
from urllib.parse import parse_qsl, quote, urlencode

import polars as pl
import pytest
from results import DAYS, fill, link_by_words
from served import HOSTILE, TOKEN, Served, patiently_open
from tiny import put_bars, put_symbol, put_tweets

from tweetscore.browse.asked import CHOICES, SORTS, Asked, read_asked
from tweetscore.browse.facts import read_facts
from tweetscore.browse.posts import PAGE_ROWS, find_page
from tweetscore.errors import InputError
from tweetscore.market.windows import ensure_windows
from tweetscore.store.database import Store, open_store

pytest.importorskip("starlette", reason="starlette is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")


Pieces = tuple[int, float]  # posts of the first one, and seconds in which another may begin


def cells(page: str) -> list[list[str]]:
    """The cells of the rows of posts."""
    body = page.split('<table id="posts">')[1].split("<tbody>")[1].split("</tbody>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    return [
        [unescape(re.sub(r"<[^>]*>", "", each)) for each in re.findall(r"<td.*?</td>", row, re.S)]
        for row in rows
    ]


# --- who is let in --------------------------------------------------------------------------------


@pytest.mark.slow
def test_only_who_has_the_address_is_let_in(served: Served) -> None:
    assert served.get("/")[0] == 200
    for token in ("", "x", TOKEN[:-1], TOKEN + "0", TOKEN.upper(), "%30" + TOKEN[1:] + "x"):
        status, body = served.get("/posts", token=token)
        assert (status, body) == (
            403, "Use the whole address that tweetscore browse has shown.\n",
        )  # fmt: skip
    for host in ("example.org", f"example.org:{served.port}", "127.0.0.1", f"[::1]:{served.port}"):
        assert served.get("/", host=host) == (421, "This page has another address.\n")
    assert served.get("/", host=f"localhost:{served.port}")[0] == 200
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
        assert served.get("/posts", method=method) == (405, "This page only reads.\n")
    assert served.get("/", method="HEAD") == (200, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    ["/static/../../../etc/passwd", "/static/%2e%2e%2fguard.py", "/static/guard.py", "/../posts",
     "//posts", "/post/twitter/../../etc", "/tables/../x", "/posts%00", "/.git/config", "/nope"],
)  # fmt: skip
def test_a_path_leads_to_a_page_or_to_none(served: Served, path: str) -> None:
    status, body = served.get(path)
    assert status == 404
    assert "There is no such page" in body


@pytest.mark.slow
def test_every_answer_has_the_policy(served: Served) -> None:
    for path in (f"/{TOKEN}/", f"/{TOKEN}/static/page.js", f"/{TOKEN}/nope", "/wrong"):
        _, _, headers = served.raw(path)
        policy = headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
        assert (headers["x-content-type-options"], headers["cache-control"]) == (
            "nosniff", "no-store",
        )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sql", "fact"),
    [
        ("DROP TABLE tweets", "a query is one SELECT"),
        ("SELECT 1; SELECT 2", "a query is one SELECT"),
        ("FROM read_text('/etc/passwd')", "the query fails"),
        ("COPY tweets TO '/tmp/x.csv'", "a query is one SELECT"),
        ("SET enable_external_access = true", "a query is one SELECT"),
        ("ATTACH '/tmp/x.duckdb'", "a query is one SELECT"),
        ("SELEC", "the query fails"),
    ],
)
def test_sql_cannot_leave_its_sandbox(served: Served, sql: str, fact: str) -> None:
    status, body = served.get(f"/sql?{urlencode({'sql': sql})}")
    assert status == 200
    assert fact in unescape(body.split('id="error">')[1].split("</p>")[0])
    assert "root:" not in body


# --- what is shown --------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_pages_show_what_the_database_holds(served: Served, hostile_db: Path) -> None:
    first = "241 posts from 2023-01-03 to 2023-01-10, of twitter; bars of SPX; 1 model of the"
    assert first in served.get("/")[1]
    with open_store(hostile_db, read_only=True) as store:
        tweet, posted, text = store.row(
            "SELECT tweet_id, posted_utc, text FROM scored WHERE status = 'ok' AND "
            "interval_minutes = 30 ORDER BY posted_utc, tweet_id LIMIT 1"
        )
        known = store.frame("FROM scored WHERE tweet_id = $id", id=tweet)
    status, page = served.get(f"/post/twitter/{tweet}")
    assert (status, text in page, f"{posted} UTC" in page) == (200, True, True)
    row = known.filter(interval_minutes=30).row(0, named=True)
    assert f"<dt>return</dt><dd>{row['return_bps']:+.1f} bps</dd>" in page
    assert f"<dt>entry</dt><dd>{row['minute_utc']} UTC</dd>" in page
    assert page.count("mark-line") == 2  # for a desk and for a phone
    for path in ("/sources", "/sources?alignments=1", "/rejects", "/models", "/models/m",
                 "/models/m?interval=30", "/queries", "/queries/hit_rate", "/tables"):  # fmt: skip
        assert served.get(path)[0] == 200, path
    assert "&lt;script&gt;window.broken" in served.get("/rejects")[1]
    hit_rate = served.get("/queries/hit_rate?interval=30")[1]
    assert re.search(r"<td[^>]*>m</td><td[^>]*>m</td><td[^>]*>SPX</td>", hit_rate)
    context = served.get(f"/queries/tweet_context?tweet_id={tweet}&run=1")[1]
    assert text in context


@pytest.mark.slow
def test_hostile_texts_stay_text(served: Served) -> None:
    for path in ("/posts?text=broken", "/post/twitter/1000", "/rejects", "/tables/tweets",
                 f"/posts?text={quote(HOSTILE)}", f"/sql?sql={quote(HOSTILE)}",
                 f"/posts?after={quote(HOSTILE)}",
                 f"/queries/tweet_context?tweet_id={quote(HOSTILE)}",
                 f"/models/{quote(HOSTILE, safe='')}", f"/{quote(HOSTILE, safe='')}"):  # fmt: skip
        status, body = served.get(path)
        assert status < 500, path
        assert "<img" not in body
        assert "<script>window" not in body
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in body


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "fact"),
    [
        ("/posts?sort=nothing", "sort: nothing is not one of posted_utc"),
        ("/posts?status=good", "status: good is not one of"),
        ("/posts?since=yesterday", "since: yesterday is no day or time"),
        ("/posts?low=2", "low: 2 is no probability"),
        ("/posts?low=nan", "low: nan is no probability"),
        ("/posts?after=[]", "after: is no place in this table"),
        ("/posts?after=[1,%20%22x%22,1,1,1]", "after: is no place in this table"),
        ("/posts?model=x", "model: x has not scored"),
        ("/posts?interval=7", "interval: 7 is not one of 5, 30, 50"),
        ("/posts?symbol=TSLA", "symbol: TSLA has no bars here"),
        ("/post/twitter/99999", "twitter 99999: no such post"),
        (f"/post/twitter/{9**30}", "no such post"),
        ("/rejects?page=0", "page: 0 is no number of a page"),
        ("/tables/nothing", "nothing: no such table or view"),
        ("/tables/tweets?form=exe", "form: exe is not one of csv, parquet"),
        ("/queries/nothing", "nothing: no such query"),
    ],
)
def test_what_cannot_be_shown_is_said_in_a_line(served: Served, path: str, fact: str) -> None:
    status, body = served.get(path)
    assert status == 400
    assert fact in unescape(body.split('role="alert">')[1].split("</p>")[0])


@pytest.mark.slow
def test_tables_and_answers_come_whole_as_files(served: Served, hostile_db: Path) -> None:
    with open_store(hostile_db, read_only=True) as store:
        tweets = store.frame("FROM tweets ORDER BY tweet_id")
    _, body, headers = served.raw(f"/{TOKEN}/tables/tweets?form=parquet")
    assert headers["content-disposition"] == 'attachment; filename="tweets.parquet"'
    assert pl.read_parquet(io.BytesIO(body)).sort("tweet_id").equals(tweets)
    _, body, _ = served.raw(f"/{TOKEN}/tables/tweets?form=csv")
    assert pl.read_csv(io.BytesIO(body), infer_schema=False).height == tweets.height
    _, body, _ = served.raw(f"/{TOKEN}/sql?sql=SELECT+42+AS+x&form=csv")
    assert body == b"x\n42\n"


@pytest.mark.slow
def test_others_write_meanwhile_and_the_page_says_so(hostile_db: Path, tmp_path: Path) -> None:
    db = Path(copy(hostile_db, tmp_path / "busy.duckdb"))
    running = Served(db)
    try:
        assert running.get("/posts")[0] == 200
        with patiently_open(db) as store:
            status, body = running.get("/posts")
            assert status == 503
            assert "The database is being written to" in body
            assert 'id="busy"' in body
            assert running.get("/sql?sql=SELECT+1")[0] == 503
            put_tweets(store, [(5_000, "2023-01-05T16:00:30", "written meanwhile")])
        status, body = running.get("/posts?text=meanwhile")
        assert (status, len(cells(body))) == (200, 1)
    finally:
        running.end()


@pytest.mark.slow
def test_pages_answer_while_queries_run_and_a_third_query_is_told_to_wait(hostile_db: Path) -> None:
    slow = quote("SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range < b.range")
    running = Served(hostile_db)
    with ThreadPoolExecutor(3) as pool:
        try:
            asked = [pool.submit(running.get, f"/sql?sql={slow}") for _ in range(3)]
            _, body = next(as_completed(asked)).result()
            assert "two queries are running already" in body
            assert running.get("/posts")[0] == 200
            assert sum(each.done() for each in asked) == 1
        finally:
            running.process.kill()
            running.end()


# --- pages of posts -------------------------------------------------------------------------------


def all_rows(
    store: Store, *, pieces: tuple[int, float] = (2_000, 60.0), **asked: str
) -> pl.DataFrame:
    """The rows of all pages, one behind the other; ``pieces``: first posts, and seconds a page."""
    facts, found = read_facts(store), []
    first_posts, budget_seconds = pieces
    while True:
        page = find_page(
            store, facts, Asked(**asked), first_posts=first_posts, budget_seconds=budget_seconds
        )
        found.append(page.rows)
        assert page.rows.height <= PAGE_ROWS
        if page.after is None:
            return pl.concat(found)
        assert page.after != asked.get("after")  # it goes on
        asked["after"] = page.after


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Posts with links to two symbols, one of which has bars of five minutes."""
    path = tmp_path_factory.mktemp("several") / "several.duckdb"
    with open_store(path) as store:
        fill(store)
        put_bars(store, str(DAYS[1]), [100 + n / 7 for n in range(390)], "TSLA")
        link_by_words(store)
        ensure_windows(store, [5, 30, 50])
    return path


@pytest.mark.parametrize(("made", "session"), [("filled", "regular"), ("several", "extended")])
def test_rows_are_those_of_the_view(
    made: str, session: str, request: pytest.FixtureRequest
) -> None:
    """The quick way to a page, and the view that users query, must never say different things."""
    with open_store(request.getfixturevalue(made), read_only=True) as store:
        rows = all_rows(store, session=session, interval="50")
        view = store.frame(
            "SELECT posted_utc, author, platform, text, symbol, probability, predicted, split, "
            "status, return_bps, outcome, correct, tweet_id FROM scored_any "
            "WHERE session = $session AND interval_minutes = 50",
            session=session,
        )
    order = ["tweet_id", "symbol"]
    assert rows.height == view.height >= 240
    assert rows.sort(order).equals(view.sort(order))


@pytest.mark.slow
@pytest.mark.parametrize("pieces", [(2_000, 60.0), (7, 60.0), (60, -1.0)])
def test_every_order_shows_every_row_once_in_its_order(several: Path, pieces: Pieces) -> None:
    """Also where a page takes several pieces, or its time is over after one."""
    with open_store(several, read_only=True) as store:
        whole = all_rows(store)
        key = ["platform", "tweet_id", "symbol"]
        for sort in SORTS:
            for order in ("up", "down"):
                found = all_rows(store, pieces=pieces, sort=sort, order=order)
                wanted = whole
                if sort in ("return_bps", "probability"):
                    wanted = whole.filter(pl.col(sort).is_not_null())
                assert found.select(key).sort(key).equals(wanted.select(key).sort(key)), sort
                values = [
                    {True: "yes", False: "no"}.get(each, each) for each in found[sort].to_list()
                ]
                known = [each for each in values if each is not None]
                assert values[: len(known)] == known  # those without come last
                assert known == sorted(known, reverse=order == "down"), (sort, order)


@pytest.mark.slow
def test_every_filter_shows_the_rows_that_fulfil_it(several: Path) -> None:
    with open_store(several, read_only=True) as store:
        whole = all_rows(store)
        middle = whole["posted_utc"].sort()[whole.height // 2]
        filters = {
            ("text", "GREAT w"): pl.col("text").str.to_lowercase().str.contains("great w"),
            ("text", "t_"): pl.lit(False),
            ("text", "%"): pl.lit(False),
            ("author", "@SOMEbody"): pl.col("author") == "somebody",
            ("platform", "twitter"): pl.col("platform") == "twitter",
            ("symbol", "TSLA"): pl.col("symbol") == "TSLA",
            ("since", f"{middle}"): pl.col("posted_utc") >= middle,
            ("until", f"{middle}"): pl.col("posted_utc") < middle,
            ("low", "0.5"): pl.col("probability") >= 0.5,
            ("high", "0.25"): pl.col("probability") <= 0.25,
            ("correct", "yes"): pl.col("correct"),
            ("correct", "no"): ~pl.col("correct"),
        }
        values = CHOICES | {"predicted": ("down", "up")}
        for name in ("status", "split", "predicted", "outcome"):
            filters |= {(name, each): pl.col(name) == each for each in values[name]}
        key = ["platform", "tweet_id", "symbol"]
        for (name, value), fulfilled in filters.items():
            for sort in ("posted_utc", "return_bps", "correct"):
                fitting = whole.filter(fulfilled)
                if sort == "return_bps":
                    fitting = fitting.filter(pl.col(sort).is_not_null())
                found = (
                    all_rows(store, pieces=(40, 60.0), sort=sort, **{name: value})
                    .select(key)
                    .sort(key)
                )
                assert found.equals(fitting.select(key).sort(key)), (name, value, sort)


@pytest.mark.slow
def test_without_scores_or_bars_there_are_posts(store: Store) -> None:
    assert all_rows(store).is_empty()
    put_tweets(store, [(1, "2023-01-03T15:00:00", "one"), (2, "2023-01-04T15:00:00", "two")])
    for sort in SORTS:
        rows = all_rows(store, sort=sort)
        assert rows["text"].to_list() in ([], ["two", "one"], ["one", "two"])
        assert rows.height == (0 if sort in ("probability", "return_bps") else 2), sort


def test_posts_that_wait_for_a_bar_are_those_of_the_view(store: Store) -> None:
    put_symbol(store, spacing_minutes=5)
    fill(store)
    rows = all_rows(store, interval="30")
    view = store.frame(
        "SELECT tweet_id, status, return_bps FROM scored WHERE interval_minutes = 30"
    )
    assert rows["status"].value_counts(sort=True).row(0)[0] == "ok"
    assert rows.select(view.columns).sort("tweet_id").equals(view.sort("tweet_id"))


def test_an_address_is_read_as_it_was_written() -> None:
    asked = Asked(text="a&b=c", sort="text", order="up", after='["x", "2023-01-01", "p", 1, "s"]')
    assert read_asked(dict(parse_qsl(asked.address()[1:]))) == asked
    assert Asked().address() == "?"
    with pytest.raises(InputError, match="text: is longer than 1,000 characters"):
        read_asked({"text": "x" * 1_001})
