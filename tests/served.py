"""The explorer as a process of its own, over a database with something hostile in every place."""

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from results import fill
from tiny import put_tweets

from tweetscore.errors import LockedError
from tweetscore.store.database import Store, open_store

TOKEN = "0123456789abcdef0123"
HOSTILE = """<script>window.broken = 1</script>"'><img src=x onerror=alert(1)>{{ 7*7 }}
\N{RIGHT-TO-LEFT OVERRIDE}"""


class Served:
    """A running explorer."""

    def __init__(self, db: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tweetscore", "browse", "--db", db, "--token", TOKEN],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()
        self.port = int(self.address.split(":")[2].split("/")[0])

    def get(
        self, path: str, *, token: str = TOKEN, host: str | None = None, method: str = "GET"
    ) -> tuple[int, str]:
        """Return the status and the text of an answer."""
        status, body, _ = self.raw(f"/{token}{path}", host=host, method=method)
        return status, body.decode()

    def raw(
        self, path: str, *, host: str | None = None, method: str = "GET"
    ) -> tuple[int, bytes, dict[str, str]]:
        """Return the status, the body and the headers of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or f"127.0.0.1:{self.port}")
        connection.endheaders()
        answer = connection.getresponse()
        found = answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}
        connection.close()
        return found

    def end(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(10)


def fill_hostile(path: Path) -> Path:
    """Make a database of posts, one of them hostile, bars, a model, and a reject."""
    with open_store(path) as store:
        fill(store)
        put_tweets(store, [(1_000, "2023-01-05T15:00:30", HOSTILE)])
        store.con.execute(
            "INSERT INTO rejects VALUES (1, 7, 99, $reason, $reason)", {"reason": HOSTILE}
        )
    return path


@contextmanager
def patiently_open(db: Path) -> Iterator[Store]:
    """Open a database that the explorer lets go of soon after a look."""
    until = time.monotonic() + 20
    with ExitStack() as stack:
        while True:
            try:
                store = stack.enter_context(open_store(db))
                break
            except LockedError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
        yield store
