"""What of the plant is in service: faults that overlap, and a utility loss from first to last."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from sim.facility.build.physics import SitePhysics
from sim.facility.cooling.site import ALL_WELL
from sim.facility.faults import COOLING_PARTS, FaultPlan, in_service


class SiteService:
    """Keeps the availability of one site's plant up to date.

    A loss of the utility stops fans and pumps unless they are on the UPS, and the chillers in any
    case; they return with the generator or the utility, the chillers after their restart.

    Args:
        site: the plant.
        cooling_on_ups: whether fans and pumps run on the UPS.
        chiller_restart_s: from the return of power until chillers cool [s].
    """

    def __init__(self, site: SitePhysics, cooling_on_ups: bool, chiller_restart_s: float) -> None:
        self.site = site
        self._cooling_on_ups = cooling_on_ups
        self._restart_s = chiller_restart_s
        self._out: dict[str, list[float]] = {part: [] for part in COOLING_PARTS.values()}
        self._powered_s = -inf  # since when chillers have power; they run a restart time later

    def begin(self, fault: FaultPlan, now_s: float) -> None:
        """Take what the fault says out of service."""
        if fault.kind == "utility":
            self.site.grid.up = False
            self.site.grid.lost_s = now_s
        elif fault.kind in COOLING_PARTS:
            self._out[COOLING_PARTS[fault.kind]].append(fault.share)

    def end(self, fault: FaultPlan, now_s: float) -> None:
        """Return what the fault took."""
        grid = self.site.grid
        if fault.kind == "utility":
            if not grid.generator_runs(now_s):
                self._powered_s = now_s
            grid.up, grid.lost_s = True, inf
        elif fault.kind in COOLING_PARTS:
            self._out[COOLING_PARTS[fault.kind]].remove(fault.share)

    def changes_after_loss_s(self) -> tuple[float, ...]:
        """Return how long after a change of the supply something switches [s]."""
        generator = self.site.grid.generator
        start_s = (generator.start_s,) if generator is not None else ()
        return (self._restart_s, *start_s, *(start + self._restart_s for start in start_s))

    def refresh(self, now_s: float) -> None:
        """Work out the availability at ``now_s``."""
        left = {part: in_service(shares) for part, shares in self._out.items()}
        grid = self.site.grid
        powered = grid.up or grid.generator_runs(now_s)
        powered_s = self._powered_s
        if not grid.up and grid.generator is not None:
            powered_s = grid.lost_s + grid.generator.start_s
        if not powered:
            left["chiller"] = 0.0
            if not self._cooling_on_ups:
                left["fans"] = left["pumps"] = left["facility_water"] = 0.0
        elif now_s < powered_s + self._restart_s:
            left["chiller"] = 0.0
        self.site.service = replace(ALL_WELL, **left)
