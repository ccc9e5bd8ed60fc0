"""How many experts of a mixture a step reads, for routers that choose evenly."""

from __future__ import annotations

from math import lgamma

import numpy as np
from numpy.typing import NDArray

from sim.interfaces import FloatArray


def covered_share(experts: int, top_k: int, tokens: FloatArray, groups: int = 1) -> FloatArray:
    """Return the share of the experts that ``tokens`` touch, at most 1 [1].

    A token touches ``k`` of ``E`` experts, so ``n`` of them, prompt and decode alike, touch
    ``1 - (1 - k / E)^n`` of all. Whole experts on ``g`` groups of accelerators make the step wait
    for the group that reads most: the largest of ``g`` binomial counts of ``E / g`` experts, in the
    mean.

    Args:
        experts: routed experts of a layer.
        top_k: of them that a token uses.
        tokens: of the step, shape (n,) [tokens].
        groups: of accelerators that hold whole experts [1].
    """
    share = 1.0 - (1.0 - top_k / experts) ** np.asarray(tokens, dtype=float)
    if groups == 1:
        return share
    return _largest_share(max(1, experts // groups), share, groups)


def _largest_share(experts: int, chance: FloatArray, groups: int) -> FloatArray:
    """Return the mean of the largest of ``groups`` binomial counts, as a share of ``experts``.

    Args:
        experts: trials of each count.
        chance: probability of each trial, shape (n,).
        groups: independent counts.
    """
    counts = np.arange(experts + 1)
    at_most = np.cumsum(_binomial(counts, experts, chance), axis=1)[:, :-1]
    return np.asarray(np.sum(1.0 - np.clip(at_most, 0.0, 1.0) ** groups, axis=1) / experts)


def _binomial(counts: NDArray[np.int64], trials: int, chance: FloatArray) -> FloatArray:
    """Return the probability of each count (columns) at each chance (rows)."""
    logs = np.array([lgamma(count + 1) for count in range(trials + 1)])
    chosen = logs[trials] - logs[counts] - logs[trials - counts]
    kept = np.clip(chance, 1e-15, 1.0 - 1e-15)[:, None]
    return np.asarray(np.exp(chosen + counts * np.log(kept) + (trials - counts) * np.log1p(-kept)))
