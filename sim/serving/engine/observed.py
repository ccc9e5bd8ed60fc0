"""How large the batches and contexts of each replica became, from its activity."""

from __future__ import annotations

import numpy as np

from sim.interfaces import ACTIVITY_COLUMNS, FloatArray

_REPLICA, _START, _END, _BATCH, _KV = (
    ACTIVITY_COLUMNS.index(name) for name in ("replica", "start_s", "end_s", "batch", "kv_tokens")
)


class Observed:
    """Largest batch and mean context of each replica so far.

    Args:
        replicas: how many there are.
    """

    def __init__(self, replicas: int) -> None:
        self._batch = np.zeros(replicas)
        self._kv_token_s = np.zeros(replicas)
        self._request_s = np.zeros(replicas)

    def advance(self, rows: FloatArray) -> None:
        """Take in activity rows, shape (n, columns)."""
        at, batch = rows[:, _REPLICA].astype(np.int64), rows[:, _BATCH]
        seconds = (rows[:, _END] - rows[:, _START]) * (batch > 0.0)
        size = len(self._batch)
        np.maximum.at(self._batch, at, batch)
        self._kv_token_s += np.bincount(at, rows[:, _KV] * seconds, size)
        self._request_s += np.bincount(at, batch * seconds, size)

    def of(self, first: int, count: int) -> tuple[float, float]:
        """Return the largest batch of some replicas, and their mean context [tokens].

        Args:
            first: index of the first one.
            count: how many.
        """
        span = slice(first, first + count)
        running_s = float(self._request_s[span].sum())
        context = float(self._kv_token_s[span].sum()) / running_s if running_s else 0.0
        return float(self._batch[span].max(initial=0.0)), context
