"""The pages of posts, files and models: requests enter, pages leave."""

import json
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from tweetscore.browse.asked import (
    CORRECT,
    OUTCOMES,
    PREDICTED,
    SESSIONS,
    SORTS,
    SPLITS,
    STATUSES,
    Asked,
    read_asked,
)
from tweetscore.browse.explorer import UNKNOWN, Explorer
from tweetscore.browse.facts import Facts
from tweetscore.browse.post import read_post
from tweetscore.browse.posts import find_page
from tweetscore.errors import InputError
from tweetscore.evaluation.charts import calibration_chart
from tweetscore.evaluation.curves import calibration_curve
from tweetscore.io.html.charts import picture
from tweetscore.io.html.parts import asset, base_style, cell, frame_table, table_script
from tweetscore.market.horizons import Horizon
from tweetscore.query.info import INFO
from tweetscore.store.database import statement

NUMBERS = {"probability", "return_bps"}
REJECTS = 200  # on a page
SLOW = ("alignments",)  # reads every post and bar
STATIC: dict[str, tuple[str, Callable[[], str]]] = {
    "style.css": ("text/css", lambda: base_style() + asset("tweetscore.browse", "page.css")),
    "page.js": ("text/javascript", lambda: asset("tweetscore.browse", "page.js")),
    "tables.js": ("text/javascript", table_script),
}


def overview(explorer: Explorer, request: Request) -> Response:
    """What the archive is, and where to look."""
    with explorer.look() as (store, facts):
        sections = {
            name: frame_table(store.frame(statement(f"query/info/{name}")))
            for name in ("bars", "models")
        }
        (rejected,) = store.row("SELECT count(*) FROM rejects")
    hours = facts.hours["hour_utc"]
    span = f"{hours[-1]:%Y-%m-%d} to {hours[0]:%Y-%m-%d}" if len(hours) else ""
    return explorer.page(
        "overview.html", request, facts=facts, span=span, rejected=rejected, sections=sections
    )


def posts(explorer: Explorer, request: Request) -> Response:
    """A hundred posts, filtered and sorted."""
    asked = read_asked(request.query_params)
    with explorer.look() as (store, facts):
        page = find_page(store, facts, asked)
    return explorer.page(
        "posts.html",
        request,
        asked=asked,
        page=page,
        market=page.market,
        facts=facts,
        choices=_choices(facts, asked),
        columns=[(name, name.replace("_", " "), name in NUMBERS) for name in SORTS],
        cell=cell,
        first=asked.address(after=""),
        narrowed=asked.address(text="", author="", sort="posted_utc", order="down", after="")
        != "?",
        of_post=_of_post(asked),
        **_interval(page.market.interval),
    )


def _choices(facts: Facts, asked: Asked) -> dict[str, list[tuple[str, str]]]:
    """Return the values and words of each list to choose from."""
    model = next((each for each in facts.models if asked.model == each.model_id), None)
    model = model or next(iter(facts.models), None)
    intervals = model.intervals if model else facts.intervals
    return {
        "platform": [(each, each) for each in facts.platforms],
        "symbol": [(each, each) for each, _ in facts.symbols],
        "model": [(each.model_id, each.name) for each in facts.models],
        "interval": [(str(Horizon(each)), Horizon(each).words) for each in intervals],
        **{
            name: [(each, each.replace("_", " ")) for each in values]
            for name, values in (
                ("status", STATUSES), ("split", SPLITS), ("predicted", PREDICTED),
                ("outcome", OUTCOMES), ("correct", CORRECT), ("session", SESSIONS),
            )
        },
    }  # fmt: skip


def _of_post(asked: Asked) -> str:
    """Return the query of a post's address: what it is held against."""
    return Asked(interval=asked.interval, session=asked.session, model=asked.model).address()


def _interval(minutes: int | None) -> dict[str, str]:
    """Return an interval as it is typed, and in words."""
    if minutes is None:
        return {"market_interval": "", "words": ""}
    return {"market_interval": str(Horizon(minutes)), "words": Horizon(minutes).words}


def post(explorer: Explorer, request: Request) -> Response:
    """One post on its price path."""
    asked = read_asked(request.query_params)
    platform, tweet_id = (request.path_params[name] for name in ("platform", "tweet_id"))
    with explorer.look() as (store, facts):
        if not -(2**63) <= tweet_id < 2**63:
            raise InputError(f"{platform} {tweet_id}: no such post in the database")
        view = read_post(store, facts, asked, platform, tweet_id)
    return explorer.page(
        "post.html",
        request,
        view=view,
        asked=asked,
        scores=frame_table(view.scores),
        labels=frame_table(view.labels),
        links=frame_table(view.links),
        choices=_choices(facts, asked),
        rules=facts.has_rules,
        of_post=_of_post(asked),
        **_interval(view.market.interval),
    )


def sources(explorer: Explorer, request: Request) -> Response:
    """The files, their clocks, and what they hold."""
    all_wanted = "alignments" in request.query_params
    with explorer.look() as (store, _):
        shown = {
            name: frame_table(store.frame(statement(f"query/info/{name}")))
            for name in INFO
            if name not in ("rejects", "models", *(() if all_wanted else SLOW))
        }
    return explorer.page("sources.html", request, sections=shown, waiting=not all_wanted)


def rejects(explorer: Explorer, request: Request) -> Response:
    """The records that could not be read."""
    number = _number(request.query_params.get("page", "1"))
    with explorer.look() as (store, _):
        kinds = store.frame(statement("report/rejects"))
        found = store.frame(
            statement("browse/rejects"), most=REJECTS + 1, skipped=(number - 1) * REJECTS
        )
    return explorer.page(
        "rejects.html",
        request,
        kinds=frame_table(kinds),
        rows=frame_table(found.head(REJECTS), all_columns=True),
        number=number,
        more=found.height > REJECTS,
    )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:9]) >= 1 and len(text) < 9):
        raise InputError(f"page: {text[:20]} is no number of a page")
    return int(text)


def models(explorer: Explorer, request: Request) -> Response:
    """The models that have predicted."""
    with explorer.look() as (store, _):
        named = store.rows("SELECT model_id, name, target FROM models ORDER BY name, model_id")
        found = store.frame(statement("query/info/models"))
        words = store.frame(statement("query/info/words"))
    return explorer.page(
        "models.html", request, models=named, table=frame_table(found), words=frame_table(words)
    )


def model(explorer: Explorer, request: Request) -> Response:
    """One model: its card, and how its probabilities compare with what came true."""
    model_id = request.path_params["model_id"]
    asked = request.query_params.get("interval", "")
    with explorer.look() as (store, facts):
        found = store.frame(statement("browse/model"), model_id=model_id)
        if found.is_empty():
            raise InputError(f"{model_id}: no such model in the database")
        of_market = next((each for each in facts.models if each.model_id == model_id), None)
        intervals = [str(Horizon(each)) for each in of_market.intervals] if of_market else []
        drawn = p_value = None
        if asked and asked not in intervals:
            raise InputError(f"interval: {asked} is not one of {', '.join(intervals)}")
        if of_market and asked:
            rows = store.frame(
                statement("report/outcomes"),
                model_id=model_id,
                session="regular",
                symbols=[name for name, _ in facts.symbols] or [""],
                interval=int(Horizon.parse(asked)),
            )
            curve, p_value = calibration_curve(rows)
            if curve.height:
                drawn = picture(calibration_chart(curve), table=frame_table(curve))
    row = found.row(0, named=True)
    return explorer.page(
        "model.html",
        request,
        model=row,
        card=json.dumps(json.loads(row["card"]), indent=2, ensure_ascii=False),
        intervals=intervals,
        chosen=asked,
        chosen_words=Horizon.parse(asked).words if asked else "",
        drawn=drawn,
        p_value=p_value,
    )


def static(explorer: Explorer, request: Request) -> Response:
    """A style or script of ours."""
    name = request.path_params["name"]
    if name not in STATIC:
        return lost(explorer, request)
    kind, read = STATIC[name]
    return Response(read(), media_type=kind)


def lost(explorer: Explorer, request: Request) -> Response:
    """There is no such page."""
    return explorer.refused(request, UNKNOWN, "There is no such page", "Choose one of those above.")
