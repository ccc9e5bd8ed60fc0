"""Conversion losses: what a transformer, UPS or distribution unit takes for what it passes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sim.facility.power.redundancy import NO_SPARE, Redundancy
from sim.interfaces import FloatArray


@dataclass(frozen=True, slots=True)
class Stage:
    """One kind of equipment in the chain from the feed to the rack.

    ``input = output + constant + proportional output + quadratic output^2 / rating``, per unit;
    ExaDigiT RAPS models rectifiers and converters with a constant and a proportional loss too.

    Attributes:
        name: what it is, such as ``ups``.
        constant_w: loss of one energised unit at no load [W].
        proportional: loss per watt passed on [1].
        quadratic: resistive loss at full load, as a share of the rating [1].
        rating_w: what one unit can pass on [W]; infinite where no limit is given.
        redundancy: how many units share the load.
    """

    name: str
    constant_w: float = 0.0
    proportional: float = 0.0
    quadratic: float = 0.0
    rating_w: float = np.inf
    redundancy: Redundancy = NO_SPARE

    def loss_w(self, output_w: ArrayLike, failed: int = 0) -> FloatArray:
        """Return the loss of all units in service [W].

        Args:
            output_w: power passed on by all of them together [W], any shape.
            failed: units out of service [1].
        """
        output = np.asarray(output_w, dtype=np.float64)
        units = max(self.redundancy.energised - failed, 0)
        if units == 0:
            return np.zeros_like(output)
        loss_w = units * self.constant_w + self.proportional * output
        if self.quadratic:
            loss_w = loss_w + self.quadratic * output**2 / (units * self.rating_w)
        return np.asarray(loss_w)

    def carries_w(self, failed: int = 0) -> float:
        """Return what the units in service can carry together, spares included [W]."""
        left = max(self.redundancy.energised - failed, 0)
        return left * self.rating_w if left else 0.0

    def capacity_w(self, failed: int = 0) -> float:
        """Return what may be drawn so that it can also be carried after ``failed`` units [W]."""
        return self.redundancy.usable(self.rating_w, failed)


@dataclass(frozen=True, slots=True)
class Conversion:
    """Power through a chain of stages.

    Attributes:
        input_w: drawn from above [W].
        loss_w: loss of each stage, in the order of the chain [W].
    """

    input_w: FloatArray
    loss_w: tuple[FloatArray, ...]


def convert(stages: Sequence[Stage], output_w: ArrayLike, failed: Sequence[int] = ()) -> Conversion:
    """Return what a chain draws for what leaves it.

    Args:
        stages: from the load upwards.
        output_w: power that leaves the last stage [W], any shape.
        failed: units of each stage that are out of service; none unless given [1].
    """
    power_w = np.asarray(output_w, dtype=np.float64)
    losses = []
    for stage, out in zip(stages, failed or (0,) * len(stages), strict=True):
        losses.append(stage.loss_w(power_w, out))
        power_w = power_w + losses[-1]
    return Conversion(power_w, tuple(losses))


def promise_w(stages: Sequence[Stage]) -> float:
    """Return the most that may leave a chain so that its redundancy holds [W].

    Args:
        stages: from the load upwards.
    """
    spare = [stage.redundancy.energised - stage.redundancy.needed for stage in stages]
    return bottleneck(stages, spare)[0]


def bottleneck(stages: Sequence[Stage], failed: Sequence[int]) -> tuple[float, int]:
    """Return the most that may leave a chain without overload [W], and the stage that sets it.

    Infinite, and the first stage, where no stage has a rating.

    Args:
        stages: from the load upwards.
        failed: units of each stage that are out of service [1].
    """
    best_w, weakest = np.inf, 0
    for at, stage in enumerate(stages):
        carried_w = stage.carries_w(failed[at])
        if np.isfinite(carried_w):
            output_w = _output_for(stages[:at], failed[:at], carried_w)
            if output_w < best_w:
                best_w, weakest = output_w, at
    return best_w, weakest


def _output_for(below: Sequence[Stage], failed: Sequence[int], input_w: float) -> float:
    """Return the output of a chain that draws ``input_w``, 0 if its losses alone are more [W]."""
    low_w, high_w = 0.0, input_w
    for _ in range(60):  # losses rise with the load, so bisection finds the one solution
        middle_w = 0.5 * (low_w + high_w)
        if float(convert(below, middle_w, failed).input_w) > input_w:
            high_w = middle_w
        else:
            low_w = middle_w
    return high_w if high_w == input_w else low_w
