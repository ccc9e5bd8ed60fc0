"""Power of one accelerator by phase: idle, prefill, and decode as a curve over the batch."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log2

import numpy as np

from sim.catalog.catalog import Accelerator

# Documented guess where nothing was measured: the middle of the measured logistic curves.
DEFAULT_STEEPNESS = 1.0
DEFAULT_MIDPOINT_LOG2 = 5.5


@dataclass(frozen=True, slots=True)
class PhasePower:
    """Power of one accelerator whose decode power is a logistic curve over log2 of the batch.

    ``P(B) = floor + rise / (1 + exp(-steepness (log2 B - midpoint)))``, held constant outside the
    batch range in which it was fitted. Form: 1.0 % median error over 32 measured serving
    configurations of the ML.ENERGY benchmark.

    Attributes:
        idle_w: weights loaded, nothing running [W].
        prefill_w: a step that only processes prompts [W].
        floor_w: lower asymptote of decode power [W].
        rise_w: height of the curve [W].
        steepness: slope of the curve per doubling of the batch [1].
        midpoint_log2: log2 of the batch at half height [1].
        limit_w: highest power that the board allows [W].
        batch_low: smallest batch of the fit [1].
        batch_high: largest batch of the fit [1].
        kind: measured, fitted, vendor, analyst or guess.
        source: where the numbers come from.
        points: batches and their decode power [W], joined over log2 of the batch, in place of the
            logistic where the measured ones do not follow it.
        low: lower end of the 90 % interval of true over predicted power [1].
        high: upper end of that interval [1].
    """

    idle_w: float
    prefill_w: float
    floor_w: float
    rise_w: float
    steepness: float = DEFAULT_STEEPNESS
    midpoint_log2: float = DEFAULT_MIDPOINT_LOG2
    limit_w: float = inf
    batch_low: float = 1.0
    batch_high: float = inf
    kind: str = "guess"
    source: str = ""
    points: tuple[tuple[float, float], ...] = ()
    low: float = 1.0
    high: float = 1.0

    def decode_w(self, batch: float) -> float:
        """Return the power while ``batch`` sequences decode [W]."""
        doublings = log2(min(max(batch, self.batch_low), self.batch_high))
        if self.points:
            batches, watts = zip(*self.points, strict=True)
            return float(np.interp(doublings, np.log2(batches), watts))
        height = 1.0 / (1.0 + exp(-self.steepness * (doublings - self.midpoint_log2)))
        return min(self.floor_w + self.rise_w * height, self.limit_w)


def constant_decode(
    idle_w: float, prefill_w: float, decode_w: float, kind: str = "guess", source: str = ""
) -> PhasePower:
    """Return a curve whose decode power does not depend on the batch.

    Args:
        idle_w: weights loaded, nothing running [W].
        prefill_w: a step that only processes prompts [W].
        decode_w: any decode step [W].
        kind: measured, fitted, vendor, analyst or guess.
        source: where the numbers come from.
    """
    return PhasePower(idle_w, prefill_w, decode_w, 0.0, kind=kind, source=source)


def catalogue_power(accelerator: Accelerator) -> PhasePower:
    """Return the curve of an accelerator for which no serving run was measured.

    Decode rises from the catalogue's power of a batch of one to that of a saturated batch along
    the middle of the measured curves.
    """
    # The logistic reaches its ends only asymptotically: stretch it over batch 1 to 1024.
    bottom = 1.0 / (1.0 + exp(DEFAULT_STEEPNESS * DEFAULT_MIDPOINT_LOG2))
    top = 1.0 / (1.0 + exp(-DEFAULT_STEEPNESS * (10.0 - DEFAULT_MIDPOINT_LOG2)))
    rise_w = (accelerator.decode_high_w - accelerator.decode_low_w) / (top - bottom)
    return PhasePower(
        idle_w=accelerator.idle_w + accelerator.context_w,
        prefill_w=accelerator.prefill_w,
        floor_w=accelerator.decode_low_w - rise_w * bottom,
        rise_w=rise_w,
        limit_w=accelerator.tdp_w,
        batch_high=1024.0,
        kind="guess",
        source="catalogue power by phase, no serving run measured",
    )
