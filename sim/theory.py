"""Closed-form queueing theory and exact recursions: what the simulator is checked against.

Symbols follow the textbooks: arrivals at `rate_per_s`, mean service time `service_s`, `servers`
in parallel, offered load a = rate x service [erlang], utilisation rho = a / servers. A station
with rho >= 1 has no steady state, and its mean wait is `math.inf`, never a large finite number.
"""

from __future__ import annotations

import math
from heapq import heapify, heapreplace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import ModelLimitError

FloatArray = NDArray[np.float64]


def fcfs_waits(arrival_s: FloatArray, service_s: FloatArray, servers: int = 1) -> FloatArray:
    """Return the exact first-come first-served waits of G/G/c on given random numbers.

    This is the recursion of Kiefer and Wolfowitz (Trans. AMS 78, 1955, doi
    10.1090/S0002-9947-1955-0066587-3) on a heap of the instants at which servers become free; the
    arithmetic is that of an event simulation (start = max(arrival, free), free = start + service).

    Args:
        arrival_s: arrival instants, non-decreasing, shape (n,) [s].
        service_s: work of each arrival, shape (n,) [s].
        servers: number of parallel servers, at least 1.

    Returns:
        Wait of each arrival, shape (n,) [s].
    """
    free_s = [-math.inf] * _whole(servers, "servers")
    heapify(free_s)
    waits = np.empty(len(arrival_s))
    arrivals = np.asarray(arrival_s, float).tolist()
    work = np.asarray(service_s, float).tolist()
    for number, (arrival, service) in enumerate(zip(arrivals, work, strict=True)):
        start = max(arrival, free_s[0])
        waits[number] = start - arrival
        heapreplace(free_s, start + service)
    return waits


def lindley_waits(arrival_s: FloatArray, service_s: FloatArray) -> FloatArray:
    """Return the waits of G/G/1 by Lindley's recursion, vectorised.

    W(n+1) = max(0, W(n) + S(n) - T(n)), with T(n) the time between arrivals n and n+1 (Lindley,
    Math. Proc. Cambridge 48, 1952, doi 10.1017/S0305004100027638), written as a random walk minus
    its running minimum. The walk adds rounding errors, so use `fcfs_waits` to compare bits.

    Args:
        arrival_s: arrival instants, non-decreasing, shape (n,) [s].
        service_s: work of each arrival, shape (n,) [s].
    """
    steps = np.asarray(service_s, float)[:-1] - np.diff(np.asarray(arrival_s, float))
    walk = np.concatenate(([0.0], np.cumsum(steps)))[: len(arrival_s)]
    waits: FloatArray = walk - np.minimum.accumulate(walk)
    return waits


def erlang_b(servers: int, offered_erlang: float) -> float:
    """Return the blocking probability of M/G/c/c.

    Erlang's B formula by the stable recursion B(k) = a B(k-1) / (k + a B(k-1)), B(0) = 1
    (Jagerman, Bell Syst. Tech. J. 53, 1974, doi 10.1002/j.1538-7305.1974.tb02756.x).

    Args:
        servers: number of servers, which is also the number of places.
        offered_erlang: offered load a = rate x mean service time [erlang].
    """
    load = _positive(offered_erlang, "offered_erlang")
    blocking = 1.0
    for count in range(1, _whole(servers, "servers") + 1):
        blocking = load * blocking / (count + load * blocking)
    return blocking


def erlang_c(servers: int, offered_erlang: float) -> float:
    """Return the probability that an arrival of M/M/c waits, 1 where there is no steady state.

    C = B / (1 - rho (1 - B)) with B of `erlang_b` (Cooper, Introduction to Queueing Theory, 1981).

    Args:
        servers: number of servers.
        offered_erlang: offered load a = rate x mean service time [erlang].
    """
    rho = offered_erlang / _whole(servers, "servers")
    if rho >= 1.0:
        return 1.0
    blocking = erlang_b(servers, offered_erlang)
    return blocking / (1.0 - rho * (1.0 - blocking))


def mmc_mean_wait_s(rate_per_s: float, service_s: float, servers: int = 1) -> float:
    """Return the mean wait of M/M/c: C service / (c - a), with C of `erlang_c` [s].

    With one server this is rho service / (1 - rho), the M/M/1 queue. Source: Cooper 1981.

    Args:
        rate_per_s: Poisson arrival rate [1/s].
        service_s: mean of the exponential service time [s].
        servers: number of servers.
    """
    load = _positive(rate_per_s, "rate_per_s") * _positive(service_s, "service_s")
    if load >= servers:
        return math.inf
    return erlang_c(servers, load) * service_s / (servers - load)


def mmc_wait_above(rate_per_s: float, service_s: float, servers: int, wait_s: float) -> float:
    """Return P(wait > wait_s) of M/M/c: C exp(-(c - a) wait_s / service_s).

    Args:
        rate_per_s: Poisson arrival rate [1/s].
        service_s: mean of the exponential service time [s].
        servers: number of servers.
        wait_s: the threshold [s], at least 0.

    Source: Cooper 1981; the wait of those who wait is exponential.
    """
    load = _positive(rate_per_s, "rate_per_s") * _positive(service_s, "service_s")
    if load >= servers:
        return 1.0
    return erlang_c(servers, load) * math.exp(-(servers - load) * wait_s / service_s)


def mmc_wait_quantile_s(
    rate_per_s: float, service_s: float, servers: int, probability: float
) -> float:
    """Return the wait that a fraction `probability` of M/M/c arrivals does not exceed [s].

    The inverse of `mmc_wait_above`; 0 where that many arrivals do not wait at all.

    Args:
        rate_per_s: Poisson arrival rate [1/s].
        service_s: mean of the exponential service time [s].
        servers: number of servers.
        probability: level in [0, 1), such as 0.99.
    """
    load = _positive(rate_per_s, "rate_per_s") * _positive(service_s, "service_s")
    if not 0.0 <= probability < 1.0:
        raise ModelLimitError(f"probability must be in [0, 1), got {probability}")
    if load >= servers:
        return math.inf
    ratio = erlang_c(servers, load) / (1.0 - probability)
    return max(0.0, math.log(ratio) * service_s / (servers - load)) if ratio > 0.0 else 0.0


def mm1_sojourn_quantile_s(rate_per_s: float, service_s: float, probability: float) -> float:
    """Return the quantile of the time in an M/M/1 station, wait and service together [s].

    The sojourn is exponential with mean service / (1 - rho) (Cooper 1981).

    Args:
        rate_per_s: Poisson arrival rate [1/s].
        service_s: mean of the exponential service time [s].
        probability: level in [0, 1), such as 0.99.
    """
    load = _positive(rate_per_s, "rate_per_s") * _positive(service_s, "service_s")
    if load >= 1.0:
        return math.inf
    return -math.log1p(-probability) * service_s / (1.0 - load)


def mg1_mean_wait_s(rate_per_s: float, service_s: float, service_cv: float) -> float:
    """Return the mean wait of M/G/1 [s].

    Pollaczek and Khinchine: rho service (1 + cv^2) / (2 (1 - rho)) (Cooper 1981).

    Args:
        rate_per_s: Poisson arrival rate [1/s].
        service_s: mean service time [s].
        service_cv: standard deviation of the service time over its mean.
    """
    load = _positive(rate_per_s, "rate_per_s") * _positive(service_s, "service_s")
    if load >= 1.0:
        return math.inf
    return load * service_s * (1.0 + service_cv**2) / (2.0 * (1.0 - load))


def md1_mean_wait_s(rate_per_s: float, service_s: float) -> float:
    """Return the mean wait of M/D/1, half of that of M/M/1 [s].

    Args:
        rate_per_s: Poisson arrival rate [1/s].
        service_s: constant service time [s].
    """
    return mg1_mean_wait_s(rate_per_s, service_s, service_cv=0.0)


def mmck_probabilities(
    rate_per_s: float, service_s: float, servers: int, places: int
) -> FloatArray:
    """Return the steady-state probabilities of 0..places requests in M/M/c/K, shape (places + 1,).

    The birth-death balance p(n) min(n, c) / service = rate p(n-1) (Cooper 1981). The last entry is
    the probability that an arrival is turned away.

    Args:
        rate_per_s: Poisson arrival rate [1/s].
        service_s: mean of the exponential service time [s].
        servers: number of servers.
        places: requests that fit, in service and waiting together, at least `servers`.
    """
    if _whole(places, "places") < _whole(servers, "servers"):
        raise ModelLimitError(f"places must be at least servers ({servers}), got {places}")
    load = _positive(rate_per_s, "rate_per_s") * _positive(service_s, "service_s")
    states = np.arange(1, places + 1)
    logs = np.concatenate(([0.0], np.cumsum(np.log(load / np.minimum(states, servers)))))
    weights = np.exp(logs - logs.max())
    probabilities: FloatArray = weights / weights.sum()
    return probabilities


def mmck_mean_wait_s(rate_per_s: float, service_s: float, servers: int, places: int) -> float:
    """Return the mean wait of the requests that M/M/c/K accepts, by Little's law [s].

    Args:
        rate_per_s: Poisson arrival rate [1/s].
        service_s: mean of the exponential service time [s].
        servers: number of servers.
        places: requests that fit, in service and waiting together.
    """
    probabilities = mmck_probabilities(rate_per_s, service_s, servers, places)
    waiting = float(np.maximum(np.arange(places + 1) - servers, 0) @ probabilities)
    return waiting / (rate_per_s * (1.0 - float(probabilities[-1])))


def ggc_mean_wait_s(
    rate_per_s: float, service_s: float, servers: int, arrival_cv: float, service_cv: float
) -> float:
    """Return the Allen-Cunneen approximation of the mean wait of G/G/c [s].

    M/M/c scaled by the mean of both squared variation coefficients; exact for M/M/c and M/G/1
    (Allen, Probability, Statistics and Queueing Theory, 2nd ed. 1990, section 5.4.1).

    Args:
        rate_per_s: arrival rate [1/s].
        service_s: mean service time [s].
        servers: number of servers.
        arrival_cv: standard deviation of the time between arrivals over its mean.
        service_cv: standard deviation of the service time over its mean.
    """
    spread = (arrival_cv**2 + service_cv**2) / 2.0
    return mmc_mean_wait_s(rate_per_s, service_s, servers) * spread


def _positive(value: float, name: str) -> float:
    if not (value > 0.0 and math.isfinite(value)):
        raise ModelLimitError(f"{name} must be a positive number, got {value}")
    return value


def _whole(value: Any, name: str) -> int:
    if value != int(value) or value < 1:
        raise ModelLimitError(f"{name} must be a whole number of at least 1, got {value}")
    return int(value)
