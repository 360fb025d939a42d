"""What an open database says of trading by its predictions."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tweetscore.api.common import Session

if TYPE_CHECKING:  # what a command does not need, it does not wait for
    from tweetscore.evaluation.earnings import Earnings
    from tweetscore.store.database import Store


class MarketResults:
    """The part of a ``Database`` that needs nothing but its store."""

    store: "Store"

    def earnings(
        self,
        model: str | None = None,
        *,
        session: Session = "regular",
        from_utc: datetime | None = None,
        until_utc: datetime | None = None,
        costs_bps: Sequence[float] | None = None,
    ) -> "list[Earnings]":
        """Measure what trading by the stored scores of direction would earn.

        Args:
            model: the name or id of a model whose scores are stored; without it, all of them.
            session: the trading hours whose prices are compared.
            from_utc: only posts from this time on.
            until_utc: only posts before this time.
            costs_bps: of a round trip, in basis points; without them 1, 2 and 5.

        Returns:
            Basis points per entry with 95 % intervals, for each model, symbol and interval that
            has posts from its test part on.
        """
        from tweetscore.evaluation.earnings import COSTS_BPS, earnings

        span = {"from_utc": from_utc, "until_utc": until_utc}
        costs = COSTS_BPS if costs_bps is None else tuple(costs_bps)
        return earnings(self.store, model=model, session=session, costs_bps=costs, **span)
