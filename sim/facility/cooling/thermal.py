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


def propagator(nodes: TwoNode, step_s: float) -> Propagator:
    """Return the exact step of ``step_s`` seconds."""
    c1, c2 = np.asarray(nodes.first_j_per_k, float), np.asarray(nodes.second_j_per_k, float)
    g = np.asarray(nodes.coupling_w_per_k, float)
    l1 = np.asarray(nodes.first_loss_w_per_k, float)
    l2 = np.asarray(nodes.second_loss_w_per_k, float)
    a, b, c, d = np.broadcast_arrays(-(g + l1) / c1, g / c1, g / c2, -(g + l2) / c2)
    spread = np.sqrt((a - d) ** 2 + 4.0 * b * c)
    fast = 0.5 * (a + d - spread)
    # The slow rate from the determinant: the difference of two large numbers would lose it.
    slow = (g * (l1 + l2) + l1 * l2) / (c1 * c2) / fast
    matrix = np.array([[a, b], [c, d]])
    unit = np.eye(2)[:, :, None] if matrix.ndim == 3 else np.eye(2)
    of_slow = (matrix - fast * unit) / (slow - fast)
    of_fast = unit - of_slow
    keep = of_slow * np.exp(slow * step_s) + of_fast * np.exp(fast * step_s)
    gain = step_s * (of_slow * _mean_exp(slow * step_s) + of_fast * _mean_exp(fast * step_s))
    return Propagator(keep, gain, nodes)


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


def _mean_exp(exponent: FloatArray) -> FloatArray:
    """Return the mean of exp over 0 to ``exponent``, 1 at 0."""
    safe = np.where(exponent == 0.0, 1.0, exponent)
    return np.asarray(np.where(exponent == 0.0, 1.0, np.expm1(safe) / safe))
