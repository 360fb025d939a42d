"""The one door to models: the name of a folder enters, a bundle or a text classifier leaves."""

from pathlib import Path

from tweetscore.errors import InputError
from tweetscore.scoring.bundle import Bundle, find_bundle
from tweetscore.scoring.text_folder import Reading, TextModel, is_text_folder, load_text_folder


def find_model(
    name: str,
    shipped_models: Path,
    reading: Reading | None = None,
) -> Bundle | TextModel:
    """Return the model at a path, or the shipped one of that name.

    Args:
        name: of a folder, or of a shipped model.
        shipped_models: where those are.
        reading: how to read a text classifier of another program.

    Raises:
        InputError: it is neither, or the reading does not fit it.
        IntegrityError: it is damaged.
    """
    reading = reading or Reading()
    folder = Path(name)
    if folder.is_dir() and is_text_folder(folder):
        if reading.reads_as and not reading.horizons:
            raise InputError(
                f"--as {reading.reads_as}: a direction needs a time ahead; add --interval 30"
            )
        return load_text_folder(folder, reading)
    bundle = find_bundle(name, shipped_models)
    said = {
        "--file": reading.file,
        "--as": reading.reads_as,
        "--trained-until": reading.knows_until_utc,
    }
    for option, value in said.items():
        if value is not None:
            raise InputError(
                f"{name}: is a model of tweetscore train, whose card says what it is; leave out "
                f"{option}"
            )
    return bundle
