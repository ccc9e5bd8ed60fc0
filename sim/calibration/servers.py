"""Whole-server runs at a fixed concurrency: their fit, and the same runs in the simulator.

Such a run keeps ``batch`` requests decoding. Per step ``batch / output`` of them end, so as many
prompts of the next ones are processed: the mean step, which sets the throughput, carries more
prompt tokens than the median step, which sets the published inter-token latency. Throughput is
therefore not batch / median latency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from sim.calibration.least_squares import fit_relative
from sim.interfaces import FloatArray
from sim.performance.steptime import StepTime
from sim.rng import Streams
from sim.serving.kv.windows import Window

SAMPLED_STEPS = 2001
# The server's setting is not published; this is the engine's default on such accelerators.
MAX_NUM_BATCHED_TOKENS = 8192


@dataclass(frozen=True, slots=True)
class ServerRun:
    """One operating point of a server, measured or simulated.

    Attributes:
        batch: mean number of running requests [1].
        prompt_tokens: mean prompt length [tokens].
        prompt_cv: coefficient of variation of the prompt length [1].
        output_tokens: mean answer length [tokens].
        itl_s: median time between two tokens of a request [s].
        tokens_per_s: output tokens of the whole server [tokens/s].
        power_w: mean power of one accelerator [W].
    """

    batch: float
    prompt_tokens: float
    prompt_cv: float
    output_tokens: float
    itl_s: float
    tokens_per_s: float
    power_w: float

    @property
    def mean_step_s(self) -> float:
        """Mean duration of a step, prompts included [s]."""
        return self.batch / self.tokens_per_s


def median_prompt_tokens(run: ServerRun) -> float:
    """Return the prompt tokens that a median step carries [tokens].

    Prompts arrive at random, as many per step as requests end; their lengths are lognormal. The
    median over sampled steps stands far below the mean where prompts are rare or heavy-tailed.
    """
    generator = Streams(0).generator("calibration", "median step")
    counts = generator.poisson(run.batch / run.output_tokens, SAMPLED_STEPS)
    lengths = lognormal(generator, run.prompt_tokens, run.prompt_cv, int(counts.sum()))
    per_step = np.bincount(
        np.repeat(np.arange(SAMPLED_STEPS), counts), weights=lengths, minlength=SAMPLED_STEPS
    )
    return float(min(np.median(per_step), MAX_NUM_BATCHED_TOKENS))


def lognormal(generator: Generator, mean: float, cv: float, count: int) -> FloatArray:
    """Return lognormal numbers by their mean and coefficient of variation."""
    sigma = np.sqrt(np.log1p(cv * cv))
    return np.asarray(mean * np.exp(sigma * generator.standard_normal(count) - 0.5 * sigma**2))


def step_columns(
    runs: Sequence[ServerRun], window: Window | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return terms and measured step times of the median and the mean step of each run.

    The terms are 1, new tokens, square root of the batch, decoding sequences and KV tokens; rows
    of the median steps come first.

    Args:
        runs: operating points.
        window: layers of the model that read no further back, None without them.
    """
    rows, target = [], []
    for median in (True, False):
        for run in runs:
            mean_prompts = run.prompt_tokens * run.batch / run.output_tokens
            context = run.prompt_tokens + 0.5 * run.output_tokens
            if window is not None:
                end = run.prompt_tokens + run.output_tokens
                context = window.context(run.prompt_tokens, end)
            new_tokens = run.batch + (median_prompt_tokens(run) if median else mean_prompts)
            rows.append((1.0, new_tokens, run.batch**0.5, run.batch, run.batch * context))
            target.append(run.itl_s if median else run.mean_step_s)
    return np.array(rows), np.array(target)


def fit_server(
    runs: Sequence[ServerRun], physical: StepTime, window: Window | None = None
) -> StepTime:
    """Return the step time of one configuration from its runs at several concurrencies.

    The context hardly varies within a configuration, so the KV and prefill-attention terms are
    kept physical and the fixed, token, square-root and sequence terms are fitted around them. The
    token term cannot fall below the physical one, or prompts would be free where they are rare.

    Args:
        runs: at least four operating points.
        physical: roofline of the configuration, for the terms that the runs cannot tell.
        window: layers of the model that read no further back, None without them.
    """
    columns, target = step_columns(runs, window)
    least = physical.c_s_per_kv_token * columns[:, 4] + physical.b_s_per_token * columns[:, 1]
    a, b, d, f = fit_relative(columns[:, :4], target - least, scale=target)
    batches = [run.batch for run in runs]
    return replace(
        physical,
        a_s=float(a),
        b_s_per_token=physical.b_s_per_token + float(b),
        d_s_per_sqrt_seq=float(d),
        f_s_per_seq=float(f),
        curve=(),
        batch_low=min(batches),
        batch_high=max(batches),
        context_high=max(run.prompt_tokens + run.output_tokens for run in runs),
    )


def follow_points(runs: Sequence[ServerRun], step: StepTime, window: Window | None) -> StepTime:
    """Return a fitted step time with a curve through its operating points.

    For batches that follow no smooth curve: engines that leave their captured graphs above some
    batch, hosts that cannot keep up. What remains of the median and the mean step after the fixed
    part, prompts and KV cache is given to the batch: one number per operating point, so that the
    set interpolates these runs and says little between or beyond them.

    Args:
        runs: the operating points, smallest batch first.
        step: the smooth fit.
        window: layers of the model that read no further back, None without them.
    """
    columns, target = step_columns(runs, window)
    known = step.a_s + step.c_s_per_kv_token * columns[:, 4] + step.b_s_per_token * columns[:, 1]
    rest = np.maximum(target - known, 0.0).reshape(2, -1)
    weight = (1.0 / target**2).reshape(2, -1)
    seconds = (rest * weight).sum(axis=0) / weight.sum(axis=0)
    points: dict[float, float] = {}
    for run, value in zip(runs, seconds.tolist(), strict=True):
        points[float(round(run.batch))] = value
    return replace(
        step, d_s_per_sqrt_seq=0.0, f_s_per_seq=0.0, batch_curve=tuple(sorted(points.items()))
    )


def predicted_steps(
    runs: Sequence[ServerRun], step: StepTime, window: Window | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return predicted and measured times of the median and the mean steps [s]."""
    columns, measured = step_columns(runs, window)
    predicted = [step.seconds(new, kv, batch) for _, new, _, batch, kv in columns.tolist()]
    return np.array(predicted), measured
