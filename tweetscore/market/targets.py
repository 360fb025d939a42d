"""What a model predicts: its classes, how windows become labels, and how it is put into words.

A target of the market is defined here and in ``sql/store/views.sql``, and nowhere else: another one
is an entry of ``_KINDS`` and of ``MarketTarget`` here, and a line in each macro there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from tweetscore.errors import InputError, did_you_mean

if TYPE_CHECKING:  # the command line reads the names, and does not wait for polars
    import polars as pl

MarketTarget = Literal["direction", "move"]
LABEL = "label"


@dataclass(frozen=True, slots=True)
class TargetKind:
    """What all models of one target have in common."""

    name: str
    classes: tuple[str, ...]  # negative and positive; none for labels of the user's own
    prediction: str  # the end of "The probability that SPX …"
    of_figures: str  # what distinguishes its figures from those of direction, in the plural
    query: str  # the shipped query over its results
    results: str  # the rows of a file of results, by the views of a database
    keeps_flat: bool = False  # whether a window without a price change has a class
    # What must exceed a quantile of the training part for the positive class; without it the
    # positive class is a rise.
    size: "Callable[[pl.Expr], pl.Expr] | None" = None

    @property
    def is_market(self) -> bool:
        """Whether the market's own windows label it."""
        return bool(self.classes)

    def stored(self, classes: Sequence[str]) -> list[str]:
        """Return the classes of a model whose probabilities are stored.

        Of a target of the market that is the positive class: the other one has the rest.
        """
        return [self.classes[1]] if self.is_market else list(classes)

    def is_positive(self, return_bps: "pl.Expr", threshold_bps: float | None) -> "pl.Expr":
        """Return whether a return is of the positive class; null if it is of neither."""
        import polars as pl

        if self.size is None:
            return pl.when(return_bps != 0).then(return_bps > 0)
        return self.size(return_bps) > threshold_bps


_KINDS = {
    each.name: each
    for each in (
        TargetKind(
            name="direction",
            classes=("down", "up"),
            prediction="is higher N minutes after a tweet",
            of_figures="",
            query="hit_rate",
            results="FROM scored",
        ),
        TargetKind(
            name="move",
            classes=("still", "move"),
            prediction="moves by more than a threshold within N minutes after a tweet",
            of_figures="moves",
            query="moves",
            results="FROM scored_moves",
            keeps_flat=True,
            size=lambda return_bps: return_bps.abs(),
        ),
        TargetKind(
            name=LABEL,
            classes=(),
            prediction="",
            of_figures="",
            query="labels",
            results="FROM scored_labels",
        ),
    )
}


def kind_of(name: str) -> TargetKind:
    """Return what a target is, by its name.

    Raises:
        InputError: there is no target of that name.
    """
    if name not in _KINDS:
        raise InputError(
            f"{name}: is no target of this version, which knows {', '.join(_KINDS)}; "
            f"upgrade tweetscore{did_you_mean(name, list(_KINDS))}"
        )
    return _KINDS[name]


@dataclass(frozen=True, slots=True)
class Target:
    """What one model predicts of a text, for each of its horizons."""

    name: str = "direction"
    classes: tuple[str, ...] = ("down", "up")
    move_quantile: float = 0.5  # of the sizes in the training part; the positive class lies above

    @classmethod
    def of_market(cls, name: str, move_quantile: float = 0.5) -> "Target":
        """Return the target of that name, which the market itself labels."""
        return cls(name, kind_of(name).classes, move_quantile)

    @classmethod
    def of_labels(cls, classes: Sequence[str]) -> "Target":
        """Return the target of labels of the user's own."""
        return cls(LABEL, tuple(classes))

    @property
    def kind(self) -> TargetKind:
        """What all models of this target have in common."""
        return kind_of(self.name)

    def thresholds(self, training: "pl.DataFrame", horizons: Sequence[int]) -> dict[int, float]:
        """Return what a return must exceed to be of the positive class, in basis points.

        Args:
            training: the rows of the training part, with ``outcome_<minutes>``.
            horizons: these minutes.
        """
        import polars as pl

        size = self.kind.size
        if size is None:
            return {}
        sizes = training.select(
            size(pl.col(f"outcome_{n}")).quantile(self.move_quantile).alias(str(n))
            for n in horizons
        )
        return {n: float(sizes[str(n)][0] or 0.0) for n in horizons}

    def labels(self, horizons: Sequence[int], thresholds: Mapping[int, float]) -> "list[pl.Expr]":
        """Return ``label_<minutes>``: the place in ``classes`` of ``outcome_<minutes>``.

        Of a target of the market also ``momentum_<minutes>``: the class of the same minutes before
        the entry, null where they have none.
        """
        import polars as pl

        if not self.kind.is_market:  # the outcome is the place already
            return [pl.col(f"outcome_{n}").cast(pl.Int64).alias(f"label_{n}") for n in horizons]
        return [
            self.kind.is_positive(pl.col(f"{values}_{n}"), thresholds.get(n))
            .cast(pl.Int64)
            .alias(f"{name}_{n}")
            for n in horizons
            for name, values in (("label", "outcome"), ("momentum", "past"))
        ]


MARKET_TARGETS: tuple[MarketTarget, ...] = get_args(MarketTarget)
