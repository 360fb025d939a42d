"""What several functions need: packages that may be missing, models by name, silent callbacks."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tweetscore.errors import InputError

if TYPE_CHECKING:  # what a command does not need, it does not wait for
    from datetime import datetime

    from tweetscore.scoring.bundle import Bundle
    from tweetscore.scoring.text_folder import TextModel

    Loaded = Bundle | TextModel

EXTRAS = {
    "train": ("torch", "gensim", "onnx", "tensorboard"),
    "report": ("altair", "jinja2", "vl_convert"),
    "browse": ("altair", "jinja2", "starlette", "uvicorn", "vl_convert"),
    "ray": ("ray",),
}
Session = Literal["regular", "extended"]
Progress = Callable[[str, int, int | None], None]  # a label, rows done, rows to do


def need(extra: Literal["train", "report", "browse", "ray"], purpose: str) -> None:
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


def load_model(
    model: "str | Path | Loaded",
    *,
    file: str | None = None,
    reads_as: str | None = None,
    intervals: Sequence[int] = (),
    trained_until: "datetime | None" = None,
) -> "Loaded":
    """Load a model from its folder, or a shipped one by its name.

    Args:
        model: a folder, the name of a shipped model, or a loaded one, which is returned as it is.
        file: of a text classifier of another program: its graph, as in
            ``onnx/model_quantized.onnx``.
        reads_as: of such a classifier: which labels are read as a direction, as in
            ``up=positive,down=negative``.
        intervals: at which the direction is predicted.
        trained_until: of such a classifier: until when it may have seen posts, in UTC.

    Returns:
        The model, with its card in ``card``.

    Raises:
        InputError: there is no such model, or what was said does not fit it.
        IntegrityError: it is damaged.
    """
    from tweetscore.market.horizons import Horizon
    from tweetscore.scoring.bundle import Bundle
    from tweetscore.scoring.find import find_model
    from tweetscore.scoring.text_folder import Reading, TextModel
    from tweetscore.store.database import shipped

    if isinstance(model, Bundle | TextModel):
        return model
    horizons = tuple(sorted(set(map(Horizon, intervals))))
    reading = Reading(file, reads_as, horizons, trained_until)
    return find_model(str(model), shipped("models"), reading)


def load_own(model: "str | Path | Loaded") -> "Bundle":
    """Load a model that this program has trained; see ``load_model``.

    Raises:
        InputError: it is one of another program.
    """
    from tweetscore.scoring.bundle import Bundle

    loaded = load_model(model)
    if not isinstance(loaded, Bundle):
        raise InputError(
            f"{loaded.path}: is a text classifier of another program; name a model of tweetscore "
            "train here"
        )
    return loaded


def silent(*_: object) -> None:
    """Take any message, and print nothing."""
