"""Sessions in closed loop: the next request starts a pause after the answer reached its user."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from math import inf
from typing import Any

import numpy as np
from numpy.random import Generator

from sim.interfaces import COMPLETED, Request, RequestLog, Scheduler
from sim.traffic.prompt_blocks import BlockNames
from sim.traffic.session_plans import SessionPlan
from sim.traffic.workload import Shares

_AFTER_FAILURE_S = 1.0  # before the next one takes the place of a session that failed


@dataclass(frozen=True, slots=True)
class SessionWorkload:
    """One entry of a scenario's traffic that consists of sessions.

    Attributes:
        name: name of the entry.
        tenant: its index in the scenario.
        model: index of the model that it asks for.
        tiers: spread of the sessions over tiers.
        regions: spread of the sessions over regions.
        plans: what the sessions ask, without end.
        starts_s: when they start [s]; None if a number of them is always open.
        concurrency: that number.
        deadline_s: longest time of a session, for reports [s].
        places: draws tier and region of each session.
        system_tokens: start that all prompts have in common, on top of the plans' [tokens].
        block_names: gives ids to the blocks of the contexts; None if nobody asks.
    """

    name: str
    tenant: int
    model: int
    tiers: Shares
    regions: Shares
    plans: Iterator[SessionPlan]
    starts_s: Iterator[float] | None
    concurrency: int
    deadline_s: float
    places: Generator
    system_tokens: int = 0
    block_names: BlockNames | None = None


@dataclass(slots=True)
class Session:
    """A session that is open: what it asks, how far it is, since when."""

    workload: SessionWorkload
    plan: SessionPlan
    tier: int
    region: int
    started_s: float
    turn: int = 0
    blocks: list[int] = field(default_factory=list)


@dataclass
class SessionCounts:
    """What became of the sessions of an entry; ``durations_s`` are those of the completed ones."""

    started: int = 0
    completed: int = 0
    failed: int = 0
    in_time: int = 0
    turns: int = 0
    durations_s: list[float] = field(default_factory=list)


class SessionSource:
    """Emits the requests of sessions and learns of their ends; implements `RequestLog`.

    Args:
        clock: runs calls at absolute times.
        workloads: the entries.
        priorities: priority of each tier, by tier index.
        log: is told of every request that ended, those of no session included.
        end_s: no request is sent at or after this time [s].

    Attributes:
        counts: what became of the sessions, by entry.
        pending: requests that are still to come, as far as is known now.
    """

    def __init__(
        self,
        clock: Scheduler,
        workloads: Sequence[SessionWorkload],
        priorities: Sequence[int],
        log: RequestLog,
        end_s: float,
    ) -> None:
        self._clock, self._log, self._end_s = clock, log, end_s
        self._workloads, self._priorities = workloads, priorities
        self._numbers = count()
        self._open: dict[int, Session] = {}
        self._emit: Callable[[Request], None] | None = None
        self.counts = {workload.name: SessionCounts() for workload in workloads}
        self.pending = 0

    def start(self, emit: Callable[[Request], None]) -> None:
        """Begin: schedule the first sessions.

        Args:
            emit: takes each request when it is sent, and numbers it.
        """
        self._emit = emit
        for workload in self._workloads:
            if workload.starts_s is not None:
                self._schedule_start(workload)
                continue
            for _ in range(workload.concurrency):
                plan = next(workload.plans)
                # Spread over a pause, or all would ask at once.
                wait_s = float(plan.pause_s[0]) * workload.places.random()
                self._at(self._clock.now + wait_s, partial(self._begin, workload, plan))

    def ended(self, request: Request) -> None:
        """Pass the request on, and go on with its session."""
        self._log.ended(request)
        session = self._open.get(request.session) if request.session >= 0 else None
        if session is None:
            return
        counts = self.counts[session.workload.name]
        answered_s = request.finished_s + request.downlink_s
        session.turn += 1
        if request.status != COMPLETED:
            counts.failed += 1
            self._close(request.session, _AFTER_FAILURE_S)
        elif session.turn < len(session.plan.pause_s):
            when_s = answered_s + float(session.plan.pause_s[session.turn])
            self._at(when_s, partial(self._send, request.session))
        else:
            duration_s = answered_s - session.started_s
            counts.completed += 1
            counts.in_time += duration_s <= session.workload.deadline_s
            counts.durations_s.append(duration_s)
            self._close(request.session)

    def _schedule_start(self, workload: SessionWorkload) -> None:
        when_s = next(workload.starts_s, inf) if workload.starts_s is not None else inf
        if when_s < inf:
            self._at(when_s, partial(self._start_next, workload))

    def _start_next(self, workload: SessionWorkload) -> None:
        self._schedule_start(workload)
        self._begin(workload, next(workload.plans))

    def _begin(self, workload: SessionWorkload, plan: SessionPlan) -> None:
        places = workload.places
        (tier,), (region,) = workload.tiers.pick(1, places), workload.regions.pick(1, places)
        number = next(self._numbers)
        session = Session(workload, plan, int(tier), int(region), self._clock.now)
        self._open[number] = session
        self.counts[workload.name].started += 1
        self._send(number)

    def _send(self, number: int) -> None:
        session = self._open[number]
        plan, workload, turn = session.plan, session.workload, session.turn
        inputs = int(plan.input_tokens[turn]) + workload.system_tokens
        outputs = int(plan.output_tokens[turn])
        request = Request(
            -1,
            self._clock.now,
            inputs,
            outputs,
            session.tier,
            session.region,
            workload.model,
            self._priorities[session.tier],
        )
        request.tenant, request.session = workload.tenant, number
        if workload.block_names is not None:
            kept = int(plan.kept_tokens[turn]) + workload.system_tokens
            stored = inputs + outputs - 1  # the last token is shown and not stored
            session.blocks = workload.block_names.of_turn(session.blocks, kept, stored)
            request.prefix_blocks = session.blocks
        self.counts[workload.name].turns += 1
        if self._emit is not None:
            self._emit(request)

    def _close(self, number: int, at_least_s: float = 0.0) -> None:
        """Forget a session; where a number of them is always open, start the next one."""
        workload = self._open.pop(number).workload
        if workload.starts_s is None:
            plan = next(workload.plans)
            wait_s = max(float(plan.pause_s[0]), at_least_s)
            self._at(self._clock.now + wait_s, partial(self._begin, workload, plan))

    def _at(self, when_s: float, action: Callable[[], None]) -> None:
        """Run an action at a time [s] unless nothing is sent any more by then."""
        if when_s >= self._end_s:
            return
        self.pending += 1

        def run(_event: Any) -> None:
            self.pending -= 1
            action()

        self._clock.call_at(max(when_s, self._clock.now), run)


def session_report(counts: SessionCounts, deadline_s: float) -> dict[str, float | int | None]:
    """Return what became of an entry's sessions, as plain values.

    Args:
        counts: of the finished run.
        deadline_s: longest time of a session [s], infinite where there is none.
    """
    durations_s = np.array(counts.durations_s)
    ended = counts.completed + counts.failed
    quantiles = np.quantile(durations_s, [0.5, 0.95]).tolist() if len(durations_s) else [None] * 2
    return {
        "started": counts.started,
        "completed": counts.completed,
        "failed": counts.failed,
        "turns": counts.turns,
        "duration_mean_s": float(durations_s.mean()) if len(durations_s) else None,
        "duration_p50_s": quantiles[0],
        "duration_p95_s": quantiles[1],
        "deadline_s": deadline_s if deadline_s < inf else None,
        "in_time": counts.in_time / ended if ended else None,
    }
