"""One thing that a reader has to know of a run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Rank(IntEnum):
    """How bad a finding is: a smaller number comes first."""

    POWER_LOST = 10
    RACKS_OFF = 12
    OUTAGE = 20
    SATURATED = 30
    UNSERVED = 35
    TARGET_UNMET = 40
    ABOVE_LIMIT = 50
    SLOWED = 60
    FAULT = 65
    TARGET_NOT_BEGUN = 70
    UNDECIDED = 75
    COULD_FLIP = 80


WORST_NOTICE = Rank.SLOWED  # from here on a finding is to be known, but nothing was lost by it
LAST_CAUSE = Rank.FAULT


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a reader has to know.

    Attributes:
        rank: how bad it is.
        words: a clause that can stand in a sentence.
        hint: what to do next, as a sentence; empty where there is nothing to advise.
    """

    rank: Rank
    words: str
    hint: str = ""

    @property
    def bad(self) -> bool:
        """Return whether the run went wrong by it."""
        return self.rank < WORST_NOTICE

    @property
    def cause(self) -> bool:
        """Return whether it may head the run, being the cause of what else is said."""
        return self.rank <= LAST_CAUSE
