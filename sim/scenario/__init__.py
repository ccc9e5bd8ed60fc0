"""From YAML text to a validated, frozen description of what to simulate."""

from sim.scenario.load import load_scenario, load_topology

__all__ = ["load_scenario", "load_topology"]
