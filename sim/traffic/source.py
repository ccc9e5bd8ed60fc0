"""The source: turns columns of traffic into requests at the front door, one event each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice

import numpy as np

from sim.interfaces import ArrivalBlock, Request, Scheduler, Workload
from sim.traffic.prompt_blocks import with_blocks


class Source:
    """Emits the requests of a workload at their arrival times.

    Args:
        clock: runs calls at absolute times.
        workload: the merged traffic of the run.
        priorities: priority of each tier, by tier index.
        emit: takes each request when it arrives.
        end_s: arrivals at or after this time are left out [s].
    """

    def __init__(
        self,
        clock: Scheduler,
        workload: Workload,
        priorities: Sequence[int],
        emit: Callable[[Request], None],
        end_s: float,
    ) -> None:
        self.emitted = 0
        self.exhausted = False
        self.last_arrival_s = 0.0
        self._clock = clock
        self._priorities = priorities
        self._emit = emit
        self._end_s = end_s
        self._requests = chain.from_iterable(self._by_block(workload))

    def start(self) -> None:
        """Schedule the first arrival."""
        self._schedule_next()

    def send(self, request: Request) -> None:
        """Number a request that arrives now, whoever made it, and let it in."""
        request.number = self.emitted
        self.emitted += 1
        self.last_arrival_s = request.arrival_s
        self._emit(request)

    def _fire(self, request: Request) -> None:
        self.send(request)
        self._schedule_next()

    def _schedule_next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self.exhausted = True
        else:
            self._clock.call_at(request.arrival_s, self._fire, request)

    def _by_block(self, workload: Workload) -> Iterator[Iterator[Request]]:
        """Yield the requests of each block, until the end of arrivals."""
        for block in workload.blocks():
            requests = self._unpack(block)
            if block.prefix is not None:
                requests = with_blocks(requests, block.prefix)
            in_time = int(np.searchsorted(block.arrival_s, self._end_s))
            yield islice(requests, in_time)
            if in_time < len(block):
                return

    def _unpack(self, block: ArrivalBlock) -> Iterator[Request]:
        priorities = self._priorities
        columns = zip(
            block.arrival_s.tolist(),
            block.input_tokens.tolist(),
            block.output_tokens.tolist(),
            block.tier.tolist(),
            block.region.tolist(),
            block.model.tolist(),
            block.tenant.tolist(),
            strict=True,
        )
        for arrival_s, inputs, outputs, tier, region, model, tenant in columns:
            request = Request(-1, arrival_s, inputs, outputs, tier, region, model, priorities[tier])
            request.tenant = tenant
            yield request
