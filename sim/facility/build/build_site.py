"""One site's cooling plant, electrical chain, weather and grid, from the scenario."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import inf, isnan, nan
from pathlib import Path
from typing import Literal, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from sim.catalog.entries import ClimateEntry
from sim.cost.tariff import Period, PurchaseAgreement, time_of_use
from sim.errors import Problem, ScenarioError
from sim.facility.build.physics import SitePhysics
from sim.facility.cooling.methods import AIR_METHODS
from sim.facility.cooling.racks import RackCooling
from sim.facility.cooling.site import CoolingPlant, sized_plant
from sim.facility.grid.balance import Generator, solar_power_w
from sim.facility.grid.signal_file import (
    CARBON,
    PRICE,
    TEMPERATURE,
    Needs,
    Quantity,
    read_signal,
)
from sim.facility.grid.source import SiteGrid
from sim.facility.grid.storage import STORAGE, Battery, StoragePolicy, StorageSettings
from sim.facility.grid.typical_year import read_typical_year
from sim.facility.grid.weather import Climate, HeatWave, Weather
from sim.facility.power.conversion import Stage
from sim.facility.power.redundancy import Redundancy
from sim.scenario.schema import facility as schema
from sim.signals import Constant, Sampled, Signal

# A climate needs a day of the year; without a date a run is on an average one.
UNDATED = datetime(2026, 4, 19, tzinfo=UTC)
SOLAR_STEP_S = 900.0
DRAIN_S = 2 * 86_400.0  # what is under way at the end of a run is finished within this
LONGEST_S = 400 * 86_400.0  # of price windows and sun, for runs that only their trace ends


@dataclass(frozen=True, slots=True)
class SitePlace:
    """What topology and catalogue say of a site.

    Attributes:
        latitude: [degrees].
        longitude: [degrees].
        usd_per_kwh: price of electricity in its region [USD/kWh], NaN where unknown.
        gco2_per_kwh: carbon intensity of its region [g/kWh], NaN where unknown.
        climate: outdoor air of its region, None where unknown.
    """

    latitude: float
    longitude: float
    usd_per_kwh: float = nan
    gco2_per_kwh: float = nan
    climate: ClimateEntry | None = None


class RunFrame(Protocol):
    """Where signal files are, and for how long signals are needed."""

    @property
    def base_dir(self) -> Path:
        """Folder of the scenario."""
        ...

    @property
    def duration_s(self) -> float:
        """How long the run may last [s]."""
        ...


def build_site(
    name: str, settings: schema.Facility, racks: RackCooling, place: SitePlace, frame: RunFrame
) -> SitePhysics:
    """Return the plant of a site.

    Args:
        name: its name.
        settings: the scenario's facility section.
        racks: how its racks are cooled.
        place: where it is.
        frame: where signal files are, and for how long signals are needed.

    Raises:
        ScenarioError: a signal file is wrong.
        PolicyError: a storage policy is unknown.
    """
    electrical = schema.for_site(settings.electrical, name, schema.Electrical())
    cooling = schema.for_site(settings.cooling, name, schema.Cooling())
    weather = schema.for_site(settings.weather, name, schema.Weather())
    grid = schema.for_site(settings.grid, name, schema.Grid())
    it_w = float(racks.rated_w.sum())
    site_grid = _grid(grid, settings.start, place, frame)
    _refuse_blind_storage(name, grid, site_grid)
    ride_j = it_w * electrical.ride_through_s
    if ride_j > 0.0:
        # Recharged within about four hours at a tenth of the load.
        site_grid.ups = Battery(ride_j, 0.1 * it_w, 2.0 * it_w, round_trip=0.9)
        site_grid.ups_j = ride_j
    return SitePhysics(
        name,
        _cooling(cooling, racks),
        _stages(electrical),
        _weather(_of_the_place(weather, place), settings.start, frame),
        site_grid,
    )


def _cooling(cooling: schema.Cooling, racks: RackCooling) -> CoolingPlant:
    air = AIR_METHODS[cooling.air]
    air_w = float((racks.rated_w * (1.0 - racks.liquid_share)).sum())
    liquid_w = float((racks.rated_w * racks.liquid_share).sum())
    return sized_plant(
        air_w,
        liquid_w,
        air.fan_share,
        supply_c=cooling.supply_c,
        warm_c=cooling.warm_water_c,
        water_c=cooling.chilled_water_c,
        heat_rejection=cooling.heat_rejection,
        economiser=cooling.economiser,
        margin=cooling.margin,
        rejection=cooling.rejection,
    )


def _stages(electrical: schema.Electrical) -> tuple[Stage, ...]:
    names = ("distribution", "ups", "switchboard")
    return tuple(_stage(name, getattr(electrical, name)) for name in names)


def _stage(name: str, equipment: schema.Equipment) -> Stage:
    return Stage(
        name,
        equipment.constant_w,
        equipment.proportional,
        equipment.quadratic,
        inf if equipment.rating_w is None else equipment.rating_w,
        Redundancy(equipment.redundancy, equipment.needed),
    )


def _of_the_place(weather: schema.Weather, place: SitePlace) -> schema.Weather:
    """Return the weather with what the scenario does not say taken from the region's climate."""
    if place.climate is None:
        return weather
    theirs = asdict(place.climate)
    return weather.model_copy(
        update={key: v for key, v in theirs.items() if key not in weather.model_fields_set}
    )


def _weather(weather: schema.Weather, start: datetime | None, frame: RunFrame) -> Weather:
    waves = tuple(HeatWave(w.from_s, w.until_s, w.rise_k) for w in weather.heat_waves)
    dry: Signal = Climate(
        start or UNDATED,
        weather.mean_c,
        weather.yearly_k,
        weather.daily_k,
        southern=weather.southern,
        waves=waves,
    )
    wet: Signal | None = None
    typical = _typical_year(weather.file, start, frame)
    if typical is not None:
        dry, wet = typical
    elif weather.file is not None:
        dry = _signal(weather.file, TEMPERATURE, start, frame, "line")
    if weather.wet_bulb_file is not None:
        wet = _signal(weather.wet_bulb_file, TEMPERATURE, start, frame, "line")
    return Weather(dry, wet, weather.dew_point_c)


def _grid(grid: schema.Grid, start: datetime | None, place: SitePlace, frame: RunFrame) -> SiteGrid:
    carbon = grid.carbon_gco2_per_kwh
    contract, generator, battery = grid.agreement, grid.generator, grid.battery
    return SiteGrid(
        price=_price(grid, start, place, frame),
        carbon=_signal(grid.carbon_file, CARBON, start, frame)
        if grid.carbon_file is not None
        else Constant(place.gco2_per_kwh if carbon is None else carbon),
        demand_usd_per_w=grid.demand_usd_per_kw / 1000.0,
        limit_w=inf if grid.limit_w is None else grid.limit_w,
        battery=None if battery is None else _battery(battery),
        policy=None if battery is None else _policy(battery),
        stored_j=0.0 if battery is None else battery.capacity_j,
        generator=None
        if generator is None
        else Generator(
            generator.power_w, generator.start_s, generator.usd_per_kwh, generator.gco2_per_kwh
        ),
        agreement=None
        if contract is None
        else PurchaseAgreement(contract.share, contract.strike_usd_per_kwh, contract.gco2_per_kwh),
        solar=_solar(grid.solar_w, start, place, frame),
    )


def _price(grid: schema.Grid, start: datetime | None, place: SitePlace, frame: RunFrame) -> Signal:
    if grid.price_file is not None:
        return _signal(grid.price_file, PRICE, start, frame)
    base = place.usd_per_kwh if grid.price_usd_per_kwh is None else grid.price_usd_per_kwh
    if not grid.price_windows or start is None:
        return Constant(base)
    periods = [
        Period(
            _day_s(window.start),
            _day_s(window.end),
            window.price_usd_per_kwh,
            (0, 1, 2, 3, 4) if window.weekdays else (0, 1, 2, 3, 4, 5, 6),
        )
        for window in grid.price_windows
    ]
    return time_of_use(start, _zone(grid.zone), _needed_s(frame), base, periods)


def _needed_s(frame: RunFrame) -> float:
    return min(frame.duration_s + DRAIN_S, LONGEST_S)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        expected = "an IANA time zone, such as 'Europe/Berlin'"
        raise ScenarioError([Problem("facility.grid.zone", repr(name), expected)]) from None


def _day_s(text: str) -> float:
    hours, minutes = text.split(":")
    return int(hours) * 3600.0 + int(minutes) * 60.0


def _solar(peak_w: float, start: datetime | None, place: SitePlace, frame: RunFrame) -> Signal:
    if peak_w == 0.0 or start is None:
        return Constant(0.0)
    times = np.arange(0.0, _needed_s(frame), SOLAR_STEP_S)
    # Mean solar time: four minutes per degree east of Greenwich.
    utc = start.astimezone(UTC)
    first_h = utc.hour + utc.minute / 60.0 + utc.second / 3600.0 + place.longitude / 15.0
    hours = first_h + times / 3600.0
    day = utc.timetuple().tm_yday
    watts = [
        solar_power_w(peak_w, place.latitude, day + int(hour // 24.0), hour % 24.0)
        for hour in hours.tolist()
    ]
    return Sampled("solar power", times, np.array(watts), "line")


def _battery(battery: schema.Battery) -> Battery:
    return Battery(
        battery.capacity_j,
        battery.charge_w,
        battery.discharge_w,
        battery.round_trip,
        battery.reserve,
    )


def _refuse_blind_storage(name: str, grid: schema.Grid, site: SiteGrid) -> None:
    """Refuse a battery that follows a price or an intensity that nobody gave.

    Raises:
        ScenarioError: it would never move.
    """
    follows = getattr(site.policy, "follows", None)
    signal = {"price": site.price, "carbon": site.carbon}.get(follows or "")
    if grid.battery is None or signal is None or not isnan(signal.mean(0.0, 1.0)):
        return
    path = f"facility.grid.{name}.battery.policy"
    expected = f"a {follows} of the grid of {name!r}: its region_data, or {follows} beside it"
    raise ScenarioError([Problem(path, repr(grid.battery.policy), expected)])


def _policy(battery: schema.Battery) -> StoragePolicy:
    power_w = min(battery.charge_w, battery.discharge_w)
    settings = StorageSettings(battery.low, battery.high, power_w)
    return STORAGE.get(battery.policy)(settings)  # type: ignore[call-arg]


def _typical_year(
    file: schema.SignalFile | None, start: datetime | None, frame: RunFrame
) -> tuple[Signal, Signal] | None:
    """Return dry and wet bulb of a typical year; None for no file or one of another form."""
    if file is None:
        return None
    needs = Needs(start or UNDATED, frame.duration_s, DRAIN_S)
    found = read_typical_year(frame.base_dir / file.path, needs)
    said = [name for name in ("zone", "unit", "scale") if getattr(file, name) is not None]
    if found is not None and said:
        expected = "nothing: an EPW or PVGIS file says its zone and unit itself"
        raise ScenarioError([Problem(said[0], "a value", expected, str(file.path))])
    return found


def _signal(
    file: schema.SignalFile,
    quantity: Quantity,
    start: datetime | None,
    frame: RunFrame,
    between: Literal["step", "line"] = "step",
) -> Signal:
    """Return a signal from a file that covers the run; its last value is held while it drains."""
    if (file.unit or "").startswith("EUR") and file.scale is None:
        expected = "the dollars that a euro costs, such as 1.08, for prices in euros"
        raise ScenarioError([Problem("scale", "nothing", expected, str(file.path))])
    return read_signal(
        frame.base_dir / file.path,
        Needs(start or UNDATED, frame.duration_s, DRAIN_S),
        file.zone,
        between,
        quantity=quantity,
        unit=file.unit,
        scale=1.0 if file.scale is None else file.scale,
    )
