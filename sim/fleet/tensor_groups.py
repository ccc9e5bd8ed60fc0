"""Tensor-parallel groups that lost accelerators: out of service, or smaller and slower."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sim.fleet.control import ReplicaControl
from sim.fleet.faults import Casualties
from sim.interfaces import Scheduler


@dataclass(frozen=True, slots=True)
class GroupRules:
    """How the replicas of a pool go on without some of their accelerators.

    Attributes:
        size: accelerators of a whole group.
        reload_s: time to load the weights onto another number of accelerators [s].
        kv_share: KV memory by number of accelerators, relative to that of the whole group; sizes
            on which the model does not fit, or that groups may not have, are left out.
    """

    size: int
    reload_s: float
    kv_share: dict[int, float]

    def usable(self, lost: int) -> int:
        """Return with how many accelerators a group goes on that lost some, 0 for none."""
        return max((n for n in self.kv_share if n <= self.size - lost), default=0)


@dataclass(slots=True)
class _Group:
    """State of one replica: accelerators lost and in use, and its last change of size."""

    lost: int
    used: int
    change: int = 0


class TensorGroups:
    """Takes accelerators from replicas and gives them back.

    A replica whose group changes its size is out of service while it loads its weights again. On
    n of N accelerators, compute, memory bandwidth and dynamic power are n / N of those of the
    whole group, and its batch limit shrinks with its KV memory; kind guess: communication inside
    the group is left out, and so is the memory that a short batch leaves free.

    Args:
        clock: runs calls at absolute times.
        control: the hand on the replicas.
        fail: takes a replica out of service and counts the requests on it.
        rules: of each replica, by its index in the run.
    """

    def __init__(
        self,
        clock: Scheduler,
        control: ReplicaControl,
        fail: Callable[[int], Casualties],
        rules: Sequence[GroupRules],
    ) -> None:
        self._clock, self._control, self._fail, self._rules = clock, control, fail, rules
        self._groups: dict[int, _Group] = {}

    def weaken(self, replica: int) -> Casualties:
        """Take one accelerator from a replica."""
        rules = self._rules[replica]
        group = self._groups.setdefault(replica, _Group(0, rules.size))
        group.lost += 1
        return self._resize(replica, group, rules.usable(group.lost))

    def heal(self, replica: int) -> None:
        """Give one accelerator back to a replica that lost some."""
        group = self._groups[replica]
        group.lost -= 1
        self._resize(replica, group, self._rules[replica].usable(group.lost))

    def _resize(self, replica: int, group: _Group, usable: int) -> Casualties:
        if usable == group.used:
            return Casualties()
        group.used = usable
        group.change += 1
        hurt = self._fail(replica)
        if usable:
            ready_s = self._clock.now + self._rules[replica].reload_s
            ready = partial(self._reloaded, replica, group.change)
            self._clock.call_at(ready_s, ready)
        return hurt

    def _reloaded(self, replica: int, change: int, _event: Any) -> None:
        group, rules = self._groups[replica], self._rules[replica]
        if change != group.change:
            return
        self._control.set_strength(replica, group.used / rules.size, rules.kv_share[group.used])
        for _ in range(change):  # one outage for each change of size since it last served
            self._control.restore(replica)
        group.change = 0
