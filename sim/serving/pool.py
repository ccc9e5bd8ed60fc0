"""A pool: equal replicas of one model at one site, with one shared queue or one queue each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sim.interfaces import (
    FAILED,
    IN_FLIGHT,
    NOT_YET,
    REJECTED,
    ActivityLog,
    Request,
    RequestLog,
    Scheduler,
)
from sim.serving.dispatch import DISPATCHES, Dispatch, LeastLoaded
from sim.serving.engine import Engine
from sim.serving.queues import QUEUES, Queue
from sim.serving.replica import Replica


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How requests wait in a pool.

    Attributes:
        shared: one queue for the pool, or one per replica.
        order: name of the queue discipline, ``fcfs`` or ``priority``.
        dispatch: name of the dispatch rule among replicas (own queues only).
        limit: most requests that wait in one queue; a request beyond it is rejected.
    """

    shared: bool = False
    order: str = "fcfs"
    dispatch: str = "least-loaded"
    limit: float = float("inf")


class Pool:
    """Takes requests, hands them to its replicas and reports their end.

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
    """

    def __init__(
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
        self.index = index
        self.site = site
        self.cooling = cooling
        self.engine = engine
        self.replicas = replicas
        self.slots = replicas * engine.max_num_seqs
        self.outstanding = 0
        self.in_service = replicas
        self.failed_over = 0
        self._first = first_replica
        self._clock = clock
        self._limit = settings.limit
        self._ended = requests.ended
        self._shared = settings.shared
        self._longest_tokens = engine.kv_blocks * engine.block_size
        make_queue = QUEUES[settings.order]
        queues: list[Queue] = [make_queue() for _ in range(1 if settings.shared else replicas)]
        self.queues = queues
        self.members = [
            Replica(
                first_replica + member,
                clock,
                engine,
                queues[0] if settings.shared else queues[member],
                activity,
                self._finished,
                self._moved if settings.shared else None,
            )
            for member in range(replicas)
        ]
        # A shared queue offers its head to the replica with the fewest running requests, own
        # queues take the request at once: a replica's load is what runs, or also what waits.
        self._dispatch: Dispatch = (
            LeastLoaded(replicas, uniform)
            if settings.shared
            else DISPATCHES[settings.dispatch](replicas, uniform)
        )

    def submit(self, request: Request) -> None:
        """Take a request that has just arrived at the site."""
        request.queued_s = self._clock.now
        request.pool = self.index
        if request.input_tokens + request.output_tokens - 1 > self._longest_tokens:
            self._reject(request)
        elif not self.in_service:
            self._lose(request)
        elif self._shared:
            self._join_shared(request)
        else:
            self._join_one(request)

    def fail(self, replica: int) -> None:
        """Take a replica out of service now; its requests start anew on the others, or fail.

        Args:
            replica: index of the replica in the run.
        """
        member = replica - self._first
        failed = self.members[member]
        if not failed.alive:
            return
        stranded = failed.fail(self._clock.now)
        for _ in stranded:
            self._dispatch.moved(member, -1)
        if not self._shared:
            waiting = failed.queue.drain()
            for _ in waiting:
                self._dispatch.moved(member, -1)
            stranded += waiting
        self._dispatch.remove(member)
        self._serve_with(self.in_service - 1)
        if self._shared and not self.in_service:
            stranded += self.queues[0].drain()
        for request in stranded:
            self._fail_over(request)

    def restore(self, replica: int) -> None:
        """Return a replica to service, empty.

        Args:
            replica: index of the replica in the run.
        """
        member = replica - self._first
        if not self.members[member].alive:
            self._dispatch.restore(member)
            self._serve_with(self.in_service + 1)
            self.members[member].restore(self._clock.now)

    def waiting(self) -> int:
        """Return how many requests wait in the pool's queues."""
        return sum(len(queue) for queue in self.queues)

    def unfinished(self) -> Sequence[Request]:
        """Return the requests that wait or run here, for counting when the run ends."""
        waiting = [request for queue in self.queues for request in queue.drain()]
        return waiting + [request for member in self.members for request in member.members()]

    def _join_one(self, request: Request) -> None:
        member = self._dispatch.pick()
        replica = self.members[member]
        queue = replica.queue
        if len(queue) >= self._limit:
            self._reject(request)
            return
        request.replica = replica.index
        self._dispatch.moved(member, 1)
        queue.push(request)
        if queue.head() is request:
            replica.nudge()

    def _join_shared(self, request: Request) -> None:
        queue = self.queues[0]
        if len(queue) >= self._limit:
            self._reject(request)
            return
        queue.push(request)
        if queue.head() is request:
            self._offer()

    def _offer(self) -> None:
        """Offer the shared queue's head: to the emptiest replica, else to any that may take it."""
        if self.members[self._dispatch.pick()].nudge():
            return
        for replica in self.members:  # the emptiest lacks memory for this one
            if replica.nudge():
                return

    def _serve_with(self, replicas: int) -> None:
        self.in_service = replicas
        self.slots = replicas * self.engine.max_num_seqs

    def _fail_over(self, request: Request) -> None:
        """Send a request that lost its replica to another one, from its beginning."""
        self.failed_over += 1
        request.status = IN_FLIGHT
        request.finished_s = request.first_token_s = request.admitted_s = NOT_YET
        request.prefill_tokens = request.input_tokens
        request.remaining_tokens = request.output_tokens
        request.context_tokens = 0
        if not self.in_service:
            self._lose(request)
        elif self._shared:
            self._join_shared(request)
        else:
            self._join_one(request)

    def _lose(self, request: Request) -> None:
        self._end_early(request, FAILED)

    def _reject(self, request: Request) -> None:
        self._end_early(request, REJECTED)

    def _end_early(self, request: Request, status: int) -> None:
        request.status = status
        request.finished_s = self._clock.now
        self.outstanding -= 1
        self._ended(request)

    def _finished(self, request: Request) -> None:
        self.outstanding -= 1
        self._dispatch.moved(request.replica - self._first, -1)
        self._ended(request)

    def _moved(self, replica: int, change: int) -> None:
        self._dispatch.moved(replica - self._first, change)
