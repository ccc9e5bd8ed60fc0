"""Serves a whole-server operating point in the simulator and reads off what was published."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.calibration.replay import Limits, replay_with_power
from sim.calibration.run import Run
from sim.calibration.servers import MAX_NUM_BATCHED_TOKENS, ServerRun, lognormal
from sim.interfaces import ACTIVITY_COLUMNS, FloatArray, IntArray, PowerCurve
from sim.performance.steptime import StepTime
from sim.rng import Streams
from sim.serving.kv.windows import Window

# Only mean answer lengths are published; the spread is a guess, the same for every run.
OUTPUT_CV = 0.5
# Requests per place: one round to fall out of step, the others to measure.
ROUNDS = 4
START, END, WATTS, BATCH, PROMPTS, OUTPUTS = (
    ACTIVITY_COLUMNS.index(name)
    for name in ("start_s", "end_s", "accelerator_w", "batch", "prompt_tokens", "output_tokens")
)


def simulate_server(
    run: ServerRun,
    step_time: StepTime,
    curve: PowerCurve,
    window: Window | None = None,
    seed: int = 0,
) -> ServerRun:
    """Return what the simulator makes of an operating point.

    All requests wait at the start and ``batch`` of them run at a time, as in the measurement. What
    counts is the stretch between the end of the first ``batch`` requests and the moment when the
    queue is empty.

    Args:
        run: the operating point; its measured times and power are ignored.
        step_time: coefficients of one engine step.
        curve: power of one accelerator.
        window: layers of the model that read no further back, None without them.
        seed: of the lengths.
    """
    places = max(1, round(run.batch))
    requests = _requests(run, ROUNDS * places + 8, seed)
    limits = Limits(places, MAX_NUM_BATCHED_TOKENS, window=window)
    served, activity = replay_with_power(requests, step_time, limits, curve)
    begin_s = float(np.sort(served.last_token_s)[places - 1])
    end_s = float(np.sort(served.first_token_s)[-places])
    rows = activity[(activity[:, START] >= begin_s) & (activity[:, END] <= end_s)]
    seconds = rows[:, END] - rows[:, START]
    return replace(
        run,
        batch=float(rows[:, BATCH] @ seconds / seconds.sum()),
        itl_s=_median_gap_s(rows),
        tokens_per_s=float(rows[:, OUTPUTS].sum() / seconds.sum()),
        power_w=float(rows[:, WATTS] @ seconds / seconds.sum()),
    )


def _median_gap_s(rows: FloatArray) -> float:
    """Return the median time between two tokens of a request over activity rows [s]."""
    seconds = rows[:, END] - rows[:, START]
    tokens = rows[:, OUTPUTS]
    # A row of decode steps only holds tokens / batch of them; one with prompts is a single step.
    steps = np.where(rows[:, PROMPTS] > 0.0, 1.0, np.maximum(tokens / rows[:, BATCH], 1.0))
    order = np.argsort(seconds / steps)
    seen = np.cumsum(tokens[order])
    return float((seconds / steps)[order][np.searchsorted(seen, 0.5 * seen[-1])])


def _requests(run: ServerRun, count: int, seed: int) -> Run:
    streams = Streams(seed)
    zeros = np.zeros(count)
    return Run(
        zeros,
        _lengths(streams, "prompts", run.prompt_tokens, run.prompt_cv, count),
        _lengths(streams, "answers", run.output_tokens, OUTPUT_CV, count),
        zeros,
        zeros,
    )


def _lengths(streams: Streams, name: str, mean: float, cv: float, count: int) -> IntArray:
    """Return lognormal lengths whose sample mean is the published one [tokens]."""
    drawn = lognormal(streams.generator("calibration", name), mean, cv, count)
    rounded = np.rint(drawn * (mean / drawn.mean()))
    return np.asarray(np.maximum(1, rounded), dtype=np.int64)
