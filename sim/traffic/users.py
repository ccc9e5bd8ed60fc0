"""The users of a run: what they send beside plain traffic, and what stands between them and it.

From the source to the router: clients. From the router to the books: clients, then sessions. Both
are left out of the way where a scenario has none, so they then cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sim.interfaces import Request, RequestLog, Scheduler
from sim.rng import Streams
from sim.scenario.schema.scenario import Scenario
from sim.traffic.build.sessions import build_sessions
from sim.traffic.clients import Clients
from sim.traffic.sessions import SessionSource, session_report
from sim.traffic.source import Source

_COUNTS = ("attempts", "retries", "hedges", "hedges_won", "refused_retries", "wasted_tokens")


class Users:
    """Sessions and client behaviour of a scenario.

    Args:
        scenario: the validated scenario.
        models: names of the models that traffic asks for, by index.
        clock: runs calls at absolute times.
        streams: the run's random streams.
        books: is told of every user's request once.
        attempts: is told of the attempts behind it that the books never see.

    Attributes:
        log: what router and pools report to.
        sessions: the closed-loop part, None if there is none.
        clients: time-outs and retries, None if no client has any.
    """

    def __init__(
        self,
        scenario: Scenario,
        models: Sequence[str],
        *,
        clock: Scheduler,
        streams: Streams,
        books: RequestLog,
        attempts: RequestLog,
    ) -> None:
        self.log = books
        self.sessions: SessionSource | None = None
        self.clients: Clients | None = None
        self._deadlines_s = {}
        workloads = build_sessions(scenario, streams, models)
        if workloads:
            priorities = [tier.priority for tier in scenario.tiers.values()]
            end_s = scenario.run.duration_s or float("inf")
            self._deadlines_s = {workload.name: workload.deadline_s for workload in workloads}
            self.log = self.sessions = SessionSource(clock, workloads, priorities, self.log, end_s)
        behaviours = [entry.client for entry in scenario.traffic.values()]
        if any(behaviours):
            uniform = streams.uniform("clients")
            self.log = self.clients = Clients(clock, behaviours, self.log, uniform, attempts)

    def front(
        self, route: Callable[[Request], None], cancel: Callable[[Request], None]
    ) -> Callable[[Request], None]:
        """Return what takes the requests of users, given the router's two methods."""
        if self.clients is None:
            return route
        self.clients.connect(route, cancel)
        return self.clients.send

    def start(self, source: Source) -> None:
        """Begin to send."""
        source.start()
        if self.sessions is not None:
            self.sessions.start(source.send)

    def still_to_come(self) -> bool:
        """Return whether sessions will send more requests."""
        return self.sessions is not None and self.sessions.pending > 0

    def unfinished(self, inside: Iterable[Request]) -> list[Request]:
        """Return users' requests that are open, given all requests inside the system."""
        return list(inside) if self.clients is None else self.clients.unfinished(inside)

    def report(self) -> dict[str, Any]:
        """Return what sessions and clients did, as plain values; empty where there are none."""
        found: dict[str, Any] = {}
        if self.sessions is not None:
            found["sessions"] = {
                name: session_report(counts, self._deadlines_s[name])
                for name, counts in self.sessions.counts.items()
            }
        if self.clients is not None:
            found["clients"] = {name: getattr(self.clients, name) for name in _COUNTS}
        return found
