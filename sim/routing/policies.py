"""Placement policies: which pool a request goes to. A new one is one class in any module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from sim.interfaces import PlacementPolicy, Request, Station
from sim.registry import Registry

PLACEMENTS: Registry[PlacementPolicy] = Registry("routing policy")


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """What every placement policy is built from.

    Attributes:
        spill_at: a pool with more outstanding requests than this share of its slots is full,
            and the next one is tried.
        uniform: draws U(0, 1) numbers from the policy's own stream.
        limits_s: longest time to the first token and per output token of each tier [s].
        round_trip_s: propagation there and back, by region and site [s].
        site_kinds: ``edge``, ``metro`` or ``remote``, by site.
        chain: pools in the order in which they are to fill up, by their index.
    """

    spill_at: float
    uniform: Callable[[], float]
    limits_s: Sequence[tuple[float, float]] = ()
    round_trip_s: Sequence[Sequence[float]] = ()
    site_kinds: Sequence[str] = ()
    chain: Sequence[int] = ()


def first_with_room(candidates: Sequence[Station], spill_at: float) -> Station | None:
    """Return the first pool that is not full, or None."""
    for station in candidates:
        if station.outstanding < spill_at * station.slots:
            return station
    return None


def relative_load(station: Station) -> float:
    """Return the share of a pool's slots that is taken; infinite if it has none."""
    return station.outstanding / station.slots if station.slots else inf


@PLACEMENTS.register("nearest")
class Nearest:
    """The pool with the shortest network path that has room; the nearest when none has."""

    def __init__(self, settings: PolicySettings) -> None:
        self._spill_at = settings.spill_at

    def choose(self, request: Request, candidates: Sequence[Station]) -> Station | None:
        """Return the nearest pool with room."""
        return first_with_room(candidates, self._spill_at) or candidates[0]


@PLACEMENTS.register("least-loaded")
class LeastLoaded:
    """The pool with the smallest share of its slots taken; the nearest of equals."""

    def __init__(self, settings: PolicySettings) -> None:
        """Need nothing from the settings."""

    def choose(self, request: Request, candidates: Sequence[Station]) -> Station | None:
        """Return the least loaded pool."""
        return min(candidates, key=relative_load)


@PLACEMENTS.register("power-of-two")
class PowerOfTwo:
    """The less loaded of two pools drawn at random (doi 10.1109/71.963420)."""

    def __init__(self, settings: PolicySettings) -> None:
        self._uniform = settings.uniform

    def choose(self, request: Request, candidates: Sequence[Station]) -> Station | None:
        """Draw two pools, with equal chances, and return the less loaded one."""
        count, uniform = len(candidates), self._uniform
        first = candidates[int(uniform() * count)]
        second = candidates[int(uniform() * count)]
        if not second.slots:  # all of its replicas are out of service
            return first
        lighter = first.outstanding * second.slots <= second.outstanding * first.slots
        return first if lighter and first.slots else second


@PLACEMENTS.register("tier-affinity")
class TierAffinity:
    """The most urgent tier goes to liquid-cooled pools, the others to air-cooled ones.

    Within its class a request goes to the nearest pool with room, then spills to the next site
    of the class, then to the other class; when everything is full it waits at the nearest pool
    of its own class.
    """

    def __init__(self, settings: PolicySettings) -> None:
        self._spill_at = settings.spill_at

    def choose(self, request: Request, candidates: Sequence[Station]) -> Station | None:
        """Return the nearest pool with room, the request's own class first."""
        wanted = "liquid" if request.priority == 0 else "air"
        spill_at = self._spill_at
        own = other = None
        for station in candidates:
            has_room = station.outstanding < spill_at * station.slots
            if station.cooling == wanted:
                if has_room:
                    return station
                own = own or station
            elif other is None and has_room:
                other = station
        return other or own or candidates[0]
