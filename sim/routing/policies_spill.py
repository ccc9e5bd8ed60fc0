"""Placement policies that fill pools in a given order and spill to the next when one is full."""

from __future__ import annotations

from collections.abc import Sequence

from sim.interfaces import Request, Station
from sim.routing.policies import PLACEMENTS, PolicySettings

_BY_NEARNESS = ("edge", "metro", "remote")


def _first_by_rank(ranked: Sequence[tuple[int, Station]], spill_at: float) -> Station:
    """Return the pool of the lowest rank with room; without room anywhere, of the highest.

    The last link of a chain is the one that is built to take what the others cannot.
    """
    best: Station | None = None
    last = ranked[0]
    lowest = 0
    for rank, station in ranked:
        if (best is None or rank < lowest) and station.outstanding < spill_at * station.slots:
            best, lowest = station, rank
        if rank > last[0] and station.in_service:
            last = rank, station
    return best or last[1]


@PLACEMENTS.register("edge-first")
class EdgeFirst:
    """Edge sites first, metro sites when they are full, remote sites last.

    Within a kind the nearest comes first; when all are full, requests wait at the last kind.
    """

    def __init__(self, settings: PolicySettings) -> None:
        self._spill_at = settings.spill_at
        self._ranks = [_BY_NEARNESS.index(kind) for kind in settings.site_kinds]

    def choose(self, request: Request, candidates: Sequence[Station]) -> Station | None:
        """Return a pool with room at the kind of site that comes first."""
        ranked = [(self._ranks[station.site], station) for station in candidates]
        return _first_by_rank(ranked, self._spill_at)


@PLACEMENTS.register("spill-chain")
class SpillChain:
    """Pools in the order of ``routing.chain``; those that it does not name come last."""

    def __init__(self, settings: PolicySettings) -> None:
        self._spill_at = settings.spill_at
        self._ranks = {pool: rank for rank, pool in enumerate(settings.chain)}

    def choose(self, request: Request, candidates: Sequence[Station]) -> Station | None:
        """Return the first pool of the chain that has room."""
        last = len(self._ranks)
        ranked = [(self._ranks.get(station.index, last), station) for station in candidates]
        return _first_by_rank(ranked, self._spill_at)
