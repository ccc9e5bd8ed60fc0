"""Fits of the usual arrival models to a trace, by maximum likelihood."""

from __future__ import annotations

import math

import numpy as np

from sim.interfaces import FloatArray, IntArray
from sim.traffic.arrivals.arrivals import GammaRenewal, Poisson, WeibullRenewal
from sim.traffic.arrivals.switching import State, Switching
from sim.traffic.fitting.statistics import counts
from sim.traffic.trace import Trace

_NEWTON_STEPS = 60
_EM_STEPS = 40
_MOST_BINS = 3000
_SHORTEST_GAP_S = 1e-6


def fit_poisson(trace: Trace) -> Poisson:
    """Return the Poisson process of the trace's rate."""
    return Poisson(trace.rate_per_s)


def fit_gamma(trace: Trace) -> GammaRenewal:
    """Return the gamma renewal process of greatest likelihood.

    With s = log(mean) - mean(log), the shape solves log(k) - digamma(k) = s (T. P. Minka,
    Estimating a Gamma distribution, 2002).
    """
    gaps = _gaps(trace)
    spread = max(math.log(gaps.mean()) - float(np.log(gaps).mean()), 1e-9)
    shape = (3 - spread + math.sqrt((spread - 3) ** 2 + 24 * spread)) / (12 * spread)
    for _ in range(_NEWTON_STEPS):
        step = (math.log(shape) - _digamma(shape) - spread) / (1 / shape - _trigamma(shape))
        shape = max(shape - step, shape / 10)
        if abs(step) < 1e-10 * shape:
            break
    return GammaRenewal(trace.rate_per_s, shape**-0.5)


def fit_weibull(trace: Trace) -> WeibullRenewal:
    """Return the Weibull renewal process of greatest likelihood, its shape by bisection."""
    gaps = _gaps(trace)
    logs = np.log(gaps / gaps.max())

    def slope(shape: float) -> float:
        power = np.exp(shape * logs)
        return float(power @ logs / power.sum() - 1 / shape - logs.mean())

    low, high = 0.02, 50.0
    for _ in range(_NEWTON_STEPS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return WeibullRenewal(trace.rate_per_s, math.sqrt(low * high))


def fit_mmpp(trace: Trace) -> Switching:
    """Return a Poisson process that switches between two rates, by expectation maximisation.

    The counts in bins of a second (longer for long traces) are a hidden Markov chain (L. R.
    Rabiner, Proc. IEEE 77, 1989, doi 10.1109/5.18626).
    """
    bin_s = max(1.0, trace.span_s / _MOST_BINS)
    per_bin = counts(trace.arrival_s, bin_s, trace.span_s)
    if len(per_bin) < 10 or per_bin.var() == 0:
        return Switching((State(trace.rate_per_s, 60.0), State(trace.rate_per_s, 60.0)))
    rates = np.quantile(per_bin, [0.25, 0.75]) + np.array([0.01, 0.1])
    stay = np.array([0.95, 0.95])
    for _ in range(_EM_STEPS):
        weight, stays = _expectation(per_bin, rates, stay)
        in_state = weight.sum(axis=0)
        rates = np.maximum(per_bin @ weight / in_state, 1e-6)
        stay = np.clip(stays / weight[:-1].sum(axis=0), 1e-6, 1 - 1e-6)
    states = (
        State(float(rate) / bin_s, bin_s / float(1 - keep))
        for rate, keep in zip(rates, stay, strict=True)
    )
    return Switching(tuple(states))


def _expectation(
    per_bin: IntArray, rates: FloatArray, stay: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the probability of each state per bin, and the expected number of stays.

    Two states in plain floats: a loop over numpy arrays of two elements is ten times slower.
    """
    log_likelihood = per_bin[:, None] * np.log(rates) - rates
    scaled = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    likely = scaled.tolist()
    a, b = float(stay[0]), float(stay[1])
    forward, p, q = [], 0.5, 0.5
    for first, second in likely:
        p, q = (p * a + q * (1 - b)) * first, (p * (1 - a) + q * b) * second
        total = p + q
        p, q = p / total, q / total
        forward.append((p, q))
    backward, p, q = [(1.0, 1.0)], 1.0, 1.0
    for first, second in likely[:0:-1]:
        p, q = a * first * p + (1 - a) * second * q, (1 - b) * first * p + b * second * q
        total = p + q
        p, q = p / total, q / total
        backward.append((p, q))
    ahead, behind = np.array(forward), np.array(backward[::-1])
    weight = ahead * behind
    weight /= weight.sum(axis=1, keepdims=True)
    step = np.array([[a, 1 - a], [1 - b, b]])
    pairs = ahead[:-1, :, None] * step * (scaled[1:] * behind[1:])[:, None, :]
    pairs /= pairs.sum(axis=(1, 2), keepdims=True)
    return weight, np.array([pairs[:, 0, 0].sum(), pairs[:, 1, 1].sum()])


def _gaps(trace: Trace) -> FloatArray:
    return np.maximum(np.diff(trace.arrival_s), _SHORTEST_GAP_S)


def _digamma(x: float) -> float:
    """Return the logarithmic derivative of the gamma function (Abramowitz and Stegun 6.3.18)."""
    shift = 0.0
    while x < 6:
        shift -= 1 / x
        x += 1
    inverse = x**-2
    series = inverse * (1 / 12 - inverse * (1 / 120 - inverse * (1 / 252 - inverse / 240)))
    return shift + math.log(x) - 0.5 / x - series


def _trigamma(x: float) -> float:
    """Return the derivative of `_digamma` (Abramowitz and Stegun 6.4.12)."""
    shift = 0.0
    while x < 6:
        shift += x**-2
        x += 1
    inverse = x**-2
    series = inverse * (1 / 6 - inverse * (1 / 30 - inverse * (1 / 42 - inverse / 30)))
    return shift + 1 / x + 0.5 * inverse + series / x
