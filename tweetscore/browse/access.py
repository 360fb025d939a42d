"""Read a database that others write to: it is open only while somebody looks."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tweetscore.store.database import Store, check_derived, open_store

IDLE_SECONDS = 0.3  # then another command can have the file
MOST_SOUGHT = 200  # keys of a join that are held against the statistics of each block


class Access:
    """A database that is opened for a look, and closed soon after the last one."""

    def __init__(self, db: Path) -> None:
        self.db = db
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._opened: Store | None = None
        self._looking = 0
        self._closing: threading.Timer | None = None
        self._checked: tuple[int, int] | None = None

    @property
    def version(self) -> tuple[int, int]:
        """What changes whenever somebody has written to the file."""
        found = self.db.stat()
        return found.st_mtime_ns, found.st_size

    @contextmanager
    def look(self) -> Iterator[Store]:
        """Open the database if it is not open, without access to files or network.

        Raises:
            InputError: there is no such database, or its schema is not ours.
            LockedError: another process writes to it.
            IntegrityError: it is none of ours, or its views are not.
        """
        with self._lock:
            store = self._opened or self._open()
            self._looking += 1
            cursor = Store(store.con.cursor(), self.db)
        try:
            yield cursor
        finally:
            cursor.con.close()
            with self._lock:
                self._looking -= 1
                self._close_later()

    def close(self) -> None:
        """Close the file, whoever looks."""
        with self._lock:
            if self._closing:
                self._closing.cancel()
            self._stack.close()
            self._opened = None

    def _open(self) -> Store:
        store = self._stack.enter_context(open_store(self.db, read_only=True))
        try:
            if self._checked != self.version:  # views run with our rights: whose are they?
                check_derived(store)
                self._checked = self.version
            store.con.execute("SET enable_external_access = false")
            # The rows of a page, found by their ids, are read without the blocks around them.
            store.con.execute(f"SET dynamic_or_filter_threshold = {MOST_SOUGHT}")
        except BaseException:
            self._stack.close()
            raise
        self._opened = store
        return store

    def _close_later(self) -> None:
        if self._closing:
            self._closing.cancel()
        self._closing = threading.Timer(IDLE_SECONDS, self._close_if_idle)
        self._closing.daemon = True
        self._closing.start()

    def _close_if_idle(self) -> None:
        with self._lock:
            if not self._looking:
                self._stack.close()
                self._opened = None
