"""Find the shards of a job: what a user has typed enters, Parquet files leave."""

from collections.abc import Mapping, Sequence

from tweetscore.errors import InputError, IntegrityError
from tweetscore.io.places import LocalPlace, Place, place_of
from tweetscore.scoring.job import Shard


def find_shards(
    inputs: Sequence[str], output: Place, options: Mapping[str, str] | None = None
) -> list[Shard]:
    """Find the Parquet files behind files, folders and patterns, in the order of their names.

    A shard's name is its place below the folder named, or below the last folder of a pattern that
    holds no wildcard, so that partitions stay what they are. Names that begin with _ or a dot are
    passed by, as readers of Parquet folders do.

    Args:
        inputs: as typed.
        output: where the results go.
        options: how buckets are reached.

    Raises:
        InputError: there are none, or two would have one name, or results would be scored, too:
            some lie in the output, or it lies in a folder of inputs.
        IntegrityError: the name of an object leads out of its folder.
    """
    found: dict[str, Shard] = {}
    for given in inputs:
        place = place_of(given, options)
        root, entries = place.behind()
        shards = [
            Shard(root / each.name, each.name, each.bytes, each.stamp)
            for each in entries
            if _is_shown(each.name) and (root is not place or each.name.endswith(".parquet"))
        ]
        among = root is place and output.is_within(root)
        if among or any(each.place.is_within(output) for each in shards):
            raise InputError(
                f"{output}: lies among the files to score ({given}), so that results would be "
                "scored again; choose another --output"
            )
        if not shards:
            raise InputError(f"{given}: no Parquet file found; give a file, folder or pattern")
        for each in shards:
            if not isinstance(root, LocalPlace) and not (output / each.name).is_within(output):
                raise IntegrityError(
                    f"{root}: holds an object {each.name!r}, whose result would lie outside of "
                    f"{output}; give it another name"
                )
            before = found.setdefault(each.name, each)
            if before.place != each.place:
                raise InputError(
                    f"{each.place}: has the same name as {before.place}; score them into "
                    "different outputs"
                )
    return [found[name] for name in sorted(found)]


def _is_shown(name: str) -> bool:
    return not any(part.startswith(("_", ".")) for part in name.split("/"))
