"""The simulation clock: a SimPy environment that also runs a plain call at an absolute time."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import repeat
from typing import Any, Generic, TypeVar

import simpy
from simpy.core import EmptySchedule, StopSimulation
from simpy.events import NORMAL, EventPriority

from sim.interfaces import Scheduler

T = TypeVar("T")


class Clock(simpy.Environment):
    """SimPy's environment with calls at absolute times.

    A SimPy ``Timeout`` takes a delay, so ``now + (t - now)`` may miss ``t`` by a rounding error,
    and it costs three times as much as a bare queue entry. Segments know the absolute time at
    which they end, so they use `call_at`; everything that is not per request uses ordinary SimPy
    processes on the same clock. Ties run in the order in which they were scheduled, as in SimPy.

    A queue entry is (time, priority, number, action, argument): SimPy's own events are entries,
    too, whose action is to run their callbacks.
    """

    now: float = 0.0  # a plain attribute: SimPy's property costs a call on every read
    background: int = 0
    """Queued events that do not keep a run going: a fault to come, the next look of a scaler.

    SimPy's own events are among them: a process that looks for ever must not make a run endless.
    """
    prolonged: Callable[[float], bool] = staticmethod(lambda _when_s: False)
    """Tells whether the run goes on to a background event at that time when there is no other."""

    @property
    def _now(self) -> float:
        """The name by which SimPy's events know the time."""
        return self.now

    @_now.setter
    def _now(self, when_s: float) -> None:
        self.now = when_s

    def call_at(
        self, when_s: float, action: Callable[[Any], None], argument: object = None
    ) -> None:
        """Run ``action(argument)`` at the absolute time ``when_s`` [s], not before now."""
        queue: list[Any] = self._queue
        heappush(queue, (when_s, NORMAL, next(self._eid), action, argument))

    def call_in_background(self, when_s: float, action: Callable[[Any], None]) -> None:
        """Run ``action(None)`` at ``when_s`` [s] if anything else is still to happen by then."""
        self.background += 1
        self.call_at(when_s, self._leave_background, action)

    def schedule(
        self, event: simpy.Event, priority: EventPriority = NORMAL, delay: float = 0.0
    ) -> None:
        """Queue an event of SimPy's own."""
        queue: list[Any] = self._queue
        self.background += 1
        heappush(queue, (self.now + delay, priority, next(self._eid), self._process, event))

    def advance(self, until_s: float, events: int = sys.maxsize) -> bool:
        """Process events up to and including ``until_s`` [s], at most ``events`` of them.

        The clock then shows the time of the last event. This is SimPy's own loop with the calls
        between ``run`` and ``step`` folded into one, a quarter of the cost of an event.

        It ends as well when nothing but background events is left.

        Returns:
            Whether an event at or before ``until_s`` is left.
        """
        queue: list[Any] = self._queue
        for _ in repeat(None, events):
            if len(queue) <= self.background and not (queue and self.prolonged(queue[0][0])):
                return False
            entry = heappop(queue)
            when_s, _, _, action, argument = entry
            if when_s > until_s:
                heappush(queue, entry)
                return False
            self.now = when_s
            action(argument)
        goes_on = len(queue) > self.background or bool(queue and self.prolonged(queue[0][0]))
        return goes_on and queue[0][0] <= until_s

    def rest_until(self, when_s: float) -> None:
        """Move the clock to ``when_s`` [s] without processing anything; never backwards."""
        self.now = max(self.now, when_s)

    def step(self) -> None:
        """Process the next event, as SimPy does.

        Raises:
            EmptySchedule: there is none.
        """
        queue: list[Any] = self._queue
        if not queue:
            raise EmptySchedule
        self.now, _, _, action, argument = heappop(queue)
        action(argument)

    def processed_events(self) -> int:
        """Return how many events have run so far."""
        return next(self._eid) - len(self._queue)

    def _process(self, event: Any) -> None:
        """Run the callbacks of one of SimPy's events."""
        self.background -= 1
        callbacks, event.callbacks = event.callbacks, None
        for number, callback in enumerate(callbacks):
            try:
                callback(event)
            except StopSimulation:  # the rest runs when the simulation goes on
                event.callbacks = callbacks[number + 1 :]
                self.schedule(event, EventPriority(-1))
                raise
        if not event._ok and not hasattr(event, "_defused"):
            raise event._value

    def _leave_background(self, action: Callable[[Any], None]) -> None:
        self.background -= 1
        action(None)


class Deadlines(Generic[T]):
    """Items that all have the same time left when they are added, and one event for all of them.

    Most items settle before their time is over, so an event for each would be wasted: the only
    event is that of the oldest item, and when it comes, all that have settled since are dropped.

    Args:
        clock: runs calls at absolute times.
        patience_s: time that each item has [s].
        settled: tells whether an item needs no deadline any more.
        expire: is called with an item that has not settled when its time is over.
    """

    def __init__(
        self,
        clock: Scheduler,
        patience_s: float,
        settled: Callable[[T], bool],
        expire: Callable[[T], None],
    ) -> None:
        self._clock, self._patience_s = clock, patience_s
        self._settled, self._expire = settled, expire
        self._items: deque[tuple[float, T]] = deque()
        self._armed = False

    def add(self, item: T) -> None:
        """Give an item its time, from now on."""
        due_s = self._clock.now + self._patience_s
        self._items.append((due_s, item))
        if not self._armed:
            self._armed = True
            self._clock.call_in_background(due_s, self._look)

    def _look(self, _event: Any) -> None:
        items, now = self._items, self._clock.now
        while items:
            due_s, item = items[0]
            settled = self._settled(item)
            if not settled and due_s > now:
                break
            items.popleft()
            if not settled:
                self._expire(item)
        self._armed = bool(items)
        if items:
            self._clock.call_in_background(items[0][0], self._look)
