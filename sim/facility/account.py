"""What a facility's run leaves behind: energy by use and source, water, cost, carbon, series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np

from sim.binning import Bins
from sim.cost.tariff import DemandMeter
from sim.facility.build.physics import SitePhysics, SiteStep
from sim.interfaces import FloatArray, IntArray
from sim.units import H_PER_MONTH, J_PER_KWH, S_PER_H

# Quantities of a site that are added up over time; `capped` is the share of racks whose clock is
# below 1.
SITE_RATES = (
    *(
        "it_w",
        "server_fans_w",
        "loss_w",
        "fans_w",
        "pumps_w",
        "chiller_w",
        "reject_w",
        "facility_w",
    ),
    *("grid_w", "generator_w", "solar_w", "discharge_w", "charge_w", "unserved_w"),
    *("unmet_heat_w", "water_l_per_s", "cost_usd_per_s", "carbon_g_per_s", "outside_c"),
    *("price_usd_per_kwh", "carbon_g_per_kwh"),  # of the grid's energy
    "capped",
)
RACK_RATES = ("inlet_c", "plate_c", "batch_share", "clock")


@dataclass(frozen=True, slots=True)
class FacilitySeries:
    """Means over time in bins.

    Attributes:
        start_s: start of each bin [s].
        length_s: how much of each bin the run covers [s].
        sites: mean of every `SITE_RATES` by site and bin.
        racks: mean of every `RACK_RATES` by rack and bin.
    """

    start_s: FloatArray
    length_s: FloatArray
    sites: dict[str, FloatArray]
    racks: dict[str, FloatArray]


class Account:
    """Adds up the steps of all sites.

    Attributes:
        totals: integrals of the `SITE_RATES` over the measuring window, by site.
        measured_s: length of that window so far [s].
        end_s: time up to which everything is added [s].
        hottest: dry and wet bulb of each site when it was hottest outside [degC].

    Args:
        sites: the plant of each site.
        rack_site: site of each rack.
        warmup_s: start of the measuring window [s].
        interval_s: width of the bins of the series [s]; None for bins that widen themselves.
        clock_s: time of the clock at the start of the run, after a full hour [s].
    """

    def __init__(
        self,
        sites: Sequence[SitePhysics],
        rack_site: IntArray,
        warmup_s: float,
        interval_s: float | None,
        clock_s: float = 0.0,
    ) -> None:
        self._sites, self._warmup_s = list(sites), warmup_s
        self._rack_site = rack_site
        self._site_racks = np.maximum(np.bincount(rack_site, minlength=len(sites)), 1)
        self._site_bins = Bins(len(sites), len(SITE_RATES), interval_s)
        self._rack_bins = Bins(len(rack_site), len(RACK_RATES), interval_s)
        self._demand = [DemandMeter(clock_s=clock_s) for _ in sites]
        self.totals = np.zeros((len(SITE_RATES), len(sites)))
        self.measured_s = 0.0
        self.end_s = 0.0
        self.hottest = [(-inf, -inf)] * len(self._sites)

    def add(
        self,
        steps: Sequence[SiteStep],
        rack_values: Sequence[FloatArray],
        start_s: float,
        end_s: float,
    ) -> None:
        """Add an interval.

        Args:
            steps: what happened at each site.
            rack_values: the `RACK_RATES` of all racks, the clock last.
            start_s: start of the interval [s].
            end_s: its end [s].
        """
        for at, step in enumerate(steps):
            self.hottest[at] = max(self.hottest[at], (step.outside_c, step.wet_bulb_c))
        rates = np.array(
            [
                _rates(step, site, start_s, end_s)
                for step, site in zip(steps, self._sites, strict=True)
            ]
        ).T
        slowed = np.bincount(self._rack_site, rack_values[-1] < 1.0, len(self._site_racks))
        rates = np.vstack([rates, slowed / self._site_racks])
        for meter, step in zip(self._demand, steps, strict=True):
            meter.add(start_s, end_s, step.balance.grid_w)
        for bins, values in ((self._site_bins, rates), (self._rack_bins, np.array(rack_values))):
            members = np.arange(values.shape[1])
            starts, ends = np.full(len(members), start_s), np.full(len(members), end_s)
            bins.add(members, starts, ends, *values)
        counted_s = max(end_s - max(start_s, self._warmup_s), 0.0)
        self.totals += rates * counted_s
        self.measured_s += counted_s
        self.end_s = end_s

    def report(self) -> dict[str, dict[str, float]]:
        """Return energy, water, cost and carbon of each site in the measuring window."""
        return {
            site.name: _site_report(
                site.name,
                dict(zip(SITE_RATES, self.totals[:, at].tolist(), strict=True)),
                self.measured_s,
                self._demand[at].peak_w,
                site.grid.demand_usd_per_w,
            )
            for at, site in enumerate(self._sites)
        }

    def series(self) -> FacilitySeries:
        """Return the means of all quantities over time."""
        start_s, length_s = self._site_bins.starts_s(), self._site_bins.lengths_s(self.end_s)
        safe_s = np.where(length_s > 0.0, length_s, 1.0)
        sites = {n: self._site_bins.integrals(i) / safe_s for i, n in enumerate(SITE_RATES)}
        racks = {n: self._rack_bins.integrals(i) / safe_s for i, n in enumerate(RACK_RATES)}
        return FacilitySeries(start_s, length_s, sites, racks)


def _rates(step: SiteStep, site: SitePhysics, start_s: float, end_s: float) -> tuple[float, ...]:
    """Return the `SITE_RATES` of a step, but for the share of racks that are slowed."""
    grid, cooling, power = site.grid, step.cooling, step.balance
    price, carbon = grid.price.mean(start_s, end_s), grid.carbon.mean(start_s, end_s)
    cost_w = power.grid_w * price  # W USD/kWh
    carbon_w = power.grid_w * carbon
    if grid.agreement is not None:
        cost_w += grid.agreement.share * power.grid_w * (grid.agreement.strike_usd_per_kwh - price)
        carbon_w += grid.agreement.share * power.grid_w * (grid.agreement.gco2_per_kwh - carbon)
    if grid.generator is not None:
        cost_w += power.generator_w * grid.generator.usd_per_kwh
        carbon_w += power.generator_w * grid.generator.gco2_per_kwh
    return (
        *(step.it_w, step.server_fans_w, sum(step.loss_w), cooling.fans_w, cooling.pumps_w),
        *(
            cooling.chiller_w,
            cooling.reject_w,
            step.facility_w,
            power.grid_w,
            power.generator_w,
            power.solar_w,
        ),
        *(power.discharge_w, power.charge_w, power.unserved_w, step.unmet_w),
        *(cooling.water_l_per_s, cost_w / J_PER_KWH, carbon_w / J_PER_KWH, step.outside_c),
        *(price, carbon),
    )


def _site_report(
    site: str, total: dict[str, float], measured_s: float, peak_w: float, demand_usd_per_w: float
) -> dict[str, float]:
    kwh = {
        name.removesuffix("_w") + "_kwh": value / J_PER_KWH
        for name, value in total.items()
        if name.endswith("_w")
    }
    wrong = [name for name, kwh_used in kwh.items() if not isfinite(kwh_used)]
    if wrong:  # the physics came apart; better no figure than a wrong or a missing one
        message = f"the energy of site {site} is not finite: {', '.join(wrong)}"
        raise FloatingPointError(message)
    it_kwh, used_kwh = kwh["it_kwh"], kwh["facility_kwh"]
    # A demand charge is for a month: the run pays its part of one.
    demand_usd = peak_w * demand_usd_per_w * measured_s / (S_PER_H * H_PER_MONTH)
    return {
        **kwh,
        "pue": used_kwh / it_kwh if it_kwh > 0.0 else 0.0,
        "wue_l_per_kwh": total["water_l_per_s"] / it_kwh if it_kwh > 0.0 else 0.0,
        "water_l": total["water_l_per_s"],
        "energy_usd": total["cost_usd_per_s"],
        "demand_usd": demand_usd,
        "demand_peak_w": peak_w,
        "cost_usd": total["cost_usd_per_s"] + demand_usd,
        "carbon_kg": total["carbon_g_per_s"] / 1000.0,
        "outside_c": total["outside_c"] / measured_s if measured_s > 0.0 else 0.0,
        "capped_share": total["capped"] / measured_s if measured_s > 0.0 else 0.0,
    }
