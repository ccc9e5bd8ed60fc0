"""The catalogue of hardware, models and regions: access by name and by kind of thing.

The entries themselves are defined in `sim.scenario.catalog_entries`.
"""

from __future__ import annotations

from sim.scenario.catalog_entries import (
    Accelerator,
    Efficiency,
    Entry,
    Model,
    NodeType,
    RackType,
    Region,
    Source,
    Sourced,
)

__all__ = [
    "Accelerator",
    "Efficiency",
    "Entry",
    "Model",
    "NodeType",
    "RackType",
    "Region",
    "Source",
    "Sourced",
]
