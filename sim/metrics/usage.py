"""Whose tokens each pool worked on: the base on which its cost is divided."""

from __future__ import annotations

import numpy as np

from sim.interfaces import FloatArray
from sim.table import Columns


class UsageStatistics:
    """Tokens by pool, tier and model, updated chunk by chunk.

    Counts requests that arrived in the measuring window and reached a pool, whatever became of
    them: a failed request used what it used.

    Args:
        pools: number of pools.
        tiers: number of tiers.
        models: number of models that are asked for.
    """

    def __init__(self, pools: int, tiers: int, models: int) -> None:
        self._shape = (pools, tiers, models)
        self.input_tokens: FloatArray = np.zeros(self._shape)
        """Prompt tokens, shape (pools, tiers, models)."""
        self.output_tokens: FloatArray = np.zeros(self._shape)
        """Answer tokens, shape (pools, tiers, models)."""

    def add(self, columns: Columns) -> None:
        """Take requests of the measuring window.

        Args:
            columns: columns of the request table, n rows.
        """
        _, tiers, models = self._shape
        pool = columns["pool"].astype(np.int64)
        reached = pool >= 0
        slot = (pool * tiers + columns["tier"]) * models + columns["model"]
        for name in ("input_tokens", "output_tokens"):
            tokens = np.bincount(
                slot[reached], columns[name][reached], minlength=int(np.prod(self._shape))
            )
            found: FloatArray = getattr(self, name)
            found += tokens.reshape(self._shape)
