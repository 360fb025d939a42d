"""Places in buckets: an address such as ``s3://bucket/folder`` enters, its files leave.

pyarrow reaches the buckets, with the credentials that the environment holds; they are never kept
here. An object appears when its last byte is there: it is written on this machine first, since a
stream of pyarrow that is closed by an error would leave half of it as if it were whole.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import pyarrow as pa
from pyarrow import fs

from tweetscore.errors import InputError, did_you_mean
from tweetscore.io.fetched import PIECE_BYTES, Chosen, Part, fetch_parts
from tweetscore.io.places import SCHEME, Entry, Place, fits, fixed_parts
from tweetscore.io.scratch import scratch

Found = TypeVar("Found")
PAUSES_SECONDS = (0.2, 1.0)  # between our attempts; within each, pyarrow has made its own
_SDK_ATTEMPTS = 3
_SECRET_CHARACTERS = 8  # shorter ones are words of messages, too
_CONNECT_SECONDS, _REQUEST_SECONDS = 5.0, 30.0  # pyarrow gives a busy server three
_MILLISECONDS_NS = 1_000_000


def _yes(value: str) -> bool:
    """Read a truth.

    Raises:
        ValueError: it is neither true nor false.
    """
    if value.lower() not in {"true", "false"}:
        raise ValueError
    return value.lower() == "true"


_OPTIONS: dict[str, dict[str, Callable[[str], Any]]] = {
    "s3": {
        "endpoint": str, "region": str, "anonymous": _yes, "force_virtual_addressing": _yes,
        "tls_ca_file": str, "connect_timeout": float, "request_timeout": float, "role_arn": str,
    },
    "gs": {"endpoint": str, "anonymous": _yes, "project_id": str},
    "abfs": {"account_name": str, "endpoint": str, "scheme": str},
}  # fmt: skip
_SAME = {"abfss": "abfs", "gcs": "gs", "s3a": "s3"}
_SECRETS = {
    "access_key": "AWS_ACCESS_KEY_ID", "secret_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN", "account_key": "AZURE_STORAGE_KEY",
    "sas_token": "AZURE_STORAGE_SAS_TOKEN", "access_token": "GOOGLE_APPLICATION_CREDENTIALS",
}  # fmt: skip


def check_options(options: Mapping[str, str]) -> None:
    """Refuse options that no kind of bucket has, and those that are secrets.

    Raises:
        InputError: there is one.
    """
    known = sorted({name for names in _OPTIONS.values() for name in names})
    for name in options:
        if name in _SECRETS:
            raise InputError(
                f"--storage-option {name}: everybody on this machine can read the options of a "
                f"command; set {_SECRETS[name]} in the environment instead"
            )
        if name not in known:
            raise InputError(
                f"--storage-option {name}: is not one of {', '.join(known)}"
                f"{did_you_mean(name, known)}"
            )


def bucket_place(given: str, options: Mapping[str, str]) -> "BucketPlace":
    """Return the place of an address.

    Raises:
        InputError: it is none that can be read here, or an option is none.
    """
    match = SCHEME.match(given)
    named = match.group(1).lower() if match else ""
    scheme = _SAME.get(named, named)
    if scheme not in _OPTIONS:
        raise InputError(
            f"{_without_user(given)}: places of {named}:// are not read; give a path, s3://, gs:// "
            "or abfs://"
        )
    path = given.partition("://")[2]
    container, _, key = path.partition("/")
    account = ""
    if scheme == "abfs" and "@" in container:
        container, _, account = container.partition("@")
    elif "@" in container or ":" in container:
        raise InputError(
            f"{_without_user(given)}: names more than a bucket; set credentials in the "
            "environment, and an address with --storage-option endpoint=URL"
        )
    if not container:
        raise InputError(f"{given}: names no bucket; write it as {named}://BUCKET/FOLDER")
    check_options(options)
    chosen = {name: value for name, value in options.items() if name in _OPTIONS[scheme]}
    if account:
        chosen.setdefault("account_name", account.partition(".")[0])
    key = "/".join(part for part in key.split("/") if part)
    return BucketPlace(scheme, container, key, tuple(sorted(chosen.items())))


def _without_user(given: str) -> str:
    scheme, _, rest = given.partition("://")
    container, slash, key = rest.partition("/")
    return f"{scheme}://{container.rpartition('@')[2]}{slash}{key}"


@dataclass(frozen=True, slots=True)
class BucketPlace(Place):
    """An object or a folder of them; it may be sent to other machines, and holds no secret."""

    scheme: str
    container: str
    key: str  # without a slash at either end
    options: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.scheme}://{self._path}"

    def __truediv__(self, name: str) -> "BucketPlace":
        return replace(self, key=f"{self.key}/{name}" if self.key else name)

    @property
    def _path(self) -> str:
        return f"{self.container}/{self.key}" if self.key else self.container

    @property
    def _system(self) -> fs.FileSystem:
        return _connected(self.scheme, self.container, self.options)

    def entries(self) -> list[Entry]:
        """List the objects whose names begin with this one and a slash."""
        selector = fs.FileSelector(self._path, allow_not_found=True, recursive=True)
        with self._told("listed"):
            found = _again(lambda: self._system.get_file_info(selector))
        before = len(self._path) + 1
        files = (each for each in found if each.type == fs.FileType.File)
        return sorted((_entry(each, each.path[before:]) for each in files), key=lambda it: it.name)

    def entry(self) -> Entry | None:
        """Ask for the object."""
        with self._told("read"):
            found = _again(lambda: self._system.get_file_info(self._path))
        return _entry(found, "") if found.type == fs.FileType.File else None

    def behind(self) -> tuple[Place, list[Entry]]:
        """Find them by one listing."""
        parts = self.key.split("/")
        fixed = fixed_parts(parts)
        if fixed == len(parts):
            listed = self.entries()
            alone = None if listed or not self.key else self.entry()
            if alone is None:
                return self, listed
            return replace(self, key="/".join(parts[:-1])), [replace(alone, name=parts[-1])]
        root = replace(self, key="/".join(parts[:fixed]))
        return root, [it for it in root.entries() if fits(it.name.split("/"), parts[fixed:])]

    def is_within(self, other: Place) -> bool:
        """Compare the names, of which a part that a folder cannot have leads anywhere."""
        if not isinstance(other, BucketPlace) or {"", ".", ".."} & {*self.key.split("/")}:
            return False
        same = (self.scheme, self.container) == (other.scheme, other.container)
        return same and f"{self.key}/".startswith(f"{other.key}/" if other.key else "")

    def read_bytes(self) -> bytes:
        """Fetch it."""

        def fetched() -> bytes:
            with self._system.open_input_stream(self._path) as stream:
                return bytes(stream.readall())

        return _again(fetched)

    @contextmanager
    def new_file(self) -> Iterator[BinaryIO]:
        """Write it on this machine, and then put it into the bucket as a whole."""
        with scratch() as folder:
            path = folder / "whole"
            with path.open("wb") as file:
                yield file
            self.put(path)

    def put(self, path: Path) -> None:
        """Put a file into the bucket: the object appears, or replaces another, with its last byte.

        Raises:
            InputError: it cannot be written.
        """

        def put() -> None:
            with pa.memory_map(str(path)) as file:
                content = file.read_buffer()
                stream = self._system.open_output_stream(self._path)
                # At once: a stream that is forgotten between two pieces closes itself, and with it
                # half an object. Nor does copy_files do, which passes over what close raises.
                stream.write(content)
                stream.close()

        with self._told("written"):
            _again(put)

    def fetch(self, path: Path) -> None:
        """Copy the object to a file of this machine, piece by piece.

        Raises:
            InputError: it cannot be read.
        """

        def fetched() -> None:
            # Not by copy_files, which passes over what close raises, as where a disk is full.
            with self._system.open_input_file(self._path) as source, path.open("wb") as file:
                shutil.copyfileobj(source, file, PIECE_BYTES)
                if file.tell() != source.size():
                    raise OSError(f"{file.tell():,} of {source.size():,} bytes arrived")

        with self._told("read"):
            _again(fetched)

    def remove(self) -> None:
        """Remove it."""

        def removed() -> None:
            try:
                self._system.delete_file(self._path)
            except FileNotFoundError:  # by an attempt whose answer was lost
                return

        with self._told("removed"):
            _again(removed)

    def parquet(self, chosen: Chosen, ended: Callable[[], bool] = lambda: False) -> Iterator[Part]:
        """Fetch footer and columns, part by part."""
        with self._told("read"):
            file = _again(lambda: self._system.open_input_file(self._path))

            def read(start: int, length: int) -> bytes:
                if ended():
                    raise InputError(f"{self}: was not fetched, since the run has ended")
                return _again(lambda: bytes(file.read_at(length, start)))

            with file:
                yield from fetch_parts(read, file.size(), chosen)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Turn what pyarrow raises into one line.

        Raises:
            InputError: something was raised.
        """
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            fact = fact_of(error)
            raise InputError(f"{self}: cannot be {what} ({fact}); {_step(error)}") from error


def _entry(about: fs.FileInfo, name: str) -> Entry:
    return Entry(name, about.size, f"{about.size}-{about.mtime_ns // _MILLISECONDS_NS}")


def fact_of(error: Exception) -> str:
    """Return what pyarrow says, as one line without secrets."""
    fact = " ".join(str(error).split())
    for name in _SECRETS.values():
        secret = os.environ.get(name, "")
        if len(secret) >= _SECRET_CHARACTERS:
            fact = fact.replace(secret, f"[{name}]")
    return fact


def _step(error: Exception) -> str:
    if "ACCESS_DENIED" in str(error) or "403" in str(error):
        return "check the credentials in the environment, and what they may do there"
    return "check the name and the connection, and run the command again"


def _again(do: Callable[[], Found]) -> Found:
    """Try a few times: a network fails now and then, and even a refusal may pass.

    Raises:
        OSError: it failed each time.
    """
    for pause in PAUSES_SECONDS:
        try:
            return do()
        except FileNotFoundError:
            raise
        except OSError:
            time.sleep(pause)
    return do()


@lru_cache(maxsize=16)
def _connected(scheme: str, container: str, options: tuple[tuple[str, str], ...]) -> fs.FileSystem:
    """Return pyarrow's way to a bucket.

    Raises:
        InputError: an option has another form, or pyarrow was built without it.
    """
    said: dict[str, Any] = {}
    for name, value in options:
        try:
            said[name] = _OPTIONS[scheme][name](value)
        except ValueError as error:
            raise InputError(
                f"--storage-option {name}: cannot be {value!r}; give a number, or true or false"
            ) from error
    try:
        return {"s3": _s3, "gs": _gs, "abfs": _abfs}[scheme](container, said)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"{scheme}://{container}: the pyarrow that is installed cannot read {scheme}:// "
            "places; install one that can with: pip install --upgrade pyarrow"
        ) from error
    except (OSError, ValueError, TypeError, pa.ArrowException) as error:
        raise InputError(
            f"{scheme}://{container}: cannot be reached ({fact_of(error)}); check the options"
        ) from error


def _s3(container: str, said: dict[str, Any]) -> fs.FileSystem:
    endpoint = said.pop("endpoint", None) or _of_environment(
        "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"
    )
    region = said.pop("region", None) or _of_environment("AWS_REGION", "AWS_DEFAULT_REGION")
    if not region and not endpoint:
        region = fs.resolve_s3_region(container)
    if "tls_ca_file" in said:
        said["tls_ca_file_path"] = said.pop("tls_ca_file")
    # Not allow_delayed_open: with it, close waits for ever where an upload of parts is refused.
    said.setdefault("connect_timeout", _CONNECT_SECONDS)
    said.setdefault("request_timeout", _REQUEST_SECONDS)
    return fs.S3FileSystem(
        endpoint_override=endpoint,
        region=region or "us-east-1",
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_SDK_ATTEMPTS),
        **said,
    )


def _gs(_container: str, said: dict[str, Any]) -> fs.FileSystem:
    if endpoint := said.pop("endpoint", None):
        scheme, _, said["endpoint_override"] = endpoint.rpartition("://")
        said["scheme"] = scheme or "https"
    return fs.GcsFileSystem(**said)


def _abfs(_container: str, said: dict[str, Any]) -> fs.FileSystem:
    account = said.pop("account_name", None) or _of_environment("AZURE_STORAGE_ACCOUNT")
    if not account:
        raise InputError(
            "abfs://: no account is named; write abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/… "
            "or set AZURE_STORAGE_ACCOUNT"
        )
    if endpoint := said.pop("endpoint", None):
        said["blob_storage_authority"] = said["dfs_storage_authority"] = endpoint
    if scheme := said.pop("scheme", None):
        said["blob_storage_scheme"] = said["dfs_storage_scheme"] = scheme
    key = _of_environment("AZURE_STORAGE_KEY")
    if not key and (token := _of_environment("AZURE_STORAGE_SAS_TOKEN")):
        said["sas_token"] = token
    return fs.AzureFileSystem(account, account_key=key, **said)


def _of_environment(*names: str) -> str | None:
    return next((value for name in names if (value := os.environ.get(name))), None)
