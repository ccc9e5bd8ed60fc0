"""Logistic fit of decode power over log2 of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sim.calibration.least_squares import mape
from sim.calibration.servers import ServerRun
from sim.errors import InputError, Problem
from sim.interfaces import FloatArray
from sim.performance.power import PhasePower
from sim.performance.steptime import StepTime

FEWEST_POINTS = 4
# Above this mean error of the logistic, the measured points themselves are the curve.
UNSMOOTH = 0.03


def logistic_w(batch: FloatArray, curve: PhasePower) -> FloatArray:
    """Return the decode power of a curve at several batches [W]."""
    return np.array([curve.decode_w(float(size)) for size in batch])


def fit_logistic(batch: FloatArray, watts: FloatArray, start: PhasePower) -> PhasePower:
    """Return a curve through measured decode power, by bounded relative least squares.

    Args:
        batch: sequences that decode, shape (n,).
        watts: power of one accelerator [W], shape (n,).
        start: gives idle, prefill and limit power, which decode power does not tell.

    Raises:
        InputError: fewer than four different batches, or one doubling between the extremes.
    """
    from scipy.optimize import least_squares

    sizes = np.unique(batch)
    if len(sizes) < FEWEST_POINTS or sizes[-1] < 2.0 * sizes[0]:
        expected = f"power at {FEWEST_POINTS} batches or more that span a factor of two"
        raise InputError([Problem("power", f"{len(sizes)} batches", expected)])
    low, high = float(watts.min()), float(watts.max())
    doublings = np.log2(batch)

    def errors(values: FloatArray) -> FloatArray:
        floor, rise, steepness, middle = values
        curve = floor + rise / (1.0 + np.exp(-steepness * (doublings - middle)))
        return np.asarray(curve / watts - 1.0)

    spread = max(high - low, 1.0)
    fit = least_squares(
        errors,
        (low, spread, 1.0, float(np.clip(np.median(doublings), 0.0, 12.0))),
        bounds=((0.0, 0.0, 0.2, -2.0), (high, 3.0 * spread + 1.0, 8.0, 14.0)),
    )
    floor, rise, steepness, middle = (float(value) for value in fit.x)
    return replace(
        start,
        floor_w=floor,
        rise_w=rise,
        steepness=steepness,
        midpoint_log2=middle,
        batch_low=float(sizes[0]),
        batch_high=float(sizes[-1]),
    )


def fit_server_power(
    runs: Sequence[ServerRun], step_time: StepTime, start: PhasePower
) -> PhasePower:
    """Return the decode curve of a server whose measured power is a mean over prompts too.

    The share of time that prompt tokens add runs at prefill power; it is taken out first.

    Args:
        runs: operating points with their mean power.
        step_time: coefficients of the configuration.
        start: gives idle, prefill and limit power.
    """
    batch = np.array([run.batch for run in runs])
    mean_w = np.array([run.power_w for run in runs])
    prompts = np.array([run.batch / run.output_tokens * run.prompt_tokens for run in runs])
    step_s = np.array([run.mean_step_s for run in runs])
    share = np.minimum(step_time.b_s_per_token * prompts / step_s, 0.8)
    decode_w = (mean_w - share * start.prefill_w) / (1.0 - share)
    decode_w = np.clip(decode_w, 0.5 * mean_w, mean_w)
    curve = fit_logistic(batch, decode_w, start)
    if mape(logistic_w(batch, curve), decode_w) <= UNSMOOTH:
        return curve
    order = np.argsort(batch)
    points = zip(batch[order].tolist(), decode_w[order].tolist(), strict=True)
    return replace(curve, points=tuple(points))
