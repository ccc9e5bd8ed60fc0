"""The router: front door, choice of a pool, and the way there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from sim.errors import LoadbankError, PolicyError
from sim.interfaces import (
    FAILED,
    IN_FLIGHT,
    REJECTED,
    TIMED_OUT,
    PlacementPolicy,
    Request,
    RequestLog,
    Scheduler,
    Station,
)
from sim.routing.admission import Admission
from sim.routing.network import BITS_PER_BYTE, BYTES_PER_TOKEN
from sim.routing.tables import RouteTables


class Router:
    """Sends each request to the pool that its policy chooses, after the network delay.

    Args:
        clock: runs calls at absolute times.
        policy: chooses among the candidates.
        stations: all pools by index.
        tables: paths and candidate pools of every class of requests.
        requests: log of requests that ended.
        exponential: draws Exp(1) numbers for jitter.
        charged_from_s: answers to requests that arrive before this time are not charged [s].
        admission: turns requests away at the front door, None if nobody is.

    Attributes:
        egress_usd: price of the answers sent from the sites to the regions so far [USD].
        unreachable: requests that no pool in service could be reached for.
    """

    def __init__(
        self,
        clock: Scheduler,
        policy: PlacementPolicy,
        stations: Sequence[Station],
        tables: RouteTables,
        requests: RequestLog,
        exponential: Callable[[], float],
        *,
        charged_from_s: float = 0.0,
        admission: Admission | None = None,
    ) -> None:
        self._clock = clock
        self._policy = policy
        self._stations = stations
        self.tables = tables
        self._requests = requests
        self._exponential = exponential
        self._charged_from_s = charged_from_s
        self.admission = admission
        self.egress_usd = 0.0
        self.unreachable = 0
        self.closed: set[int] = set()
        # Requests between front door and pool, by number: a dictionary keeps their order.
        self._on_the_wire: dict[int, Request] = {}
        self._paths, self._candidates = tables.paths, tables.candidates
        tables.on_change = self._take_tables

    def route(self, request: Request) -> None:
        """Choose a pool for a request that has just arrived at its front door, and send it."""
        if request.tier in self.closed:
            self._end(request, REJECTED)
            return
        candidates = self._candidates[request.region, request.model, request.tier]
        if not candidates:
            self.unreachable += 1
            self._end(request, FAILED)
            return
        admission = self.admission
        if admission is not None and not admission.admits(request, candidates, self._clock.now):
            self._end(request, REJECTED)
            return
        try:
            chosen = self._policy.choose(request, candidates)
        except LoadbankError:
            raise
        except Exception as error:
            raise self._policy_failed(request, f"raised {error!r}") from error
        if chosen is None:
            self._end(request, REJECTED)
            return
        try:
            station = self._stations[chosen.index]
        except (AttributeError, TypeError, IndexError):
            raise self._policy_failed(request, f"returned {chosen!r}") from None
        self._send(request, station)

    def _policy_failed(self, request: Request, what: str) -> PolicyError:
        """Return the error that names the policy, the request and what the policy did."""
        name = type(self._policy).__name__
        return PolicyError(
            f"policy {name} {what} for request {request.number} at {self._clock.now:.6g} s; "
            f"`choose` returns one of its candidates, or None to reject the request"
        )

    def cancel(self, request: Request) -> None:
        """Stop work on a request whose user has gone; it ends as timed out."""
        if self._on_the_wire.pop(request.number, None) is not None:
            self._stations[request.pool].outstanding -= 1
            self._end(request, TIMED_OUT)
        elif request.status == IN_FLIGHT:
            self._stations[request.pool].cancel(request)

    def unfinished(self) -> list[Request]:
        """Return the requests that are on their way to a pool."""
        return list(self._on_the_wire.values())

    def _send(self, request: Request, station: Station) -> None:
        station.outstanding += 1
        path = self._paths[request.region][station.site]
        if path is None:  # candidates are reachable by construction
            message = "a candidate pool is not reachable from its region"
            raise RuntimeError(message)
        if request.arrival_s >= self._charged_from_s:
            self.egress_usd += path.egress_usd_per_token * request.output_tokens
        jitter_s = path.jitter_s
        up_s = path.latency_s + path.upload_s_per_token * request.input_tokens
        if jitter_s:
            up_s += jitter_s * self._exponential()
            request.downlink_s = path.latency_s + jitter_s * self._exponential()
        else:
            request.downlink_s = path.latency_s
        request.pool = station.index
        if path.shared:
            self._on_the_wire[request.number] = request
            self._upload(request, up_s, path.shared)
        elif up_s > 0.0:
            self._on_the_wire[request.number] = request
            self._clock.call_at(self._clock.now + up_s, self._deliver, request)
        else:
            station.submit(request)

    def _upload(self, request: Request, up_s: float, links: Sequence[frozenset[str]]) -> None:
        """Send a prompt over shared links, one after the other, and then the way that is left."""
        if not links:
            self._clock.call_at(self._clock.now + up_s, self._deliver, request)
            return
        bits = request.input_tokens * BYTES_PER_TOKEN * BITS_PER_BYTE
        onward = partial(self._upload, request, up_s, links[1:])
        self.tables.links[links[0]].send(bits, onward)

    def _deliver(self, request: Request) -> None:
        if self._on_the_wire.pop(request.number, None) is not None:
            self._stations[request.pool].submit(request)

    def _end(self, request: Request, status: int) -> None:
        request.status = status
        request.finished_s = self._clock.now
        self._requests.ended(request)

    def _take_tables(self) -> None:
        self._paths, self._candidates = self.tables.paths, self.tables.candidates
