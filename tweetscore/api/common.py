"""What several functions need: packages that may be missing, models by name, silent callbacks."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tweetscore.errors import InputError

if TYPE_CHECKING:  # what a command does not need, it does not wait for
    from tweetscore.scoring.bundle import Bundle

EXTRAS = {
    "train": ("torch", "gensim", "onnx", "tensorboard"),
    "report": ("altair", "jinja2", "vl_convert"),
    "ray": ("ray",),
}
Session = Literal["regular", "extended"]
Precision = Literal["float32", "int8"]
Progress = Callable[[str, int, int | None], None]  # a label, rows done, rows to do


def need(extra: Literal["train", "report", "ray"], purpose: str) -> None:
    """Check that the packages of an optional extra are installed.

    Args:
        extra: the extra of this package.
        purpose: what needs it, as the error words it.

    Raises:
        InputError: one of them is missing.
    """
    for name in EXTRAS[extra]:
        if find_spec(name) is None:
            raise InputError(f"{purpose} needs {name}: pip install 'tweetscore[{extra}]'")


def load_model(model: "str | Path | Bundle", precision: Precision = "float32") -> "Bundle":
    """Load a model from its folder, or a shipped one by its name.

    Args:
        model: a folder, the name of a shipped model, or a loaded one, which is returned as it is.
        precision: which of its two graphs to load.

    Returns:
        The model, with its card in ``card``.

    Raises:
        InputError: there is no such model, or it has no graph of this precision.
        IntegrityError: it is damaged.
    """
    from tweetscore.scoring.bundle import Bundle, find_bundle
    from tweetscore.store.database import shipped

    if isinstance(model, Bundle):
        return model
    return find_bundle(str(model), shipped("models"), precision)


def silent(*_: object) -> None:
    """Take any message, and print nothing."""
