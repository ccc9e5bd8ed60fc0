"""Fits step-time coefficients to tables of measured steps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sim.calibration.least_squares import (
    UNEXPLAINED,
    fit_relative,
    mape,
    require_support,
    unexplained,
)
from sim.calibration.table import StepTable
from sim.interfaces import FloatArray
from sim.performance.steptime import StepTime


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
        context_high=float((prompt + output).max()),
    )


@dataclass(frozen=True, slots=True)
class TableFit:
    """Coefficients from measured steps and how well they hold.

    Attributes:
        step_time: fitted to all rows.
        error: mean absolute relative error on them [1].
        held_out: the same, each row predicted without itself [1].
        notes: what the rows could not tell and was therefore kept physical.
    """

    step_time: StepTime
    error: float
    held_out: float
    notes: tuple[str, ...]


def fit_step_table(table: StepTable, physical: StepTime) -> TableFit:
    """Return the step time behind a table of measured steps.

    Fitted are the fixed part and the time per sequence; the time per KV token if contexts vary
    apart from batches, and the time per prompt token if the table has prompts. What the rows
    cannot tell stays physical, and is named.

    Raises:
        InputError: the batches of the table cannot support a fixed part and a slope.
    """
    require_support({"batch": table.batch}, {"batch": "steps at batches that differ"})
    columns, fixed_s, notes = _table_terms(table, physical)
    matrix = np.stack(list(columns.values()), axis=1)
    rest_s = table.step_s - fixed_s
    fitted = fit_relative(matrix, rest_s, table.step_s)
    values = dict(zip(columns, fitted.tolist(), strict=True))
    if "b_s_per_token" not in values:
        # A decoding sequence is a new token too: decode steps tell b + f only.
        slope = values["f_s_per_seq"]
        values["b_s_per_token"] = min(physical.b_s_per_token, slope)
        values["f_s_per_seq"] = slope - values["b_s_per_token"]
    step = replace(
        physical,
        **{"c_s_per_kv_token": physical.c_s_per_kv_token, **values},
        d_s_per_sqrt_seq=0.0,
        curve=(),
        batch_low=float(table.batch.min()),
        batch_high=float(table.batch.max()),
        context_high=float(table.context_tokens.max()),
    )
    alone = [_left_out(row, matrix, rest_s, table.step_s) for row in range(len(rest_s))]
    return TableFit(
        step,
        mape(matrix @ fitted + fixed_s, table.step_s),
        mape(np.array(alone) + fixed_s, table.step_s),
        notes,
    )


def _table_terms(
    table: StepTable, physical: StepTime
) -> tuple[dict[str, FloatArray], FloatArray, tuple[str, ...]]:
    """Return the columns to fit by coefficient, the physical rest [s], and notes."""
    kv_tokens = table.batch * table.context_tokens
    columns = {"a_s": np.ones_like(table.batch), "f_s_per_seq": table.batch}
    fixed_s = np.zeros_like(table.batch)
    notes = []
    if unexplained(kv_tokens, [table.batch]) >= UNEXPLAINED:
        columns["c_s_per_kv_token"] = kv_tokens
    else:
        fixed_s = fixed_s + physical.c_s_per_kv_token * kv_tokens
        notes.append("time per KV token kept physical: contexts do not vary on their own")
    if unexplained(table.prompt_tokens, [table.batch]) >= UNEXPLAINED:
        columns["b_s_per_token"] = table.batch + table.prompt_tokens
    else:
        fixed_s = fixed_s + physical.b_s_per_token * table.prompt_tokens
        notes.append("time per prompt token kept physical: no prompts of several sizes")
    return columns, fixed_s, tuple(notes)


def _left_out(row: int, matrix: FloatArray, rest_s: FloatArray, scale: FloatArray) -> float:
    """Return the prediction for a row by the fit to all others [s]."""
    others = np.arange(len(rest_s)) != row
    return float(matrix[row] @ fit_relative(matrix[others], rest_s[others], scale[others]))
