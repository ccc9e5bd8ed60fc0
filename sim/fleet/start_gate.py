"""Which replicas may start: those for which racks, rows, halls and sites have power left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from sim.interfaces import IntArray
from sim.serving.queues.pool import Pool


class Starting(Protocol):
    """Whoever starts replicas."""

    starting: dict[int, float]
    """Replicas on their way into service, by index in the run."""


class StartGate:
    """Chooses replicas to start, beside all that run or start now.

    Args:
        has_power: tells whether a replica may run beside others within all power limits.
        rack_of: rack of the first accelerator of each replica; one that has no power left is not
            asked again for the next replica.
        pools: all pools of the run.
        scalers: all that start replicas; it may still grow.
    """

    def __init__(
        self,
        has_power: Callable[[Sequence[int], int], bool],
        rack_of: IntArray,
        pools: Sequence[Pool],
        scalers: Mapping[str, Starting],
    ) -> None:
        self._has_power, self._rack_of = has_power, rack_of
        self._pools, self._scalers = pools, scalers

    def choose(self, candidates: Iterable[int], number: int) -> list[int]:
        """Return at most ``number`` of the candidates, in their order."""
        on = [member.index for pool in self._pools for member in pool.members if member.alive]
        on += [replica for scaler in self._scalers.values() for replica in scaler.starting]
        full: set[int] = set()
        chosen: list[int] = []
        for replica in candidates:
            if len(chosen) == number:
                break
            rack = int(self._rack_of[replica])
            if rack in full:
                continue
            if self._has_power([*on, *chosen], replica):
                chosen.append(replica)
            else:
                full.add(rack)
        return chosen
