"""Dispatch inside a pool: which replica's queue a request joins."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from typing import Protocol

from mypy_extensions import mypyc_attr


class Dispatch(Protocol):
    """Keeps counters of load per replica and picks one without scanning them all."""

    def pick(self) -> int:
        """Return the position of the replica that gets the next request."""
        ...

    def moved(self, member: int, change: int) -> None:
        """Note that the load of replica ``member`` changed by one, up or down."""
        ...

    def remove(self, member: int) -> None:
        """Leave out a replica; its load may still go down."""
        ...

    def restore(self, member: int) -> None:
        """Take a replica in again."""
        ...


class RoundRobin:
    """Each replica in turn."""

    def __init__(self, members: int, uniform: Callable[[], float]) -> None:
        self._in_service = list(range(members))
        self._turn = -1

    def pick(self) -> int:
        """Return the next replica in turn."""
        self._turn = (self._turn + 1) % len(self._in_service)
        return self._in_service[self._turn]

    def remove(self, member: int) -> None:
        """Leave out a replica."""
        self._in_service.remove(member)

    def restore(self, member: int) -> None:
        """Take a replica in again, at the place of its number."""
        insort(self._in_service, member)

    def moved(self, member: int, change: int) -> None:
        """Ignore loads."""


class PowerOfTwo:
    """The less loaded of two replicas drawn at random (Mitzenmacher, doi 10.1109/71.963420)."""

    def __init__(self, members: int, uniform: Callable[[], float]) -> None:
        self._loads = [0] * members
        self._in_service = list(range(members))
        self._uniform = uniform

    def pick(self) -> int:
        """Draw two replicas and return the one with the lower load."""
        loads, in_service = self._loads, self._in_service
        first = in_service[int(self._uniform() * len(in_service))]
        second = in_service[int(self._uniform() * len(in_service))]
        return first if loads[first] <= loads[second] else second

    def remove(self, member: int) -> None:
        """Leave out a replica."""
        self._in_service.remove(member)

    def restore(self, member: int) -> None:
        """Take a replica in again, at the place of its number."""
        insort(self._in_service, member)

    def moved(self, member: int, change: int) -> None:
        """Count the load."""
        self._loads[member] += change


@mypyc_attr(allow_interpreted_subclasses=True)
class LeastLoaded:
    """The replica with the fewest requests; the one that has been at that load longest first.

    Loads are small whole numbers that move by one, so buckets by load find the least loaded
    replica in constant time whatever the number of replicas.
    """

    def __init__(self, members: int, uniform: Callable[[], float]) -> None:
        # Dictionaries serve as ordered sets: a set's order would depend on hashing.
        self._buckets: list[dict[int, None]] = [dict.fromkeys(range(members))]
        self._left_out: list[dict[int, None]] = []
        self._home = [self._buckets] * members  # where each one is: among the others, or left out
        self._load_of = [0] * members
        self._least = 0

    def pick(self) -> int:
        """Return a replica of the lowest load."""
        buckets = self._buckets
        while not buckets[self._least]:
            self._least += 1
        return next(iter(buckets[self._least]))

    def moved(self, member: int, change: int) -> None:
        """Move the replica to the bucket of its new load."""
        buckets = self._home[member]
        load = self._load_of[member] + change
        while len(buckets) <= load:
            buckets.append({})
        del buckets[self._load_of[member]][member]
        buckets[load][member] = None
        self._load_of[member] = load
        if load < self._least:  # noqa: PLR1730 - a call of `min` takes longer
            self._least = load

    def remove(self, member: int) -> None:
        """Leave out a replica."""
        self._take_to(self._left_out, member)

    def restore(self, member: int) -> None:
        """Take a replica in again."""
        self._take_to(self._buckets, member)
        self._least = min(self._least, self._load_of[member])

    def _take_to(self, buckets: list[dict[int, None]], member: int) -> None:
        load = self._load_of[member]
        del self._home[member][load][member]
        while len(buckets) <= load:
            buckets.append({})
        buckets[load][member] = None
        self._home[member] = buckets


DISPATCHES: dict[str, type[RoundRobin] | type[PowerOfTwo] | type[LeastLoaded]] = {
    "least-loaded": LeastLoaded,
    "power-of-two": PowerOfTwo,
    "round-robin": RoundRobin,
}
