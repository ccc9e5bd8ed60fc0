"""All candidates of a plan surveyed at the price of few: variables that do not meet are apart.

Where one variable changes pools and sites that no other one touches, its effect is the same
whatever the others are. So each group of variables that meet is surveyed on its own, and a
candidate is put together from its groups; a sample of whole candidates checks that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.experiment.execution.point import override_texts
from sim.experiment.plan.space import BoolArray, Part, Space
from sim.experiment.plan.survey import PoolSurvey, Survey
from sim.rng import Streams

Surveyor = Callable[[Path, Sequence[Sequence[str]], Mapping[str, float]], list[Survey]]
"""Surveys candidates, given the base, their overrides and rents by accelerator [USD/h]."""
PartName = tuple[str, ...]
PER_CALL = 16  # surveys that a worker makes at once
CHECKED = 12  # whole candidates that are compared with what their groups say
# Changes whose whole effect on latency is in the number and the speed of replicas.
_SEEN = ("replicas", "type", "count", "racks", "precision", "tensor_parallel", "site")


@dataclass(frozen=True, slots=True)
class Group:
    """Variables that change the same parts of a fleet.

    Attributes:
        combo: which combination of their values each candidate has, shape (candidates,).
        surveys: of each combination, the other variables at their reference.
        owned: the parts of the fleet that they change.
    """

    variables: tuple[int, ...]
    combo: NDArray[np.int64]
    surveys: tuple[Survey, ...]
    owned: frozenset[PartName]

    def values(self, name: PartName) -> list[Any]:
        """Return a part of the fleet by combination, None where it is missing."""
        return [dict(survey.parts()).get(name) for survey in self.surveys]


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What is known of every candidate before any run.

    Attributes:
        groups: the groups of variables.
        reference: a fleet of which every part holds that no group changes.
        size: number of candidates.
    """

    groups: tuple[Group, ...]
    reference: Survey
    size: int

    def names(self) -> list[PartName]:
        """Return the parts that any candidate has."""
        surveys = [self.reference, *(s for group in self.groups for s in group.surveys)]
        return list(dict.fromkeys(name for survey in surveys for name, _ in survey.parts()))

    def each(self, name: PartName, read: Callable[[Any], float]) -> NDArray[np.float64]:
        """Return a number of a part by candidate; 0 where it is missing, shape (candidates,)."""
        for group in self.groups:
            if name in group.owned:
                known = [0.0 if part is None else read(part) for part in group.values(name)]
                return np.array(known)[group.combo]
        part = dict(self.reference.parts()).get(name)
        return np.full(self.size, 0.0 if part is None else read(part))

    def reasons(self) -> list[tuple[str, BoolArray]]:
        """Return why candidates cannot be built, and which ones."""
        found = []
        for group in self.groups:
            reasons = [survey.reason for survey in group.surveys]
            for reason in dict.fromkeys(filter(None, reasons)):
                which = np.array([other == reason for other in reasons])
                found.append((reason, which[group.combo]))
        return found

    def rents_usd_per_h(self) -> NDArray[np.float64]:
        """Return the rent of each candidate; NaN where an accelerator has none [USD/h]."""
        rents = np.zeros(self.size)
        for name in self.names():
            if name[0] == "pool":
                rents += self.each(name, _rent)
        return rents


def _rent(pool: PoolSurvey) -> float:
    return math.nan if pool.rent_usd_per_h is None else pool.rent_usd_per_h


def survey_space(
    space: Space, base: Path, rents: Mapping[str, float], survey: Surveyor, executor: Executor
) -> Surveyed:
    """Survey all candidates.

    Args:
        space: the candidates.
        base: the scenario file.
        rents: rent of an accelerator by name, before that of the catalogue [USD/h].
        survey: makes the surveys; a function that workers can import.
        executor: where.
    """

    def look(rows: Iterable[Sequence[int]]) -> list[Survey]:
        wanted = [override_texts(space.changes_at(row)) for row in rows]
        starts = range(0, len(wanted), PER_CALL)
        parts = [wanted[start : start + PER_CALL] for start in starts]
        calls = [executor.submit(survey, base, part, rents) for part in parts]
        return [found for call in calls for found in call.result()]

    shape = [len(labels) for labels in space.labels]
    reference, at = _reference(shape, look)
    touched = _touched(shape, reference, at, look)
    groups = _groups(space, _meeting(touched), touched, at, look)
    surveyed = Surveyed(groups, reference, len(space))
    if len(groups) > 1 and not _holds(space, surveyed, look):
        everything = [list(range(len(shape)))]
        groups = _groups(space, everything, touched, at, look)
        surveyed = Surveyed(groups, reference, len(space))
    return surveyed


Look = Callable[[Iterable[Sequence[int]]], list[Survey]]


def _reference(shape: Sequence[int], look: Look) -> tuple[Survey, list[int]]:
    """Return a fleet that can be built, of all least or all greatest values, if there is one."""
    ends = [[0] * len(shape), [size - 1 for size in shape]]
    surveys = look(ends)
    for survey, at in zip(surveys, ends, strict=True):
        if not survey.reason:
            return survey, at
    return surveys[0], ends[0]


def _touched(
    shape: Sequence[int], reference: Survey, at: Sequence[int], look: Look
) -> list[set[PartName]]:
    """Return which parts of the fleet each variable changes."""
    rows = [
        (variable, [*at[:variable], level, *at[variable + 1 :]])
        for variable, size in enumerate(shape)
        for level in range(size)
    ]
    before = dict(reference.parts())
    touched: list[set[PartName]] = [set() for _ in shape]
    for (variable, _), survey in zip(rows, look(row for _, row in rows), strict=True):
        if not survey.reason:
            after = dict(survey.parts())
            names = before.keys() | after.keys()
            touched[variable] |= {name for name in names if before.get(name) != after.get(name)}
    return touched


def _meeting(touched: Sequence[set[PartName]]) -> list[list[int]]:
    """Return the variables in groups: two that change the same part are in one."""
    groups: list[tuple[list[int], set[PartName]]] = []
    for variable, names in enumerate(touched):
        met = [group for group in groups if group[1] & names]
        groups = [group for group in groups if group not in met]
        merged = sorted([variable, *(v for group in met for v in group[0])])
        groups.append((merged, names.union(*(group[1] for group in met))))
    return [variables for variables, _ in groups]


def _groups(
    space: Space,
    variables_of: Sequence[Sequence[int]],
    touched: Sequence[set[PartName]],
    at: Sequence[int],
    look: Look,
) -> tuple[Group, ...]:
    shape = [len(labels) for labels in space.labels]
    groups = []
    for variables in variables_of:
        sizes = [shape[variable] for variable in variables]
        rows = []
        for levels in product(*(range(size) for size in sizes)):
            row = list(at)
            for variable, level in zip(variables, levels, strict=True):
                row[variable] = level
            rows.append(row)
        combo = np.ravel_multi_index(tuple(space.levels[:, list(variables)].T), tuple(sizes))
        surveys = tuple(look(rows))
        owned = set().union(*(touched[variable] for variable in variables))
        if len(variables_of) == 1:
            owned |= {name for survey in surveys for name, _ in survey.parts()}
        groups.append(Group(tuple(variables), combo, surveys, frozenset(owned)))
    return tuple(groups)


def _holds(space: Space, surveyed: Surveyed, look: Look) -> bool:
    """Return whether whole candidates are what their groups say."""
    size = min(CHECKED, len(space))
    chosen = Streams(0).generator("plan", "check").choice(len(space), size, replace=False)
    names = surveyed.names()
    for candidate, whole in zip(chosen, look(space.levels[chosen]), strict=True):
        broken = any(which[candidate] for _, which in surveyed.reasons())
        if bool(whole.reason) != broken:
            return False
        parts = dict(whole.parts())
        for name in [] if broken else names:
            owner = next((group for group in surveyed.groups if name in group.owned), None)
            if owner is None:
                said = dict(surveyed.reference.parts()).get(name)
            else:
                said = owner.values(name)[owner.combo[candidate]]
            if said != parts.get(name):
                return False
    return True


def parts_of(space: Space, surveyed: Surveyed) -> tuple[Part, ...]:
    """Return the order of the candidates: who has no more of anything that serves requests.

    Chips are compared by what they do: one that is slower at every step and holds no more KV cache
    is less, whatever it is called.
    """
    return tuple(Part(group.combo, _no_more(space, group)) for group in surveyed.groups)


def _no_more(space: Space, group: Group) -> BoolArray:
    size = len(group.surveys)
    shape = [len(space.labels[variable]) for variable in group.variables]
    levels = np.array(list(np.ndindex(*shape)))
    no_more = np.ones((size, size), dtype=bool)
    explained = False
    for name in sorted(group.owned):
        if name[0] == "pool":
            explained = True
            no_more &= _pool_order(group.values(name))
        elif name[0] == "load":
            rates = np.array([part or 0.0 for part in group.values(name)])
            no_more &= rates[:, None] >= rates[None, :]
    for column, variable in enumerate(group.variables):
        own = levels[:, column]
        if explained and _is_seen(space, variable):
            continue
        least = own[:, None] <= own[None, :] if space.ordered[variable] else False
        no_more &= least | (own[:, None] == own[None, :])
    return no_more


def _pool_order(pools: Sequence[PoolSurvey | None]) -> BoolArray:
    return np.array(
        [[a is None or (b is not None and a.no_more_than(b)) for b in pools] for a in pools]
    )


def _is_seen(space: Space, variable: int) -> bool:
    paths = {path for change in space.changes[variable] for path in change}
    hardware = all(path.startswith(("pools.", "topology.sites.")) for path in paths)
    return hardware and all(path.rsplit(".", 1)[-1] in _SEEN for path in paths)
