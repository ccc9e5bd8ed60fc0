"""What a lower clock does: prefill slows with it, decode hardly, dynamic power falls steeply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sim.interfaces import FloatArray


class Pace(NamedTuple):
    """How fast a replica may run, relative to no cap.

    Attributes:
        prefill: rate of the compute-bound part of a step [1].
        decode: rate of the memory-bound part of a step [1].
        power: dynamic power, above idle [1].
    """

    prefill: float = 1.0
    decode: float = 1.0
    power: float = 1.0


FULL_PACE = Pace()


@dataclass(frozen=True, slots=True)
class FrequencyResponse:
    """How an accelerator answers to a clock below its maximum.

    Prefill is bound by compute and follows the clock. Decode is bound by memory, whose clock is not
    lowered, and slows only below the knee. Kind of all numbers: guess, within what was measured on
    A100 and H200 (DynamoLLM, arXiv 2408.00741; clock locks, arXiv 2605.11999).

    Attributes:
        knee: relative clock below which decode slows in proportion [1].
        exponent: dynamic power follows the clock to this power [1].
        lowest: lowest relative clock that can be set [1].
    """

    knee: float = 0.55
    exponent: float = 2.4
    lowest: float = 0.3

    def pace(self, clock: float) -> Pace:
        """Return the pace at a relative clock, 1 being the maximum."""
        if clock >= 1.0:
            return FULL_PACE
        return Pace(clock, min(1.0, clock / self.knee), clock**self.exponent)

    def clock_for(self, power_share: FloatArray) -> FloatArray:
        """Return the highest clock that keeps dynamic power at a share of its full value [1].

        Args:
            power_share: wanted dynamic power over that at full clock [1], any shape.
        """
        clock = np.maximum(power_share, 0.0) ** (1.0 / self.exponent)
        return np.asarray(np.clip(clock, self.lowest, 1.0))

    @property
    def floor_share(self) -> float:
        """Dynamic power at the lowest clock over that at full clock [1]."""
        return float(self.lowest**self.exponent)


DEFAULT_RESPONSE = FrequencyResponse()
