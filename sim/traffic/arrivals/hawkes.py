"""Self-exciting arrivals: each request may call forth others soon after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from sim.interfaces import FloatArray

_BLOCK_ARRIVALS = 4096
_WARM_UP_MEMORIES = 20.0


@dataclass(frozen=True, slots=True)
class Hawkes:
    """The Hawkes process with an exponential kernel, drawn by its families.

    First requests are Poisson; each request has a Poisson number of followers with exponential
    delays, and they have followers of their own (A. G. Hawkes and D. Oakes, J. Appl. Prob. 11,
    1974, doi 10.2307/3212693). In the long run the index of dispersion is (1 - branching)**-2.

    Args:
        rate_per_s: mean rate, followers included [requests/s].
        branching: mean number of direct followers of a request, from 0 to below 1.
        delay_s: mean delay of a follower [s].
    """

    rate_per_s: float
    branching: float
    delay_s: float

    def times(self, generator: Generator) -> Iterator[FloatArray]:
        """Yield blocks of arrival times [s]."""
        # Start early enough that the families of old requests are under way at 0.
        clock_s = -_WARM_UP_MEMORIES * self.delay_s / (1 - self.branching)
        step_s = _BLOCK_ARRIVALS / self.rate_per_s
        waiting = np.empty(0)
        while True:
            known = np.concatenate([waiting, self._families(clock_s, step_s, generator)])
            clock_s += step_s
            waiting = known[known >= clock_s]
            block = np.sort(known[(known < clock_s) & (known >= 0)])
            if len(block):
                yield block

    def _families(self, start_s: float, lasting_s: float, generator: Generator) -> FloatArray:
        """Return the first requests of a stretch of time and all that follow from them [s]."""
        firsts = generator.poisson(self.rate_per_s * (1 - self.branching) * lasting_s)
        youngest = start_s + generator.random(firsts) * lasting_s
        generations = [youngest]
        while len(youngest):
            followers = generator.poisson(self.branching, len(youngest))
            parents = np.repeat(youngest, followers)
            youngest = parents + self.delay_s * generator.standard_exponential(len(parents))
            generations.append(youngest)
        return np.concatenate(generations)
