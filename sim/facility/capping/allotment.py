"""How a power budget is divided: to a common level, or from the most urgent class down."""

from __future__ import annotations

import numpy as np

from sim.interfaces import FloatArray, IntArray


def fill_level(demand_w: FloatArray, domain: IntArray, budget_w: FloatArray) -> FloatArray:
    """Return the level up to which demands can be met within each domain's budget [W].

    ``sum(min(demand, level)) = budget``; infinite where the budget covers everything.

    Args:
        demand_w: what each member asks for, not negative [W].
        domain: domain of each member.
        budget_w: what each domain may give, not negative [W].
    """
    level_w = np.full(len(budget_w), np.inf)
    asked_w = np.bincount(domain, demand_w, minlength=len(budget_w))
    for short in np.flatnonzero(asked_w > budget_w).tolist():
        demands = np.sort(demand_w[domain == short])
        met_w = np.concatenate([[0.0], np.cumsum(demands)[:-1]])
        left = np.arange(len(demands), 0, -1)
        levels = (budget_w[short] - met_w) / left
        level_w[short] = levels[np.argmax(levels <= demands)]
    return level_w


def lowest_first(demand_w: FloatArray, room_w: FloatArray, least_share: float) -> FloatArray:
    """Return the share of its demand that each class keeps when room is short [1].

    The last class gives first, down to its least share, then the one before it.

    Args:
        demand_w: demand by class and domain, the most urgent class first (classes, domains) [W].
        room_w: what may be drawn in each domain (domains,) [W].
        least_share: share that no class goes below [1].
    """
    share = np.ones_like(demand_w)
    missing_w = np.maximum(demand_w.sum(axis=0) - room_w, 0.0)
    for place in range(len(demand_w) - 1, -1, -1):
        given_w = np.minimum(missing_w, (1.0 - least_share) * demand_w[place])
        has = demand_w[place] > 0.0
        share[place, has] -= given_w[has] / demand_w[place, has]
        missing_w = missing_w - given_w
    return share
