"""The candidates of a plan: every combination of its variables' values, and their partial order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import Problem, ScenarioError
from sim.scenario.schema.plan import Plan, Variable

MAX_CANDIDATES = 100_000
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Variables whose combinations are ordered by what they give, not by their names.

    Attributes:
        combo: which combination of their values each candidate has, shape (candidates,).
        no_more: whether combination i has no more of anything than j, shape (combos, combos).
    """

    combo: NDArray[np.int64]
    no_more: BoolArray

    @property
    def range(self) -> NDArray[np.int64]:
        """All combinations."""
        return np.arange(len(self.no_more))


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
        parts: all variables in groups with an order of their combinations; without it only
            numbers of the same thing are ordered.
    """

    names: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    changes: tuple[tuple[Mapping[str, Any], ...], ...]
    ordered: BoolArray
    levels: NDArray[np.int64]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()

    def __len__(self) -> int:
        """Return the number of candidates."""
        return len(self.levels)

    def changes_of(self, candidate: int) -> dict[str, Any]:
        """Return what a candidate changes in the scenario, by dotted path."""
        return self.changes_at(self.levels[candidate].tolist())

    def changes_at(self, levels: Sequence[int]) -> dict[str, Any]:
        """Return what these values of the variables change; what they remove comes last."""
        merged = dict(self.fixed)
        for variable, level in enumerate(levels):
            merged |= self.changes[variable][level]
        removed = {path: None for path, value in merged.items() if value is None}
        return {path: value for path, value in merged.items() if value is not None} | removed

    def described(self, candidate: int) -> dict[str, str]:
        """Return the value of each variable of a candidate."""
        chosen = zip(self.names, self.labels, self.levels[candidate], strict=True)
        return {name: labels[level] for name, labels, level in chosen}

    def no_more_than(self, candidate: int) -> BoolArray:
        """Return which candidates have no more of anything and the same otherwise."""
        if self.parts:
            below = np.ones(len(self), dtype=bool)
            for part in self.parts:
                below &= part.no_more[part.combo, part.combo[candidate]]
            return below
        own = self.levels[candidate]
        fits = np.where(self.ordered, self.levels <= own, self.levels == own)
        return np.asarray(fits.all(axis=1))

    def no_less_than(self, candidate: int) -> BoolArray:
        """Return which candidates have no less of anything and the same otherwise."""
        own = self.levels[candidate]
        fits = np.where(self.ordered, self.levels >= own, self.levels == own)
        return np.asarray(fits.all(axis=1))


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
    return [(str(value), _change(variable.path or "", value)) for value in values]


def _change(path: str, value: Any) -> Mapping[str, Any]:
    """Return what a value sets; no replicas at all means that the pool is left out."""
    pool, _, key = path.rpartition(".")
    return {pool: None} if key == "replicas" and value == 0 else {path: value}
