"""From a scenario's facility section to a facility at work in its run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

import numpy as np

from sim.catalog.catalog import Catalog
from sim.facility.build.build import RunFacts, build_facility
from sim.facility.build.build_site import SitePlace
from sim.facility.facility import Facility
from sim.facility.metering.meter import PowerMeter
from sim.facility.ports import ServingControl
from sim.interfaces import IntArray
from sim.plant.plant import Plant
from sim.rng import Streams
from sim.scenario.schema.scenario import Scenario


def assemble_facility(  # noqa: PLR0913 (wires the facility to the rest of a run)
    scenario: Scenario,
    plant: Plant,
    catalog: Catalog,
    meter: PowerMeter,
    idle_w: Sequence[float],
    *,
    streams: Streams,
    serving: ServingControl,
    checkpoint: Callable[[], None],
    running: Callable[[], bool],
) -> Facility | None:
    """Return the facility of a scenario, None for a scenario without that section.

    Args:
        scenario: the validated scenario.
        plant: its plant.
        catalog: names the regions of its sites.
        meter: the power meter of the run.
        idle_w: idle power of one accelerator of each replica [W].
        streams: the run's random streams.
        serving: the hand on the replicas.
        checkpoint: brings the meter up to the present.
        running: whether the run still has requests to serve or to come.

    Raises:
        ScenarioError: a site or row does not exist, or a signal file is wrong.
        PolicyError: a policy name is unknown.
    """
    if scenario.facility is None:
        return None
    facts = RunFacts(
        urgency=_urgency(scenario)[plant.replica_pool],
        idle_w=np.array(idle_w),
        places=tuple(_places(scenario, catalog)),
        base_dir=scenario.base_dir,
        duration_s=scenario.run.duration_s or inf,
        warmup_s=scenario.run.warmup_s,
        interval_s=scenario.output.series_interval_s,
    )
    parts = build_facility(scenario.facility, plant, meter, facts)
    return Facility(parts, streams, serving, checkpoint, running)


def _urgency(scenario: Scenario) -> IntArray:
    """Return the class of each pool, 0 the most urgent: the rank of its most urgent tier."""
    priorities = [
        min(scenario.tiers[name].priority for name in pool.tiers or scenario.tiers)
        for pool in scenario.pools.values()
    ]
    ranks: IntArray = np.unique(priorities, return_inverse=True)[1]
    return ranks


def _places(scenario: Scenario, catalog: Catalog) -> list[SitePlace]:
    places = []
    for site in scenario.topology.sites.values():
        if site.region_data is None:
            places.append(SitePlace(site.lat, site.lon))
        else:
            region = catalog.regions[site.region_data]
            prices = region.usd_per_kwh, region.gco2_per_kwh
            places.append(SitePlace(site.lat, site.lon, *prices, region.climate))
    return places
