"""Fits step-time coefficients to a request log by running the simulated replica over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sim.calibration.replay import Limits, replay
from sim.calibration.run import Run
from sim.errors import InputError, Problem
from sim.interfaces import FloatArray, IntArray
from sim.performance.steptime import StepTime

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
    """Coefficients from request logs and how well they hold.

    Attributes:
        step_time: fitted to all requests.
        error: relative error of each statistic per run, shape (runs, 3, 5).
        held_out: the same on the second half of each run, fitted to the first halves only.
        half_step_time: those coefficients.
    """

    step_time: StepTime
    error: FloatArray
    held_out: FloatArray
    half_step_time: StepTime


def fit_runs(runs: Sequence[Run], limits: Limits, start: StepTime) -> RunFit:
    """Fit the fixed, token and KV coefficients to logs, with held-out halves as their score.

    Nelder-Mead on the logarithm of the three, through the replica's own event loop; a curve of new
    tokens follows the token coefficient. The other coefficients stay as they are in ``start``: such
    logs cannot tell them apart.

    Args:
        runs: requests sorted by arrival, with their measured token times.
        limits: settings of the engine that served them.
        start: first guess, such as the roofline.

    Raises:
        InputError: the logs are too small, or their load too uniform, for three coefficients.
    """
    _require_support(runs)
    whole = [slice(None)] * len(runs)
    first = [slice(0, len(run) // 2) for run in runs]
    second = [slice(len(run) // 2, len(run)) for run in runs]
    whole_fit = _search(runs, whole, limits, start)
    half_fit = _search(runs, first, limits, start)
    batch = [most_running(run) for run in runs]

    def errors(parts: list[slice], step_time: StepTime) -> FloatArray:
        pairs = zip(runs, parts, strict=True)
        return np.array([statistics_error(run, part, limits, step_time) for run, part in pairs])

    return RunFit(
        replace(
            whole_fit,
            batch_low=1.0,
            batch_high=float(max(batch)),
            context_high=float(max((r.input_tokens + r.output_tokens).max() for r in runs)),
        ),
        errors(whole, whole_fit),
        errors(second, half_fit),
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


def running(run: Run) -> IntArray:
    """Return how many requests were decoding at each first token."""
    return np.array(
        [
            np.sum((run.first_token_s <= moment) & (run.last_token_s > moment))
            for moment in run.first_token_s
        ]
    )


def most_running(run: Run) -> int:
    """Return the largest number of requests that were decoding together."""
    return int(running(run).max())


def _search(
    runs: Sequence[Run], parts: Sequence[slice], limits: Limits, start: StepTime
) -> StepTime:
    from scipy.optimize import minimize

    first = np.array([start.a_s, start.b_s_per_token, start.c_s_per_kv_token])

    def candidate(logs: FloatArray) -> StepTime:
        a, b, c = (first * np.exp(logs)).tolist()
        share = b / start.b_s_per_token
        curve = tuple((tokens, seconds * share) for tokens, seconds in start.curve)
        return replace(start, a_s=a, b_s_per_token=b, c_s_per_kv_token=c, curve=curve)

    def score(logs: FloatArray) -> float:
        step_time = candidate(logs)
        error = sum(
            np.abs(statistics_error(run, part, limits, step_time)[:, SCORED]).sum()
            for run, part in zip(runs, parts, strict=True)
        )
        return float(error / len(runs) + PULL * np.sum(logs**2))

    best = np.zeros(3)
    for spread in RESTARTS:
        corners = best + np.vstack([np.zeros(3), spread * np.eye(3)])
        best = minimize(
            score,
            best,
            method="Nelder-Mead",
            options={"maxfev": EVALUATIONS, "initial_simplex": corners},
        ).x
    return candidate(best)


def _require_support(runs: Sequence[Run]) -> None:
    problems = []
    requests = sum(len(run) for run in runs)
    if requests < FEWEST_REQUESTS:
        expected = f"at least {FEWEST_REQUESTS} requests, half of them kept aside for the score"
        problems.append(Problem("requests", str(requests), expected))
    elif np.median(np.concatenate([run.output_tokens for run in runs])) < 2:
        expected = "answers of several tokens; one token each says nothing about decoding"
        problems.append(Problem("output_tokens", "mostly 1", expected))
    else:
        low, high = np.percentile(np.concatenate([running(run) for run in runs]), (10, 90))
        if high < 2.0 * max(low, 1.0):
            expected = "a log whose batch at least doubles, so that fixed and per-token time differ"
            got = f"{low:.0f} to {high:.0f} running requests"
            problems.append(Problem("batch", got, expected))
    if problems:
        raise InputError(problems)
