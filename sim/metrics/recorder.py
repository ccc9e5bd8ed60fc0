"""The recorder: is told of every request that ended and turns them into columns, in bounded memory.

`Recorder.ended` runs once per request, so it only packs the request's raw fields into a buffer;
everything else is done on 32,768 requests at a time with numpy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from sim.interfaces import Request
from sim.metrics.columns import RECORD, RECORD_TYPE, RunNames, request_columns
from sim.metrics.flow import PoolFlow
from sim.metrics.sinks import RequestSink
from sim.metrics.sla import TierTargets
from sim.metrics.statistics import RequestStatistics
from sim.metrics.tier_windows import TierWindows

CHUNK_ROWS = 32_768
_ROW_BYTES = RECORD.size
_FULL_BYTES = CHUNK_ROWS * _ROW_BYTES
_pack_into = RECORD.pack_into  # a bound name: one look-up less per request


class Recorder:
    """Implements `sim.interfaces.RequestLog`.

    Args:
        names: the names behind the requests' indices.
        tiers: targets of each tier, by index.
        sink: takes the request table.
        warmup_s: requests that arrive before this time [s] are recorded but not measured.
        exact_up_to: number of measured requests up to which quantiles are exact.
        width_s: width of the time bins [s], None for bins that widen themselves.
        windows: keeps the latencies of some windows of time; none unless given.
    """

    def __init__(
        self,
        names: RunNames,
        tiers: Sequence[TierTargets],
        sink: RequestSink,
        *,
        warmup_s: float = 0.0,
        exact_up_to: int = 1_000_000,
        width_s: float | None = None,
        windows: TierWindows | None = None,
    ) -> None:
        self.names = names
        self.windows = TierWindows((), (), 0) if windows is None else windows
        self.statistics = RequestStatistics(
            tiers, warmup_s, exact_up_to, pools=len(names.pools), models=len(names.models)
        )
        self.flow = PoolFlow(len(names.pools), width_s)
        self._sink = sink
        self._warmup_s = warmup_s
        self._buffer = bytearray(_FULL_BYTES)
        self._filled = 0
        self._flushed_rows = 0

    @property
    def count(self) -> int:
        """Number of requests recorded so far."""
        return self._flushed_rows + self._filled // _ROW_BYTES

    def ended(self, request: Request) -> None:
        """Record the request as it is now; called exactly once per request."""
        filled = self._filled
        _pack_into(
            self._buffer,
            filled,
            request.number,
            request.arrival_s,
            request.sent_s,
            request.queued_s,
            request.admitted_s,
            request.first_token_s,
            request.finished_s,
            request.downlink_s,
            request.input_tokens,
            request.output_tokens,
            request.replica,
            request.preemptions,
            request.pool,
            request.model,
            request.region,
            request.tier,
            request.status,
        )
        self._filled = filled = filled + _ROW_BYTES
        if filled == _FULL_BYTES:
            self._flush()

    def close(self, in_flight: Iterable[Request], end_s: float = float("nan")) -> None:
        """Record the requests that never ended, too, and complete the table.

        Args:
            in_flight: every request that arrived and was not recorded.
            end_s: end of the run, up to which they have waited [s].
        """
        self._flush()  # what ended is judged as before; what did not, by how long it has waited
        self.statistics.end_s = end_s
        for request in in_flight:
            self.ended(request)
        self._flush()
        self._sink.close()

    def _flush(self) -> None:
        """Turn the buffer into columns and hand them on."""
        rows = self._filled // _ROW_BYTES
        if rows == 0:
            return
        raw = np.frombuffer(self._buffer, RECORD_TYPE, count=rows)
        columns = request_columns(raw, self.names.pool_site, self._warmup_s)
        self.statistics.add(raw, columns)
        self.windows.add(columns)
        self.flow.add(raw)
        self._sink.write(columns)
        self._flushed_rows += rows
        self._filled = 0
