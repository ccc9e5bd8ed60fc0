"""A pool: equal replicas of one model at one site that fail, come back, rest and wake."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any

from mypy_extensions import mypyc_attr

from sim.interfaces import FAILED, IN_FLIGHT, NOT_YET, ActivityLog, Request, RequestLog, Scheduler
from sim.serving.engine.engine import Engine
from sim.serving.engine.sharing import prefix_report
from sim.serving.queues.waiting import QueueSettings, WaitingRoom

__all__ = ["LOSE", "RESTART", "RESUME", "Pool", "QueueSettings"]

# What becomes of the requests of a replica that fails: they end as failed, start anew on another
# one, or go on there after their context has been computed again.
LOSE, RESTART, RESUME = range(3)


@mypyc_attr(allow_interpreted_subclasses=True)
class Pool(WaitingRoom):
    """A waiting room whose replicas come and go; implements `sim.interfaces.Station`.

    A replica is in service while nothing keeps it out: outages are counted, because several may
    overlap, and a replica that a scaler put to rest stays off until the scaler wakes it.

    Args:
        index: number of the pool in the run.
        site: number of its site.
        cooling: ``air`` or ``liquid``, for policies that care.
        first_replica: index of its first replica in the run.
        replicas: how many.
        engine: constants of its replicas.
        settings: how requests wait.
        clock: runs calls at absolute times.
        activity: log of what the replicas do.
        requests: log of requests that ended.
        uniform: random numbers for dispatch.

    Attributes:
        after_failure: one of LOSE, RESTART, RESUME.
        failed_over: requests that lost their replica and went to another one.
        listeners: called when a replica has entered or left service.
        weight: share of its places that routing policies see [1]; 0 for no new requests.
    """

    def __init__(  # noqa: PLR0913
        self,
        index: int,
        site: int,
        cooling: str,
        first_replica: int,
        replicas: int,
        engine: Engine,
        settings: QueueSettings,
        *,
        clock: Scheduler,
        activity: ActivityLog,
        requests: RequestLog,
        uniform: Callable[[], float],
    ) -> None:
        super().__init__(
            index,
            first_replica,
            replicas,
            engine,
            settings,
            clock=clock,
            activity=activity,
            requests=requests,
            uniform=uniform,
        )
        self.site = site
        self.cooling = cooling
        self.replicas = replicas
        self.slots = replicas * engine.max_num_seqs
        self.usd_per_token = self.gco2_per_token = inf
        self.headroom = 1.0
        self.weight = 1.0
        self.after_failure = RESTART
        self.failed_over = 0
        self.listeners: list[Callable[[Pool], None]] = []
        self._outages = [0] * replicas
        self._resting: dict[int, None] = {}

    @property
    def takes_requests(self) -> bool:
        """Whether a request sent here is served or held, and not refused at once."""
        return self.weight > 0.0 and (self.in_service > 0 or self.on_held is not None)

    def set_weight(self, weight: float) -> None:
        """Let routing policies see this multiple of the places that there are, from now on."""
        self.weight = weight
        self._serve_with(self.in_service)

    def decode_step_s(self, batch: float) -> float:
        """Return the time per token of each while ``batch`` sequences decode on a replica [s]."""
        engine = self.engine
        places = min(engine.max_num_seqs, max(1, round(batch)))
        return (engine.compute_s[places] + engine.memory_s[places]) / engine.tokens_per_step

    def prefill_s(self, tokens: int) -> float:
        """Return the time of a step that processes a prompt of ``tokens`` alone [s]."""
        return self.engine.memory_s[0] + self.engine.step_time.new_tokens_s(tokens)

    def report(self) -> dict[str, Any]:
        """Return what the pool did beside serving, as plain values; empty where it does no more."""
        return prefix_report(member.prefixes for member in self.members)

    # --- failures --------------------------------------------------------------------------------

    def fail(self, replica: int) -> None:
        """Take a replica out of service now; its requests go on elsewhere, or fail.

        Args:
            replica: index of the replica in the run.
        """
        member = replica - self._first
        self._outages[member] += 1
        failed = self.members[member]
        if not failed.alive:
            return
        stranded = failed.fail(self._clock.now)
        if not self._shared or member in self._draining:
            stranded += failed.queue.drain()
        for _ in stranded:
            self._dispatch.moved(member, -1)
        if member in self._draining:
            self._rest(member)
        else:
            self._leave_service(member)
        if self._shared and not self.in_service:
            stranded += self.queues[0].drain()
        for request in stranded:
            self._fail_over(request)

    def restore(self, replica: int) -> None:
        """End an outage of a replica; it returns empty when no other one keeps it out.

        Args:
            replica: index of the replica in the run.
        """
        member = replica - self._first
        self._outages[member] = max(0, self._outages[member] - 1)
        if not self._outages[member] and member not in self._resting:
            self._enter_service(member)

    def _fail_over(self, request: Request) -> None:
        """Send a request that lost its replica to another one, as the pool's policy says."""
        if self.after_failure == LOSE:
            self._end_early(request, FAILED)
            return
        self.failed_over += 1
        request.status = IN_FLIGHT
        request.finished_s = NOT_YET
        request.context_tokens = 0
        if self.after_failure == RESTART:
            request.first_token_s = request.admitted_s = NOT_YET
            request.prefill_tokens = request.input_tokens
            request.remaining_tokens = request.output_tokens
        self._join(request)

    # --- rest and wake ---------------------------------------------------------------------------

    def retire(self, replica: int) -> None:
        """Let a replica finish what runs on it and switch off; what waits for it goes elsewhere.

        Args:
            replica: index of the replica in the run.
        """
        member = replica - self._first
        retired = self.members[member]
        if not retired.alive or member in self._draining:
            return
        self._draining[member] = None
        self._leave_service(member)
        waiting: list[Request] = []
        if not self._shared:
            waiting = retired.queue.drain()
        elif not self.in_service:
            waiting = self.queues[0].drain()
        if self._shared:  # it keeps those that it preempts from now on
            retired.queue = self._make_queue()
        for request in waiting:
            if not self._shared:
                self._dispatch.moved(member, -1)
            self._join(request)
        self._check_drained(member)

    def wake(self, replica: int) -> None:
        """Return a replica that rests, or is about to, to service.

        Args:
            replica: index of the replica in the run.
        """
        member = replica - self._first
        if member in self._draining:
            del self._draining[member]
            kept = self.members[member].queue.drain() if self._shared else []
            self._enter_service(member)
            for request in kept:
                self.queues[0].push_back(request)
            if kept:
                self._offer()
        elif member in self._resting:
            del self._resting[member]
            if not self._outages[member]:
                self._enter_service(member)

    def resting(self) -> list[int]:
        """Return the replicas that are switched off and could be woken, by index in the run."""
        return [self._first + m for m in self._resting if not self._outages[m]]

    def off(self) -> list[int]:
        """Return the replicas that rest or are about to and could be woken, by index in the run."""
        draining = [self._first + m for m in self._draining]
        return self.resting() + draining

    def serving(self) -> list[int]:
        """Return the replicas in service, by index in the run."""
        return [
            replica.index
            for member, replica in enumerate(self.members)
            if replica.alive and member not in self._draining
        ]

    def _check_drained(self, member: int) -> None:
        """Look after this event whether a member that is to rest has nothing left to do."""
        if member in self._draining:
            self._clock.call_at(self._clock.now, partial(self._rest_if_empty, member))

    def _rest_if_empty(self, member: int, _event: Any) -> None:
        replica = self.members[member]
        if member in self._draining and not replica.running and not replica.queue:
            replica.fail(self._clock.now)
            self._rest(member)

    def _rest(self, member: int) -> None:
        del self._draining[member]
        self._resting[member] = None

    # --- service ---------------------------------------------------------------------------------

    def _leave_service(self, member: int) -> None:
        self._dispatch.remove(member)
        self._serve_with(self.in_service - 1)

    def _enter_service(self, member: int) -> None:
        replica = self.members[member]
        if self._shared:
            replica.queue = self.queues[0]
        self._dispatch.restore(member)
        self._serve_with(self.in_service + 1)
        if not replica.alive:
            replica.restore(self._clock.now)
        held, self._held = self._held, []
        for request in held:
            self._join(request)

    def _serve_with(self, replicas: int) -> None:
        self.in_service = replicas
        self.slots = round(replicas * self.engine.max_num_seqs * self.weight)
        for listener in self.listeners:
            listener(self)
