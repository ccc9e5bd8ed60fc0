"""What a facility adds to the summary of a run, as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from sim.facility.cooling.site import heat_limit_w
from sim.facility.facility import Facility
from sim.facility.metering.headroom import RowHeadroom, density_warnings, row_headroom
from sim.facility.power.conversion import promise_w
from sim.interfaces import FloatArray
from sim.plant.plant import Plant
from sim.units import J_PER_KWH

TierLatencies = Mapping[str, Mapping[str, Any]]


def facility_summary(
    facility: Facility, plant: Plant, windows: Sequence[TierLatencies]
) -> dict[str, Any]:
    """Return energy by site, load targets and incidents.

    Args:
        facility: after the run.
        plant: what stands where.
        windows: latencies by tier before and during each load target, in turn.
    """
    return {
        "facility": _sites(facility, plant),
        "curtailment": _orders(facility, plant, windows),
        "incidents": facility.parts.incidents.report(),
    }


def row_summary(facility: Facility, plant: Plant) -> dict[str, dict[str, Any]]:
    """Return for every row that has a limit what strands its power."""
    return {row.name: _row(row) for row in _rows(facility, plant)}


def facility_warnings(facility: Facility, plant: Plant) -> Iterator[str]:
    """Yield what a reader of the run should know of its plant."""
    parts = facility.parts
    rated_w = parts.physics.thermals.rated_w
    yield from density_warnings(plant, parts.meter, parts.methods, parts.densest_w, rated_w)


def _sites(facility: Facility, plant: Plant) -> dict[str, dict[str, float]]:
    """Return the energy report, with the IT energy split into parts."""
    meter = facility.parts.meter
    chips_j = _by_site(plant, meter.accelerator_j())
    base_j = _by_site(plant, plant.rack_base_w * meter.on_s)
    report = facility.energy_report()
    for at, figures in enumerate(report.values()):
        figures["accelerator_kwh"] = float(chips_j[at]) / J_PER_KWH
        figures["rack_base_kwh"] = float(base_j[at]) / J_PER_KWH
        known_kwh = figures["accelerator_kwh"] + figures["rack_base_kwh"]
        figures["server_parts_kwh"] = figures["it_kwh"] - known_kwh
    return report


def _by_site(plant: Plant, of_racks: FloatArray) -> FloatArray:
    sums = np.bincount(plant.rack_site, of_racks, minlength=len(plant.site_names))
    return np.asarray(sums, dtype=np.float64)


def _rows(facility: Facility, plant: Plant) -> list[RowHeadroom]:
    parts = facility.parts
    hottest = parts.account.hottest
    cooling_w = [
        heat_limit_w(site.cooling, *weather)
        for site, weather in zip(parts.physics.sites, hottest, strict=True)
    ]
    return row_headroom(
        plant,
        parts.meter,
        parts.densest_w,
        stages_w=np.array([promise_w(site.stages) for site in parts.physics.sites]),
        cooling_w=np.array(cooling_w),
    )


def _row(row: RowHeadroom) -> dict[str, Any]:
    return {
        "binding": row.binding or None,
        # What neither the plant nor a single run tells is left open.
        "stranded_w": {**row.stranded_w, "network": None, "sla": None},
        "imbalance": row.imbalance,
    }


def _orders(
    facility: Facility, plant: Plant, windows: Sequence[TierLatencies]
) -> dict[str, dict[str, Any]]:
    found = {}
    met = zip(facility.parts.targets, facility.compliance(), strict=True)
    for at, ((site, target), how) in enumerate(met):
        before, during = windows[2 * at], windows[2 * at + 1]
        found[target.name] = {
            "site": plant.site_names[site],
            "limit_w": target.limit_w,
            "start_s": target.start_s,
            "end_s": target.end_s,
            "strict": target.strict,
            **asdict(how),
            "tiers": {
                tier: {
                    "before": before[tier],
                    "during": during[tier],
                    **_cost(before, during, tier),
                }
                for tier in during
            },
        }
    return found


def _cost(before: TierLatencies, during: TierLatencies, tier: str) -> dict[str, float]:
    """Return by which factor the p99 of each latency rose."""
    factors = {}
    for name in during[tier]:
        was, now = before[tier][name]["p99"], during[tier][name]["p99"]
        factors[name.removesuffix("_s") + "_p99_factor"] = now / was if was else float("nan")
    return factors
