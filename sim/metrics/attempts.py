"""Attempts behind users' requests: they load pools and queues, but the books see requests only."""

from __future__ import annotations

import numpy as np

from sim.interfaces import Request
from sim.metrics.columns import RECORD, RECORD_TYPE
from sim.metrics.flow import PoolFlow

_AT_ONCE = 8192


class AttemptLog:
    """Adds attempts that ended to the flow through the pools; implements `RequestLog`.

    Args:
        flow: arrivals and queues of the pools over time.
    """

    def __init__(self, flow: PoolFlow) -> None:
        self._flow = flow
        self._rows = bytearray()

    def ended(self, request: Request) -> None:
        """Count an attempt as it is now, whether it ended or the end of the run cut it short."""
        self._rows += RECORD.pack(
            *(getattr(request, name) for name in RECORD_TYPE.names or ()),
        )
        if len(self._rows) >= _AT_ONCE * RECORD.size:
            self.flush()

    def flush(self) -> None:
        """Bring the flow up to the last attempt."""
        if self._rows:
            self._flow.add(np.frombuffer(bytes(self._rows), RECORD_TYPE))
            self._rows.clear()
