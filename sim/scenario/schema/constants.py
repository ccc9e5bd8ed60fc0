"""Constants of the catalogue that a scenario sets to other values, as a catalogue file has them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from sim.scenario.schema.base import Reference, Section

Entries = dict[Reference, dict[str, Any]]


class Constants(Section):
    """Other values for entries of the catalogue; each counts as a guess of the user."""

    accelerators: Entries = Field(default={})
    """Such as ``h100-sxm: {power: {prefill: 650 W}}``."""
    models: Entries = Field(default={})
    """Such as ``qwen3-32b: {kv_per_token: 128 KiB}``."""
    nodes: Entries = Field(default={})
    """Such as ``server-8x-h100-air: {network: 300 W}``."""
    racks: Entries = Field(default={})
    """Such as ``hgx-h100-air: {base: 400 W}``."""
    regions: Entries = Field(default={})
    """Such as ``germany: {price: 0.15 USD/kWh}``."""
    owners: Entries = Field(default={})
    """Such as ``operator: {cost_of_capital: 8 %}``."""
