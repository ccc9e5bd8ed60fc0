"""Arrival processes of a scenario: when requests come."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, Strict, model_validator

from sim.document.quantities import (
    PositiveFloat,
    PositiveSeconds,
    RequestsPerSecond,
    RequestsPerSecondOrZero,
    Seconds,
    Share,
    Variation,
    refusal,
)
from sim.scenario.schema.base import Name, Reference, Section, not_empty


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise refusal("the IANA name of a time zone, such as Europe/Berlin") from error
    return name


def _moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise refusal("a date and time, such as 2024-05-13T00:00:00") from error
    return text


TimeZone = Annotated[str, AfterValidator(_known_zone)]
Moment = Annotated[str, AfterValidator(_moment)]


class PoissonArrivals(Section):
    """Independent arrivals."""

    process: Literal["poisson"]
    """Name of the process."""
    rate_per_s: RequestsPerSecond
    """Mean rate."""


class GammaArrivals(Section):
    """Independent gaps with a gamma distribution: bursty for a cv above 1."""

    process: Literal["gamma"]
    """Name of the process."""
    rate_per_s: RequestsPerSecond
    """Mean rate."""
    cv: Variation
    """Standard deviation of the gaps over their mean."""


class WeibullArrivals(Section):
    """Independent gaps with a Weibull distribution: bursty for a shape below 1."""

    process: Literal["weibull"]
    """Name of the process."""
    rate_per_s: RequestsPerSecond
    """Mean rate."""
    shape: PositiveFloat
    """Shape parameter."""


class ModulatedState(Section):
    """A state of Markov-modulated traffic."""

    rate_per_s: RequestsPerSecondOrZero
    """Rate while in the state."""
    sojourn_s: PositiveSeconds
    """Mean time spent in it; times are exponential."""


class MmppArrivals(Section):
    """Poisson arrivals whose rate depends on a state that changes at random times."""

    process: Literal["mmpp"]
    """Name of the process."""
    states: Annotated[tuple[ModulatedState, ...], Strict(False), AfterValidator(not_empty)]
    """The states, visited in turn unless transitions are given."""
    transitions: (
        Annotated[tuple[Annotated[tuple[Share, ...], Strict(False)], ...], Strict(False)] | None
    ) = None
    """Probability of each next state, one row per state."""

    @model_validator(mode="after")
    def _rows_fit(self) -> Self:
        size = len(self.states)
        if all(state.rate_per_s == 0 for state in self.states):
            raise refusal("a state with a rate above 0", at=("states",))
        for index, row in enumerate(self.transitions or ()):
            if len(row) != size or abs(sum(row) - 1) > 1e-6:
                expected = f"{size} probabilities that sum to 1"
                raise refusal(expected, at=("transitions", index))
        if self.transitions is not None and len(self.transitions) != size:
            raise refusal(f"one row for each of the {size} states", at=("transitions",))
        return self


class Duration(Section):
    """A random length of time."""

    mean_s: PositiveSeconds
    """Mean."""
    cv: Variation = 1.0
    """Standard deviation over mean: 1 is exponential, other values are lognormal."""


class OnOffArrivals(Section):
    """Bursts and silences in turn."""

    process: Literal["on-off"]
    """Name of the process."""
    rate_per_s: RequestsPerSecond
    """Mean rate over bursts and silences together."""
    burst: Duration
    """How long a burst lasts; arrivals in it are Poisson."""
    silence: Duration
    """How long the silence after it lasts."""


class HawkesArrivals(Section):
    """Self-exciting arrivals: each request may call forth others soon after it."""

    process: Literal["hawkes"]
    """Name of the process."""
    rate_per_s: RequestsPerSecond
    """Mean rate, followers included."""
    branching: Annotated[float, Field(ge=0.0, lt=1.0)]
    """Mean number of direct followers of a request."""
    delay_s: PositiveSeconds
    """Mean delay of a follower."""


class RatePoint(Section):
    """The rate at a time."""

    at_s: Seconds
    """Time since the start of the run."""
    rate_per_s: RequestsPerSecondOrZero
    """Rate from then on (steps) or at that moment (lines)."""


class TableArrivals(Section):
    """A rate that follows a table."""

    process: Literal["table"]
    """Name of the process."""
    points: Annotated[tuple[RatePoint, ...], Strict(False), AfterValidator(not_empty)]
    """Times and rates, rising from 0 s."""
    between: Literal["steps", "lines"] = "steps"
    """Whether the rate jumps at each point or goes in straight lines."""
    repeat_after_s: PositiveSeconds | None = None
    """Where the table starts again; otherwise the last rate goes on."""
    cv: Variation = 1.0
    """Standard deviation of the gaps over their mean."""

    @model_validator(mode="after")
    def _points_rise(self) -> Self:
        times = [point.at_s for point in self.points]
        if times[0] != 0:
            raise refusal("0 s as the first time", at=("points", 0, "at"))
        for index in range(1, len(times)):
            if times[index] <= times[index - 1]:
                expected = "a later time than that of the point before"
                raise refusal(expected, at=("points", index, "at"))
        if self.repeat_after_s is not None and self.repeat_after_s <= times[-1]:
            raise refusal("a time after the last point", at=("repeat_after",))
        if all(point.rate_per_s == 0 for point in self.points):
            raise refusal("a point with a rate above 0", at=("points",))
        return self


class ProfileArrivals(Section):
    """A daily and weekly rhythm, in the local time of each user region."""

    process: Literal["profile"]
    """Name of the process."""
    rate_per_s: RequestsPerSecond
    """Mean rate over the week."""
    profile: Reference | None = None
    """A shipped shape: flat, coding, conversation, image-chat, office, evening."""
    hours: Annotated[tuple[PositiveFloat, ...], Strict(False)] | None = None
    """Or the shape itself: relative rates of the 24 hours of a day."""
    weekend: PositiveFloat | None = None
    """Rate of Saturdays and Sundays relative to weekdays; by default that of the profile."""
    time_zone: TimeZone = "UTC"
    """Time zone of the users."""
    time_zones: dict[Name, TimeZone] | None = None
    """Time zones of user regions where they differ."""
    start: Moment | None = None
    """Moment at which the run starts, in UTC unless it says otherwise; that of the facility unless
    given, and Monday 2024-05-13 without one."""
    week: bool = True
    """Whether there are weekends."""
    cv: Variation = 1.0
    """Standard deviation of the gaps over their mean."""

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if (self.profile is None) == (self.hours is None):
            got = "both" if self.profile is not None else "neither"
            raise refusal("either profile or hours", got=got)
        if self.hours is not None and len(self.hours) != 24:
            raise refusal("24 relative rates", got=f"{len(self.hours)}", at=("hours",))
        return self


class RampArrivals(Section):
    """A rate that moves from one level to another in a straight line."""

    process: Literal["ramp"]
    """Name of the process."""
    from_per_s: RequestsPerSecondOrZero
    """Rate before."""
    to_per_s: RequestsPerSecond
    """Rate after."""
    start_s: Seconds = 0.0
    """When it begins to move."""
    lasting_s: PositiveSeconds
    """How long it moves."""
    cv: Variation = 1.0
    """Standard deviation of the gaps over their mean."""


class FlashCrowdArrivals(Section):
    """A sudden crowd: a steep rise, a plateau and an exponential decay."""

    process: Literal["flash-crowd"]
    """Name of the process."""
    rate_per_s: RequestsPerSecond
    """Rate before, and long after."""
    peak: PositiveFloat
    """Rate on the plateau as a multiple of that."""
    start_s: Seconds
    """When the rise begins."""
    rise_s: Seconds = 0.0
    """How long it takes."""
    hold_s: Seconds = 0.0
    """How long the plateau lasts."""
    decay_s: PositiveSeconds
    """Time in which the excess falls to 1/e."""
    cv: Variation = 1.0
    """Standard deviation of the gaps over their mean."""


class SuperposedArrivals(Section):
    """Several processes laid over each other."""

    process: Literal["superposition"]
    """Name of the process."""
    of: Annotated[tuple[Arrivals, ...], Strict(False), AfterValidator(not_empty)]
    """The processes."""


Arrivals = Annotated[
    PoissonArrivals
    | GammaArrivals
    | WeibullArrivals
    | MmppArrivals
    | OnOffArrivals
    | HawkesArrivals
    | TableArrivals
    | ProfileArrivals
    | RampArrivals
    | FlashCrowdArrivals
    | SuperposedArrivals,
    Field(discriminator="process"),
]

SuperposedArrivals.model_rebuild()
