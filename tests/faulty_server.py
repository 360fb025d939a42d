"""A real S3 server on loopback, and a proxy before it that counts, and fails now and then."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pyarrow import fs

ANSWERS = {
    403: b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
    503: b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
}
MOST_DELAY_SECONDS = 0.2


@dataclass
class Faults:
    """How likely each fault is, for one request."""

    drop: float = 0  # the connection, before the server has seen anything
    cut: float = 0  # the answer, within its body
    lose: float = 0  # the answer, although the server has done what was asked
    delay: float = 0
    busy: float = 0  # 503
    refuse: float = 0  # 403
    methods: tuple[str, ...] = ("GET", "HEAD", "PUT", "POST", "DELETE")  # that they strike
    draws: Random = field(default_factory=lambda: Random(20))

    def strikes(self, name: str) -> bool:
        """Draw one."""
        return bool(self.draws.random() < getattr(self, name))


def every_fault() -> Faults:
    """Return some of each."""
    return Faults(drop=0.03, cut=0.03, lose=0.03, delay=0.1, busy=0.05, refuse=0.02)


@dataclass
class Proxy:
    """What passes: requests by method, and bytes of objects that were sent back."""

    url: str
    target: tuple[str, int]
    faults: Faults = field(default_factory=Faults)
    requests: Counter[str] = field(default_factory=Counter)
    paths: list[str] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    sent_bytes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def clear(self) -> None:
        """Count anew."""
        self.requests.clear()
        self.paths.clear()
        self.struck.clear()
        self.sent_bytes = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def handle(self) -> None:
        """Pass what a connection asks for, until whoever asks is gone."""
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _pass(self) -> None:
        proxy, faults = self.proxy, self.proxy.faults
        with proxy.lock:
            proxy.requests[self.command] += 1
            proxy.paths.append(f"{self.command} {self.path}")
            kinds = ("drop", "busy", "refuse", "cut", "lose")
            strikes = self.command in faults.methods
            struck = next((it for it in kinds if strikes and faults.strikes(it)), "")
            delay = faults.draws.random() * MOST_DELAY_SECONDS if faults.strikes("delay") else 0
            proxy.struck[struck or "none"] += 1
        time.sleep(delay)
        body = self._body()
        if struck == "drop":
            self._hang_up()
        elif struck in {"busy", "refuse"}:
            status = 503 if struck == "busy" else 403
            self._answer(status, [], b"" if self.command == "HEAD" else ANSWERS[status])
        else:
            self._forward(body, struck)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass  # noqa: N815  # names of http.server

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def _forward(self, body: bytes, struck: str) -> None:
        server = HTTPConnection(*self.proxy.target, timeout=60)
        try:
            server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in {"transfer-encoding", "content-length"}:
                    server.putheader(name, value)
            server.putheader("Content-Length", str(len(body)))
            server.endheaders(body)
            found = server.getresponse()
            data, headers = found.read(), found.getheaders()
        except (OSError, HTTPException):
            self._hang_up()
            return
        finally:
            server.close()
        if struck == "lose":
            self._hang_up()
            return
        with self.proxy.lock:
            self.proxy.sent_bytes += len(data) if self.command == "GET" else 0
        self._answer(found.status, headers, data, cut=struck == "cut" and len(data) > 1)

    def _answer(
        self, status: int, headers: list[tuple[str, str]], data: bytes, *, cut: bool = False
    ) -> None:
        with suppress(OSError):  # whoever asked is gone
            self.send_response_only(status)
            length = next((v for n, v in headers if n.lower() == "content-length"), str(len(data)))
            for name, value in headers:
                if name.lower() not in {"content-length", "connection", "transfer-encoding"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", length if self.command == "HEAD" else str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if cut else data)
            if cut:
                self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxied(target: tuple[str, int], listener: socket.socket | None = None) -> Iterator[Proxy]:
    """Run a proxy before a server.

    Args:
        target: host and port of the server.
        listener: takes its connections; None: one on loopback.
    """
    handler = type("Handler", (_Handler,), {})
    listener = listener or socket.create_server(("127.0.0.1", 0))
    host, port = listener.getsockname()
    server = ThreadingHTTPServer((host, port), handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.daemon_threads = True
    proxy = Proxy(f"http://{host}:{port}", target)
    handler.proxy = proxy  # type: ignore[attr-defined]  # of the class made above
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def s3_server() -> Iterator[tuple[str, int]]:
    """Run an S3 server that keeps its objects in memory; nothing outside it is reached."""
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield server.get_host_and_port()
    finally:
        server.stop()


def reach(proxy: Proxy, patch: pytest.MonkeyPatch) -> None:
    """Lead the environment's way to buckets through a proxy."""
    patch.setenv("AWS_ACCESS_KEY_ID", "testing")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    patch.setenv("AWS_ENDPOINT_URL", proxy.url)
    patch.setenv("AWS_REGION", "us-east-1")


def around(proxy: Proxy) -> fs.S3FileSystem:
    """Return the way to the buckets around a proxy."""
    host, port = proxy.target
    return fs.S3FileSystem(
        endpoint_override=f"http://{host}:{port}", region="us-east-1", allow_bucket_creation=True
    )


def put(direct: fs.S3FileSystem, folder: Path, to: str) -> None:
    """Copy a folder, or a file, into a bucket."""
    fs.copy_files(
        str(folder), to, source_filesystem=fs.LocalFileSystem(), destination_filesystem=direct
    )


def objects(direct: fs.S3FileSystem, folder: str) -> dict[str, bytes]:
    """Return the contents of all Parquet files of a folder."""
    found = direct.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True))
    return {
        each.path.removeprefix(f"{folder}/"): direct.open_input_stream(each.path).readall()
        for each in found
        if each.path.endswith(".parquet")
    }
