"""Redundancy of equipment: N, N+1 and 2N, and what each leaves to use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scheme = Literal["N", "N+1", "2N"]
SCHEMES: tuple[Scheme, ...] = ("N", "N+1", "2N")


@dataclass(frozen=True, slots=True)
class Redundancy:
    """How many equal units there are beyond those that the load needs.

    Attributes:
        scheme: N without a spare, N+1 with one, 2N with every unit doubled.
        needed: units that carry the rated load, the N of the scheme [1].
    """

    scheme: Scheme = "N"
    needed: int = 1

    @property
    def energised(self) -> int:
        """Units that share the load when all are well [1]."""
        extra = {"N": 0, "N+1": 1, "2N": self.needed}[self.scheme]
        return self.needed + extra

    def usable(self, rating_w: float, failed: int = 0) -> float:
        """Return the power that the scheme promises with ``failed`` units out [W].

        Until the spares are used up that is the rating of the needed units; then it shrinks.

        Args:
            rating_w: rating of one unit [W].
            failed: units out of service [1].
        """
        left = max(self.energised - failed, 0)
        return min(left, self.needed) * rating_w if left else 0.0


NO_SPARE = Redundancy()
