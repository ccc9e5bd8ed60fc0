"""Which racks are on: breakers, heat, feeds and blackouts switch them off, time on again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sim.facility.control import ReplicaMap
from sim.facility.cooling.protection import Protection
from sim.facility.cooling.racks import RackThermals
from sim.facility.incidents import IncidentLog
from sim.facility.metering.meter import PowerMeter
from sim.facility.ports import ServingControl
from sim.facility.power.bank import BreakerBank
from sim.interfaces import FloatArray, IntArray

BoolArray = NDArray[np.bool_]


class RackSwitches:
    """Keeps, for every rack, each reason to be off apart.

    Args:
        chains: metered points above each rack (4, racks), from the meter.
        names: name of each metered point.
        rack_site: site of each rack.
        rack_row: row of each rack.
        log: is told what switches off and on.
        reclose_s: from a trip until the breaker of each point is closed again [s].
        restart_s: from a protective shutdown until a cool rack starts again [s].
    """

    def __init__(
        self,
        chains: IntArray,
        names: tuple[str, ...],
        rack_site: IntArray,
        rack_row: IntArray,
        log: IncidentLog,
        *,
        reclose_s: FloatArray,
        restart_s: FloatArray,
    ) -> None:
        racks = chains.shape[1]
        self._chains, self._names = chains, names
        self._site, self._row = rack_site, rack_row
        self._reclose_s, self._restart_s, self._log = reclose_s, restart_s, log
        self._open_until_s = np.full(racks, -np.inf)
        self._hot = np.zeros(racks, dtype=np.bool_)
        self._hot_until_s = np.full(racks, -np.inf)
        self._unfed: BoolArray = np.zeros(racks, dtype=np.bool_)
        self._dark: BoolArray = np.zeros(racks, dtype=np.bool_)
        self._supply: IntArray = np.full(int(rack_site.max(initial=0)) + 1, 2)
        self._on: BoolArray = np.ones(racks, dtype=np.bool_)
        self._wanted: BoolArray = self._on.copy()

    def trip(self, breakers: BreakerBank | None, place: Callable[[int], str], now_s: float) -> None:
        """Open what has tripped since the last look, and close what was repaired.

        Args:
            breakers: all breakers, or None.
            place: names what a metered point stands for.
            now_s: the present [s].
        """
        for trip in breakers.take_trips() if breakers is not None else ():
            below = (self._chains == trip.point).any(axis=0)
            until_s = trip.time_s + float(self._reclose_s[trip.point])
            self._open_until_s[below] = until_s
            cause = "overload" if (self._chains[3] == trip.point).any() else "breaker"
            self._log.begin(cause, place(trip.point), trip.time_s, until_s)
        self._settle(now_s)

    def protect(
        self,
        thermals: RackThermals,
        limits: Protection,
        site_dark: BoolArray,
        supply: IntArray,
        now_s: float,
    ) -> None:
        """Switch racks off that are too hot or without power, and on again when that is over.

        Args:
            thermals: temperatures now.
            limits: temperatures at which racks protect themselves.
            site_dark: whether each site's load exceeds what it can draw.
            supply: what feeds each site: 2 the utility, 1 the generator, 0 batteries at most; a
                dark site starts again when that improves.
            now_s: the present [s].
        """
        over = limits.too_hot(thermals.inlet_c, thermals.plate_c) & self._on
        self._hot_until_s[over] = now_s + self._restart_s[over]
        cool = limits.cool(thermals.inlet_c, thermals.plate_c)
        hot = (self._hot | over) & ~(cool & (now_s >= self._hot_until_s))
        better = supply > self._supply
        self._supply = supply
        dark = (self._dark & ~better[self._site]) | site_dark[self._site]
        self._note("heat", self._hot, hot, np.arange(len(hot)), now_s)
        self._note("blackout", self._dark, dark, self._chains[3], now_s)
        self._hot, self._dark = hot, dark
        self._settle(now_s)

    def feed(self, unfed_rows: BoolArray, now_s: float) -> None:
        """Take the feed away from these rows, and give it back to the others."""
        unfed = unfed_rows[self._row]
        self._note("feed", self._unfed, unfed, self._chains[1], now_s)
        self._unfed = unfed
        self._wanted = self._wanted & ~self._unfed

    def _note(
        self, cause: str, before: BoolArray, after: BoolArray, place: IntArray, now_s: float
    ) -> None:
        """Log what has begun and ended, by the metered point of each rack that names the place."""
        if (before == after).all():
            return
        for point in dict.fromkeys(place[after & ~before].tolist()):
            self._log.begin(cause, self._names[point], now_s)
        for point in dict.fromkeys(place[before & ~after].tolist()):
            self._log.end(cause, self._names[point], now_s)

    def apply(self, meter: PowerMeter, serving: ServingControl, replicas: ReplicaMap) -> None:
        """Carry out what has changed: power to racks, replicas stopped or returned."""
        if (self._wanted == self._on).all():
            return
        before = _alive(self._on, replicas)
        after = _alive(self._wanted, replicas)
        for replica in np.flatnonzero(before & ~after).tolist():
            serving.fail(replica)
        for on in (False, True):
            changed = np.flatnonzero((self._wanted != self._on) & (self._wanted == on))
            meter.set_energised(changed, on)
        self._on = self._wanted.copy()
        for replica in np.flatnonzero(~before & after).tolist():
            serving.restore(replica)

    def _settle(self, now_s: float) -> None:
        self._wanted = (now_s >= self._open_until_s) & ~self._hot & ~self._unfed & ~self._dark


def _alive(on: BoolArray, replicas: ReplicaMap) -> BoolArray:
    """Return which replicas have power on all of their racks."""
    alive = np.ones(len(replicas.urgency), dtype=np.bool_)
    alive[replicas.replica[~on[replicas.rack]]] = False
    return alive
