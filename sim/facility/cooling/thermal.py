"""Two coupled thermal masses per rack, solved in closed form while power and cooling are constant.

    C1 dT1/dt = q - G (T1 - T2) - L1 (T1 - Ts)
    C2 dT2/dt =     G (T1 - T2) - L2 (T2 - Ts)

Air-cooled rack: node 1 is the air at its inlet, into which heat returns, node 2 the metal around
it; cooling acts on the air (L1). Liquid-cooled rack: node 1 are chips and cold plates, node 2 the
coolant of the loop; the loop gives heat to the facility water (L2). Form of the air model: heating
that decays from a maximum to a minimum rate, Khankari, ASHRAE Transactions 117-1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.interfaces import FloatArray


@dataclass(frozen=True, slots=True)
class TwoNode:
    """Constants of the racks, each of shape (racks,) or a scalar.

    Attributes:
        first_j_per_k: heat capacity C1 of the node that takes the heat [J/K].
        second_j_per_k: heat capacity C2 of the other node [J/K].
        coupling_w_per_k: conductance G between them, above 0 [W/K].
        first_loss_w_per_k: conductance L1 from the first node to the coolant supply [W/K].
        second_loss_w_per_k: conductance L2 from the second node to the coolant supply [W/K].
    """

    first_j_per_k: FloatArray | float
    second_j_per_k: FloatArray | float
    coupling_w_per_k: FloatArray | float
    first_loss_w_per_k: FloatArray | float = 0.0
    second_loss_w_per_k: FloatArray | float = 0.0


@dataclass(frozen=True, slots=True)
class Propagator:
    """The exact step of fixed length: new state = keep old state + gain sources.

    Attributes:
        keep: the matrix exponential, shape (2, 2, racks) [1].
        gain: its integral over the step, shape (2, 2, racks) [s].
        nodes: the constants it was made for.
    """

    keep: FloatArray
    gain: FloatArray
    nodes: TwoNode

    def step(
        self, state_c: FloatArray, heat_w: FloatArray | float, supply_c: FloatArray | float
    ) -> FloatArray:
        """Return the temperatures after the step [degC].

        Args:
            state_c: temperatures of both nodes, shape (2, racks) [degC].
            heat_w: heat into the first node [W].
            supply_c: temperature of the coolant supply [degC].
        """
        nodes = self.nodes
        loss1, loss2 = np.asarray(nodes.first_loss_w_per_k), np.asarray(nodes.second_loss_w_per_k)
        source1 = (np.asarray(heat_w) + loss1 * supply_c) / nodes.first_j_per_k
        source2 = loss2 * np.asarray(supply_c) / nodes.second_j_per_k
        keep, gain = self.keep, self.gain
        new = keep[:, 0] * state_c[0] + keep[:, 1] * state_c[1]
        return np.asarray(new + gain[:, 0] * source1 + gain[:, 1] * source2)

    def per_supply(self) -> FloatArray:
        """Return how much warmer the nodes end for a supply 1 K warmer, shape (2, racks) [1]."""
        nodes, gain = self.nodes, self.gain
        first = nodes.first_loss_w_per_k / np.asarray(nodes.first_j_per_k)
        second = nodes.second_loss_w_per_k / np.asarray(nodes.second_j_per_k)
        return np.asarray(gain[:, 0] * first + gain[:, 1] * second)


def propagator(nodes: TwoNode, step_s: float) -> Propagator:
    """Return the exact step of ``step_s`` seconds."""
    c1, c2 = np.asarray(nodes.first_j_per_k, float), np.asarray(nodes.second_j_per_k, float)
    g = np.asarray(nodes.coupling_w_per_k, float)
    l1 = np.asarray(nodes.first_loss_w_per_k, float)
    l2 = np.asarray(nodes.second_loss_w_per_k, float)
    b, c = g / c1, g / c2
    a, d = -b - l1 / c1, -c - l2 / c2
    fast = 0.5 * (a + d - np.sqrt((a - d) ** 2 + 4.0 * b * c))
    # The slow rate from the determinant: the difference of two large numbers would lose it.
    slow = (g * (l1 + l2) + l1 * l2) / (c1 * c2) / fast
    fast_left, slow_left = np.expm1(fast * step_s), np.expm1(slow * step_s)
    fast_s, slow_s = fast_left / fast, _integral(slow, slow_left, step_s)
    apart = slow - fast
    keep = _of_matrix(fast_left + 1.0, (slow_left - fast_left) / apart, a - fast, b, c, d - fast)
    gain = _of_matrix(fast_s, (slow_s - fast_s) / apart, a - fast, b, c, d - fast)
    return Propagator(keep, gain, nodes)


def _of_matrix(
    same: FloatArray, factor: FloatArray, a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray
) -> FloatArray:
    """Return ``same I + factor M`` for every rack."""
    parts = np.broadcast_arrays(same + factor * a, factor * b, factor * c, same + factor * d)
    return np.array(parts).reshape(2, 2, *parts[0].shape)


def stored_j(nodes: TwoNode, change_c: FloatArray) -> FloatArray:
    """Return the heat that a change of temperature stores in both nodes [J].

    Args:
        nodes: the constants.
        change_c: change of both temperatures, shape (2, racks) [K].
    """
    first = np.asarray(nodes.first_j_per_k) * change_c[0]
    return np.asarray(first + np.asarray(nodes.second_j_per_k) * change_c[1])


def steady_c(
    nodes: TwoNode, heat_w: FloatArray | float, supply_c: FloatArray | float
) -> FloatArray:
    """Return the temperatures at which heat in equals heat out, shape (2, racks) [degC].

    Args:
        nodes: the constants; one of the losses is above 0.
        heat_w: heat into the first node [W].
        supply_c: temperature of the coolant supply [degC].
    """
    g = np.asarray(nodes.coupling_w_per_k, float)
    l1 = np.asarray(nodes.first_loss_w_per_k, float)
    l2 = np.asarray(nodes.second_loss_w_per_k, float)
    first = np.asarray(heat_w) / (l1 + g * l2 / (g + l2))
    second = first * g / (g + l2)
    return np.asarray(np.stack(np.broadcast_arrays(supply_c + first, supply_c + second)))


def _integral(rate: FloatArray, change: FloatArray, step_s: float) -> FloatArray:
    """Return the integral of ``exp(rate t)`` over a step, its length at rate 0 [s]."""
    still = rate == 0.0
    return np.asarray(np.where(still, step_s, change / np.where(still, 1.0, rate)))
