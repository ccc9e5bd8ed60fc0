"""How long a rack lives without cooling: the published clocks, and the masses fitted to them.

The tests behind the clocks say when servers shut down, not which masses warmed up. One lumped mass
gives a time inversely proportional to power, so 189 s at 5 kW would mean 94 s at 10 kW, where less
than 60 s were seen. Two masses give both: air that warms quickly, and metal that takes part of the
heat with a delay. What the model lacks: the distribution over a rack's height, air that leaks in,
servers that raise their fans, and the walls of the hall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.errors import ModelLimitError
from sim.facility.build.constants import value
from sim.facility.cooling.thermal import TwoNode, propagator


@dataclass(frozen=True, slots=True)
class Clock:
    """A rack of a given power ran out of margin after a given time without cooling.

    Attributes:
        heat_w: power of the rack [W].
        time_s: time to its shutdown [s].
    """

    heat_w: float
    time_s: float


# Opengate Data Systems and Active Power, measured: 5 kW per rack 3 min 9 s; 10 kW and more "within
# a minute", taken as 55 s.
AIR_CLOCKS = (Clock(5_000.0, 189.0), Clock(10_000.0, 55.0))
MARGIN_K = value("rack.margin_k")
METAL_J_PER_K = value("rack.metal_j_per_k")
_IMPOSSIBLE = "no pair of masses gives these times to shutdown"


@dataclass(frozen=True, slots=True)
class ClockFit:
    """Masses that reproduce the clocks, and how well.

    Attributes:
        nodes: the fitted constants, without cooling.
        residuals: simulated over published time, minus 1, for each clock [1].
        lumped_j_per_k: the single mass that fits best [J/K].
        lumped_residuals: the same residuals for that single mass [1].
    """

    nodes: TwoNode
    residuals: tuple[float, ...]
    lumped_j_per_k: float
    lumped_residuals: tuple[float, ...]


def time_to_rise_s(nodes: TwoNode, heat_w: float, rise_k: float) -> float:
    """Return when the first node is ``rise_k`` above its start under constant heat [s].

    Without cooling the rise grows for ever, so there is such a time; found by bisection.

    Args:
        nodes: scalar constants without losses.
        heat_w: heat into the first node [W].
        rise_k: rise to reach [K].
    """
    capacity = float(np.asarray(nodes.first_j_per_k) + np.asarray(nodes.second_j_per_k))
    low_s, high_s = 0.0, rise_k * capacity / heat_w
    while high_s - low_s > 1e-9 * high_s:
        middle_s = 0.5 * (low_s + high_s)
        if _rise_k(nodes, heat_w, middle_s) < rise_k:
            low_s = middle_s
        else:
            high_s = middle_s
    return high_s


def fit_air_clocks(
    clocks: Sequence[Clock] = AIR_CLOCKS,
    margin_k: float = MARGIN_K,
    metal_j_per_k: float = METAL_J_PER_K,
) -> ClockFit:
    """Fit the mass of the air and its coupling to the metal to two clocks.

    Newton's method on the logarithms of both, from the two rates of warming that the clocks imply.

    Args:
        clocks: two published clocks; the hotter rack must be faster than in proportion.
        margin_k: rise at which servers shut down [K].
        metal_j_per_k: heat capacity of the metal [J/K].

    Raises:
        ModelLimitError: no masses give these clocks.
    """
    guess = np.log([clocks[-1].heat_w * clocks[-1].time_s / margin_k, 200.0])
    for _ in range(60):
        error = _errors(guess, clocks, margin_k, metal_j_per_k)
        if float(np.abs(error).max()) < 1e-10:
            break
        slope = np.empty((2, 2))
        for axis in range(2):
            moved = guess.copy()
            moved[axis] += 1e-6
            slope[:, axis] = (_errors(moved, clocks, margin_k, metal_j_per_k) - error) / 1e-6
        if abs(np.linalg.det(slope)) < 1e-12:
            raise ModelLimitError(_IMPOSSIBLE)
        guess = guess - np.clip(np.linalg.solve(slope, error), -1.0, 1.0)
    else:
        raise ModelLimitError(_IMPOSSIBLE)
    air_j_per_k, coupling = np.exp(guess).tolist()
    nodes = TwoNode(air_j_per_k, metal_j_per_k, coupling)
    times_s = [time_to_rise_s(nodes, clock.heat_w, margin_k) for clock in clocks]
    # One mass: t = C margin / P; least squares on relative times.
    ratio = np.array([margin_k / (clock.heat_w * clock.time_s) for clock in clocks])
    lumped = float(ratio.sum() / (ratio**2).sum())
    return ClockFit(
        nodes,
        tuple(time_s / clock.time_s - 1.0 for time_s, clock in zip(times_s, clocks, strict=True)),
        lumped,
        tuple((lumped * ratio - 1.0).tolist()),
    )


def _rise_k(nodes: TwoNode, heat_w: float, time_s: float) -> float:
    step = propagator(nodes, time_s).step(np.zeros(2), heat_w, 0.0)
    return float(step[0])


def _errors(
    logs: np.ndarray, clocks: Sequence[Clock], margin_k: float, metal_j_per_k: float
) -> np.ndarray:
    nodes = TwoNode(float(np.exp(logs[0])), metal_j_per_k, float(np.exp(logs[1])))
    rises = [_rise_k(nodes, clock.heat_w, clock.time_s) for clock in clocks]
    return np.array(rises) / margin_k - 1.0
