"""A queue that is fair to tenants: whoever has had the least work done goes first."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from sim.interfaces import Request

_OUTPUT_WEIGHT = 2.0  # an answer token counts as two prompt tokens, as in the source below


class FairQueue:
    """Virtual token counters, one per tenant, within each priority.

    The next request is one of the most urgent priority, of the tenant with the lowest counter,
    first come first served. Admitting it adds its prompt and twice its answer to the counter. A
    tenant that comes back after a silence starts level with the lowest of those that wait, so
    that silence saves nothing up (Sheng et al., Fairness in Serving Large Language Models, OSDI
    2024, arXiv 2401.00588; there answers count as they grow, here at once).
    """

    __slots__ = ("_counters", "_length", "_lines")

    def __init__(self) -> None:
        self._lines: dict[tuple[int, int], deque[Request]] = {}  # by priority and tenant
        self._counters: dict[int, float] = {}
        self._length = 0

    def __len__(self) -> int:
        """Return how many requests wait."""
        return self._length

    def push(self, request: Request) -> None:
        """Add a request that has just arrived."""
        self._line(request).append(request)
        self._length += 1

    def push_back(self, request: Request) -> None:
        """Return a preempted request to the head of its line, and take back what it counted."""
        self._line(request).appendleft(request)
        self._length += 1
        self._counters[request.tenant] -= _work(request)

    def put_back(self, requests: Sequence[Request]) -> None:
        """Return what was just popped; it does not count as done."""
        for request in reversed(requests):
            self.push_back(request)

    def head(self) -> Request:
        """Return the next request without taking it; the queue must not be empty."""
        return self._lines[self._first()][0]

    def pop(self) -> Request:
        """Take the next request."""
        key = self._first()
        line = self._lines[key]
        request = line.popleft()
        if not line:
            del self._lines[key]
        self._length -= 1
        self._counters[request.tenant] += _work(request)
        return request

    def remove(self, request: Request) -> None:
        """Take a waiting request out."""
        key = (request.priority, request.tenant)
        self._lines[key].remove(request)
        if not self._lines[key]:
            del self._lines[key]
        self._length -= 1

    def drain(self) -> list[Request]:
        """Take everything, by priority and tenant; it does not count as done."""
        everything = [request for key in sorted(self._lines) for request in self._lines[key]]
        self._lines.clear()
        self._length = 0
        return everything

    def _first(self) -> tuple[int, int]:
        counters = self._counters
        return min(self._lines, key=lambda key: (key[0], counters[key[1]], key[1]))

    def _line(self, request: Request) -> deque[Request]:
        """Return the line of a request's priority and tenant."""
        key = (request.priority, request.tenant)
        line = self._lines.get(key)
        if line is None:
            others = {tenant for _, tenant in self._lines}
            counters = self._counters
            level = min((counters[tenant] for tenant in others), default=0.0)
            if request.tenant not in others:
                counters[request.tenant] = max(counters.get(request.tenant, 0.0), level)
            line = self._lines[key] = deque()
        return line


def _work(request: Request) -> float:
    return request.input_tokens + _OUTPUT_WEIGHT * request.output_tokens
