"""Let in who has the address: a request enters, the page behind the token answers or a refusal.

The page shows private data to whoever can ask for it. So it listens on loopback alone; it answers
to the token in its address, which other programs and web pages do not know; it wants its own name
in the header Host, so that no foreign name can be bound to this machine (DNS rebinding); and it
only reads.
"""

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.responses import PlainTextResponse

Scope = MutableMapping[str, Any]
Messages = Callable[..., Awaitable[Any]]
Application = Callable[[Scope, Messages, Messages], Awaitable[None]]
METHODS = ("GET", "HEAD")
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def guarded(app: Application, token: str, port: int) -> Application:
    """Return an application that lets in only who has the address.

    Args:
        app: what answers; it sees paths without the token.
        token: the first part of every path.
        port: at which it listens.
    """
    hosts = {f"127.0.0.1:{port}".encode(), f"localhost:{port}".encode()}

    async def answer(scope: Scope, receive: Messages, send: Messages) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # a websocket: the server closes it
        refusal = _refusal(scope, hosts, token)
        if refusal:
            await refusal(scope, receive, _with_headers(send))
            return
        path = "/" + scope["path"].removeprefix("/").partition("/")[2]
        inner = {**scope, "path": path, "raw_path": path.encode(), "root_path": ""}
        await app(inner, receive, _with_headers(send))

    return answer


def _refusal(scope: Scope, hosts: set[bytes], token: str) -> PlainTextResponse | None:
    """Return the answer to a request that is not let in."""
    given = [value for name, value in scope["headers"] if name == b"host"]
    if len(given) != 1 or given[0] not in hosts:
        return PlainTextResponse("This page has another address.\n", 421)
    first = scope["path"].removeprefix("/").partition("/")[0]
    if not hmac.compare_digest(first.encode(), token.encode()):
        return PlainTextResponse("Use the whole address that tweetscore browse has shown.\n", 403)
    if scope["method"] not in METHODS:
        allowed = {"allow": ", ".join(METHODS)}
        return PlainTextResponse("This page only reads.\n", 405, headers=allowed)
    return None


def _with_headers(send: Messages) -> Messages:
    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message["headers"] = [*message["headers"], *own]
        await send(message)

    return sent
