"""The scenario: everything that one run needs to know, as frozen pydantic models.

One file per group of sections; this one puts them together.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr, Strict, field_validator

from sim.document.positions import Positions
from sim.scenario.schema.base import Name, Reference, Section, Text
from sim.scenario.schema.constants import Constants
from sim.scenario.schema.economics import Economics
from sim.scenario.schema.facility import Facility
from sim.scenario.schema.faults import Faults
from sim.scenario.schema.pools import Pool
from sim.scenario.schema.run import Output, Routing, Run
from sim.scenario.schema.tiers import Tier
from sim.scenario.schema.topology import Topology
from sim.scenario.schema.traffic import Workload


class Scenario(Section):
    """What to simulate."""

    version: Literal[1] = 1
    """Version of this format."""
    name: Name
    """Name for reports and run folders."""
    description: Text = ""
    """What it is meant to show."""
    topology: Topology
    """Name of a shipped topology, a file relative to this one, or the topology itself."""
    catalog: Annotated[tuple[Reference, ...], Strict(False)] = ()
    """Files that add to the catalogue, relative to this one."""
    constants: Constants | None = None
    """Other values for constants of the catalogue, in this scenario alone."""
    coefficients: Annotated[tuple[Reference, ...], Strict(False)] = ()
    """Files of fitted coefficients, as `loadbank calibrate` writes them, relative to this one."""
    tiers: dict[Name, Tier] = Field(min_length=1)
    """SLA tiers by name, the most urgent first."""
    traffic: dict[Name, Workload] = Field(min_length=1)
    """Streams of requests by name."""
    pools: dict[Name, Pool] = Field(min_length=1)
    """Pools of replicas by name."""
    facility: Facility | None = None
    """Power control, electrical chain, cooling, faults, weather and grid; power is only metered
    where it is left out."""
    economics: Economics = Economics()
    """Who owns what and what it costs; an operator who owns all of it unless given."""
    routing: Routing = Routing()
    """How a request finds its pool."""
    faults: Faults | None = None
    """What breaks; nothing unless given."""
    run: Run = Run()
    """How long to simulate."""
    output: Output = Output()
    """What is recorded."""

    _base_dir: Path = PrivateAttr(default=Path())
    _positions: Positions = PrivateAttr(default=Positions())

    @property
    def base_dir(self) -> Path:
        """Folder to which the paths in the scenario are relative."""
        return self._base_dir

    @property
    def positions(self) -> Positions:
        """Where each part of it was written; nowhere if it comes from Python."""
        return self._positions

    @property
    def prefix_block_tokens(self) -> int:
        """Size of the blocks by which prefix caches know prompts [tokens]; 0 if there is none."""
        caches = [pool.batching.prefix_cache for pool in self.pools.values()]
        return next((cache.block_tokens for cache in caches if cache is not None), 0)

    @property
    def begins(self) -> datetime | None:
        """Instant of simulated time 0, if the scenario has one."""
        return self.facility.start if self.facility is not None else None

    def allowed_sites(self, region: str, tier: str) -> frozenset[str]:
        """Return the sites that may serve the requests of a region and tier."""
        allowed = frozenset(self.topology.sites)
        for limit in ((self.routing.residency or {}).get(region), self.tiers[tier].sites):
            if limit is not None:
                allowed &= frozenset(limit)
        return allowed

    def placed_in(self, base_dir: Path, positions: Positions) -> Self:
        """Return a copy that was written at ``positions``, its paths relative to ``base_dir``."""
        copy = self.model_copy()
        copy._base_dir, copy._positions = base_dir, positions
        return copy

    @field_validator("tiers", mode="before")
    @classmethod
    def _priority_by_position(cls, tiers: Any) -> Any:
        if not isinstance(tiers, dict):
            return tiers
        return {
            name: {"priority": place, **tier} if isinstance(tier, dict) else tier
            for place, (name, tier) in enumerate(tiers.items())
        }
