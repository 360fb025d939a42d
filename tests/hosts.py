"""Hosts that share nothing but a network: namespaces of this machine, each with its own folders.

A host ends, with everything that runs on it, when the process that made it does.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import tweetscore

BRIDGE = "10.77.0.1"
SPACES = ("--net", "--mount", "--uts", "--ipc", "--pid")
# The first process of a host: it says its number here, and ends when its input does. Of the
# temporary files of this machine a host sees only the folders that it is given.
BOOT = """
set -e
read -r number rest < /proc/self/stat
hostname "$1"; temporary=$2; shift 2
mount --bind "$temporary" /mnt
mount -t tmpfs tmpfs "$temporary"
for folder; do
    case $folder in "$temporary"/*)
        mkdir -p "$folder"; mount --bind "/mnt${folder#"$temporary"}" "$folder" ;;
    esac
done
umount --lazy /mnt
mount -t tmpfs tmpfs /dev/shm
mount -t proc proc /proc
ip link set lo up
echo "$number"
trap '' CHLD
exec cat
"""
PROGRAMS = (Path(tweetscore.__file__).parents[1], Path(sys.prefix), Path(sys.base_prefix))
RAY = (sys.executable, "-m", "ray.scripts.scripts")
START = ("start", "--disable-usage-stats", "--object-store-memory", "100000000")
START_SECONDS, START_ATTEMPTS = 120, 4
RAYLET = "raylet/raylet"  # what keeps a host in the cluster


def why_not() -> str | None:
    """Say why this machine lets us make no hosts; None if it does."""
    if lacking := [each for each in ("unshare", "nsenter", "ip") if not shutil.which(each)]:
        return f"hosts are made by {lacking[0]}, which is not installed"
    words = ["unshare", *SPACES, "--fork", "ip", "link", "add", "probe", "type", "bridge"]
    tried = subprocess.run(words, capture_output=True, check=False)
    return "this machine allows no network namespaces" if tried.returncode else None


def wait_until(fact: Callable[[], bool], seconds: float = 120) -> bool:
    """Wait for another process to make something true; return whether it has within that time."""
    end = time.monotonic() + seconds
    while not (found := fact()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


@dataclass
class Host:
    """A host: processes with their own network, name, temporary files and shared memory."""

    name: str
    address: str
    made_by: subprocess.Popen[str]
    number: int  # of its first process

    def enter(self, *command: str) -> list[str]:
        """Return the command that runs another one on the host."""
        return ["nsenter", "--target", str(self.number), *SPACES, "--", *command]

    def run(self, *command: str, seconds: float = START_SECONDS) -> str:
        """Run something on the host; return what it prints.

        Raises:
            AssertionError: it fails, or takes longer.
        """
        with tempfile.TemporaryFile("w+") as out:  # a pipe would stay open with what it starts
            done = subprocess.run(
                self.enter(*command), stdout=out, stderr=out, timeout=seconds, check=False, cwd="/"
            )
            out.seek(0)
            told = out.read()
        assert done.returncode == 0, f"{self.name}: {' '.join(command)}: {told[-2000:]}"
        return told

    def processes(self) -> dict[int, str]:
        """Return the numbers and titles of all that runs on it."""
        own = os.readlink(f"/proc/{self.number}/ns/pid")
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                if os.readlink(folder / "ns/pid") == own:
                    found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        return found

    def kill(self) -> None:
        """End everything that runs on it, as a power cut does."""
        with suppress(ProcessLookupError):
            os.kill(self.number, signal.SIGKILL)
        self.made_by.communicate()


class Network:
    """A bridge, and hosts that are plugged into it."""

    def __init__(self) -> None:
        self._numbers = count(2)
        self.hosts: list[Host] = []
        self.bridge = self._boot("bridge", BRIDGE, [])
        self._on_bridge("link", "add", "bridge", "type", "bridge")
        self._on_bridge("address", "add", f"{BRIDGE}/24", "dev", "bridge")
        self._on_bridge("link", "set", "bridge", "up")

    def add(self, name: str, given: Sequence[Path] = ()) -> Host:
        """Plug a host in.

        Args:
            name: of the host, at most twelve letters.
            given: folders of this machine that it has, too.
        """
        host = self._boot(name, f"10.77.0.{next(self._numbers)}", given)
        ends = ["type", "veth", "peer", "name", "eth", "netns", str(host.number)]
        enter = ["nsenter", "--target", str(self.bridge.number), "--net", "--"]
        subprocess.run([*enter, "ip", "link", "add", f"to-{name}", *ends], check=True)
        self._on_bridge("link", "set", f"to-{name}", "master", "bridge", "up")
        host.run("ip", "address", "add", f"{host.address}/24", "dev", "eth")
        host.run("ip", "link", "set", "eth", "up")
        return host

    def plug(self, host: Host, state: str) -> None:
        """Cut the cable of a host (``down``), or mend it (``up``)."""
        self._on_bridge("link", "set", f"to-{host.name}", state)

    def listener(self) -> socket.socket:
        """Return a socket that takes connections from the hosts, for a server of this process."""

        def within() -> socket.socket:
            with Path(f"/proc/{self.bridge.number}/ns/net").open() as space:
                if ctypes.CDLL(None, use_errno=True).setns(space.fileno(), 0):
                    raise OSError(ctypes.get_errno(), "setns")
            return socket.create_server((BRIDGE, 0))

        with ThreadPoolExecutor(1) as thread:  # it alone enters, and ends
            return thread.submit(within).result()

    def remove(self) -> None:
        """Take everything down."""
        for host in self.hosts:
            host.kill()

    def _boot(self, name: str, address: str, given: Sequence[Path]) -> Host:
        folders = map(str, (*PROGRAMS, *given))
        words = ["sh", "-c", BOOT, "sh", name, tempfile.gettempdir(), *folders]
        made_by = subprocess.Popen(
            ["unshare", *SPACES, "--fork", "--kill-child", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert made_by.stdout
        number = made_by.stdout.readline()
        assert number, made_by.communicate()[1]
        host = Host(name, address, made_by, int(number))
        self.hosts.append(host)
        return host

    def _on_bridge(self, *words: str) -> None:
        self.bridge.run("ip", *words)


@dataclass
class Cluster:
    """Ray on a head without a core of its own, and on workers of one core each."""

    network: Network
    given: Sequence[Path]  # folders of this machine that the head has
    workers: list[Host] = field(default_factory=list)
    peak_kb: int = 0  # of one process that scores
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        """Start the head."""
        own = ("--head", "--port", "6379", "--num-cpus", "0", "--include-dashboard", "false")
        self.head = self._started("head", self.given, "true", own)

    @property
    def address(self) -> str:
        return f"{self.head.address}:6379"

    def add_worker(self, before: str = "true") -> Host:
        """Start a worker.

        Args:
            before: what the shell does on the host first.
        """
        own = ("--address", self.address, "--num-cpus", "1")
        host = self._started("worker", (), before, own)
        self.workers.append(host)
        return host

    def mend(self, workers: int = 2) -> None:
        """Replace the workers on which Ray has ended."""
        for host in self.workers.copy():
            if not any(RAYLET in each for each in host.processes().values()):
                self.drop(host)
        with ThreadPoolExecutor() as at_once:
            list(at_once.map(lambda _: self.add_worker(), range(workers - len(self.workers))))

    def drop(self, host: Host) -> None:
        """End a worker for good."""
        host.kill()
        self.workers.remove(host)

    def scoring(self, host: Host) -> list[int]:
        """Return the processes of a host that have loaded a job, or do."""
        return [each for each, title in host.processes().items() if title.startswith("ray::Worker")]

    def measure(self) -> None:
        """Look how much memory they have taken so far."""
        for host in self.workers:
            for each in self.scoring(host):
                with suppress(OSError, StopIteration):  # it has ended
                    lines = Path(f"/proc/{each}/status").read_text().splitlines()
                    peak = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
                    self.peak_kb = max(self.peak_kb, int(peak))

    def _started(self, kind: str, given: Sequence[Path], before: str, own: Sequence[str]) -> Host:
        """Start Ray on a new host, or on another one: it gives a host 30 s, whatever else runs."""
        for attempt in range(1, START_ATTEMPTS + 1):
            host = self.network.add(f"{kind}-{next(self._numbers)}", given)
            host.run("sh", "-c", before)
            try:
                host.run(*RAY, *START, "--node-ip-address", host.address, *own)
            except AssertionError:
                host.kill()
                if attempt == START_ATTEMPTS:
                    raise
            else:
                break
        return host


@contextmanager
def network() -> Iterator[Network]:
    """Make a network for a while."""
    made = Network()
    try:
        yield made
    finally:
        made.remove()
