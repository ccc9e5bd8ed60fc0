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

    def loss_w(self, output_w: ArrayLike) -> FloatArray:
        """Return the loss of all energised units [W].

        Args:
            output_w: power passed on by all of them together [W], any shape.
        """
        output = np.asarray(output_w, dtype=np.float64)
        units = self.redundancy.energised
        loss_w = units * self.constant_w + self.proportional * output
        if self.quadratic:
            loss_w = loss_w + self.quadratic * output**2 / (units * self.rating_w)
        return np.asarray(loss_w)

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


def convert(stages: Sequence[Stage], output_w: ArrayLike) -> Conversion:
    """Return what a chain draws for what leaves it.

    Args:
        stages: from the load upwards.
        output_w: power that leaves the last stage [W], any shape.
    """
    power_w = np.asarray(output_w, dtype=np.float64)
    losses = []
    for stage in stages:
        losses.append(stage.loss_w(power_w))
        power_w = power_w + losses[-1]
    return Conversion(power_w, tuple(losses))
