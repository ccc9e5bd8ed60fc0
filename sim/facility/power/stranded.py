"""Imbalance between feeds, and power that was built but cannot be used, by cause."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.interfaces import FloatArray, IntArray

CAUSES = ("space", "power", "cooling", "network", "sla")


def imbalance(power_w: FloatArray, parent: IntArray, parents: int) -> FloatArray:
    """Return how unequally the children of each parent are loaded [1].

    The largest deviation from the mean of the parent's children over that mean, as for the phases
    of a motor (NEMA MG-1); 0 where a parent has one child or no load.

    Args:
        power_w: power of each child [W].
        parent: parent of each child.
        parents: number of parents.
    """
    count = np.bincount(parent, minlength=parents)
    mean_w = np.bincount(parent, power_w, minlength=parents) / np.maximum(count, 1)
    worst_w = np.zeros(parents)
    np.maximum.at(worst_w, parent, np.abs(power_w - mean_w[parent]))
    return np.asarray(np.where(mean_w > 0.0, worst_w / np.where(mean_w > 0.0, mean_w, 1.0), 0.0))


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The most IT power that each constraint of a domain would allow by itself [W], by domain.

    Attributes:
        space: all rack places filled with racks at their limits.
        power: what the feeds below allow, redundancy and breaker margins included.
        cooling: heat that can be taken away.
        network: what the network's ports can connect.
        sla: what may run within the latency targets.
    """

    space: FloatArray
    power: FloatArray
    cooling: FloatArray
    network: FloatArray
    sla: FloatArray


@dataclass(frozen=True, slots=True)
class Stranded:
    """Power of a domain that was provisioned and cannot be used.

    Attributes:
        binding: index into `CAUSES` of the tightest constraint, -1 where none is tight.
        by_cause_w: provisioned power that each constraint takes away beyond the constraints that
            are looser, shape (5, domains) [W].
    """

    binding: IntArray
    by_cause_w: FloatArray


def stranded(provisioned_w: FloatArray, ceilings: Ceilings) -> Stranded:
    """Return what each constraint strands of the provisioned power.

    Constraints are taken from the loosest to the tightest; each strands what it takes away from
    what the looser ones left. The parts therefore add up to provisioned minus usable power.

    Args:
        provisioned_w: power that the feed of each domain was built for [W].
        ceilings: what every constraint allows.
    """
    stack = np.stack([getattr(ceilings, cause) for cause in CAUSES])
    allowed = np.minimum(stack, provisioned_w)
    order = np.argsort(-allowed, axis=0, kind="stable")
    sorted_w = np.take_along_axis(allowed, order, axis=0)
    before_w = np.concatenate([provisioned_w[None, :], sorted_w[:-1]])
    by_cause_w = np.empty_like(stack)
    np.put_along_axis(by_cause_w, order, before_w - sorted_w, axis=0)
    tight = allowed.min(axis=0) < provisioned_w
    binding = np.where(tight, order[-1], -1)
    return Stranded(binding, by_cause_w)
