"""The autoscaler of a pool: starts replicas, which takes a cold start, and switches them off."""

from __future__ import annotations

from functools import partial
from typing import Any

from sim.fleet.scaling import Load, ScalingRule
from sim.fleet.start_gate import StartGate
from sim.interfaces import Scheduler
from sim.scenario.schema.autoscaling import Autoscaling
from sim.serving.queues.pool import Pool


class Autoscaler:
    """Looks at its pool at an interval and moves it to what its rule wants.

    A replica that is off draws no power, nor does it while it boots; one that is switched off
    finishes its requests first, and while requests are with the pool one stays on or on its way:
    a start that a request woke is never called off under it. Looking goes on to the end of the
    run's duration, whether or not requests still come, since replicas that are on are paid for;
    after it, it does not keep a run going. Starting does.

    Args:
        clock: runs calls at absolute times.
        pool: what is scaled.
        rule: how many replicas should be on.
        settings: limits, interval and hold time.
        cold_start_s: from off to the first request [s].
        gate: chooses replicas that power limits allow to start.
        until_s: looks up to this time take place even when nothing else is left to happen [s].

    Attributes:
        starting: replicas that are on their way into service, and when they are there [s].
        starts: replicas started so far.
        refused_starts: starts that power limits did not allow, each look counted.
        on_s: time that replicas were on or starting, summed over them, up to the last change [s].
    """

    def __init__(
        self,
        clock: Scheduler,
        pool: Pool,
        rule: ScalingRule,
        settings: Autoscaling,
        cold_start_s: float,
        gate: StartGate,
        until_s: float = 0.0,
    ) -> None:
        self._clock, self._pool, self._rule = clock, pool, rule
        self._until_s = until_s
        self._settings, self._cold_start_s = settings, cold_start_s
        self._gate = gate
        self.starting: dict[int, float] = {}
        self._enough_since_s: float | None = None
        self._on = 0
        self._counted_s = 0.0
        self.starts = self.refused_starts = 0
        self.on_s = 0.0

    @property
    def on(self) -> int:
        """Replicas in service or starting."""
        return len(self._pool.serving()) + len(self.starting)

    def start(self) -> None:
        """Switch off what is not needed at first, and begin to look."""
        pool, first = self._pool, self._settings.first
        pool.on_held = self._wake_one
        pool.listeners.append(self._changed)
        keep = self._settings.least if first is None else max(first, self._settings.least)
        for replica in pool.serving()[keep:]:
            pool.retire(replica)
        self._on = self.on
        self._look_later()

    def count_on(self) -> None:
        """Bring `on_s` up to now."""
        now = self._clock.now
        self.on_s += self._on * (now - self._counted_s)
        self._on, self._counted_s = self.on, now

    def _look_later(self) -> None:
        when_s = self._clock.now + self._settings.interval_s
        if when_s <= self._until_s:
            self._clock.call_at(when_s, self._look)
        else:
            self._clock.call_in_background(when_s, self._look)

    def _look(self, _event: Any) -> None:
        pool, now, on = self._pool, self._clock.now, self.on
        load = Load(now, pool.outstanding, on, pool.engine.max_num_seqs)
        needed = 1 if pool.outstanding else 0
        wanted = max(self._rule.wanted(load), self._settings.least, needed)
        if wanted >= on:
            self._enough_since_s = None
        elif self._enough_since_s is None:
            self._enough_since_s = now
        if wanted > on and pool.headroom > 0.0:
            self._start_some(wanted - on)
        elif wanted < on and now - (self._enough_since_s or 0.0) >= self._settings.hold_s:
            self._switch_off(on - wanted)
        self.count_on()
        self._attend()
        self._look_later()

    def _changed(self, _pool: Pool) -> None:
        # After this event: a fault of a whole site takes several replicas in a row.
        self._clock.call_at(self._clock.now, lambda _event: self._attend())

    def _attend(self) -> None:
        """Let requests come while a replica may start for them, and go elsewhere otherwise."""
        pool = self._pool
        may_come = bool(self.starting or pool.resting())
        if may_come != (pool.on_held is not None):
            pool.on_held = self._wake_one if may_come else None
            for listener in pool.listeners:
                listener(pool)

    def _start_some(self, number: int) -> None:
        off = [replica for replica in self._pool.resting() if replica not in self.starting]
        chosen = self._gate.choose(off, number)
        self.refused_starts += min(number, len(off)) - len(chosen)
        self.starts += len(chosen)
        ready_s = self._clock.now + self._cold_start_s
        for replica in chosen:
            self.starting[replica] = ready_s
            self._clock.call_at(ready_s, partial(self._ready, replica))

    def _ready(self, replica: int, _event: Any) -> None:
        if self.starting.get(replica) == self._clock.now:  # and was not called off since
            del self.starting[replica]
            self._pool.wake(replica)
            self.count_on()

    def _switch_off(self, number: int) -> None:
        called_off = list(self.starting)[::-1][:number]  # those that serve nobody yet first
        for replica in called_off:
            del self.starting[replica]
        # The last ones first, so that those which stay are always the same.
        serving = self._pool.serving()
        for replica in reversed(serving[len(serving) - number + len(called_off) :]):
            self._pool.retire(replica)

    def _wake_one(self) -> None:
        """Start a replica because a request came while all were off."""
        if not self.starting:
            self._start_some(1)
            self.count_on()
