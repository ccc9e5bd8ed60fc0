"""What an answer depends on: tornado, Sobol indices, and the width that uncertain inputs add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import InputError, Problem
from sim.experiment.design import latin_hypercube, read_axis
from sim.experiment.intervals import LEVEL, FloatArray, Interval, replication_interval
from sim.experiment.pairs import paired_difference
from sim.experiment.sweep import SweepResult
from sim.rng import Streams
from sim.scenario.schema_study import SampledAxis

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


def tornado(result: SweepResult, ranges: Ranges, metric: str) -> pd.DataFrame:
    """Return how far each input moves a number, the widest first.

    Args:
        result: of a study whose ``list`` is `tornado_points`.
        ranges: the inputs that were varied.
        metric: dotted name of the number.

    Returns:
        Columns path, low_end, high_end, value_low, value_high, swing, low, high and verdict: the
        swing is high minus low end with its interval under common random numbers.
    """
    import pandas as pd

    samples = [_column(result, variant.index, metric) for variant in result.variants]
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
    return table.reindex(table["swing"].abs().sort_values(ascending=False).index)


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


def sobol_design(ranges: Ranges, samples: int, seed: int = 0) -> SobolDesign:
    """Return the points from which first-order and total Sobol indices are estimated.

    Args:
        ranges: the inputs.
        samples: rows per matrix, a power of two; the study has samples x (inputs + 2) points.
        seed: seed of the sample.

    Raises:
        InputError: the number of samples is not a power of two.
    """
    if samples < 2 or samples & (samples - 1):
        raise InputError([Problem("samples", str(samples), "a power of two, such as 64")])
    unit = latin_hypercube(samples, 2 * len(ranges), Streams(seed))
    first, second = unit[:, : len(ranges)], unit[:, len(ranges) :]
    blocks = [first, second]
    for column in range(len(ranges)):
        mixed = first.copy()
        mixed[:, column] = second[:, column]
        blocks.append(mixed)
    axes = [
        read_axis(SampledAxis.model_validate({"from": low, "to": high}), path)
        for path, (low, high) in ranges.items()
    ]
    points = tuple(
        {path: axis.at(float(u)) for path, axis, u in zip(ranges, axes, row, strict=True)}
        for row in np.concatenate(blocks)
    )
    return SobolDesign(tuple(ranges), points, samples)


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
    tails = ((1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0)
    for metric in metrics:
        columns = [_column(result, variant.index, metric) for variant in result.variants]
        count = min(len(column) for column in columns)
        table = np.array([column[:count] for column in columns])
        means = table.mean(axis=1)
        low, high = np.quantile(means, tails)
        inputs = Interval(
            float(np.median(means)), float(low), float(high), len(means), "input samples"
        )
        found[metric] = TwoIntervals(replication_interval(table.mean(axis=0)), inputs)
    return found


def _column(result: SweepResult, variant: int, metric: str) -> FloatArray:
    runs = result.runs
    if metric not in runs:
        raise InputError([Problem("metric", repr(metric), "a number of the summary")])
    rows = runs[(runs["variant"] == variant) & (runs["status"] == "completed")]
    column: FloatArray = rows[metric].to_numpy(float)
    if not len(column):
        expected = "at least one run that succeeded"
        raise InputError([Problem(f"variant {variant}", "none", expected)])
    return column
