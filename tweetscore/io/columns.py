"""Match the columns of a table with their meanings: names enter, a match leaves.

Each reader of tables has a list of names for every meaning. What the user gives comes before it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tweetscore.errors import InputError, did_you_mean

Names = Mapping[str, Sequence[str]]  # our name: names of such a column, normalised; best first

_SHOWN_COLUMNS = 30
_LEFT_OUT = re.compile(r"[\s_<>-]|(?<=[^\W\d])\.(?=[^\W\d])")


def normalised(name: str) -> str:
    """Return a name in small letters, without blanks, underscores, dashes, brackets, inner dots."""
    return _LEFT_OUT.sub("", name).lower()


def by_normalised_name(columns: Sequence[str]) -> dict[str, str]:
    """Map normalised names to columns; the first of several with one name counts."""
    return {normalised(name): name for name in reversed(columns)}


def has_columns(columns: Sequence[str]) -> str:
    """Describe which columns a table has."""
    shown = ", ".join(map(repr, columns[:_SHOWN_COLUMNS]))
    return f"it has {shown}{', …' if len(columns) > _SHOWN_COLUMNS else ''}"


def worded(
    taken: Mapping[str, Sequence[str]], columns: Sequence[str], notes: Mapping[str, str]
) -> str:
    """Describe in one line which columns of a table were taken for what, and which were left.

    Args:
        taken: our name to the file's, one or several, in the order in which they are shown.
        columns: all of the file.
        notes: our name to what is to be said of it, if anything.
    """
    pairs, used = [], set[str]()
    for ours, theirs in taken.items():
        used.update(part for name in theirs for part in (name, *name.split("+")))
        same = [*map(normalised, theirs)] == [normalised(ours)]
        pair = ours if same else f"{ours} = {' and '.join(map(repr, theirs))}"
        pairs.append(f"{pair} ({notes[ours]})" if notes.get(ours) else pair)
    left = [repr(name) for name in columns if name not in used]
    unused = f"; not used: {', '.join(left)}" if left else ""
    return f"columns: {', '.join(pairs)}{unused}"


@dataclass(frozen=True, slots=True)
class Match:
    """What the columns of a table mean; *ours* are our names, *theirs* are those in the file."""

    name: str  # the file's, for messages
    columns: tuple[str, ...]  # all of the table, theirs
    candidates: Mapping[str, tuple[str, ...]]  # ours: theirs, best first, never none

    @property
    def taken(self) -> dict[str, str]:
        """Our names, each with the column that is taken for it."""
        return {ours: theirs[0] for ours, theirs in self.candidates.items()}

    @property
    def left(self) -> list[str]:
        """The columns that are not taken for anything."""
        taken = set(self.taken.values())
        return [name for name in self.columns if name not in taken]

    @property
    def has(self) -> str:
        """Which columns the table has, in words."""
        return has_columns(self.columns)

    def choose(self, chosen: Mapping[str, str]) -> "Match":
        """Return the match with these columns (our name to theirs) as the only candidates."""
        return replace(
            self, candidates={**self.candidates, **{ours: (it,) for ours, it in chosen.items()}}
        )

    def without(self, *ours: str) -> "Match":
        """Return the match without what these columns are taken for."""
        kept = {name: theirs for name, theirs in self.candidates.items() if name not in ours}
        return replace(self, candidates=kept)

    def missing(self, ours: str) -> InputError:
        """Return the refusal of a table without a column that is needed."""
        return InputError(
            f"{self.name}: has no column recognised as {ours} ({self.has}); "
            f"name it with --column {ours}=NAME"
        )


def match(
    name: str, columns: Iterable[str], names: Names, given: Mapping[str, str] | None = None
) -> Match:
    """Find the columns of a table by their names.

    Args:
        name: the file's, for messages.
        columns: of the table.
        names: our name to the normalised names that such columns have, best first.
        given: our name to the column that the user takes for it; an empty one says that there is
            no such column. A column that is given for one meaning is not recognised as another.

    Raises:
        InputError: a given name is not one of ours, or a given column does not exist.
    """
    columns, given = tuple(dict.fromkeys(columns)), given or {}
    for ours, theirs in given.items():
        if ours not in names:
            raise InputError(
                f"there is no column called {ours!r}; "
                f"use one of {', '.join(names)}{did_you_mean(ours, names)}"
            )
        if theirs and theirs not in columns:
            step = did_you_mean(theirs, columns)
            step = step or f"; use --column {ours}=NAME with one of these"
            raise InputError(f"{name}: has no column {theirs!r} ({has_columns(columns)}){step}")
    free = by_normalised_name([column for column in columns if column not in given.values()])
    candidates = {
        ours: tuple(free[each] for each in known if each in free)
        for ours, known in names.items()
        if ours not in given
    }
    chosen = {ours: (theirs,) for ours, theirs in given.items() if theirs}
    found = {ours: theirs for ours, theirs in {**candidates, **chosen}.items() if theirs}
    return Match(name, columns, found)
