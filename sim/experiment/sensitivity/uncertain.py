"""The uncertain inputs of a scenario: catalogue numbers with a range, and its step times.

Monte Carlo over them says how far an answer could be off although every run is simulated exactly;
it stands beside the sampling interval, which more replications can narrow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sim.experiment.statistics.intervals import LEVEL, FloatArray, Interval
from sim.experiment.study.design import AxisRange, latin_hypercube, read_axis
from sim.rng import Streams
from sim.scenario.schema.study import SampledAxis

if TYPE_CHECKING:
    from sim.world import World

# Keys of accelerators that only lead to a step time, whose error its own interval covers.
_IN_STEP_TIME = ("efficiency.", "flops", "bandwidth", "link")
_IN_POWER = ("power.prefill", "power.decode_low", "power.decode_high", "power.context")
_TCO = "tco"  # the ledger adds it up from its parts
RENT = "rent"
KERNELS = "kernels"  # basis of step times that are sums of measured parts


class Uncertain(Protocol):
    """An input that may be off: a dotted path, and its value at a place of its range."""

    @property
    def path(self) -> str:
        """What a scenario sets to change it."""
        ...

    @property
    def kind(self) -> str:
        """Kind of the number: guess, analyst, vendor, ..."""
        ...

    @property
    def note(self) -> str:
        """Reasoning behind it, maybe empty."""
        ...

    def at(self, u: float) -> Any:
        """Return the value at ``u`` in [0, 1]; 0.5 is the one that is used otherwise."""
        ...


@dataclass(frozen=True, slots=True)
class StepTimeError:
    """By what the step time of a pool may be off.

    Attributes:
        path: the pool's factor.
        kind: kind of its step time.
        note: where that comes from.
        low: fifth percentile of true over predicted step time [1].
        high: 95th percentile [1].
    """

    path: str
    kind: str
    note: str
    low: float
    high: float

    def at(self, u: float) -> float:
        """Return the factor at ``u`` in [0, 1]; 1 at 0.5."""
        if u < 0.5:
            return self.low + 2.0 * u * (1.0 - self.low)
        return 1.0 + (2.0 * u - 1.0) * (self.high - 1.0)


@dataclass(frozen=True, slots=True)
class GivenRange:
    """A number of the scenario whose range the user gives; all of it is equally likely."""

    path: str
    axis: AxisRange
    kind: str = "given"
    note: str = ""

    def at(self, u: float) -> Any:
        """Return the value at ``u`` in [0, 1]."""
        return self.axis.at(min(u, 1.0 - 1e-9) if self.axis.whole or self.axis.choices else u)


def given_inputs(ranges: Mapping[str, tuple[Any, Any]]) -> list[Uncertain]:
    """Return inputs for ranges by dotted path, such as ``{"run.x": ("1 s", "2 s")}``.

    Raises:
        ScenarioError: the ends of one are not numbers with the same unit, in order.
    """
    return [
        GivenRange(path, read_axis(SampledAxis.model_validate({"from": low, "to": high}), path))
        for path, (low, high) in ranges.items()
    ]


def uncertain_inputs(
    base: Path, overrides: Sequence[str] = (), kinds: Collection[str] = (), *, rents: bool = False
) -> list[Uncertain]:
    """Return the numbers that a scenario uses and that may be off, in a fixed order.

    Left out are numbers that cannot matter: data-sheet figures behind a step time that has its own
    interval, and power by phase where a curve was fitted.

    Args:
        base: the scenario file.
        overrides: changes to it.
        kinds: kinds of numbers; by default what nobody measured (`BELIEVED`), and step times put
            together from measured kernels, which nobody measured as a whole.
        rents: whether the rent of accelerators counts.

    Raises:
        ScenarioError: the scenario is wrong.
    """
    from sim.catalog.ranges import BELIEVED
    from sim.load import load_scenario
    from sim.world import World

    world = World(load_scenario(base, overrides=list(overrides)), seed=0)
    wanted = tuple(kinds) or BELIEVED
    believed = () if kinds else (KERNELS,)
    return [*_step_times(world, wanted, believed), *_constants(world, wanted, rents)]


def _step_times(
    world: World, kinds: Collection[str], bases: Collection[str]
) -> Iterator[Uncertain]:
    for name, numbers in zip(world.scenario.pools, world.pool_numbers, strict=True):
        time = numbers.step_time
        if (time.kind in kinds or time.basis in bases) and time.time_low < time.time_high:
            path = f"pools.{name}.step_time_factor"
            yield StepTimeError(path, time.kind, time.source, time.time_low, time.time_high)


def _constants(world: World, kinds: Collection[str], rents: bool) -> Iterator[Uncertain]:
    from sim.catalog.ranges import uncertain_constants

    guessed = {each.accelerator.name for each in world.pool_numbers if each.power.kind == "guess"}
    for section, name in _entries(world):
        for constant in uncertain_constants(world.catalog, section, name, kinds):
            key = constant.item.key
            unused = section == "accelerators" and (
                key.startswith((*_IN_STEP_TIME, _TCO))
                or (key in _IN_POWER and name not in guessed)
                or (key == RENT and not rents)
            )
            if not unused:
                yield constant


def _entries(world: World) -> list[tuple[str, str]]:
    """Return section and name of every catalogue entry that the scenario uses."""
    used = [("accelerators", numbers.accelerator.name) for numbers in world.pool_numbers]
    used += [("models", numbers.section.model) for numbers in world.pool_numbers]
    used += [("nodes", node.name) for node in world.plant.node_types]
    used += [("racks", rack) for rack in world.plant.rack_type]
    sites = world.scenario.topology.sites.values()
    used += [("regions", site.region_data) for site in sites if site.region_data]
    used.append(("owners", world.scenario.economics.owner))
    return list(dict.fromkeys(used))


def draws(inputs: Sequence[Uncertain], samples: int, seed: int = 0) -> list[dict[str, Any]]:
    """Return samples of all inputs at once, a Latin hypercube over their ranges.

    Args:
        inputs: what is uncertain.
        samples: how many.
        seed: seed of the sample.

    Returns:
        Changes to the scenario by dotted path, one mapping per sample.
    """
    return [values_at(inputs, row) for row in places(len(inputs), samples, seed)]


def values_at(inputs: Sequence[Uncertain], row: FloatArray) -> dict[str, Any]:
    """Return the value of each input by its path, at a place of each range."""
    return {each.path: each.at(float(u)) for each, u in zip(inputs, row, strict=True)}


def places(inputs: int, samples: int, seed: int) -> FloatArray:
    """Return where `draws` are in the range of each input, shape (samples, inputs)."""
    return latin_hypercube(samples, max(1, inputs), Streams(seed))[:, :inputs]


def around(values: Sequence[float], before: float, centre: float) -> list[float]:
    """Return samples moved to where more replications put the undisturbed answer.

    Under common random numbers the difference that inputs make is known far better than the answer
    of the few replications in which it was seen.

    Args:
        values: the number at each sample.
        before: the number in the same replications without a change of the inputs.
        centre: the number over all replications.
    """
    return [centre + (value - before) for value in values]


def spread_interval(values: Sequence[float]) -> Interval:
    """Return the median and the central 95 % of a number over samples of the inputs."""
    tails = ((1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0)
    low, high = np.quantile(values, tails)
    return Interval(float(np.median(values)), float(low), float(high), len(values), "input samples")


def rank_correlations(
    inputs: Sequence[Uncertain], unit: FloatArray, values: Sequence[float]
) -> dict[str, float]:
    """Return how each input and a number rise together over samples, the strongest first.

    Args:
        inputs: what is uncertain.
        unit: `places` of the samples.
        values: the number at each sample.

    Returns:
        Spearman's rank correlation by path; 0 where the number does not move.
    """
    numbers = np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(float)
    found: Mapping[str, float] = {
        each.path: float(np.corrcoef(np.argsort(np.argsort(unit[:, at])), numbers)[0, 1])
        for at, each in enumerate(inputs)
    }
    if len(set(values)) < 2:
        return {each.path: 0.0 for each in inputs}
    return dict(sorted(found.items(), key=lambda pair: -abs(pair[1])))
