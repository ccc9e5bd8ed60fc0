"""Where requests wait: the queues of a pool, who joins which one, and who gives up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from mypy_extensions import mypyc_attr

from sim.clock import Deadlines
from sim.interfaces import (
    FAILED,
    IN_FLIGHT,
    REJECTED,
    TIMED_OUT,
    ActivityLog,
    Request,
    RequestLog,
    Scheduler,
)
from sim.serving.engine.engine import Engine
from sim.serving.engine.replica_kinds import replica_class
from sim.serving.queues.dispatch import DISPATCHES, Dispatch, LeastLoaded
from sim.serving.queues.queues import QUEUES, Queue


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How requests wait in a pool.

    Attributes:
        shared: one queue for the pool, or one per replica.
        order: name of the queue discipline, ``fcfs`` or ``priority``.
        dispatch: name of the dispatch rule among replicas (own queues only).
        limit: most requests that wait in one queue; a request beyond it is rejected, unless a
            place in a batch is open for it.
        patience_s: longest wait for a first admission by tier [s]; empty if nobody gives up.
    """

    shared: bool = False
    order: str = "fcfs"
    dispatch: str = "least-loaded"
    limit: float = inf
    patience_s: Sequence[float] = ()


@mypyc_attr(allow_interpreted_subclasses=True)
class WaitingRoom:
    """Takes requests, queues them for replicas and reports their end.

    Args:
        index: number of the pool in the run.
        first_replica: index of its first replica in the run.
        replicas: how many.
        engine: constants of its replicas.
        settings: how requests wait.
        clock: runs calls at absolute times.
        activity: log of what the replicas do.
        requests: log of requests that ended.
        uniform: random numbers for dispatch.

    Attributes:
        outstanding: requests sent here that have not ended, those on the wire included.
        too_long: requests that were rejected because no replica could ever hold them.
        beyond_context: requests that were rejected because they are longer than ``max_model_len``.
        in_service: replicas that take requests.
        on_held: called when a request comes while no replica is in service; it is then held until
            one is. Without it such a request fails.
    """

    def __init__(  # noqa: PLR0913
        self,
        index: int,
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
        self.engine = engine
        self.outstanding = 0
        self.too_long = self.beyond_context = 0
        self.in_service = replicas
        self.on_held: Callable[[], None] | None = None
        self._first = first_replica
        self._clock = clock
        self._limit = settings.limit
        self._deadlines = [
            Deadlines(clock, patience_s, _waits_no_more, self._give_up)
            for patience_s in settings.patience_s
        ]
        self._ended = requests.ended
        self._shared = settings.shared
        self._longest_tokens = engine.longest_tokens
        self._longest_request = inf if engine.longest_request is None else engine.longest_request
        self._make_queue: Callable[[], Queue] = QUEUES[settings.order]
        count = 1 if settings.shared else replicas
        self.queues: list[Queue] = [self._make_queue() for _ in range(count)]
        self._held: list[Request] = []
        self._draining: dict[int, None] = {}  # an ordered set: members that finish and switch off
        make_replica = replica_class(engine)
        finished = self._finished  # one bound method for all: one each would be a cache miss each
        self.members = [
            make_replica(
                first_replica + member,
                clock,
                engine,
                self.queues[0] if settings.shared else self.queues[member],
                activity,
                finished,
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
        tokens = request.input_tokens + request.output_tokens
        if tokens - 1 > self._longest_tokens:
            self.too_long += 1
            self._end_early(request, REJECTED)
        elif tokens > self._longest_request:
            self.beyond_context += 1
            self._end_early(request, REJECTED)
        else:
            self._join(request)
            if self._deadlines and not _waits_no_more(request):
                self._deadlines[request.tier].add(request)

    def cancel(self, request: Request) -> None:
        """Stop work on a request whose user has gone; it ends as timed out."""
        waits = request.admitted_s < 0.0
        if waits or not self.members[request.replica - self._first].evict(request):
            self._leave_queue(request)

    def waiting(self) -> int:
        """Return how many requests wait here."""
        return len(self._held) + sum(len(queue) for queue in self._all_queues())

    def unfinished(self) -> Sequence[Request]:
        """Return the requests that wait or run here, for counting when the run ends."""
        waiting = [request for queue in self._all_queues() for request in queue.drain()]
        running = [request for member in self.members for request in member.members()]
        return self._held + waiting + running

    # --- joining ---------------------------------------------------------------------------------

    def _join(self, request: Request) -> None:
        request.offered_s = self._clock.now
        if not self.in_service:
            self._hold(request)
        elif self._shared:
            self._join_shared(request)
        else:
            self._join_one(request)

    def _join_one(self, request: Request) -> None:
        member = self._dispatch.pick()
        replica = self.members[member]
        queue = replica.queue
        waiting = len(queue)
        if waiting >= self._limit and waiting >= replica.open_places():
            self._end_early(request, REJECTED)
            return
        request.replica = replica.index
        self._dispatch.moved(member, 1)
        queue.push(request)
        if not waiting or queue.head() is request:
            replica.nudge()

    def _join_shared(self, request: Request) -> None:
        queue = self.queues[0]
        if len(queue) >= self._limit and len(queue) >= self._open_places():
            self._end_early(request, REJECTED)
            return
        queue.push(request)
        if queue.head() is request:
            self._offer()

    def _open_places(self) -> int:
        """Return how many requests of the shared queue do not really wait."""
        queue = self.queues[0]
        return sum(r.open_places() for r in self.members if r.alive and r.queue is queue)

    def _offer(self) -> None:
        """Offer the shared queue's head: to the emptiest replica, else to any that may take it."""
        if self.members[self._dispatch.pick()].nudge():
            return
        queue = self.queues[0]
        for replica in self.members:  # the emptiest lacks memory for this one
            if replica.alive and replica.queue is queue and replica.nudge():
                return

    def _hold(self, request: Request) -> None:
        """Keep a request until a replica is back, if somebody will bring one."""
        if self.on_held is None:
            self._end_early(request, FAILED)
            return
        self._held.append(request)
        self.on_held()

    # --- leaving ---------------------------------------------------------------------------------

    def _give_up(self, request: Request) -> None:
        """End the wait of a request whose patience is over."""
        if request.pool == self.index:  # and not sent to another pool after it failed here
            self._leave_queue(request)

    def _leave_queue(self, request: Request) -> None:
        """End a waiting request as timed out, and let the next one have its place."""
        if any(held is request for held in self._held):
            self._held = [held for held in self._held if held is not request]
            self._end_early(request, TIMED_OUT)
            return
        queue = self._queue_with(request)
        was_head = queue.head() is request
        queue.remove(request)
        if not self._shared:
            self._dispatch.moved(request.replica - self._first, -1)
        self._end_early(request, TIMED_OUT)
        if was_head and queue:
            if self._shared and queue is self.queues[0]:
                self._offer()
            else:
                self.members[request.replica - self._first].nudge()

    def _queue_with(self, request: Request) -> Queue:
        """Return the queue in which a request waits."""
        if not self._shared:
            return self.members[request.replica - self._first].queue
        for member in self._draining:  # they keep those that they preempt
            queue = self.members[member].queue
            waiting = queue.drain()
            for other in waiting:
                queue.push(other)
            if any(other is request for other in waiting):
                return queue
        return self.queues[0]

    def _all_queues(self) -> list[Queue]:
        if not self._shared:
            return self.queues
        return self.queues + [self.members[member].queue for member in self._draining]

    def _end_early(self, request: Request, status: int) -> None:
        request.status = status
        request.finished_s = self._clock.now
        self.outstanding -= 1
        self._ended(request)

    def _finished(self, request: Request) -> None:
        self.outstanding -= 1
        member = request.replica - self._first
        self._dispatch.moved(member, -1)
        if self._draining:
            self._check_drained(member)
        self._ended(request)

    def _check_drained(self, member: int) -> None:
        """Do what follows when a request leaves while a member finishes its last ones."""

    def _moved(self, replica: int, change: int) -> None:
        self._dispatch.moved(replica - self._first, change)


def _waits_no_more(request: Request) -> bool:
    return request.admitted_s >= 0.0 or request.status != IN_FLIGHT
