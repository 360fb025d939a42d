"""Hosts that share nothing but a network: namespaces of this machine, each with its own folders."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

BRIDGE = "10.77.0.1"
# Its own temporary files, shared memory and name, before what it runs.
ALONE = (
    "mount -t tmpfs tmpfs /tmp && mount -t tmpfs tmpfs /dev/shm && hostname {name} && "
    "exec {command}"
)


def allowed() -> bool:
    """Return whether this machine lets us make namespaces."""
    return (
        os.name == "posix"
        and not subprocess.run(
            [
                "unshare",
                "--net",
                "--mount",
                "--uts",
                "ip",
                "link",
                "add",
                "probe",
                "type",
                "bridge",
            ],
            capture_output=True,
            check=False,
        ).returncode
    )


class Network:
    """A bridge in a namespace of its own, and hosts that are plugged into it."""

    def __init__(self) -> None:
        self.hub = f"tw{os.getpid()}"
        self.hosts: list[str] = []
        _ip("netns", "add", self.hub)
        self._in_hub("link", "set", "lo", "up")
        self._in_hub("link", "add", "bridge", "type", "bridge")
        self._in_hub("address", "add", f"{BRIDGE}/24", "dev", "bridge")
        self._in_hub("link", "set", "bridge", "up")

    def add(self, name: str) -> str:
        """Plug a host in; return its address."""
        self.hosts.append(name)
        address, space = f"10.77.0.{len(self.hosts) + 1}", self.space(name)
        _ip("netns", "add", space)
        self._in_hub(
            "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth", "netns", space
        )
        self._in_hub("link", "set", f"to-{name}", "master", "bridge", "up")
        _ip("-n", space, "address", "add", f"{address}/24", "dev", "eth")
        _ip("-n", space, "link", "set", "eth", "up")
        _ip("-n", space, "link", "set", "lo", "up")
        return address

    def space(self, name: str) -> str:
        """Return the namespace of a host, or of the bridge."""
        return f"{self.hub}-{name}" if name else self.hub

    def start(
        self, name: str, command: Sequence[str], log: Path, *, alone: bool = False
    ) -> subprocess.Popen[bytes]:
        """Run something on a host, or on the bridge.

        Args:
            name: of the host; nothing: the bridge.
            command: what runs.
            log: takes what it prints.
            alone: whether it has a name, temporary files and shared memory of its own.
        """
        if alone:
            script = ALONE.format(name=name, command=subprocess.list2cmdline(command))
            command = ["unshare", "--mount", "--uts", "sh", "-c", script]
        with log.open("wb") as out:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.space(name), *command], stdout=out, stderr=out
            )

    def plug(self, name: str, state: str) -> None:
        """Cut the cable of a host (``down``), or mend it (``up``)."""
        self._in_hub("link", "set", f"to-{name}", state)

    def kill(self, name: str) -> None:
        """End everything that runs on a host, as a power cut does."""
        pids = subprocess.run(
            ["ip", "netns", "pids", self.space(name)], capture_output=True, text=True, check=False
        )
        for pid in map(int, pids.stdout.split()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def remove(self) -> None:
        """Take everything down."""
        for name in [*self.hosts, ""]:
            self.kill(name)
            _ip("netns", "delete", self.space(name))

    def _in_hub(self, *words: str) -> None:
        _ip("-n", self.hub, *words)


@contextmanager
def network() -> Iterator[Network]:
    """Make a network for a while."""
    made = Network()
    try:
        yield made
    finally:
        made.remove()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


RAY = (sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats")
