"""Admission at the front door: usage caps, and shedding when the pools are busy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from sim.interfaces import Request, Station
from sim.scenario.schema.scenario import Scenario
from sim.scenario.schema.sla import Usage

_BURST_S = 10.0  # tokens that may come at once unless the scenario says otherwise


class TokenBucket:
    """Lets through what comes at no more than a rate, plus a burst that refills with time.

    Args:
        rate_per_s: units that flow in per second.
        burst: units that the bucket holds; it is full at first.
    """

    def __init__(self, rate_per_s: float, burst: float) -> None:
        self._rate_per_s, self._burst = rate_per_s, burst
        self._level, self._since_s = burst, 0.0

    def holds(self, units: float, now_s: float) -> bool:
        """Return whether ``units`` are there at ``now_s`` [s], or the bucket is full."""
        filled = self._level + (now_s - self._since_s) * self._rate_per_s
        self._level, self._since_s = min(self._burst, filled), now_s
        # A request larger than the bucket goes through when it is full, and leaves a debt.
        return self._level >= min(units, self._burst)

    def take(self, units: float) -> None:
        """Take units out; call `holds` first."""
        self._level -= units


class UsageCap:
    """The buckets of one tier or tenant: requests, tokens, or both.

    Args:
        usage: the cap.
    """

    def __init__(self, usage: Usage) -> None:
        rate_per_s, tokens_per_s = usage.rate_per_s, usage.token_rate_per_s
        self._requests = TokenBucket(rate_per_s, usage.burst) if rate_per_s else None
        self._tokens = None
        if tokens_per_s:
            burst = usage.token_burst_tokens or _BURST_S * tokens_per_s
            self._tokens = TokenBucket(tokens_per_s, burst)

    def admits(self, request: Request, now_s: float) -> bool:
        """Return whether a request is within the cap, and count it if so."""
        tokens = request.input_tokens + request.output_tokens
        asked = [(self._requests, 1.0), (self._tokens, float(tokens))]
        buckets = [(bucket, units) for bucket, units in asked if bucket is not None]
        if not all(bucket.holds(units, now_s) for bucket, units in buckets):
            return False
        for bucket, units in buckets:
            bucket.take(units)
        return True


class Admission:
    """Turns requests away: those above a usage cap, and of tiers that are shed at this load.

    Args:
        shed_at: for each tier the share of slots taken above which its requests are rejected.
        tiers: usage caps by tier index.
        tenants: usage caps by tenant index.

    Attributes:
        shed: requests rejected because of load, by tier.
        over_usage: requests rejected because of a usage cap, by tier.
    """

    def __init__(
        self,
        shed_at: Sequence[float],
        tiers: Mapping[int, UsageCap],
        tenants: Mapping[int, UsageCap],
    ) -> None:
        self._shed_at, self._tiers, self._tenants = shed_at, tiers, tenants
        self.shed = [0] * len(shed_at)
        self.over_usage = [0] * len(shed_at)

    def admits(self, request: Request, candidates: Sequence[Station], now_s: float) -> bool:
        """Return whether a request may pass the front door."""
        tier = request.tier
        limit = self._shed_at[tier]
        if limit < inf:
            taken = sum(station.outstanding for station in candidates)
            if taken >= limit * sum(station.slots for station in candidates):
                self.shed[tier] += 1
                return False
        for cap in (self._tenants.get(request.tenant), self._tiers.get(tier)):
            if cap is not None and not cap.admits(request, now_s):
                self.over_usage[tier] += 1
                return False
        return True


def build_admission(scenario: Scenario) -> Admission | None:
    """Return the admission of a scenario, None if it turns nobody away."""
    tiers = list(scenario.tiers.values())
    shed_at = [inf if tier.shed_at is None else tier.shed_at for tier in tiers]
    of_tiers = {i: UsageCap(tier.usage) for i, tier in enumerate(tiers) if tier.usage}
    of_tenants = {
        i: UsageCap(entry.usage) for i, entry in enumerate(scenario.traffic.values()) if entry.usage
    }
    if not of_tiers and not of_tenants and min(shed_at) == inf:
        return None
    return Admission(shed_at, of_tiers, of_tenants)
