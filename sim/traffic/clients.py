"""Clients between users and the front door: time-outs, retries with back-off, hedging.

A user's request may take several attempts. Each attempt is a request of its own for router and
pools; the books see the user's request once, with the time stamps of the attempt that decided it.
Its network time then includes everything before that attempt reached its pool.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count

from sim.clock import Deadlines
from sim.interfaces import COMPLETED, TIMED_OUT, Request, RequestLog, Scheduler
from sim.scenario.schema.clients import ClientBehaviour

_FIRST_ATTEMPT = 1 << 40  # attempts are numbered apart from users' requests
_BUDGET_FLOOR = 10.0  # retries that a budget allows before any request has paid for them
_DECIDED = (
    *("sent_s", "queued_s", "admitted_s", "first_token_s", "finished_s", "downlink_s"),
    *("pool", "replica", "preemptions", "status"),
)


@dataclass(slots=True, eq=False)
class Call:
    """A user's request while it is open.

    Attributes:
        request: what the books will see.
        client: how it behaves.
        live: attempts under way, by number.
        tries: attempts so far, hedges not counted.
        hedges: numbers of the attempts that were hedges.
    """

    request: Request
    client: ClientBehaviour
    live: dict[int, Request] = field(default_factory=dict)
    tries: int = 0
    hedges: list[int] = field(default_factory=list)


class Left(Enum):
    """Where an attempt is counted that its client has gone away from."""

    ALONE = auto()  # by itself
    IN_BOOKS = auto()  # as the request that it was the last attempt of


Pair = tuple[Call, Request]
"""A call and one of its attempts."""


class Clients:
    """Sends users' requests as attempts and reports each of them once; implements `RequestLog`.

    Args:
        clock: runs calls at absolute times.
        behaviours: by tenant; None for those that send once and wait for ever.
        log: is told of users' requests.
        uniform: draws U(0, 1) numbers for the back-off.
        attempts_log: is told of the attempts that the books never see.

    Attributes:
        attempts, retries, hedges: how many were sent.
        hedges_won: hedges that brought the answer.
        refused_retries: retries that the budget did not allow.
        wasted_tokens: answer tokens that nobody waited for [tokens].
    """

    def __init__(
        self,
        clock: Scheduler,
        behaviours: Sequence[ClientBehaviour | None],
        log: RequestLog,
        uniform: Callable[[], float],
        attempts_log: RequestLog,
    ) -> None:
        self._clock, self._log, self._uniform = clock, log, uniform
        self._attempts_log = attempts_log
        self._behaviours = behaviours
        self._deadlines = [self._limits(client) for client in behaviours]
        self._hedging = [
            Deadlines(clock, client.hedge_after_s, _over_or_answering, self._hedge)
            if client and client.hedge_after_s is not None
            else None
            for client in behaviours
        ]
        self._budgets = [_BUDGET_FLOOR for _ in behaviours]
        self._numbers = count(_FIRST_ATTEMPT)
        self._open: dict[int, Call] = {}
        self._calls: dict[int, Call | Left] = {}  # by attempt
        self.attempts = self.retries = self.hedges = self.refused_retries = 0
        self.hedges_won = 0
        self.wasted_tokens = 0

    def connect(self, route: Callable[[Request], None], cancel: Callable[[Request], None]) -> None:
        """Set where attempts go, and how one is called off."""
        self._route, self._cancel = route, cancel

    def send(self, request: Request) -> None:
        """Take a user's request that has just arrived."""
        client = self._behaviours[request.tenant]
        if client is None:
            self._route(request)
            return
        call = Call(request, client)
        self._open[request.number] = call
        if client.retry_budget is not None:
            paid = self._budgets[request.tenant] + client.retry_budget
            self._budgets[request.tenant] = paid
        self._try(call)

    def ended(self, request: Request) -> None:
        """Take the end of an attempt, or of a request that has no client behaviour."""
        number = request.number
        if number not in self._calls:
            self._log.ended(request)
            return
        call = self._calls.pop(number)
        if isinstance(call, Left):
            left = 0 if request.status == COMPLETED else request.remaining_tokens
            self.wasted_tokens += request.output_tokens - left
            if call is Left.ALONE:
                self._attempts_log.ended(request)
            return
        del call.live[number]
        if request.status == COMPLETED or not self._goes_on(call):
            self._settle(call, request)
        else:
            self._attempts_log.ended(request)

    def unfinished(self, attempts: Iterable[Request]) -> list[Request]:
        """Return users' requests that are open, given all requests inside the system."""
        alone = []
        for request in attempts:
            call = self._calls.get(request.number)
            if call is None:
                alone.append(request)
            elif call is not Left.IN_BOOKS:
                self._attempts_log.ended(request)
        return alone + [call.request for call in self._open.values()]

    # --- attempts --------------------------------------------------------------------------------

    def _limits(self, client: ClientBehaviour | None) -> list[Deadlines[Pair]]:
        """Return the time limits that a client sets its attempts."""
        if client is None:
            return []
        limits = ((client.timeout_s, _over), (client.first_token_timeout_s, _over_or_answering))
        return [
            Deadlines(self._clock, limit_s, settled, self._leave)
            for limit_s, settled in limits
            if limit_s is not None
        ]

    def _try(self, call: Call) -> None:
        call.tries += 1
        attempt = self._attempt(call)
        hedging = self._hedging[call.request.tenant]
        if hedging is not None and attempt.number in call.live:
            hedging.add((call, attempt))

    def _attempt(self, call: Call) -> Request:
        """Send one attempt."""
        asked = call.request
        attempt = Request(
            next(self._numbers),
            self._clock.now,
            asked.input_tokens,
            asked.output_tokens,
            asked.tier,
            asked.region,
            asked.model,
            asked.priority,
        )
        attempt.tenant, attempt.session = asked.tenant, asked.session
        attempt.prefix_blocks = asked.prefix_blocks
        self.attempts += 1
        call.live[attempt.number] = attempt
        self._calls[attempt.number] = call
        self._route(attempt)
        if attempt.number in call.live:
            for deadlines in self._deadlines[asked.tenant]:
                deadlines.add((call, attempt))
        return attempt

    def _hedge(self, pair: Pair) -> None:
        self.hedges += 1
        call = pair[0]
        call.hedges.append(self._attempt(call).number)

    def _leave(self, pair: Pair) -> None:
        """Give up on an attempt whose time is over."""
        call, attempt = pair
        del call.live[attempt.number]
        if self._goes_on(call):
            self._abandon(call, attempt, Left.ALONE)
            return
        told = call.client.tells_server
        self._abandon(call, attempt, Left.IN_BOOKS if told else Left.ALONE)
        self._settle(call, attempt, left=True)

    def _abandon(self, call: Call, attempt: Request, left: Left) -> None:
        self._calls[attempt.number] = left
        if call.client.tells_server:
            self._cancel(attempt)

    # --- what follows ----------------------------------------------------------------------------

    def _goes_on(self, call: Call) -> bool:
        """Return whether an attempt under way may still bring the answer, or else a retry."""
        if call.live:
            return True
        if call.tries > call.client.retries or not self._may_retry(call):
            return False
        self.retries += 1
        wait_s = self._backoff_s(call)
        self._clock.call_at(self._clock.now + wait_s, lambda _event: self._try(call))
        return True

    def _may_retry(self, call: Call) -> bool:
        if call.client.retry_budget is None:
            return True
        tenant = call.request.tenant
        if self._budgets[tenant] < 1.0:
            self.refused_retries += 1
            return False
        self._budgets[tenant] -= 1.0
        return True

    def _backoff_s(self, call: Call) -> float:
        backoff = call.client.backoff
        longest_s = min(backoff.limit_s, backoff.first_s * backoff.factor ** (call.tries - 1))
        return longest_s * self._uniform() if backoff.jitter else longest_s

    def _settle(self, call: Call, attempt: Request, *, left: bool = False) -> None:
        """Close a user's request with the attempt that decided it, or that its client left."""
        request = call.request
        for name in _DECIDED:
            setattr(request, name, getattr(attempt, name))
        if left:
            request.status, request.finished_s = TIMED_OUT, self._clock.now
            if not call.client.tells_server:  # the attempt works on, and is counted by itself
                request.pool = request.replica = -1
        del self._open[request.number]
        self.hedges_won += attempt.number in call.hedges and request.status == COMPLETED
        others, call.live = list(call.live.values()), {}
        for other in others:
            self._abandon(call, other, Left.ALONE)
        self._log.ended(request)


def _over(pair: Pair) -> bool:
    call, attempt = pair
    return attempt.number not in call.live


def _over_or_answering(pair: Pair) -> bool:
    return pair[1].first_token_s >= 0.0 or _over(pair)
