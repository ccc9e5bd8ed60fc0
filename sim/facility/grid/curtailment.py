"""Load targets: a grid operator asks for less, and this tells how well the site obeyed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.interfaces import FloatArray


@dataclass(frozen=True, slots=True)
class LoadTarget:
    """An order to stay below a power for a while.

    Attributes:
        limit_w: most that the site may draw [W].
        start_s: from when [s].
        end_s: until when [s].
        strict: whether work is stopped if slowing it is not enough.
        grace_s: time to comply before a breach counts [s].
        name: name in the summary.
    """

    limit_w: float
    start_s: float
    end_s: float
    strict: bool = False
    grace_s: float = 0.0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Compliance:
    """How a target was met.

    Attributes:
        comply_s: from its start until power was within the limit [s]; infinite if it never was.
        held_s: time within the limit [s].
        breach_s: time above the limit after the grace [s].
        breaches: separate stretches of that [1].
        worst_w: highest power above the limit after the grace [W].
        before_w: mean power over as long a time before the target [W].
        mean_w: mean power during the target [W].
        depth: reduction against before [1].
    """

    comply_s: float
    held_s: float
    breach_s: float
    breaches: int
    worst_w: float
    before_w: float
    mean_w: float
    depth: float


def limit_at(targets: Sequence[LoadTarget], now_s: float) -> float:
    """Return the tightest limit in force [W], infinite without one."""
    return min((t.limit_w for t in targets if t.start_s <= now_s < t.end_s), default=np.inf)


def compliance(
    target: LoadTarget, start_s: FloatArray, end_s: FloatArray, power_w: FloatArray
) -> Compliance:
    """Return how a target was met by power that was constant in turn.

    Args:
        target: the order.
        start_s: start of each stretch, increasing [s].
        end_s: end of each stretch [s].
        power_w: power of each stretch [W].
    """
    within = power_w <= target.limit_w * (1.0 + 1e-9)
    inside_s = _overlap(start_s, end_s, target.start_s, target.end_s)
    met = np.flatnonzero(within & (inside_s > 0.0))
    comply_s = max(float(start_s[met[0]]) - target.start_s, 0.0) if len(met) else np.inf
    after_s = _overlap(start_s, end_s, target.start_s + target.grace_s, target.end_s)
    over = ~within & (after_s > 0.0)
    begins = over & ~np.concatenate([[False], over[:-1]])
    span_s = target.end_s - target.start_s
    before_s = _overlap(start_s, end_s, target.start_s - span_s, target.start_s)
    before_w, mean_w = _mean(power_w, before_s), _mean(power_w, inside_s)
    return Compliance(
        comply_s=comply_s,
        held_s=float(inside_s[within].sum()),
        breach_s=float(after_s[over].sum()),
        breaches=int(begins.sum()),
        worst_w=float((power_w[over] - target.limit_w).max()) if over.any() else 0.0,
        before_w=before_w,
        mean_w=mean_w,
        depth=1.0 - mean_w / before_w if before_w > 0.0 else 0.0,
    )


def _overlap(start_s: FloatArray, end_s: FloatArray, low_s: float, high_s: float) -> FloatArray:
    return np.asarray(np.maximum(np.minimum(end_s, high_s) - np.maximum(start_s, low_s), 0.0))


def _mean(power_w: FloatArray, weight_s: FloatArray) -> float:
    total_s = float(weight_s.sum())
    return float((power_w * weight_s).sum()) / total_s if total_s > 0.0 else 0.0
