"""The router: front door, choice of a pool, and the way there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sim.interfaces import REJECTED, PlacementPolicy, Request, RequestLog, Scheduler, Station
from sim.routing.network import Path

# Region, model and tier: what decides which pools may serve a request.
Key = tuple[int, int, int]


class Router:
    """Sends each request to the pool that its policy chooses, after the network delay.

    Args:
        clock: runs calls at absolute times.
        policy: chooses among the candidates.
        candidates: for each (region, model, tier) the pools that may serve it, nearest first.
        paths: network path by region and site.
        requests: log of requests that ended.
        exponential: draws Exp(1) numbers for jitter.
        charged_from_s: answers to requests that arrive before this time are not charged [s].

    Attributes:
        egress_usd: price of the answers sent from the sites to the regions so far [USD].
    """

    def __init__(
        self,
        clock: Scheduler,
        policy: PlacementPolicy,
        candidates: Mapping[Key, Sequence[Station]],
        paths: Sequence[Sequence[Path | None]],
        requests: RequestLog,
        exponential: Callable[[], float],
        charged_from_s: float = 0.0,
    ) -> None:
        self._clock = clock
        self._policy = policy
        self._candidates = candidates
        self._paths = paths
        self._requests = requests
        self._exponential = exponential
        self._charged_from_s = charged_from_s
        self.egress_usd = 0.0
        # Requests between front door and pool, by number: a dictionary keeps their order.
        self._on_the_wire: dict[int, Request] = {}

    def route(self, request: Request) -> None:
        """Choose a pool for a request that has just arrived at its front door, and send it."""
        candidates = self._candidates[request.region, request.model, request.tier]
        station = self._policy.choose(request, candidates)
        if station is not None and not station.slots:  # all of its replicas are out of service
            alive = [other for other in candidates if other.slots]
            station = self._policy.choose(request, alive) if alive else station
        if station is None:
            request.status = REJECTED
            request.finished_s = request.arrival_s
            self._requests.ended(request)
            return
        station.outstanding += 1
        path = self._paths[request.region][station.site]
        if path is None:  # candidates are reachable by construction
            message = "a candidate pool is not reachable from its region"
            raise RuntimeError(message)
        if request.arrival_s >= self._charged_from_s:
            self.egress_usd += path.egress_usd_per_token * request.output_tokens
        jitter_s = path.jitter_s
        up_s = path.latency_s + path.upload_s_per_token * request.input_tokens
        request.downlink_s = path.latency_s
        if jitter_s:
            up_s += jitter_s * self._exponential()
            request.downlink_s += jitter_s * self._exponential()
        if up_s > 0.0:
            self._on_the_wire[request.number] = request
            self._clock.call_at(request.arrival_s + up_s, partial(self._deliver, station, request))
        else:
            station.submit(request)

    def unfinished(self) -> list[Request]:
        """Return the requests that are on their way to a pool."""
        return list(self._on_the_wire.values())

    def _deliver(self, station: Station, request: Request, _event: Any) -> None:
        del self._on_the_wire[request.number]
        station.submit(request)
