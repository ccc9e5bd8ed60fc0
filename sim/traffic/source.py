"""The source: turns columns of traffic into requests at the front door, one event each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

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
        self._priorities = priorities
        self._emit = emit
        self._end_s = end_s
        self._blocks: Iterator[ArrivalBlock] = workload.blocks()
        self._requests: Iterator[Request] = iter(())
        self._next: Request | None = None
        self._fire_at = clock.timer(self._fire)

    def start(self) -> None:
        """Schedule the first arrival."""
        self._advance()

    def send(self, request: Request) -> None:
        """Number a request that arrives now, whoever made it, and let it in."""
        request.number = self.emitted
        self.emitted += 1
        self.last_arrival_s = request.arrival_s
        self._emit(request)

    def _fire(self, _event: Any) -> None:
        request = self._next
        if request is not None:
            self.send(request)
            self._advance()

    def _advance(self) -> None:
        request = next(self._requests, None)
        while request is None:
            block = next(self._blocks, None)
            if block is None:
                self._next = None
                self.exhausted = True
                return
            self._requests = self._unpack(block)
            if block.prefix is not None:
                self._requests = with_blocks(self._requests, block.prefix)
            request = next(self._requests, None)
        self._next = request
        if request.arrival_s < self._end_s:
            self._fire_at(request.arrival_s)
        else:
            self._next = None
            self.exhausted = True

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
