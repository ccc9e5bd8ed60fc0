"""Several arrival processes laid over each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from sim.interfaces import FloatArray
from sim.traffic.arrivals.arrivals import ArrivalProcess
from sim.traffic.arrivals.timeorder import Rows, in_time_order


@dataclass(frozen=True, slots=True)
class Superposed:
    """The arrivals of all parts, each drawn independently.

    Args:
        parts: any arrival processes, this one included.
    """

    parts: tuple[ArrivalProcess, ...]

    @property
    def rate_per_s(self) -> float:
        """Sum of the mean rates [requests/s]."""
        return sum(part.rate_per_s for part in self.parts)

    def times(self, generator: Generator) -> Iterator[FloatArray]:
        """Yield blocks of arrival times [s]."""
        children = generator.spawn(len(self.parts))
        streams = [
            map(_Times, part.times(child)) for part, child in zip(self.parts, children, strict=True)
        ]
        return (block.arrival_s for block in in_time_order(streams, _take, _join))


@dataclass(frozen=True, slots=True)
class _Times:
    arrival_s: FloatArray

    def __len__(self) -> int:
        return len(self.arrival_s)


def _take(block: _Times, rows: Rows) -> _Times:
    return _Times(block.arrival_s[rows])


def _join(blocks: list[_Times]) -> _Times:
    return _Times(np.concatenate([block.arrival_s for block in blocks]))
