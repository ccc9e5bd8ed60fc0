"""Demand: requests in time order that do not yet know their tier, region or model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.random import Generator

from sim.interfaces import FloatArray, IntArray
from sim.traffic.arrivals import ArrivalProcess
from sim.traffic.lengths import LengthLaw
from sim.traffic.trace import Labels, Trace

PIECE_ROWS = 8192

Draw = Callable[[str], Generator]
"""Gives the generator for a purpose, such as ``arrivals`` or ``lengths``."""


@dataclass(frozen=True, slots=True)
class Requests:
    """A stretch of demand as columns.

    Attributes:
        arrival_s: arrival times [s], non-decreasing.
        input_tokens: prompt lengths [tokens].
        output_tokens: answer lengths [tokens].
        labels: columns of names where the source has them, such as ``tier``.
    """

    arrival_s: FloatArray
    input_tokens: IntArray
    output_tokens: IntArray
    labels: Mapping[str, Labels] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of requests."""
        return len(self.arrival_s)


class Demand(Protocol):
    """A stream of requests in time order, finite or endless."""

    def pieces(self, draw: Draw) -> Iterator[Requests]:
        """Yield the requests in order of time, some thousands at once."""
        ...


@dataclass(frozen=True, slots=True)
class SyntheticDemand:
    """Arrivals from a process, lengths from a law, each with its own randomness.

    Args:
        arrivals: when requests come.
        lengths: how long they are.
    """

    arrivals: ArrivalProcess
    lengths: LengthLaw

    def pieces(self, draw: Draw) -> Iterator[Requests]:
        """Yield requests without end."""
        for_arrivals, for_lengths = draw("arrivals"), draw("lengths")
        for arrival_s in self.arrivals.times(for_arrivals):
            yield Requests(arrival_s, *self.lengths.draw(arrival_s, for_lengths))


@dataclass(frozen=True, slots=True)
class ReplayDemand:
    """Requests of a trace at their own times.

    Args:
        trace: the trace.
        loop: start again after each span, without end.
    """

    trace: Trace
    loop: bool = False

    def pieces(self, draw: Draw) -> Iterator[Requests]:
        """Yield the requests of the trace."""
        start_s = 0.0
        while len(self.trace):
            yield from self._once(start_s)
            if not self.loop:
                return
            start_s += self.trace.span_s

    def _once(self, start_s: float) -> Iterator[Requests]:
        for first in range(0, len(self.trace), PIECE_ROWS):
            rows = slice(first, first + PIECE_ROWS)
            yield Requests(
                self.trace.arrival_s[rows] + start_s,
                self.trace.input_tokens[rows].astype(np.int64),
                self.trace.output_tokens[rows].astype(np.int64),
                {name: Labels(c.codes[rows], c.names) for name, c in self.trace.labels.items()},
            )
