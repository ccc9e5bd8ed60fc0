"""The candidates of a plan: every combination of its variables' values, and their partial order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import Problem, ScenarioError
from sim.scenario.schema_plan import Plan, Variable

MAX_CANDIDATES = 100_000
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """All candidates of a plan.

    Attributes:
        names: the variables.
        labels: the values of each variable as messages show them.
        changes: the changes to the scenario that each value of each variable makes.
        ordered: whether a later value of the variable means more capacity, shape (variables,).
        levels: which value each candidate has, shape (candidates, variables).
        fixed: changes that all candidates share.
    """

    names: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    changes: tuple[tuple[Mapping[str, Any], ...], ...]
    ordered: BoolArray
    levels: NDArray[np.int64]
    fixed: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of candidates."""
        return len(self.levels)

    def changes_of(self, candidate: int) -> dict[str, Any]:
        """Return what a candidate changes in the scenario, by dotted path."""
        merged = dict(self.fixed)
        for variable, level in enumerate(self.levels[candidate]):
            merged |= self.changes[variable][level]
        return merged

    def described(self, candidate: int) -> dict[str, str]:
        """Return the value of each variable of a candidate."""
        chosen = zip(self.names, self.labels, self.levels[candidate], strict=True)
        return {name: labels[level] for name, labels, level in chosen}

    def no_more_than(self, candidate: int) -> BoolArray:
        """Return which candidates have no more of anything and the same otherwise."""
        own = self.levels[candidate]
        fits = np.where(self.ordered, self.levels <= own, self.levels == own)
        below: BoolArray = fits.all(axis=1)
        return below

    def no_less_than(self, candidate: int) -> BoolArray:
        """Return which candidates have no less of anything and the same otherwise."""
        own = self.levels[candidate]
        fits = np.where(self.ordered, self.levels >= own, self.levels == own)
        above: BoolArray = fits.all(axis=1)
        return above


def space_of(plan: Plan, fixed: Mapping[str, Any] | None = None) -> Space:
    """Return the candidates of a plan.

    Args:
        plan: the variables.
        fixed: changes that all candidates share.

    Raises:
        ScenarioError: there are too many.
    """
    values = {name: _values(variable) for name, variable in plan.variables.items()}
    total = math.prod(len(pairs) for pairs in values.values())
    if total > MAX_CANDIDATES:
        expected = f"at most {MAX_CANDIDATES} combinations; use a larger step or fewer values"
        raise ScenarioError([Problem("plan.variables", f"{total} combinations", expected)])
    shape = [len(pairs) for pairs in values.values()]
    levels = np.indices(shape).reshape(len(shape), -1).T.astype(np.int64)
    return Space(
        names=tuple(values),
        labels=tuple(tuple(label for label, _ in pairs) for pairs in values.values()),
        changes=tuple(tuple(change for _, change in pairs) for pairs in values.values()),
        ordered=np.array([variable.from_ is not None for variable in plan.variables.values()]),
        levels=levels,
        fixed=dict(fixed or {}),
    )


def _values(variable: Variable) -> list[tuple[str, Mapping[str, Any]]]:
    if variable.options is not None:
        return list(variable.options.items())
    if variable.values is not None:
        values: tuple[Any, ...] = variable.values
    else:
        values = tuple(range(variable.from_ or 0, (variable.to or 0) + 1, variable.step))
    return [(str(value), {variable.path or "": value}) for value in values]
