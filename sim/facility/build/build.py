"""From a scenario's facility section to the parts of a facility."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from math import inf
from pathlib import Path

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.facility.account import Account
from sim.facility.build.breaker_settings import breaker_bank, point_breakers
from sim.facility.build.build_site import SitePlace, build_site
from sim.facility.build.constants import value
from sim.facility.build.physics import FacilityPhysics, SitePhysics
from sim.facility.capping.policies import CAPPING, CappingSettings
from sim.facility.capping.response import FrequencyResponse
from sim.facility.control import PowerControl, replica_map
from sim.facility.cooling.methods import (
    AIR_METHODS,
    LIQUID_METHODS,
    NO_LIQUID,
    RackMethod,
    densest_racks_w,
)
from sim.facility.cooling.protection import INLET, Protection
from sim.facility.cooling.racks import RackCooling, rack_cooling
from sim.facility.cooling.recirculation import read_matrix
from sim.facility.facility import FacilityParts
from sim.facility.faults import FaultPlan
from sim.facility.grid.curtailment import LoadTarget
from sim.facility.incidents import IncidentLog
from sim.facility.metering.levels import LEVELS
from sim.facility.metering.meter import PowerMeter
from sim.facility.metering.nodes import rated_racks_w
from sim.facility.power_path import PowerPath
from sim.facility.service import SiteService
from sim.facility.switching import RackSwitches
from sim.interfaces import FloatArray, IntArray
from sim.plant.plant import Plant
from sim.registry import nearest_hint
from sim.scenario.schema import facility as schema
from sim.scenario.schema import facility_events as events

COIL_APPROACH_K = value("coil.approach_k")


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the rest of the run tells the facility.

    Attributes:
        urgency: class of each replica, 0 the most urgent.
        idle_w: idle power of one accelerator of each replica [W].
        places: latitude, price and carbon of each site, by the catalogue.
        base_dir: folder of the scenario, for signal files.
        duration_s: how long the run may last, for price windows [s].
        warmup_s: start of the measuring window [s].
        interval_s: width of the bins of the series [s], or None.
    """

    urgency: IntArray
    idle_w: FloatArray
    places: tuple[SitePlace, ...]
    base_dir: Path
    duration_s: float
    warmup_s: float = 0.0
    interval_s: float | None = None


def build_facility(
    settings: schema.Facility, plant: Plant, meter: PowerMeter, facts: RunFacts
) -> FacilityParts:
    """Return the parts of a facility.

    Args:
        settings: the scenario's facility section.
        plant: what stands where.
        meter: the meter of the run; gets the breakers.
        facts: what the rest of the run tells.

    Raises:
        ScenarioError: a site or row does not exist, or a signal file is wrong; all at once.
        PolicyError: a policy name is unknown.
    """
    _check_names(settings, plant)
    rack_site = plant.rack_site
    methods = rack_methods(settings, plant)
    racks = _rack_cooling(settings, plant, methods, facts.base_dir)
    sites = _sites(settings, plant, racks, facts)
    electrical = [_section(settings.electrical, n, schema.Electrical()) for n in plant.site_names]
    cooling = [_section(settings.cooling, n, schema.Cooling()) for n in plant.site_names]
    breakers = point_breakers(electrical, plant)
    meter.breakers = breaker_bank(breakers, electrical, meter.points)
    incidents = IncidentLog()
    physics = FacilityPhysics(racks, rack_site, sites, meter.rack_floor_w(facts.idle_w))
    response = _response(settings.control)
    return FacilityParts(
        interval_s=settings.interval_s,
        meter=meter,
        physics=physics,
        protection=Protection(),
        response=response,
        control=_control(settings.control, response, plant, meter),
        replicas=replica_map(plant, facts.urgency, facts.idle_w),
        switches=RackSwitches(
            meter.points.chains,
            meter.points.names,
            rack_site,
            plant.rack_row,
            incidents,
            reclose_s=np.array([breaker.reclose_s for breaker in breakers]),
            restart_s=np.array([c.restart_s for c in cooling])[rack_site],
        ),
        path=PowerPath(sites, plant.hall_site[plant.row_hall], meter.points, meter.breakers),
        services=[
            SiteService(site, e.cooling_on_ups, c.chiller_restart_s)
            for site, e, c in zip(sites, electrical, cooling, strict=True)
        ],
        faults=[_fault(fault, plant) for fault in settings.faults],
        targets=[
            _target(name, order, plant)
            for name, order in zip(settings.order_names, settings.curtailment, strict=True)
        ],
        methods=tuple(method.name for method in methods),
        densest_w=densest_racks_w(
            methods, np.array([c.supply_c for c in cooling])[rack_site], INLET.throttle_c
        ),
        account=Account(
            sites, rack_site, facts.warmup_s, facts.interval_s, _after_hour_s(settings.start)
        ),
        incidents=incidents,
    )


def _after_hour_s(start: datetime | None) -> float:
    return 0.0 if start is None else start.minute * 60.0 + start.second


def _sites(
    settings: schema.Facility, plant: Plant, racks: RackCooling, facts: RunFacts
) -> list[SitePhysics]:
    sites: list[SitePhysics] = []
    problems: list[Problem] = []
    for number, name in enumerate(plant.site_names):
        own = racks.of(plant.rack_site == number)
        try:
            sites.append(build_site(name, settings, own, facts.places[number], facts))
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(dict.fromkeys(problems))
    return sites


def _section(by_site: dict[str, schema.T], name: str, otherwise: schema.T) -> schema.T:
    return schema.for_site(by_site, name, otherwise)


def _check_names(settings: schema.Facility, plant: Plant) -> None:
    sites = list(plant.site_names)
    sections = ("electrical", "cooling", "weather", "grid")
    keys = [(f"facility.{s}", n) for s in sections for n in getattr(settings, s)]
    named = [(path, name, [*sites, schema.EVERY_SITE]) for path, name in keys]
    for listed in ("faults", "curtailment"):
        entries = enumerate(getattr(settings, listed))
        named += [(f"facility.{listed}[{at}].site", entry.site, sites) for at, entry in entries]
    problems = [
        Problem(path, repr(name), "one of " + ", ".join(known), hint=nearest_hint(name, known))
        for path, name, known in named
        if name not in known
    ]
    for at, fault in enumerate(settings.faults):
        rows = [n.removeprefix(f"{fault.site}/") for n in plant.row_names]
        if fault.kind == "pdu" and fault.row not in rows:
            expected = "a row of the site, as hall/row"
            hint = nearest_hint(fault.row or "", rows)
            path = f"facility.faults[{at}].row"
            problems.append(Problem(path, repr(fault.row), expected, hint=hint))
    if problems:
        raise ScenarioError(problems)


def rack_methods(settings: schema.Facility, plant: Plant) -> tuple[RackMethod, ...]:
    """Return how each rack is cooled."""
    per_site = [_section(settings.cooling, name, schema.Cooling()) for name in plant.site_names]
    kinds = [(_method(cooling, False), _method(cooling, True)) for cooling in per_site]
    wet = plant.rack_cooling.astype(int)
    pairs = zip(wet.tolist(), plant.rack_site.tolist(), strict=True)
    return tuple(kinds[site][liquid] for liquid, site in pairs)


def _method(cooling: schema.Cooling, wet: bool) -> RackMethod:
    liquid = LIQUID_METHODS[cooling.liquid] if wet else NO_LIQUID
    if wet and cooling.liquid_share is not None:
        liquid = replace(liquid, liquid_share=cooling.liquid_share)
    immersed = wet and cooling.liquid == "immersion"
    water_c = cooling.chilled_water_c
    return RackMethod(
        name=cooling.liquid if wet else cooling.air,
        air=AIR_METHODS["bath" if immersed else cooling.air],
        liquid=liquid,
        airflow_m3_per_s=None if immersed else cooling.airflow,
        units=1.0 if immersed else cooling.units_per_rack,
        water_below_k=COIL_APPROACH_K if water_c is None else cooling.supply_c - water_c,
    )


def _rack_cooling(
    settings: schema.Facility, plant: Plant, methods: tuple[RackMethod, ...], base_dir: Path
) -> RackCooling:
    per_site = [_section(settings.cooling, name, schema.Cooling()) for name in plant.site_names]
    rated_w = rated_racks_w(plant)
    count = np.array([float(kind.count) for kind in plant.node_types])[plant.node_type]
    accelerators = np.bincount(plant.node_rack, count, len(rated_w)).astype(np.float64)
    matrix = _matrix(per_site, plant.rack_site, base_dir)
    return rack_cooling(methods, rated_w, accelerators, plant.rack_row, matrix)


def _matrix(
    per_site: list[schema.Cooling], rack_site: IntArray, base_dir: Path
) -> FloatArray | None:
    """Return the recirculation matrix of all racks from those of the sites, None without any."""
    if all(cooling.recirculation is None for cooling in per_site):
        return None
    matrix = np.zeros((len(rack_site), len(rack_site)))
    for site, cooling in enumerate(per_site):
        if cooling.recirculation is not None:
            mine = np.flatnonzero(rack_site == site)
            own = read_matrix(base_dir / cooling.recirculation, len(mine))
            matrix[np.ix_(mine, mine)] = own
    return matrix


def _response(control: schema.Control) -> FrequencyResponse:
    return FrequencyResponse(control.knee, control.exponent, control.lowest)


def _control(
    control: schema.Control, response: FrequencyResponse, plant: Plant, meter: PowerMeter
) -> PowerControl:
    settings = CappingSettings(response, control.target, control.first, control.second)
    span = meter.points.spans[control.level]
    domain = meter.points.chains[LEVELS.index(control.level)] - span.start
    return PowerControl(
        CAPPING.get(control.policy)(settings),  # type: ignore[call-arg]
        settings,
        domain,
        meter.points.limit_w[span],
        plant.rack_site,
        telemetry_delay_s=control.telemetry_delay_s,
        actuation_delay_s=control.actuation_delay_s,
    )


def _fault(fault: events.Fault, plant: Plant) -> FaultPlan:
    row = plant.row_names.index(f"{fault.site}/{fault.row}") if fault.kind == "pdu" else None
    return FaultPlan(
        kind=fault.kind,
        site=plant.site_names.index(fault.site),
        row=row,
        share=fault.share,
        units=fault.units,
        at_s=fault.at_s,
        duration_s=fault.duration_s or inf,
        mtbf_s=fault.mtbf_s or inf,
        mttr_s=fault.mttr_s or 0.0,
    )


def _target(name: str, order: events.Curtailment, plant: Plant) -> tuple[int, LoadTarget]:
    target = LoadTarget(
        order.limit_w, order.from_s, order.until_s, order.strict, order.grace_s, name
    )
    return plant.site_names.index(order.site), target
