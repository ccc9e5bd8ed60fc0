"""How many accelerators a replica needs, found by trying."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sim.errors import ScenarioError
from sim.simulate import load_scenario
from sim.world import World

MOST = 128


def smallest_degree(make: Callable[[int], Mapping[str, Any]], tokens: float) -> int:
    """Return the least power of two of accelerators that hold the model and some tokens; 0 if none.

    Args:
        make: returns a scenario, whose first pool spreads replicas over a number of accelerators.
        tokens: that the KV memory of a replica has to hold.

    Raises:
        ScenarioError: no number works, and the scenario says why.
    """
    degree, problem = 1, None
    while degree <= MOST:
        try:
            world = World(load_scenario(make(degree)), seed=0)
        except ScenarioError as error:
            problem = error
        else:
            if world.pool_numbers[0].kv_tokens >= tokens:
                return degree
        degree *= 2
    if problem is not None:
        raise problem
    return 0
