"""The pages of posts, files and models: requests enter, pages leave."""

import json
from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from tweetscore.browse.asked import (
    CHOICES,
    SORTS,
    Asked,
    read_asked,
)
from tweetscore.browse.calibrated import read_calibration
from tweetscore.browse.explorer import UNKNOWN, Explorer
from tweetscore.browse.facts import Facts, Market, classes_of, intervals_of
from tweetscore.browse.post import read_post
from tweetscore.browse.posts import find_page
from tweetscore.errors import InputError
from tweetscore.evaluation.charts import calibration_chart
from tweetscore.io.html.charts import picture
from tweetscore.io.html.parts import Table, asset, base_style, cell, frame_table, table_script
from tweetscore.market.horizons import Horizon
from tweetscore.query.info import INFO
from tweetscore.store.database import Store, statement

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
        choices=_choices(facts, page.market),
        columns=[(name, name.replace("_", " "), name in NUMBERS) for name in SORTS],
        cell=cell,
        first=asked.address(after=""),
        narrowed=asked.address(text="", author="", sort="posted_utc", order="down", after="")
        != "?",
        of_post=_of_post(asked),
        chosen=_chosen(page.market),
        meets_each=not (facts.has_rules or asked.symbol) and len(facts.symbols) > 1,
        words=_words(page.market),
    )


def _choices(facts: Facts, market: Market) -> dict[str, list[tuple[str, str]]]:
    """Return the values and words of each list to choose from."""
    model = market.model
    return {
        "platform": [(each, each) for each in facts.platforms],
        "symbol": [(each, each) for each, _ in facts.symbols],
        "model": [(each.model_id, each.title) for each in facts.models],
        "interval": [
            (str(Horizon(each)), Horizon(each).words) for each in intervals_of(facts, model)
        ],
        "predicted": [(each, each) for each in classes_of(model)],
        **{
            name: [(each, each.replace("_", " ")) for each in values]
            for name, values in CHOICES.items()
        },
    }


def _of_post(asked: Asked) -> str:
    """Return the query of a post's address: what it is held against."""
    kept = ("interval", "session", "model", "symbol")
    return Asked(**{name: getattr(asked, name) for name in kept}).address()


def _chosen(market: Market) -> dict[str, str]:
    """Return the values of lists whose usual value depends on the archive."""
    interval = "" if market.interval is None else str(Horizon(market.interval))
    return {"model": market.model.model_id if market.model else "", "interval": interval}


def _words(market: Market) -> str:
    """Return the interval in words."""
    return "" if market.interval is None else Horizon(market.interval).words


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
        choices=_choices(facts, view.market),
        rules=facts.has_rules,
        of_post=_of_post(asked),
        chosen=_chosen(view.market),
    )


def sources(explorer: Explorer, request: Request) -> Response:
    """The files, their clocks, and what they hold."""
    all_wanted = "alignments" in request.query_params
    with explorer.look() as (store, _):
        shown = {
            name: explorer.kept(name, partial(_info, store, name))
            for name in INFO
            if name not in ("rejects", "models", *(() if all_wanted else SLOW))
        }
    return explorer.page("sources.html", request, sections=shown, waiting=not all_wanted)


def _info(store: Store, name: str) -> Table:
    return frame_table(store.frame(statement(f"query/info/{name}")))


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
            curve, p_value = explorer.kept(
                f"calibration of {model_id} at {asked}",
                partial(read_calibration, store, facts, model_id, asked),
            )
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
