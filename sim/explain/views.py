"""What is said of a scenario or a topology: plain values for tables and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import inf, isfinite
from typing import Any


@dataclass(frozen=True, slots=True)
class SiteView:
    """What stands at a site and what it can draw; powers in watts, None without a limit."""

    name: str
    kind: str
    halls: int
    racks: int
    nodes: int
    idle_w: float
    peak_w: float
    limit_w: float | None


@dataclass(frozen=True, slots=True)
class PlaceView:
    """A hall, a row or a rack and what it can draw; powers in watts, None without a limit."""

    level: str
    name: str
    idle_w: float
    peak_w: float
    limit_w: float | None


@dataclass(frozen=True, slots=True)
class PoolView:
    """One pool: hardware, limits, and what a saturated replica gets through."""

    name: str
    site: str
    model: str
    accelerator: str
    cooling: str
    replicas: int
    tensor_parallel: int
    kv_tokens: int
    capacity_per_s: float
    step_s: float
    coefficients: str
    source: str
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadView:
    """Offered load of one tier and model against the pools that may serve it."""

    tier: str
    model: str
    requests_per_s: float
    input_tokens: float
    output_tokens: float
    capacity_per_s: float
    fastest_ttft_s: float
    fastest_tpot_s: float

    @property
    def share(self) -> float:
        """Offered load as a share of capacity."""
        return self.requests_per_s / self.capacity_per_s if self.capacity_per_s else inf


@dataclass(frozen=True, slots=True)
class SiteLoadView:
    """Load of one tier and model at a site if every request went to the nearest that serves it."""

    site: str
    tier: str
    model: str
    requests_per_s: float
    capacity_per_s: float

    @property
    def share(self) -> float:
        """Load as a share of the site's capacity for the tier and the model."""
        return self.requests_per_s / self.capacity_per_s if self.capacity_per_s else inf


@dataclass(frozen=True, slots=True)
class Explanation:
    """Tables and warnings about a scenario or a topology.

    ``power_basis`` says at what the idle and the peak power are taken; ``places`` are halls, rows
    and racks, those of each level by peak over limit.
    """

    name: str
    sites: tuple[SiteView, ...]
    power_basis: str
    places: tuple[PlaceView, ...] = ()
    pools: tuple[PoolView, ...] = ()
    loads: tuple[LoadView, ...] = ()
    site_loads: tuple[SiteLoadView, ...] = ()
    links: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; infinite numbers become None."""
        return {key: _plain(value) for key, value in asdict(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value
