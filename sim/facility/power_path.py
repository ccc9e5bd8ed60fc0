"""The way of the power to the racks: units that fail, and what those that are left can carry.

Stages of a site share its load between all units that are in service. Rows hang on distribution
units by the scheme of their stage: with N each row has one, with N+1 a spare of the site takes over
the first row that loses its own, with 2N each row has two that share its load.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.facility.build.physics import SitePhysics
from sim.facility.faults import POWER_STAGES, FaultPlan
from sim.facility.metering.levels import MeterPoints
from sim.facility.power.bank import BreakerBank
from sim.facility.power.conversion import bottleneck
from sim.interfaces import FloatArray, IntArray

DISTRIBUTION = 0  # place of the distribution units among a site's stages


class PowerPath:
    """Keeps the power stages of all sites and the feeds of all rows up to date.

    Attributes:
        capacity_w: IT power that each site's stages can carry (sites,) [W]; infinite unrated.
        unfed: rows that nothing feeds (rows,).

    Args:
        sites: the plant of each site.
        row_site: site of each row.
        points: metered points, which breakers belong to.
        breakers: opens what is overloaded; None where nothing has a breaker or a rating.
    """

    def __init__(
        self,
        sites: Sequence[SitePhysics],
        row_site: IntArray,
        points: MeterPoints,
        breakers: BreakerBank | None,
    ) -> None:
        self._sites, self._row_site = sites, row_site
        self._points, self._breakers = points, breakers
        self._stage_out = [[0] * len(site.stages) for site in sites]
        self._row_out: list[tuple[int, int]] = []  # row and units, in order of the failures
        self._weakest = [""] * len(sites)
        self.capacity_w = np.full(len(sites), np.inf)
        self.unfed: NDArray[np.bool_] = np.zeros(len(row_site), dtype=np.bool_)
        self.refresh()

    def begin(self, fault: FaultPlan) -> None:
        """Take the units that the fault names out of service."""
        self._change(fault, fails=True)

    def end(self, fault: FaultPlan) -> None:
        """Return them."""
        self._change(fault, fails=False)

    def place(self, point: int) -> str:
        """Return the name of what a metered point stands for: for a site its weakest stage."""
        name, first = self._points.names[point], self._points.spans["site"].start
        return f"{name}/{self._weakest[point - first]}" if point >= first else name

    def refresh(self) -> None:
        """Work out capacities, breaker settings and rows without feed."""
        carried = np.ones(len(self._row_site))  # breakers that share a row's load
        dead = self._rows_without_feed(carried)
        for number, site in enumerate(self._sites):
            rows_out = sum(units for row, units in self._row_out if self._row_site[row] == number)
            out = list(self._stage_out[number])
            if out:
                # Of the distribution units of other rows at least one is left.
                most = site.stages[DISTRIBUTION].redundancy.energised - 1
                out[DISTRIBUTION] = min(rows_out, most)
            site.failed = tuple(out)
            capacity_w, weakest = bottleneck(site.stages, site.failed)
            self.capacity_w[number] = capacity_w
            self._weakest[number] = site.stages[weakest].name if site.stages else ""
            if capacity_w <= 0.0:
                dead |= self._row_site == number
        self.unfed = dead
        if self._breakers is not None:
            self._breakers.share(self._points.spans["row"], carried)
            self._breakers.limit(self._points.spans["site"], self.capacity_w)

    def _change(self, fault: FaultPlan, *, fails: bool) -> None:
        if fault.row is not None:
            entry = (fault.row, fault.units)
            if fails:
                self._row_out.append(entry)
            else:
                self._row_out.remove(entry)
        else:
            stage = POWER_STAGES.index(fault.kind)
            self._stage_out[fault.site][stage] += fault.units if fails else -fault.units
        self.refresh()

    def _rows_without_feed(self, carried: FloatArray) -> NDArray[np.bool_]:
        """Return which rows have lost all feeds, and set how many breakers share each row."""
        dead: NDArray[np.bool_] = np.zeros(len(self._row_site), dtype=np.bool_)
        out: dict[int, int] = {}
        for row, units in self._row_out:
            out[row] = out.get(row, 0) + units
        for number, site in enumerate(self._sites):
            scheme = site.stages[DISTRIBUTION].redundancy.scheme if site.stages else "N"
            each = 2 if scheme == "2N" else 1
            carried[self._row_site == number] = each
            spares = 1 if scheme == "N+1" else 0
            for row, units in out.items():
                if self._row_site[row] != number:
                    continue
                left = each - units
                if left <= 0 and spares > 0:
                    left, spares = 1, spares - 1
                dead[row] = left <= 0
                carried[row] = max(left, 1)
        return dead
