"""What the simulator understood of a scenario or a topology, before anything runs."""

from sim.explain.explanation import explain, explain_topology, explain_world
from sim.explain.views import Explanation

__all__ = ["Explanation", "explain", "explain_topology", "explain_world"]
