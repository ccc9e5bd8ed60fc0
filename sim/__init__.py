"""Loadbank: a discrete-event capacity simulator for AI-inference data centres.

    from sim import load_scenario, simulate
    result = simulate(load_scenario("quickstart"), seed=0)
    result.summary["latency"]["tiers"]["premium"]["ttft_s"]["p99"]
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.errors import LoadbankError, PolicyError, ScenarioError, TraceError
    from sim.explain import explain
    from sim.result import Result
    from sim.routing.policies import PLACEMENTS
    from sim.simulate import load_scenario, simulate

_HOMES = {
    "LoadbankError": "sim.errors",
    "PLACEMENTS": "sim.routing.policies",
    "PolicyError": "sim.errors",
    "Result": "sim.result",
    "ScenarioError": "sim.errors",
    "TraceError": "sim.errors",
    "explain": "sim.explain",
    "load_scenario": "sim.simulate",
    "simulate": "sim.simulate",
}

__all__ = [
    "PLACEMENTS",
    "LoadbankError",
    "PolicyError",
    "Result",
    "ScenarioError",
    "TraceError",
    "explain",
    "load_scenario",
    "simulate",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the command starts in a tenth of the time."""
    if name not in _HOMES:
        message = f"module 'sim' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)
