"""Serve the explorer on loopback: a database enters, an address leaves, pages are answered."""

import secrets
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tweetscore.browse import answers, pages
from tweetscore.browse.explorer import Explorer
from tweetscore.browse.guard import guarded
from tweetscore.errors import InputError

HOST = "127.0.0.1"
TOKEN_BYTES = 24
LEAST_TOKEN = 16  # characters of one that is given
ROUTES: dict[str, Callable[[Explorer, Request], Response]] = {
    "/": pages.overview,
    "/posts": pages.posts,
    "/post/{platform}/{tweet_id:int}": pages.post,
    "/sources": pages.sources,
    "/rejects": pages.rejects,
    "/models": pages.models,
    "/models/{model_id}": pages.model,
    "/queries": answers.queries,
    "/queries/{name}": answers.query,
    "/sql": answers.sql,
    "/tables": answers.tables,
    "/tables/{name}": answers.table,
    "/static/{name}": pages.static,
}


def application(explorer: Explorer) -> Starlette:
    """Return what answers behind the guard."""
    routes = [Route(path, partial(_answer, explorer, page)) for path, page in ROUTES.items()]
    return Starlette(
        routes=[*routes, Route("/{path:path}", partial(_answer, explorer, pages.lost))]
    )


def serve(
    db: Path,
    *,
    port: int = 0,
    token: str | None = None,
    on_address: Callable[[str], None],
) -> None:
    """Answer until somebody ends it.

    Args:
        db: the database; it is open only while somebody looks.
        port: at which to listen; 0: a free one.
        token: the secret part of the address; None: another one each time.
        on_address: called with the address, once it answers.

    Raises:
        InputError: there is no such database, or the port or token cannot be used.
    """
    if token is not None and (len(token) < LEAST_TOKEN or not token.isalnum()):
        raise InputError(
            f"--token: takes at least {LEAST_TOKEN} letters and digits, which nobody can guess"
        )
    secret = token or secrets.token_hex(TOKEN_BYTES)
    explorer = Explorer(db, secret)
    explorer.facts_if_free()
    with _listening(port) as listener:
        own_port = listener.getsockname()[1]
        app = guarded(application(explorer), secret, own_port)
        config = uvicorn.Config(
            app, log_level="critical", access_log=False, server_header=False, ws="none",
            lifespan="off", timeout_graceful_shutdown=2,
        )  # fmt: skip
        on_address(f"http://{HOST}:{own_port}/{secret}/")
        try:
            uvicorn.Server(config).run(sockets=[listener])
        finally:
            explorer.close()


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise InputError(
            f"--port {port}: cannot be used ({error.strerror}); choose another one, or leave it out"
        ) from error


def _answer(
    explorer: Explorer, page: Callable[[Explorer, Request], Response], request: Request
) -> Response:
    return explorer.answer(page, request)
