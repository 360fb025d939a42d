"""How buckets are reached: options and the environment enter, pyarrow's way to a bucket leaves.

Credentials are the environment's: they are never an option, and never in a message.
"""

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any

import pyarrow as pa
from pyarrow import fs

from tweetscore.errors import InputError, did_you_mean

_SAYING = ("AWS_", "AZURE_", "GOOGLE_")  # beginnings of names in the environment
_SDK_ATTEMPTS = 3
_SECRET_CHARACTERS = 8  # shorter ones are words of messages, too
_CONNECT_SECONDS, _REQUEST_SECONDS = 5.0, 30.0  # pyarrow gives a busy server three


def _yes(value: str) -> bool:
    """Read a truth.

    Raises:
        ValueError: it is neither true nor false.
    """
    if value.lower() not in {"true", "false"}:
        raise ValueError
    return value.lower() == "true"


OPTIONS: dict[str, dict[str, Callable[[str], Any]]] = {
    "s3": {
        "endpoint": str, "region": str, "anonymous": _yes, "force_virtual_addressing": _yes,
        "tls_ca_file": str, "connect_timeout": float, "request_timeout": float, "role_arn": str,
    },
    "gs": {"endpoint": str, "anonymous": _yes, "project_id": str},
    "abfs": {"account_name": str, "endpoint": str},
}  # fmt: skip
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
    known = sorted({name for names in OPTIONS.values() for name in names})
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


def fact_of(error: Exception) -> str:
    """Return what pyarrow says, as one line without secrets."""
    fact = " ".join(str(error).split())
    for name in _SECRETS.values():
        secret = os.environ.get(name, "")
        if len(secret) >= _SECRET_CHARACTERS:
            fact = fact.replace(secret, f"[{name}]")
    return fact


def connected(scheme: str, container: str, options: tuple[tuple[str, str], ...]) -> fs.FileSystem:
    """Return pyarrow's way to a bucket; another one once the environment says something else.

    Raises:
        InputError: an option has another form, or pyarrow was built without it.
    """
    said = tuple(item for item in sorted(os.environ.items()) if item[0].startswith(_SAYING))
    return _connected(scheme, container, options, hash(said))  # no secret is kept


@lru_cache(maxsize=16)
def _connected(
    scheme: str, container: str, options: tuple[tuple[str, str], ...], _environment: int
) -> fs.FileSystem:
    """Make it.

    Raises:
        InputError: an option has another form, or pyarrow was built without it.
    """
    said: dict[str, Any] = {}
    for name, value in options:
        try:
            said[name] = OPTIONS[scheme][name](value)
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
    return fs.GcsFileSystem(retry_time_limit=timedelta(seconds=_REQUEST_SECONDS), **said)


def _abfs(_container: str, said: dict[str, Any]) -> fs.FileSystem:
    account = said.pop("account_name", None) or _of_environment("AZURE_STORAGE_ACCOUNT")
    if not account:
        raise InputError(
            "abfs://: no account is named; write abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/… "
            "or set AZURE_STORAGE_ACCOUNT"
        )
    if endpoint := said.pop("endpoint", None):
        scheme, _, authority = endpoint.rpartition("://")
        said["blob_storage_authority"] = said["dfs_storage_authority"] = authority
        said["blob_storage_scheme"] = said["dfs_storage_scheme"] = scheme or "https"
    key = _of_environment("AZURE_STORAGE_KEY")
    if not key and (token := _of_environment("AZURE_STORAGE_SAS_TOKEN")):
        said["sas_token"] = token
    return fs.AzureFileSystem(account, account_key=key, **said)


def _of_environment(*names: str) -> str | None:
    return next((value for name in names if (value := os.environ.get(name))), None)
