"""What all pages share: the database, its facts, templates, and refusals in words."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import duckdb
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from tweetscore.browse.access import Access
from tweetscore.browse.facts import Facts, read_facts
from tweetscore.errors import InputError, LockedError, TweetscoreError
from tweetscore.io.html.parts import environment
from tweetscore.store.database import Store

Found = TypeVar("Found")
PACKAGE = "tweetscore.browse"
PAGE_SECONDS = 30  # of the statements of one page
BUSY, UNKNOWN, FAILED, BAD = 503, 404, 500, 400


class Explorer:
    """One database as pages."""

    def __init__(self, db: Path, token: str) -> None:
        self.access = Access(db)
        self.base = f"/{token}"
        self._templates = environment(PACKAGE)
        self._version: tuple[int, int] | None = None
        self._kept: dict[str, Any] = {}

    @property
    def db(self) -> Path:
        """The file."""
        return self.access.db

    @contextmanager
    def look(self) -> Iterator[tuple[Store, Facts]]:
        """Open the database for a page, whose statements may take thirty seconds together.

        Raises:
            InputError: there is none, or a statement takes longer.
            LockedError: another process writes to it.
        """
        with self.access.look() as store:
            timer = threading.Timer(PAGE_SECONDS, store.con.interrupt)
            timer.start()
            try:
                yield store, self.kept("facts", partial(read_facts, store))
            except duckdb.InterruptException as error:
                raise InputError(
                    f"this page took longer than {PAGE_SECONDS} seconds; ask for less"
                ) from error
            finally:
                timer.cancel()

    def facts_if_free(self) -> None:
        """Read the facts before the first page needs them.

        Raises:
            InputError: there is no such database.
        """
        with suppress(LockedError), self.look():
            return

    def close(self) -> None:
        """Let go of the database."""
        self.access.close()

    def page(self, template: str, request: Request, **shown: Any) -> Response:
        """Return a page."""
        return HTMLResponse(self._text(template, request, shown))

    def _text(self, template: str, request: Request, shown: Mapping[str, Any]) -> str:
        return self._templates.get_template(template).render(
            base=self.base,
            database=self.db.name,
            here=request.url.path,
            **shown,
        )

    def answer(self, page: Callable[["Explorer", Request], Response], request: Request) -> Response:
        """Return a page, or one that says in a line why it cannot be shown."""
        try:
            return page(self, request)
        except LockedError as error:
            return self.refused(request, BUSY, "The database is being written to", str(error))
        except InputError as error:
            return self.refused(request, BAD, "This cannot be shown", str(error))
        except TweetscoreError as error:
            return self.refused(request, FAILED, "The database cannot be read", str(error))
        except (duckdb.Error, ValueError) as error:
            fact = str(error).splitlines()[0] if str(error) else type(error).__name__
            return self.refused(request, FAILED, "This page has failed", fact)

    def refused(self, request: Request, status: int, title: str, fact: str) -> Response:
        """Return a page that says why there is no other."""
        shown = {"title": title, "fact": fact, "busy": status == BUSY}
        return HTMLResponse(self._text("refused.html", request, shown), status)

    def kept(self, name: str, read: Callable[[], Found]) -> Found:
        """Return what was read before, unless somebody has written to the database since."""
        version = self.access.version
        if version != self._version:
            self._version, self._kept = version, {}
        kept = self._kept  # another thread may have begun anew meanwhile
        if name not in kept:
            kept[name] = read()
        found: Found = kept[name]
        return found
