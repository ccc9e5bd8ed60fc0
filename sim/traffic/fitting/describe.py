"""Describes a trace: what `loadbank traces inspect` shows and what a generator has to reproduce."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sim.traffic.fitting import statistics
from sim.traffic.fitting.quantised import grid_step_s, is_coarse
from sim.traffic.prefixcache import block_hit_ratios
from sim.traffic.trace import AnyArray, Labels, Trace
from sim.traffic.transforms import observed

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
GAP_QUANTILES = (0.1, 0.5, 0.9, 0.99)
WAIT_QUANTILES = (0.5, 0.95, 0.99)
_MOST_BLOCKS = 20_000_000


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean, coefficient of variation, quantiles and maximum of a column."""

    mean: float
    cv: float
    quantiles: Mapping[float, float]
    largest: float


@dataclass(frozen=True, slots=True)
class Description:
    """Statistics of a trace.

    Attributes:
        requests: number of requests.
        span_s: length of the observation [s].
        rate_per_s: mean rate [requests/s].
        dispersion: index of dispersion for counts by window [s]; NaN where too short.
        empty_seconds: share of one-second windows without a request.
        gap_cv: coefficient of variation of the inter-arrival times.
        gaps_s: quantiles of the inter-arrival times [s].
        autocorrelation: of the counts in windows of a length [s], at lag one.
        peak_to_mean: largest over mean count in windows of a length [s].
        input_tokens: prompt lengths [tokens].
        output_tokens: answer lengths [tokens].
        input_output: correlation of the two lengths of a request.
        rate_input: correlation of the rate and the mean prompt length, per minute.
        rate_output: likewise for the answer length.
        waits_s: quantiles of the wait on the FIFO ruler at 70 % load [s].
        grid_s: step of the grid on which time stamps lie [s], 0 for none.
        is_coarse: the grid distorts the statistics above.
        labels: number of distinct names by column.
        sessions: number of sessions, 0 where the format has none.
        block_hits: prefix-cache hit ratio by capacity [blocks].
    """

    requests: int
    span_s: float
    rate_per_s: float
    dispersion: Mapping[float, float]
    empty_seconds: float
    gap_cv: float
    gaps_s: Mapping[float, float]
    autocorrelation: Mapping[float, float]
    peak_to_mean: Mapping[float, float]
    input_tokens: Spread
    output_tokens: Spread
    input_output: float
    rate_input: float
    rate_output: float
    waits_s: Mapping[float, float]
    grid_s: float
    is_coarse: bool
    labels: Mapping[str, int]
    sessions: int
    block_hits: Mapping[float, float]


def describe(trace: Trace) -> Description:
    """Return the statistics of a trace with at least one request."""
    trace = observed(trace)
    arrivals, span_s = trace.arrival_s, trace.span_s
    step_s = grid_step_s(arrivals)
    per_window = {w: statistics.counts(arrivals, w, span_s) for w in (1.0, 60.0)}
    work = statistics.ruler_work(trace.input_tokens, trace.output_tokens)
    sessions = trace.labels.get("session")
    blocks = trace.blocks
    return Description(
        requests=len(trace),
        span_s=span_s,
        rate_per_s=trace.rate_per_s,
        dispersion={
            w: statistics.dispersion(arrivals, w, span_s) for w in statistics.IDC_WINDOWS_S
        },
        empty_seconds=statistics.empty_share(arrivals, 1.0, span_s),
        gap_cv=statistics.gap_cv(arrivals),
        gaps_s=_quantiles(np.diff(arrivals), GAP_QUANTILES),
        autocorrelation={w: statistics.autocorrelation(c) for w, c in per_window.items()},
        peak_to_mean={
            w: float(c.max() / c.mean()) if c.any() else float("nan") for w, c in per_window.items()
        },
        input_tokens=spread(trace.input_tokens),
        output_tokens=spread(trace.output_tokens),
        input_output=_correlation(trace.input_tokens, trace.output_tokens),
        rate_input=statistics.rate_size_correlation(arrivals, trace.input_tokens),
        rate_output=statistics.rate_size_correlation(arrivals, trace.output_tokens),
        waits_s=_quantiles(statistics.ruler_waits(arrivals, work), WAIT_QUANTILES),
        grid_s=step_s,
        is_coarse=is_coarse(arrivals, step_s),
        labels={name: _distinct(column) for name, column in trace.labels.items()},
        sessions=_distinct(sessions) if sessions is not None else 0,
        block_hits=(
            block_hit_ratios(blocks)
            if blocks is not None and 0 < len(blocks.ids) <= _MOST_BLOCKS
            else {}
        ),
    )


def _distinct(column: Labels) -> int:
    return len(np.unique(column.codes[column.codes >= 0]))


def spread(column: AnyArray) -> Spread:
    """Return mean, variation and quantiles of a column with at least one row."""
    mean = float(column.mean())
    return Spread(
        mean=mean,
        cv=float(column.std() / mean) if mean else float("nan"),
        quantiles=_quantiles(column, QUANTILES),
        largest=float(column.max()),
    )


def _quantiles(column: AnyArray, levels: tuple[float, ...]) -> dict[float, float]:
    if len(column) == 0:
        return dict.fromkeys(levels, float("nan"))
    return dict(zip(levels, np.quantile(column, levels).tolist(), strict=True))


def _correlation(first: AnyArray, second: AnyArray) -> float:
    if len(first) < 3 or first.std() == 0 or second.std() == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
