"""The facility: control of power, electrical chain, cooling, faults, weather and grid.

Sections that differ between sites are mappings by site name; ``all`` holds for the sites that are
not named.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, Strict, model_validator

from sim import units
from sim.document.quantities import (
    Celsius,
    GCo2PerKwh,
    Joules,
    Kelvins,
    LookSeconds,
    OutdoorCelsius,
    PositiveAirFlow,
    PositiveFloat,
    PositiveInt,
    PositiveSeconds,
    PositiveShare,
    PositiveWatts,
    Quantity,
    Seconds,
    Share,
    UsdPerKwh,
    Watts,
    refusal,
)
from sim.scenario.schema.base import Name, Reference, Section
from sim.scenario.schema.facility_events import Curtailment, Fault

Factor = Annotated[float, Quantity(units.SHARE, high=10.0, above=True, bare=True)]
"""A share that may be above 1, such as ``125 %``."""
EVERY_SITE = "all"
TIME_OF_DAY = r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$"
T = TypeVar("T", bound=Section)


def _moment(value: Any) -> Any:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return moment
    raise refusal("a time with an offset from UTC, such as '2026-07-19T00:00:00+01:00'")


Moment = Annotated[datetime, BeforeValidator(_moment)]


class Control(Section):
    """Who is slowed when a power limit is reached."""

    policy: Name = "none"
    """Name of the policy: none, uniform, two-threshold, steering, priority, concurrency, or one
    that an installed package adds."""
    level: Literal["rack", "row", "hall", "site"] = "row"
    """Level whose limits are enforced."""
    telemetry_delay_s: Seconds = 0.0
    """How old power readings are when the policy sees them."""
    actuation_delay_s: Seconds = 0.0
    """From a decision until accelerators follow it."""
    target: PositiveShare = 0.98
    """Share of a limit at which the policies aim."""
    first: PositiveShare = 0.80
    """Lower threshold of two-threshold, as a share of the limit."""
    second: PositiveShare = 0.89
    """Upper threshold of two-threshold."""
    knee: PositiveShare = 0.55
    """Relative clock below which decode slows."""
    exponent: Annotated[float, Field(ge=1.0, le=4.0)] = 2.4
    """Dynamic power follows the clock to this power."""
    lowest: PositiveShare = 0.3
    """Lowest relative clock."""

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> Self:
        if self.second <= self.first:
            raise refusal("a second threshold above the first", at=("second",))
        return self


class Equipment(Section):
    """A stage of the electrical chain: what it loses and how many units there are."""

    constant_w: Watts = 0.0
    """Loss of one unit at no load."""
    proportional: Share = 0.0
    """Loss per watt that is passed on."""
    quadratic: Share = 0.0
    """Resistive loss at full load, as a share of the rating; needs a rating."""
    rating_w: PositiveWatts | None = None
    """What one unit can pass on; units that are overloaded trip."""
    redundancy: Literal["N", "N+1", "2N"] = "N"
    """Units beyond those that are needed."""
    needed: PositiveInt = 1
    """Units that carry the rated load."""

    @model_validator(mode="after")
    def _rated_if_quadratic(self) -> Self:
        if self.quadratic > 0.0 and self.rating_w is None:
            raise refusal("a rating, which quadratic loss refers to", at=("quadratic",))
        return self


class Distribution(Equipment):
    """Distribution units and busways."""

    proportional: Share = 0.01
    """Loss per watt that is passed on."""


class Ups(Equipment):
    """Uninterruptible supplies."""

    proportional: Share = 0.04
    """Loss per watt that is passed on."""


class Switchboard(Equipment):
    """Switchboards and transformers."""

    proportional: Share = 0.01
    """Loss per watt that is passed on."""


class Breakers(Section):
    """When breakers of racks and rows open."""

    setting: Factor = 1.25
    """Setting as a multiple of the power limit."""
    curve: Literal["inverse", "very-inverse", "extremely-inverse"] = "extremely-inverse"
    """Time-current curve of IEC 60255-151."""
    multiplier: Annotated[float, Field(gt=0.0)] = 1.0
    """Time multiplier of the curve."""
    reclose_s: PositiveSeconds = 1800.0
    """From a trip until somebody switches it on again."""


class Electrical(Section):
    """The chain from the feed to the racks of a site."""

    distribution: Distribution = Distribution()
    """Distribution units and busways. With N a row that loses its unit is dark, with N+1 a spare
    takes over one row of the site, with 2N two units share each row."""
    ups: Ups = Ups()
    """Uninterruptible supplies."""
    switchboard: Switchboard = Switchboard()
    """Switchboards and transformers."""
    breakers: Breakers | None = None
    """Breakers of racks and rows; none unless given. Stages with a rating are always protected, by
    this curve and at their rating."""
    rack_breakers: Breakers | None = None
    """Other breakers for racks."""
    ride_through_s: Seconds = 300.0
    """Time for which the UPS carries the racks at their limits."""
    cooling_on_ups: bool = False
    """Whether fans and pumps run on the UPS."""


class Cooling(Section):
    """How the racks of a site are cooled."""

    air: Literal["perimeter", "contained", "in-row", "rear-door"] = "contained"
    """Method for air-cooled racks."""
    liquid: Literal["direct-to-chip", "immersion"] = "direct-to-chip"
    """Method for liquid-cooled racks."""
    airflow: PositiveAirFlow | None = None
    """Cool air per rack, or per in-row unit, such as '1.9 m3/s' or '4030 CFM'; what is usual for
    the method unless given."""
    units_per_rack: PositiveFloat = 1.0
    """In-row units, or rear doors in line, per rack."""
    liquid_share: PositiveShare | None = None
    """Heat of liquid-cooled racks that goes into liquid; what is usual for the method unless
    given."""
    supply_c: Celsius = 24.0
    """Supply air."""
    chilled_water_c: Celsius | None = None
    """Water of cooling coils and doors; 6 K below the supply air unless given."""
    warm_water_c: Celsius = 32.0
    """Facility water of the liquid loop."""
    heat_rejection: Name = "dry"
    """How heat leaves the site: dry (coolers and air-cooled chillers), tower (with water-cooled
    ones), adiabatic (wetted pads on hot days), or a way that an installed package adds."""
    economiser: Literal["none", "water", "air"] = "water"
    """What replaces chillers in cold weather: water that the outside cools, or outdoor air."""
    margin: Factor = 1.2
    """Cooling capacity over the power limits of all racks."""
    rejection: Factor = 1.4
    """Capacity of dry coolers or towers over that of the chillers; it has to take the heat of the
    compressors as well."""
    chiller_restart_s: Seconds = 180.0
    """From the return of power until chillers cool again."""
    recirculation: Reference | None = None
    """CSV with the heat-recirculation matrix of the site's racks [K/W], a row per inlet, without
    a header; a simple rule along rows unless given."""
    restart_s: PositiveSeconds = 900.0
    """From a protective shutdown until a cool rack is switched on again."""


class HeatWave(Section):
    """Some days that are hotter than the climate."""

    from_s: Seconds
    """When it begins."""
    until_s: PositiveSeconds
    """When it is over."""
    rise_k: Kelvins
    """How much hotter it gets in its middle."""


class SignalFile(Section):
    """A CSV with `timestamp` and `value`, or an export of Electricity Maps, ENTSO-E, gridstatus."""

    path: Reference
    """The file, relative to the scenario."""
    zone: Reference | None = None
    """Time zone of time stamps without an offset, such as Europe/Berlin."""
    unit: Reference | None = None
    """Unit of the values, where the file does not say it: USD/kWh, USD/MWh, EUR/kWh or EUR/MWh;
    gCO2/kWh, kgCO2/MWh, kgCO2/kWh or lbCO2/MWh; degC, degF or K."""
    scale: Annotated[float, Field(gt=0.0)] | None = None
    """Factor to what the unit says; for euros the dollars that one costs."""


class Weather(Section):
    """Outdoor temperature of a site: from files, or from a climate."""

    file: SignalFile | None = None
    """Dry-bulb temperature [degC], or a typical year (EPW, PVGIS TMY) with its wet bulb; replaces
    the climate."""
    wet_bulb_file: SignalFile | None = None
    """Wet-bulb temperature [degC]; computed from the dew point unless given."""
    mean_c: OutdoorCelsius = 12.0
    """Mean of the year."""
    yearly_k: Kelvins = 8.0
    """Amplitude over the year."""
    daily_k: Kelvins = 5.0
    """Amplitude over the day."""
    dew_point_c: OutdoorCelsius = 9.0
    """Dew point of the air."""
    southern: bool = False
    """Whether the warm season is in January."""
    heat_waves: Annotated[tuple[HeatWave, ...], Strict(False)] = ()
    """Heat waves."""


class PriceWindow(Section):
    """A daily window with its own price."""

    start: Annotated[str, Field(pattern=TIME_OF_DAY, alias="from")]
    """Start as 'HH:MM' local time, in quotes."""
    end: Annotated[str, Field(pattern=TIME_OF_DAY, alias="until")]
    """End as 'HH:MM', up to '24:00'."""
    price_usd_per_kwh: UsdPerKwh
    """Price in it."""
    weekdays: bool = False
    """Whether it holds from Monday to Friday only."""


class Battery(Section):
    """A battery behind the meter."""

    capacity_j: Joules
    """Usable energy."""
    charge_w: PositiveWatts
    """Highest charging power."""
    discharge_w: PositiveWatts
    """Highest discharging power."""
    round_trip: PositiveShare = 0.88
    """Energy given over energy taken."""
    reserve: Share = 0.0
    """Share that is kept for outages."""
    policy: Name = "standby"
    """When it works: standby, peak-shaving, price-following, carbon-following, or an added one."""
    low: Annotated[float, Field(ge=-1e6, le=1e6)] = 0.0
    """Charge below this [W, USD/kWh or gCO2/kWh, by policy]."""
    high: Annotated[float, Field(gt=0.0)] = 1e30
    """Discharge above this."""


class Generator(Section):
    """A backup generator."""

    power_w: PositiveWatts
    """What it carries."""
    start_s: PositiveSeconds = 60.0
    """From the loss of the grid until it carries load."""
    usd_per_kwh: UsdPerKwh = Field(default=0.40, alias="fuel")
    """Fuel."""
    gco2_per_kwh: GCo2PerKwh = Field(default=700.0, alias="carbon")
    """Carbon of the fuel."""


class Agreement(Section):
    """A power purchase agreement: a contract for difference on a share of the consumption."""

    share: PositiveShare
    """Share of the energy from the grid."""
    strike_usd_per_kwh: UsdPerKwh
    """Its fixed price."""
    gco2_per_kwh: GCo2PerKwh = Field(default=0.0, alias="carbon")
    """Carbon intensity that it is accounted with."""


class Grid(Section):
    """Where the power of a site comes from and what it costs."""

    limit_w: PositiveWatts | None = None
    """What the connection carries."""
    price_usd_per_kwh: UsdPerKwh | None = None
    """Price of energy; that of the site's catalogue region unless given."""
    price_file: SignalFile | None = None
    """Price over time [USD/kWh]."""
    price_windows: Annotated[tuple[PriceWindow, ...], Strict(False)] = ()
    """Daily windows with another price than `price`."""
    zone: Reference = "UTC"
    """Time zone of the price windows."""
    demand_usd_per_kw: Annotated[float, Field(ge=0.0)] = 0.0
    """Charge on the highest quarter of an hour of the run [USD/kW]."""
    carbon_gco2_per_kwh: GCo2PerKwh | None = None
    """Carbon intensity; that of the site's catalogue region unless given."""
    carbon_file: SignalFile | None = None
    """Carbon intensity over time [gCO2/kWh]."""
    battery: Battery | None = None
    """A battery."""
    generator: Generator | None = None
    """A backup generator."""
    solar_w: Watts = 0.0
    """Power of the panels with the sun overhead."""
    agreement: Agreement | None = None
    """A power purchase agreement."""


class Facility(Section):
    """Power, cooling and grid of all sites."""

    interval_s: LookSeconds = 1.0
    """Time between two looks of the controls at the plant."""
    start: Moment | None = None
    """Instant at which the run begins, with its offset from UTC; weather and grid signals need
    it."""
    control: Control = Control()
    """Power capping."""
    electrical: dict[Name, Electrical] = Field(default_factory=dict)
    """Electrical chain by site."""
    cooling: dict[Name, Cooling] = Field(default_factory=dict)
    """Cooling by site."""
    weather: dict[Name, Weather] = Field(default_factory=dict)
    """Weather by site."""
    grid: dict[Name, Grid] = Field(default_factory=dict)
    """Grid connection by site."""
    faults: Annotated[tuple[Fault, ...], Strict(False)] = ()
    """Faults of the plant."""
    curtailment: Annotated[tuple[Curtailment, ...], Strict(False)] = ()
    """Orders to reduce load."""

    @model_validator(mode="after")
    def _dated_if_signals(self) -> Self:
        dated = any(w.file or w.wet_bulb_file for w in self.weather.values()) or any(
            g.price_file or g.carbon_file or g.price_windows or g.solar_w
            for g in self.grid.values()
        )
        if self.start is None and dated:
            raise refusal("`start`, which files, price windows and panels refer to", got="nothing")
        return self

    @model_validator(mode="after")
    def _orders_have_their_own_names(self) -> Self:
        names = self.order_names
        for at, name in enumerate(names):
            if name in names[:at]:
                raise refusal("a name that no other order has", at=("curtailment", at, "name"))
        return self

    @property
    def order_names(self) -> list[str]:
        """Name of each order to reduce load, in their order."""
        return [order.name or str(at) for at, order in enumerate(self.curtailment)]


def for_site(by_site: dict[str, T], site: str, otherwise: T) -> T:
    """Return the section of a site, key by key: its own, that for all sites, the default."""
    shared = by_site.get(EVERY_SITE, otherwise)
    own = by_site.get(site)
    if own is None:
        return shared
    inherited = shared.model_fields_set - own.model_fields_set
    return own.model_copy(update={name: getattr(shared, name) for name in inherited})
