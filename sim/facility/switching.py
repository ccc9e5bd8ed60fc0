"""Which racks are on: breakers, heat, feeds and blackouts switch them off, time on again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.facility.control import ReplicaMap
from sim.facility.cooling.protection import Protection
from sim.facility.cooling.racks import RackThermals
from sim.facility.meter import PowerMeter
from sim.facility.ports import ServingControl
from sim.facility.power.bank import BreakerBank
from sim.interfaces import FloatArray, IntArray

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Incident:
    """A rack or a breaker that switched off.

    Attributes:
        time_s: when [s].
        cause: ``breaker``, ``heat`` or ``blackout``.
        name: metered point or rack.
    """

    time_s: float
    cause: str
    name: str


class RackSwitches:
    """Keeps, for every rack, each reason to be off apart.

    Args:
        chains: metered points above each rack (4, racks), from the meter.
        names: name of each metered point.
        rack_site: site of each rack.
        rack_row: row of each rack.
        reclose_s: from a trip until the breaker is closed again [s].
        restart_s: from a protective shutdown until a cool rack starts again [s].
    """

    def __init__(
        self,
        chains: IntArray,
        names: tuple[str, ...],
        rack_site: IntArray,
        rack_row: IntArray,
        *,
        reclose_s: float,
        restart_s: FloatArray,
    ) -> None:
        racks = chains.shape[1]
        self._chains, self._names = chains, names
        self._site, self._row = rack_site, rack_row
        self._reclose_s, self._restart_s = reclose_s, restart_s
        self._open_until_s = np.full(racks, -np.inf)
        self._hot = np.zeros(racks, dtype=np.bool_)
        self._hot_until_s = np.full(racks, -np.inf)
        self._unfed: BoolArray = np.zeros(racks, dtype=np.bool_)
        self._dark: BoolArray = np.zeros(racks, dtype=np.bool_)
        self._supply: IntArray = np.full(int(rack_site.max(initial=0)) + 1, 2)
        self._on: BoolArray = np.ones(racks, dtype=np.bool_)
        self._wanted: BoolArray = self._on.copy()
        self.incidents: list[Incident] = []

    def trip(self, breakers: BreakerBank | None, now_s: float) -> None:
        """Open what has tripped since the last look, and close what was repaired."""
        for trip in breakers.take_trips() if breakers is not None else ():
            below = (self._chains == trip.point).any(axis=0)
            self._open_until_s[below] = trip.time_s + self._reclose_s
            self.incidents.append(Incident(trip.time_s, "breaker", self._names[trip.point]))
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
        self._hot = (self._hot | over) & ~(cool & (now_s >= self._hot_until_s))
        better = supply > self._supply
        self._supply = supply
        went_dark = site_dark[self._site] & ~self._dark
        self._dark = (self._dark & ~better[self._site]) | site_dark[self._site]
        for cause, racks in (("heat", over), ("blackout", went_dark & self._on)):
            self.incidents += [
                Incident(now_s, cause, self._names[rack]) for rack in np.flatnonzero(racks).tolist()
            ]
        self._settle(now_s)

    def feed(self, row: int | None, lost: bool) -> None:
        """Take the feed of a row away, or give it back."""
        self._unfed[self._row == row] = lost
        self._wanted = self._wanted & ~self._unfed

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
