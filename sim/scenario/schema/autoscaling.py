"""Autoscaling: how many replicas of a pool are on, and how long one takes to start."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Strict, model_validator

from sim.document.quantities import (
    BytesPerSecond,
    LookSeconds,
    NonNegativeInt,
    PositiveSeconds,
    PositiveShare,
    Seconds,
    refusal,
)
from sim.scenario.schema.base import Name, Section, not_empty


class ColdStart(Section):
    """How long a replica takes from off to its first request: boot, load weights, warm up."""

    boot_s: Seconds = 30.0
    """Machine, container and engine."""
    weights_bytes_per_s: BytesPerSecond = 2e9
    """Rate at which weights come from disk or network."""
    warmup_s: Seconds = 10.0
    """Compilation and first steps."""


class PlannedReplicas(Section):
    """A number of replicas from a time on."""

    at_s: Seconds
    """Time since the start of the run, or of each repetition."""
    replicas: NonNegativeInt
    """How many are on from then."""


Plan = Annotated[tuple[PlannedReplicas, ...], Strict(False), AfterValidator(not_empty)]


class Autoscaling(Section):
    """Rule by which replicas are started and switched off; the pool's own number is the most."""

    policy: Name = "target-utilisation"
    """Name of the rule: reactive, target-utilisation, scheduled, predictive, or one that an
    installed package adds."""
    least: NonNegativeInt = 1
    """Fewest replicas; 0 scales to zero, and the next request starts one."""
    first: NonNegativeInt | None = None
    """Replicas that are on at the start; the fewest unless given."""
    interval_s: LookSeconds = 15.0
    """Time between two looks at the load."""
    target: PositiveShare = 0.7
    """Share of the slots that should be taken (target-utilisation, predictive)."""
    up_at: PositiveShare = 0.8
    """Share of the slots above which one more replica starts (reactive)."""
    down_at: PositiveShare = 0.3
    """Share of the slots below which one is switched off (reactive)."""
    hold_s: Seconds = 300.0
    """Time for which fewer replicas must have been enough before one is switched off."""
    within_power: bool = True
    """Whether a replica only starts where racks, rows, halls and sites stay within their power
    limits with every replica that is on at its peak."""
    plan: Plan | None = None
    """Numbers of replicas over time (scheduled)."""
    repeat_after_s: PositiveSeconds | None = None
    """Where the plan starts again, such as 1 d (scheduled)."""
    lead_s: PositiveSeconds | None = None
    """How far ahead the load is forecast; the cold start unless given (predictive)."""
    season_s: PositiveSeconds = 86400.0
    """Length of the rhythm that is learnt (predictive)."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.policy == "scheduled" and self.plan is None:
            raise refusal("a plan for the policy scheduled", got="nothing")
        if self.down_at >= self.up_at:
            raise refusal("down_at below up_at", got=f"{self.down_at:g} and {self.up_at:g}")
        return self
