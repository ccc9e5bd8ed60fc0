"""Fits step-time coefficients to a request log by running the simulated replica over it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sim.calibration.replay import Limits, replay
from sim.calibration.run import Run
from sim.errors import InputError, Problem
from sim.interfaces import FloatArray
from sim.serving.steptime import StepTime

FEWEST_REQUESTS = 40
EVALUATIONS = 120
# The fixed and the KV term trade against each other; among equals the physical ones win.
PULL = 0.02
# A fresh simplex around the best point so far leaves the valleys in which the first one stops.
RESTARTS = (0.3, -0.2, 0.1)
# Mean, p50 and p90 of TTFT, TPOT and E2E count; the far tail is left for the score.
SCORED = slice(0, 3)


@dataclass(frozen=True, slots=True)
class RunFit:
    """Coefficients from a request log and how well they hold.

    Attributes:
        step_time: fitted to the whole log.
        error: relative error of each statistic on the whole log, shape (3, 5).
        held_out: the same on the second half, with coefficients fitted to the first half only.
        half_step_time: those coefficients.
    """

    step_time: StepTime
    error: FloatArray
    held_out: FloatArray
    half_step_time: StepTime


def fit_run(run: Run, limits: Limits, start: StepTime) -> RunFit:
    """Fit the fixed, token and KV coefficients to a log, with a held-out half as its score.

    Nelder-Mead on the logarithm of the three, through the replica's own event loop. The other
    coefficients stay as they are in ``start``: one run cannot tell them apart.

    Args:
        run: requests sorted by arrival, with their measured token times.
        limits: settings of the engine that served them.
        start: first guess, such as the roofline.

    Raises:
        InputError: the log is too small, or its load too uniform, for three coefficients.
    """
    _require_support(run)
    half = slice(0, len(run) // 2)
    rest = slice(len(run) // 2, len(run))
    whole_fit = _search(run, slice(None), limits, start)
    half_fit = _search(run, half, limits, start)
    return RunFit(
        whole_fit,
        statistics_error(run, slice(None), limits, whole_fit),
        statistics_error(run, rest, limits, half_fit),
        half_fit,
    )


def statistics_error(run: Run, rows: slice, limits: Limits, step_time: StepTime) -> FloatArray:
    """Return the simulator's relative error of each statistic of some requests, shape (3, 5).

    Args:
        run: the measured run; all of it is simulated.
        rows: requests whose statistics are compared.
        limits: settings of the engine.
        step_time: coefficients of one engine step.
    """
    simulated = replay(run, step_time, limits)
    return simulated.part(rows).statistics() / run.part(rows).statistics() - 1.0


def _search(run: Run, rows: slice, limits: Limits, start: StepTime) -> StepTime:
    from scipy.optimize import minimize

    first = np.array([start.a_s, start.b_s_per_token, start.c_s_per_kv_token])

    def candidate(logs: FloatArray) -> StepTime:
        a, b, c = (first * np.exp(logs)).tolist()
        return replace(start, a_s=a, b_s_per_token=b, c_s_per_kv_token=c)

    def score(logs: FloatArray) -> float:
        error = statistics_error(run, rows, limits, candidate(logs))
        return float(np.abs(error[:, SCORED]).sum() + PULL * np.sum(logs**2))

    best = np.zeros(3)
    for spread in RESTARTS:
        corners = best + np.vstack([np.zeros(3), spread * np.eye(3)])
        options = {"maxfev": EVALUATIONS, "initial_simplex": corners}
        best = minimize(score, best, method="Nelder-Mead", options=options).x
    return candidate(best)


def _require_support(run: Run) -> None:
    problems = []
    if len(run) < FEWEST_REQUESTS:
        expected = f"at least {FEWEST_REQUESTS} requests, half of them kept aside for the score"
        problems.append(Problem("requests", str(len(run)), expected))
    elif np.median(run.output_tokens) < 2:
        expected = "answers of several tokens; one token each says nothing about decoding"
        problems.append(Problem("output_tokens", "mostly 1", expected))
    else:
        problems += _uniform(run)
    if problems:
        raise InputError(problems)


def _uniform(run: Run) -> list[Problem]:
    """Return what is missing if the batch never changed during the run."""
    running = [
        int(np.sum((run.first_token_s <= moment) & (run.last_token_s > moment)))
        for moment in run.first_token_s
    ]
    low, high = np.percentile(running, (10, 90))
    if high >= 2.0 * max(low, 1.0):
        return []
    expected = "a log whose batch at least doubles, so that fixed and per-token time differ"
    return [Problem("batch", f"{low:.0f} to {high:.0f} running requests", expected)]
