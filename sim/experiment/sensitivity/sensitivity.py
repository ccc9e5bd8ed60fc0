"""What an answer depends on: tornado, Sobol indices, and the width that uncertain inputs add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import InputError, Problem
from sim.experiment.sensitivity.uncertain import Uncertain, given_inputs, spread_interval, values_at
from sim.experiment.statistics.intervals import FloatArray, Interval, replication_interval
from sim.experiment.statistics.pairs import paired_difference
from sim.experiment.study.design import shifted_sobol
from sim.experiment.study.sweep import SweepResult
from sim.rng import Streams

if TYPE_CHECKING:
    import pandas as pd

Ranges = Mapping[str, tuple[Any, Any]]
"""Low and high end of each uncertain input by its dotted path."""


@dataclass(frozen=True, slots=True)
class TwoIntervals:
    """A number with both of its uncertainties.

    Attributes:
        sampling: how far more replications could move it, at the middle of the inputs.
        inputs: how far it moves over the ranges of the inputs (central 95 % of the samples).
    """

    sampling: Interval
    inputs: Interval


def tornado_points(ranges: Ranges) -> list[dict[str, Any]]:
    """Return the points of a tornado: each input at its low and at its high end, one at a time."""
    return [
        {path: end, "label": f"{path} {side}"}
        for path, ends in ranges.items()
        for side, end in zip(("low", "high"), ends, strict=True)
    ]


def tornado(result: SweepResult, ranges: Ranges, metric: str, first: int = 0) -> pd.DataFrame:
    """Return how far each input moves a number, the widest first.

    Args:
        result: of a study whose ``list`` has `tornado_points`.
        ranges: the inputs that were varied.
        metric: dotted name of the number.
        first: variant at which those points begin.

    Returns:
        Columns path, low_end, high_end, value_low, value_high, swing, low, high and verdict: the
        swing is high minus low end with its interval under common random numbers.
    """
    import pandas as pd

    samples = columns_of(result, metric)[first:]
    rows = []
    for place, (path, (low_end, high_end)) in enumerate(ranges.items()):
        below, above = samples[2 * place], samples[2 * place + 1]
        pair = paired_difference(below, above)
        swing = pair.difference
        told = "no effect seen" if pair.verdict in ("cannot tell yet", "same") else "moves it"
        ends = {"path": path, "low_end": low_end, "high_end": high_end}
        values = {"value_low": below.mean(), "value_high": above.mean(), "swing": swing.value}
        rows.append(ends | values | {"low": swing.low, "high": swing.high, "verdict": told})
    table = pd.DataFrame(rows)
    order = table["swing"].abs().sort_values(ascending=False, kind="stable").index
    return table.reindex(order).reset_index(drop=True)


@dataclass(frozen=True, slots=True)
class SobolDesign:
    """Saltelli's sample: two matrices A and B, and A with one column at a time from B.

    Attributes:
        paths: the inputs.
        points: all points, first A, then B, then the mixed ones input by input.
        samples: rows of A.
    """

    paths: tuple[str, ...]
    points: tuple[Mapping[str, Any], ...]
    samples: int


def sobol_design(inputs: Ranges | Sequence[Uncertain], samples: int, seed: int = 0) -> SobolDesign:
    """Return the points from which first-order and total Sobol indices are estimated.

    Args:
        inputs: uncertain inputs, or ranges by dotted path.
        samples: rows per matrix, a power of two; the study has samples x (inputs + 2) points.
        seed: seed of the sample.

    Raises:
        InputError: the number of samples is not a power of two.
    """
    if samples < 2 or samples & (samples - 1):
        raise InputError([Problem("samples", str(samples), "a power of two, such as 64")])
    axes = given_inputs(inputs) if isinstance(inputs, Mapping) else list(inputs)
    unit = shifted_sobol(samples, 2 * len(axes), Streams(seed))
    first, second = unit[:, : len(axes)], unit[:, len(axes) :]
    blocks = [first, second]
    for column in range(len(axes)):
        mixed = first.copy()
        mixed[:, column] = second[:, column]
        blocks.append(mixed)
    points = tuple(values_at(axes, row) for row in np.concatenate(blocks))
    return SobolDesign(tuple(axis.path for axis in axes), points, samples)


def sobol_indices(design: SobolDesign, values: FloatArray) -> pd.DataFrame:
    """Return which share of a number's variance each input explains, alone and with others.

    Args:
        design: the points.
        values: the number at each point, in their order, shape (points,).

    Returns:
        Columns path, first_order and total. Source: Saltelli et al. 2010, doi
        10.1016/j.cpc.2009.09.018, by `scipy.stats.sobol_indices`.
    """
    import pandas as pd
    from scipy import stats

    blocks = np.asarray(values, dtype=float).reshape(-1, 1, design.samples)
    parts: Any = {"f_A": blocks[0], "f_B": blocks[1], "f_AB": blocks[2:]}
    indices = stats.sobol_indices(func=parts, n=design.samples)
    return pd.DataFrame(
        {
            "path": design.paths,
            "first_order": np.ravel(indices.first_order),
            "total": np.ravel(indices.total_order),
        }
    )


def input_intervals(result: SweepResult, metrics: Sequence[str]) -> dict[str, TwoIntervals]:
    """Return numbers with a sampling interval and, beside it, the interval of uncertain inputs.

    Every variant saw the same random numbers, so the spread of the variants' means is that of the
    inputs; the sampling interval is that of the mean over variants, replication by replication.

    Args:
        result: of a study that samples the inputs (``lhs`` or ``sobol``) over their ranges.
        metrics: dotted names.
    """
    found = {}
    for metric in metrics:
        columns = columns_of(result, metric)
        count = min(len(column) for column in columns)
        table = np.array([column[:count] for column in columns])
        inputs = spread_interval(table.mean(axis=1))
        found[metric] = TwoIntervals(replication_interval(table.mean(axis=0)), inputs)
    return found


def columns_of(result: SweepResult, metric: str) -> list[FloatArray]:
    """Return a number of the successful runs of each variant, in the order of the design.

    Raises:
        InputError: the summary has no such number, or no run of a variant succeeded.
    """
    runs = result.runs
    if metric not in runs:
        raise InputError([Problem("metric", repr(metric), "a number of the summary")])
    good = runs[runs["status"] == "completed"].groupby("variant")[metric]
    found = {variant: rows.to_numpy(float) for variant, rows in good}
    missing = [v.index for v in result.variants if v.index not in found]
    if missing:
        expected = "at least one run that succeeded"
        raise InputError([Problem(f"variant {missing[0]}", "none", expected)])
    return [found[variant.index] for variant in result.variants]
