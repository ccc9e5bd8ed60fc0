"""Fits step-time coefficients to tables of measured steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.calibration.least_squares import fit_relative
from sim.interfaces import FloatArray
from sim.serving.steptime import StepTime


def fit_decode(
    decoding: FloatArray, context: FloatArray, seconds: FloatArray, *, root: bool
) -> tuple[float, float, float, float]:
    """Return fixed, per-sequence, per-KV-token and per-square-root time of decode steps [s].

    Args:
        decoding: sequences in the step, shape (n,).
        context: mean context of a sequence [tokens], shape (n,).
        seconds: measured step time, shape (n,).
        root: whether to fit a square-root term, for mixtures of experts.
    """
    columns = [np.ones_like(decoding), decoding, decoding * context]
    if root:
        columns.append(np.sqrt(decoding))
    fitted = fit_relative(np.stack(columns, axis=1), seconds).tolist()
    a, f, c, d = [*fitted, 0.0][:4]
    return a, f, c, d


def fit_prefill_curve(
    new_tokens: FloatArray, seconds: FloatArray, fixed_s: float, knots: FloatArray
) -> tuple[tuple[tuple[float, float], ...], float]:
    """Return the curve and final slope of prompt-only steps, rising between given knots.

    Relative least squares on ramps, so the curve never falls. Real prefill times are not a
    straight line: small prompts cost what reading the weights costs.

    Args:
        new_tokens: prompt tokens in the step, shape (n,).
        seconds: measured step time, shape (n,).
        fixed_s: fixed part of a step, known from decoding [s].
        knots: new tokens at which the slope may change; the first costs nothing.
    """
    starts, ends = knots[:-1], knots[1:]
    clipped = np.clip(new_tokens[:, None], starts, ends) - starts
    slopes = fit_relative(clipped, seconds - fixed_s, scale=seconds)
    heights = np.concatenate([[0.0], np.cumsum(slopes * (ends - starts))])
    curve = tuple(zip(knots[:-1].tolist(), heights[:-1].tolist(), strict=True))
    return curve, float(slopes[-1])


def fit_phase_table(table: FloatArray, physical: StepTime) -> StepTime:
    """Return the step time of one Splitwise configuration, decode and prefill together.

    Args:
        table: rows as `sim.calibration.published.read_splitwise` returns them.
        physical: roofline of the configuration; its attention term is part of the curve here.
    """
    prompt, batch, output, prompt_s, token_s = table[:, :5].T
    a, f, c, _ = fit_decode(batch, prompt + 0.5 * output, token_s, root=False)
    new_tokens = prompt * batch
    # Decode batches end where prompts begin: up to there new tokens are the sequences' own.
    knots = np.array([batch.max(), *np.unique(new_tokens)])
    knots = knots[(knots <= 8192) | (knots == new_tokens.max())]
    curve, slope = fit_prefill_curve(new_tokens, prompt_s, a, knots)
    return replace(
        physical,
        a_s=a,
        b_s_per_token=slope,
        c_s_per_kv_token=c,
        d_s_per_sqrt_seq=0.0,
        e_s_per_token2=0.0,
        f_s_per_seq=f,
        curve=curve,
        batch_low=float(batch.min()),
        batch_high=float(batch.max()),
    )
