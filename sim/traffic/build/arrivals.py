"""From the arrivals section of a scenario to an arrival process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from sim.errors import Problem, TraceError
from sim.registry import nearest_hint
from sim.scenario.schema import arrivals as schema
from sim.traffic.arrivals import profiles
from sim.traffic.arrivals.arrivals import ArrivalProcess, GammaRenewal, Poisson, WeibullRenewal
from sim.traffic.arrivals.hawkes import Hawkes
from sim.traffic.arrivals.ratetable import Modulated, RateTable
from sim.traffic.arrivals.superposition import Superposed
from sim.traffic.arrivals.switching import State, Switching

UNDATED = datetime(2024, 5, 13, tzinfo=UTC)  # a Monday


def build_arrivals(
    entry: schema.Arrivals, where: str, region: str = "", start: datetime | None = None
) -> ArrivalProcess:
    """Return the process that a section describes.

    Args:
        entry: the section.
        where: its dotted path, for messages.
        region: user region, for processes that follow local time.
        start: instant at which the run begins, if the scenario has one.

    Raises:
        TraceError: the section names a profile that does not exist.
    """
    if isinstance(entry, schema.SuperposedArrivals):
        parts = [
            build_arrivals(part, f"{where}.of.{i}", region, start)
            for i, part in enumerate(entry.of)
        ]
        return Superposed(tuple(parts))
    if isinstance(entry, schema.ProfileArrivals):
        return Modulated(_local(entry.cv), _week(entry, where, region, start))
    return _BUILDERS[type(entry)](entry)


def follows_local_time(entry: schema.Arrivals) -> bool:
    """Tell whether the process differs between regions because their clocks do."""
    if isinstance(entry, schema.SuperposedArrivals):
        return any(follows_local_time(part) for part in entry.of)
    return isinstance(entry, schema.ProfileArrivals) and bool(entry.time_zones)


def _local(cv: float) -> ArrivalProcess:
    """Return the process of rate 1 with this coefficient of variation of the gaps."""
    return Poisson(1.0) if cv == 1 else GammaRenewal(1.0, cv)


def _poisson(entry: schema.PoissonArrivals) -> ArrivalProcess:
    return Poisson(entry.rate_per_s)


def _gamma(entry: schema.GammaArrivals) -> ArrivalProcess:
    return GammaRenewal(entry.rate_per_s, entry.cv)


def _weibull(entry: schema.WeibullArrivals) -> ArrivalProcess:
    return WeibullRenewal(entry.rate_per_s, entry.shape)


def _mmpp(entry: schema.MmppArrivals) -> ArrivalProcess:
    states = (State(state.rate_per_s, state.sojourn_s) for state in entry.states)
    return Switching(tuple(states), entry.transitions)


def _on_off(entry: schema.OnOffArrivals) -> ArrivalProcess:
    burst, silence = entry.burst, entry.silence
    share = burst.mean_s / (burst.mean_s + silence.mean_s)
    on = State(entry.rate_per_s / share, burst.mean_s, burst.cv)
    return Switching((on, State(0.0, silence.mean_s, silence.cv)))


def _hawkes(entry: schema.HawkesArrivals) -> ArrivalProcess:
    return Hawkes(entry.rate_per_s, entry.branching, entry.delay_s)


def _table(entry: schema.TableArrivals) -> ArrivalProcess:
    points = [(point.at_s, point.rate_per_s) for point in entry.points]
    end_s = entry.repeat_after_s
    if entry.between == "lines":
        # A repeating line goes back to its first rate, so that it has no jump.
        closed = points if end_s is None else [*points, (end_s, points[0][1])]
        table = profiles.line_table(closed, repeats=end_s is not None)
    else:
        table = profiles.step_table(points, end_s or 0.0)
    return Modulated(_local(entry.cv), table)


def _ramp(entry: schema.RampArrivals) -> ArrivalProcess:
    table = profiles.ramp(entry.from_per_s, entry.to_per_s, entry.start_s, entry.lasting_s)
    return Modulated(_local(entry.cv), table)


def _flash_crowd(entry: schema.FlashCrowdArrivals) -> ArrivalProcess:
    table = profiles.flash_crowd(
        entry.rate_per_s, entry.peak, entry.start_s, entry.rise_s, entry.hold_s, entry.decay_s
    )
    return Modulated(_local(entry.cv), table)


def _week(
    entry: schema.ProfileArrivals, where: str, region: str, begin: datetime | None
) -> RateTable:
    if entry.hours is not None:
        shape = profiles.Profile(entry.hours)
    else:
        shipped = profiles.shipped_profiles()
        name = entry.profile or ""
        if name not in shipped:
            expected = "one of " + ", ".join(shipped)
            hint = nearest_hint(name, list(shipped))
            raise TraceError([Problem(f"{where}.profile", repr(name), expected, hint=hint)])
        shape = shipped[name]
    if entry.weekend is not None:
        shape = profiles.Profile(shape.hours, entry.weekend, shape.kind, shape.source)
    zone = (entry.time_zones or {}).get(region, entry.time_zone)
    own = None if entry.start is None else datetime.fromisoformat(entry.start)
    start = own or begin or UNDATED
    return profiles.week_table(shape, entry.rate_per_s, zone, start, entry.week)


_BUILDERS: Mapping[type, Callable[..., ArrivalProcess]] = {
    schema.PoissonArrivals: _poisson,
    schema.GammaArrivals: _gamma,
    schema.WeibullArrivals: _weibull,
    schema.MmppArrivals: _mmpp,
    schema.OnOffArrivals: _on_off,
    schema.HawkesArrivals: _hawkes,
    schema.TableArrivals: _table,
    schema.RampArrivals: _ramp,
    schema.FlashCrowdArrivals: _flash_crowd,
}
