"""Which variants of its base a study asks for: grid, zip, list, Latin hypercube, Sobol."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import Problem, ScenarioError
from sim.rng import Streams
from sim.scenario.schema.study import SampledAxis, Samples, Study, Sweep
from sim.units import NUMBER

MAX_VARIANTS = 1_000_000
_NUMBER_AND_UNIT = re.compile(rf"\s*({NUMBER})\s*(.*?)\s*")


@dataclass(frozen=True, slots=True)
class Variant:
    """One point of a study's design.

    Attributes:
        index: its place in the design.
        changes: what is set in the base scenario, by dotted path.
        label: its name, where the study gives one.
    """

    index: int
    changes: Mapping[str, Any]
    label: str = ""


def expand(study: Study) -> list[Variant]:
    """Return the variants of a study in a fixed order; a study without a sweep has one.

    Raises:
        ScenarioError: a sampled range cannot be read, or there are too many variants.
    """
    parts = list(_parts(study.sweep, Streams(study.seed)))
    total = math.prod(len(part) for part in parts)
    if total > MAX_VARIANTS:
        expected = f"at most {MAX_VARIANTS} points"
        raise ScenarioError([Problem("sweep", f"{total} points", expected)])
    variants = []
    for index, rows in enumerate(product(*parts)):
        changes = dict(study.set)
        for row in rows:
            changes |= row
        label = str(changes.pop("label", ""))
        variants.append(Variant(index, changes, label))
    return variants


def _parts(sweep: Sweep, streams: Streams) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of each kind of axis; the design is their product."""
    for path, values in sweep.grid.items():
        yield [{path: value} for value in values]
    if sweep.zipped:
        rows = zip(*sweep.zipped.values(), strict=True)
        yield [dict(zip(sweep.zipped, row, strict=True)) for row in rows]
    if sweep.listed:
        yield [dict(changes) for changes in sweep.listed]
    if sweep.lhs:
        unit = latin_hypercube(sweep.lhs.samples, len(sweep.lhs.axes), streams)
        yield _scaled(sweep.lhs, unit, "sweep.lhs")
    if sweep.sobol:
        unit = shifted_sobol(sweep.sobol.samples, len(sweep.sobol.axes), streams)
        yield _scaled(sweep.sobol, unit, "sweep.sobol")


def latin_hypercube(samples: int, axes: int, streams: Streams) -> NDArray[np.float64]:
    """Return points in the unit cube with one per slice of every axis, shape (samples, axes).

    McKay, Beckman and Conover 1979, doi 10.1080/00401706.1979.10489755.
    """
    generator = streams.generator("design", "lhs")
    slices = np.column_stack([generator.permutation(samples) for _ in range(axes)])
    unit: NDArray[np.float64] = (slices + generator.random((samples, axes))) / samples
    return unit


def shifted_sobol(samples: int, axes: int, streams: Streams) -> NDArray[np.float64]:
    """Return a Sobol sequence moved by one random shift modulo 1, shape (samples, axes).

    The shift (Cranley and Patterson 1976, doi 10.1137/0713071) keeps the balance of the sequence
    and takes its first point away from the corner.
    """
    from scipy.stats import qmc

    sequence = qmc.Sobol(axes, scramble=False).random_base2(samples.bit_length() - 1)
    shift = streams.generator("design", "sobol").random(axes)
    unit: NDArray[np.float64] = (sequence + shift) % 1.0
    return unit


def _scaled(part: Samples, unit: NDArray[np.float64], place: str) -> list[dict[str, Any]]:
    axes = [read_axis(axis, f"{place}.axes.{path}") for path, axis in part.axes.items()]
    return [
        {path: axis.at(float(u)) for path, axis, u in zip(part.axes, axes, row, strict=True)}
        for row in unit
    ]


@dataclass(frozen=True, slots=True)
class AxisRange:
    """A sampled axis that is ready to use.

    Attributes:
        low: low end; for choices 0.
        high: high end; for choices their number.
        unit: unit that the values carry, empty for bare numbers.
        whole: whether values are whole numbers.
        log: whether equal ratios are equally likely.
        choices: the values, where it is no range.
    """

    low: float
    high: float
    unit: str = ""
    whole: bool = False
    log: bool = False
    choices: tuple[Any, ...] = ()

    def at(self, u: float) -> Any:
        """Return the value at ``u`` in [0, 1)."""
        if self.choices:
            return self.choices[int(u * len(self.choices))]
        if self.whole:  # every whole number from end to end is equally likely
            return min(int(self.high), math.floor(self._between(self.low, self.high + 1, u)))
        number = self._between(self.low, self.high, u)
        return f"{number!r} {self.unit}" if self.unit else number

    def _between(self, low: float, high: float, u: float) -> float:
        if self.log:
            return low * math.exp(u * math.log(high / low))
        return low + u * (high - low)


def read_axis(axis: SampledAxis, place: str) -> AxisRange:
    """Return the range that a sampled axis describes.

    Args:
        axis: as the file has it.
        place: its dotted path in the file, for messages.

    Raises:
        ScenarioError: the ends are not numbers with the same unit, in order.
    """
    if axis.choices:
        return AxisRange(0.0, float(len(axis.choices)), choices=axis.choices)
    (low, low_unit), (high, high_unit) = _number(axis.from_), _number(axis.to)
    got = f"{axis.from_!r} to {axis.to!r}"
    if math.isnan(low) or math.isnan(high) or low_unit != high_unit or not low < high:
        expected = "two numbers in order with the same unit, such as from: 5 req/s, to: 50 req/s"
        raise ScenarioError([Problem(place, got, expected)])
    if axis.scale == "log" and low <= 0.0:
        raise ScenarioError([Problem(place, got, "ends above 0 for a log scale")])
    whole = isinstance(axis.from_, int) and isinstance(axis.to, int)
    return AxisRange(low, high, low_unit, whole, axis.scale == "log")


def _number(value: Any) -> tuple[float, str]:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value), ""
    match = _NUMBER_AND_UNIT.fullmatch(value) if isinstance(value, str) else None
    return (float(match[1]), match[2]) if match else (math.nan, "")
