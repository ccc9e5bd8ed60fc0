"""Queue disciplines: the order in which waiting requests are offered to a batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from typing import Protocol

from sim.interfaces import Request
from sim.serving.queues.fair_queue import FairQueue


class Queue(Protocol):
    """Requests that wait, in the order in which a replica may take them."""

    def __len__(self) -> int:
        """Return how many requests wait."""
        ...

    def push(self, request: Request) -> None:
        """Add a request that has just arrived."""
        ...

    def push_back(self, request: Request) -> None:
        """Return a preempted request to where it came from: ahead of later arrivals."""
        ...

    def put_back(self, requests: Sequence[Request]) -> None:
        """Return what was just popped, in that order, and not taken; all else is older."""
        ...

    def head(self) -> Request:
        """Return the next request without taking it; the queue must not be empty."""
        ...

    def pop(self) -> Request:
        """Take the next request."""
        ...

    def remove(self, request: Request) -> None:
        """Take a waiting request out; nudge the replicas after that if it was the head."""
        ...

    def drain(self) -> list[Request]:
        """Take everything, in order."""
        ...


class FcfsQueue(deque[Request]):
    """First come, first served. It is a deque, so the hot path calls C and not Python."""

    __slots__ = ()

    push = deque.append
    push_back = deque.appendleft
    pop = deque.popleft
    put_back = deque.extend

    def head(self) -> Request:
        """Return the request that waits longest."""
        return self[0]

    def drain(self) -> list[Request]:
        """Take everything, in order."""
        everything = list(self)
        self.clear()
        return everything


class PriorityQueue(list[tuple[int, float, int, Request]]):
    """Lowest ``request.priority`` first, first come first served within a priority.

    It is the heap itself, so that its length and truth are those of a list.
    """

    __slots__ = ()

    def push(self, request: Request) -> None:
        """Add a request behind those of its own priority."""
        heappush(self, (request.priority, request.queued_s, request.number, request))

    push_back = push  # its arrival time puts a preempted request ahead of later ones

    def put_back(self, requests: Sequence[Request]) -> None:
        """Return what was just popped."""
        for request in requests:
            self.push(request)

    def head(self) -> Request:
        """Return the most urgent request."""
        return self[0][3]

    def pop(self) -> Request:  # type: ignore[override]
        """Take the most urgent request."""
        return heappop(self)[3]

    def remove(self, request: Request) -> None:  # type: ignore[override]
        """Take a waiting request out."""
        self[:] = [entry for entry in self if entry[3] is not request]
        heapify(self)

    def drain(self) -> list[Request]:
        """Take everything, in order."""
        everything = [entry[3] for entry in sorted(self, key=lambda entry: entry[:3])]
        self.clear()
        return everything


QUEUES: dict[str, type[FcfsQueue] | type[PriorityQueue] | type[FairQueue]] = {
    "fair": FairQueue,
    "fcfs": FcfsQueue,
    "priority": PriorityQueue,
}
