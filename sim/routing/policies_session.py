"""Placement by conversation: a turn goes where the last one left its KV cache."""

from __future__ import annotations

from collections.abc import Sequence

from sim.interfaces import Request, Station
from sim.routing.policies import PLACEMENTS, PolicySettings, first_with_room

_REMEMBERED = 100_000  # conversations; the one that was silent longest is forgotten first


@PLACEMENTS.register("prefix-affinity")
class PrefixAffinity:
    """The pool of the conversation's last turn while it has room, else the nearest with room."""

    def __init__(self, settings: PolicySettings) -> None:
        self._spill_at = settings.spill_at
        self._home: dict[int, int] = {}

    def choose(self, request: Request, candidates: Sequence[Station]) -> Station | None:
        """Return the conversation's pool, or a new home for it."""
        session, home = request.session, self._home
        chosen = None
        if session >= 0:
            last = home.pop(session, -1)  # taken out and put back: the order is that of use
            own = [station for station in candidates if station.index == last]
            chosen = first_with_room(own, self._spill_at)
        chosen = chosen or first_with_room(candidates, self._spill_at) or candidates[0]
        if session >= 0:
            home[session] = chosen.index
            if len(home) > _REMEMBERED:
                del home[next(iter(home))]
        return chosen
