"""Traffic made of a trace's own cycles, shuffled where order does not matter.

A cycle is a run of requests up to and including a long silence. Cycles keep what happens within
them (dense bursts, gaps, lengths, and how they hang together), and are shuffled only among cycles
of the same stretch of time, so the drift of the rate and the lengths that go with it stay too. The
idea is that of the regenerative block bootstrap (P. Bertail and S. Clemencon, Bernoulli 12, 2006,
doi 10.3150/bj/1155735932), without replacement: the trace already carries its sampling noise, and
drawing with replacement would add it a second time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import Generator

from sim.interfaces import FloatArray, IntArray
from sim.traffic.demand import PIECE_ROWS, Draw, Requests, requests_of
from sim.traffic.trace import Trace


@dataclass(frozen=True)
class CycleShuffle:
    """Demand that re-arranges the cycles of a trace, round after round of its span.

    Args:
        trace: where the cycles come from.
        stretch_s: cycles are shuffled only within stretches of this length [s]; inf for all.
        cycle_s: mean length of a cycle [s]; 0 makes each request with the gap after it a cycle.
    """

    trace: Trace
    stretch_s: float
    cycle_s: float

    @property
    def freedom(self) -> float:
        """Logarithm of the number of different arrangements [nats]."""
        return float(sum(math.lgamma(m + 1) for m in np.bincount(self._stretch).tolist()))

    @property
    def cycles(self) -> int:
        """Number of cycles."""
        return len(self._first)

    def pieces(self, draw: Draw) -> Iterator[Requests]:
        """Yield requests without end; each span is another arrangement."""
        generator, start_s = draw("cycles"), 0.0
        while True:
            arranged = self.arrange(generator)
            for row in range(0, len(arranged), PIECE_ROWS):
                yield requests_of(arranged, slice(row, row + PIECE_ROWS), start_s)
            start_s += self.trace.span_s

    def arrange(self, generator: Generator) -> Trace:
        """Return one arrangement: the same requests and gaps in another order."""
        order = np.lexsort((generator.random(self.cycles), self._stretch))
        lengths = np.diff(np.append(self._first, len(self.trace)))[order]
        before = np.cumsum(lengths) - lengths
        rows = np.repeat(self._first[order] - before, lengths) + np.arange(len(self.trace))
        offsets_s = np.concatenate([[0.0], np.cumsum(self._gaps_s[rows[:-1]])])
        moved = self.trace.take(rows)
        return Trace(
            arrival_s=self.trace.arrival_s[0] + offsets_s,
            input_tokens=moved.input_tokens,
            output_tokens=moved.output_tokens,
            span_s=self.trace.span_s,
            labels=moved.labels,
        )

    @cached_property
    def _gaps_s(self) -> FloatArray:
        """The silence after each request [s]."""
        return np.diff(np.append(self.trace.arrival_s, self.trace.span_s))

    @cached_property
    def _first(self) -> IntArray:
        """The first row of each cycle."""
        gaps_s = self._gaps_s[:-1]
        wanted = len(self.trace) if self.cycle_s <= 0 else int(self.trace.span_s / self.cycle_s)
        if wanted >= len(self.trace):
            return np.arange(len(self.trace))
        if wanted < 2:
            return np.zeros(1, dtype=np.int64)
        shorter = len(gaps_s) - wanted + 1
        longest = np.argpartition(gaps_s, shorter)[shorter:]
        return np.concatenate([[0], np.sort(longest) + 1]).astype(np.int64)

    @cached_property
    def _stretch(self) -> IntArray:
        """The stretch of time in which each cycle starts."""
        if math.isinf(self.stretch_s):
            return np.zeros(self.cycles, dtype=np.int64)
        return np.floor(self.trace.arrival_s[self._first] / self.stretch_s).astype(np.int64)
