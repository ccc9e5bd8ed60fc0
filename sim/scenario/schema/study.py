"""The study file: one base scenario, what is varied in it, and how sure the answer has to be."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import Field, Strict, field_validator, model_validator

from sim.document.quantities import NonNegativeInt, PositiveInt, Share, refusal
from sim.scenario.schema.base import Name, Reference, Section, Text
from sim.scenario.schema.plan import Changes, Path, PlainSection, Plan, Values

MAX_SAMPLES = 1 << 20


class SampledAxis(PlainSection):
    """What a sampled axis may be: a range, or one of several choices."""

    from_: Any = Field(default=None, alias="from")
    """Low end: a number, or text with a unit."""
    to: Any = None
    """High end, in the same unit."""
    scale: Literal["linear", "log"] = "linear"
    """Whether equal steps or equal ratios are equally likely."""
    choices: Values | None = None
    """Values that are equally likely, instead of a range."""

    @model_validator(mode="after")
    def _range_or_choices(self) -> Self:
        ends = [name for name in ("from_", "to") if getattr(self, name) is not None]
        if bool(self.choices) == bool(ends) or len(ends) == 1:
            raise refusal("either from and to, or choices")
        return self


class Samples(Section):
    """Points spread over several axes at once."""

    samples: Annotated[PositiveInt, Field(le=MAX_SAMPLES)]
    """How many points."""
    axes: dict[Path, SampledAxis] = Field(min_length=1)
    """Axes by dotted path."""


class SobolSamples(Samples):
    """A Sobol sequence; it is balanced only if the number of points is a power of two."""

    @field_validator("samples")
    @classmethod
    def _power_of_two(cls, samples: int) -> int:
        if samples & (samples - 1):
            below, above = 1 << (samples.bit_length() - 1), 1 << samples.bit_length()
            raise refusal(f"a power of two, such as {below} or {above}")
        return samples


class Sweep(Section):
    """What is varied; where several kinds are given, every combination of them is a point."""

    grid: dict[Path, Values] = Field(default={})
    """Every combination of the values of each path."""
    zipped: dict[Path, Values] = Field(default={}, alias="zip")
    """First values together, second values together, and so on."""
    listed: Annotated[tuple[Changes, ...], Strict(False)] = Field(default=(), alias="list")
    """Points written out one by one; the key ``label`` names one of them."""
    lhs: Samples | None = None
    """A Latin hypercube."""
    sobol: SobolSamples | None = None
    """A Sobol sequence."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        lengths = {len(values) for values in self.zipped.values()}
        if len(lengths) > 1:
            got = " and ".join(str(length) for length in sorted(lengths)) + " values"
            raise refusal("lists of equal length", got=got, at=("zip",))
        empty = [at for at, changes in enumerate(self.listed) if not set(changes) - {"label"}]
        if empty:
            raise refusal("at least one path with its value", at=("list", empty[0]))
        twice = [path for path, count in Counter(self._paths()).items() if count > 1]
        if twice:
            raise refusal("each path in one kind of axis only", got=f"{twice[0]} twice")
        return self

    def _paths(self) -> list[str]:
        listed = {path for changes in self.listed for path in changes} - {"label"}
        sampled = [path for part in (self.lhs, self.sobol) if part for path in part.axes]
        return [*self.grid, *self.zipped, *listed, *sampled]


class Replications(Section):
    """How often each point is repeated with other random numbers."""

    least: PositiveInt = 5
    """Replications that every point gets."""
    most: PositiveInt = 100
    """Replications at which a point is given up."""
    half_width: Share | None = None
    """Stop a point once the 95 % interval of each metric is this narrow relative to its value."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.half_width is not None and not 0.0 < self.half_width < 1.0:
            raise refusal("a share above 0 % and below 100 %", at=("half_width",))
        if self.most < self.least:
            raise refusal(f"at least {self.least}, the number under least", at=("most",))
        return self


class Study(Section):
    """Many runs that answer one question."""

    version: Literal[1] = 1
    """Version of this format."""
    name: Name
    """Name for reports and folders."""
    description: Text = ""
    """The question."""
    extends: Reference | None = None
    """Another study file whose keys hold where this one does not give them."""
    base: Reference
    """Scenario file relative to this one, or the name of a shipped experiment."""
    set: Changes = Field(default={})
    """Changes to the base that hold in every point."""
    sweep: Sweep = Sweep()
    """What is varied."""
    replications: Replications = Replications(least=5, most=5)
    """A number, or a precision to reach."""
    metrics: Annotated[tuple[Reference, ...], Strict(False)] = ()
    """Numbers of the summary that matter, such as ``latency.tiers.premium.ttft_s.p99``, with ``*``
    for any part. Needed for a half-width; without it tables hold every number."""
    seed: NonNegativeInt = 0
    """Seed of every point: all points see the same random numbers."""
    keep: Annotated[tuple[Literal["requests", "series", "report"], ...], Strict(False)] = ()
    """What each point keeps beside its summary."""
    plan: Plan | None = None
    """What ``loadbank plan`` has to decide."""

    @field_validator("replications", mode="before")
    @classmethod
    def _number_of_replications(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"least": value, "most": value}
        return value

    @model_validator(mode="after")
    def _precision_of_something(self) -> Self:
        if self.replications.half_width is not None and not (self.metrics or self.plan):
            raise refusal("metrics whose half-width is meant", at=("replications", "half_width"))
        return self
