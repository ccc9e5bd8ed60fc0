"""What went wrong in the plant: trips, shutdowns, throttling, faults; when, where and why."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

MOST_EVENTS = 1000  # of a report; the counts cover all of them
SAME_S = 300.0  # what starts again within this time is the same incident

CAUSES = {
    "breaker": "a breaker tripped",
    "overload": "what was left of a power stage was overloaded",
    "feed": "the feed of a row was lost",
    "heat": "a rack switched off, too hot",
    "blackout": "a site had less power than it needed",
    "throttle": "heat slowed a rack",
}
"""What each cause means; a fault of the plant has its kind as the cause."""


@dataclass(slots=True)
class Incident:
    """Something that went wrong.

    Attributes:
        time_s: when it began [s].
        cause: one of `CAUSES`, or the kind of a fault.
        place: site, row or rack.
        until_s: when it was over; infinite while it lasts [s].
    """

    time_s: float
    cause: str
    place: str
    until_s: float = inf


class IncidentLog:
    """Everything that went wrong in a run, in order of its beginning."""

    def __init__(self) -> None:
        self.events: list[Incident] = []
        self._last: dict[tuple[str, str], Incident] = {}

    def begin(self, cause: str, place: str, now_s: float, until_s: float = inf) -> None:
        """Note that something went wrong; what was over only just before goes on instead."""
        last = self._last.get((cause, place))
        if last is not None and now_s - last.until_s < SAME_S:
            last.until_s = max(until_s, last.until_s) if last.until_s < inf else until_s
            return
        event = Incident(now_s, cause, place, until_s)
        self._last[cause, place] = event
        self.events.append(event)

    def end(self, cause: str, place: str, now_s: float) -> None:
        """Note that it is over; nothing happens where it never began."""
        last = self._last.get((cause, place))
        if last is not None and last.until_s > now_s:
            last.until_s = now_s

    def report(self) -> dict[str, Any]:
        """Return the number of incidents by cause, and the first of them one by one."""
        counts: dict[str, int] = {}
        for event in self.events:
            counts[event.cause] = counts.get(event.cause, 0) + 1
        ordered = sorted(self.events, key=lambda event: event.time_s)
        events = [
            {
                "time_s": event.time_s,
                "until_s": event.until_s,
                "cause": event.cause,
                "place": event.place,
            }
            for event in ordered[:MOST_EVENTS]
        ]
        return {"counts": counts, "events": events}
