"""Save a training run, so that it can go on after an interruption: a file for its state.

A checkpoint begins with its own hash, is written whole or not at all, and names the run that it
belongs to.
"""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from tweetscore.errors import InputError
from tweetscore.io.new_file import new_file

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a run is saved."""

    path: Path
    fingerprint: str  # of options and data: only the same run may go on from here
    resume: bool = False

    def save(self, state: Mapping[str, Any]) -> None:
        """Write the state, whole or not at all."""
        content = io.BytesIO()
        torch.save({"fingerprint": self.fingerprint, **state}, content)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(self.path) as file:
            file.write(hashlib.sha256(content.getbuffer()).digest())
            file.write(content.getbuffer())

    def load(self) -> dict[str, Any] | None:
        """Return the state that was saved; None where there is none.

        Raises:
            InputError: it is damaged, or it belongs to another run.
        """
        if not self.path.exists():
            return None
        try:
            state = _opened(self.path.read_bytes())
        except (OSError, RuntimeError, EOFError, ValueError, UnpicklingError) as error:
            raise InputError(
                f"{self.path}: not readable as a checkpoint; delete it to begin again"
            ) from error
        if state.pop("fingerprint") != self.fingerprint:
            raise InputError(
                f"{self.path}: belongs to a run with other options or data; give the same ones, "
                "or leave out --resume to begin again"
            )
        return state

    def remove(self) -> None:
        """Delete the file, if there is one."""
        self.path.unlink(missing_ok=True)


def _opened(content: bytes) -> dict[str, Any]:
    """Return the content of a checkpoint.

    Raises:
        ValueError, RuntimeError, EOFError, UnpicklingError: it is damaged, or no checkpoint.
    """
    digest, content = content[:HASH_BYTES], content[HASH_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        raise ValueError("the hash does not match")
    # Only tensors and plain values: a checkpoint runs nothing that it contains.
    state: dict[str, Any] = torch.load(io.BytesIO(content), weights_only=True)
    return state
