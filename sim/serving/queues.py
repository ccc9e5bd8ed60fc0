"""Queue disciplines: the order in which waiting requests are offered to a batch."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import Protocol

from sim.interfaces import Request


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

    def head(self) -> Request:
        """Return the next request without taking it; the queue must not be empty."""
        ...

    def pop(self) -> Request:
        """Take the next request."""
        ...

    def drain(self) -> list[Request]:
        """Take everything, in order."""
        ...


class FcfsQueue:
    """First come, first served."""

    __slots__ = ("_waiting", "pop", "push", "push_back")

    def __init__(self) -> None:
        self._waiting: deque[Request] = deque()
        # Bound methods of the deque itself: one call less on the hot path.
        self.push = self._waiting.append
        self.push_back = self._waiting.appendleft
        self.pop = self._waiting.popleft

    def __len__(self) -> int:
        return len(self._waiting)

    def head(self) -> Request:
        """Return the request that waits longest."""
        return self._waiting[0]

    def drain(self) -> list[Request]:
        """Take everything, in order."""
        everything = list(self._waiting)
        self._waiting.clear()
        return everything


class PriorityQueue:
    """Lowest ``request.priority`` first, first come first served within a priority."""

    __slots__ = ("_heap",)

    def __init__(self) -> None:
        self._heap: list[tuple[int, float, int, Request]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, request: Request) -> None:
        """Add a request behind those of its own priority."""
        heappush(self._heap, (request.priority, request.queued_s, request.number, request))

    push_back = push  # its arrival time puts a preempted request ahead of later ones

    def head(self) -> Request:
        """Return the most urgent request."""
        return self._heap[0][3]

    def pop(self) -> Request:
        """Take the most urgent request."""
        return heappop(self._heap)[3]

    def drain(self) -> list[Request]:
        """Take everything, in order."""
        everything = [entry[3] for entry in sorted(self._heap, key=lambda entry: entry[:3])]
        self._heap.clear()
        return everything


QUEUES: dict[str, type[FcfsQueue] | type[PriorityQueue]] = {
    "fcfs": FcfsQueue,
    "priority": PriorityQueue,
}
