"""Loadbank: a discrete-event capacity simulator for AI-inference data centres.

from sim import load_scenario, simulate
result = simulate(load_scenario("quickstart"), seed=0)
result.summary["latency"]["tiers"]["premium"]["ttft_s"]["p99"]
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.economics.economics import economics
    from sim.errors import LoadbankError, PolicyError, ScenarioError, TraceError
    from sim.explain import explain
    from sim.result import Result
    from sim.routing.policies import PLACEMENTS
    from sim.run_control import RunControl
    from sim.simulate import load_scenario, simulate

_HOMES = {
    "LoadbankError": "sim.errors",
    "PLACEMENTS": "sim.routing.policies",
    "PolicyError": "sim.errors",
    "Result": "sim.result",
    "RunControl": "sim.run_control",
    "ScenarioError": "sim.errors",
    "TraceError": "sim.errors",
    "economics": "sim.economics.economics",
    "explain": "sim.explain",
    "load_scenario": "sim.simulate",
    "simulate": "sim.simulate",
}

__all__ = [
    "PLACEMENTS",
    "LoadbankError",
    "PolicyError",
    "Result",
    "RunControl",
    "ScenarioError",
    "TraceError",
    "economics",
    "explain",
    "load_scenario",
    "simulate",
]


class _Package(ModuleType):
    """Keeps `sim.simulate` the function: importing what has its name would hide it."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            if not hasattr(value, name):  # a folder: its function is found when it is asked for
                return
            value = getattr(value, name)
        super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the command starts in a tenth of the time."""
    if name not in _HOMES:
        message = f"module 'sim' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)


sys.modules[__name__].__class__ = _Package
