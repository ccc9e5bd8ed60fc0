"""The power tree from any list of feeds: who hangs below whom, and what a trip takes down."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.interfaces import FloatArray, IntArray


class PowerTree:
    """Equipment in a tree: utility feed, switchboards, UPS, row PDUs, racks.

    Args:
        parents: parent of every element by name, or a list of parents where a file has several;
            None for the root of a tree.

    Raises:
        ScenarioError: an element has two parents, an unknown one, or hangs below itself; all at
            once.
    """

    def __init__(self, parents: Mapping[str, str | list[str] | None]) -> None:
        problems = _problems(parents)
        if problems:
            raise ScenarioError(problems)
        self.names = tuple(parents)
        number = {name: at for at, name in enumerate(self.names)}
        above = [_only(parent) for parent in parents.values()]
        self.parent: IntArray = np.array(
            [-1 if name is None else number[name] for name in above], dtype=np.int64
        )
        depth = np.zeros(len(self.names), dtype=np.int64)
        for element in range(len(self.names)):
            walk = element
            while self.parent[walk] >= 0:
                walk = int(self.parent[walk])
                depth[element] += 1
        # Children before parents: one pass adds everything up.
        self._upwards = np.argsort(-depth, kind="stable").tolist()

    def below(self, name: str) -> tuple[str, ...]:
        """Return an element and everything that loses power when it trips."""
        dead = {self.names.index(name)}
        for element in reversed(self._upwards):
            if int(self.parent[element]) in dead:
                dead.add(element)
        return tuple(self.names[element] for element in sorted(dead))

    def totals_w(self, own_w: FloatArray, loss_w: Mapping[str, float] | None = None) -> FloatArray:
        """Return the power through every element [W].

        Args:
            own_w: what each element draws itself, beside its children [W].
            loss_w: constant loss of elements by name, added to what they draw from above [W].
        """
        total_w = own_w.astype(np.float64)
        for name, loss in (loss_w or {}).items():
            total_w[self.names.index(name)] += loss
        for element in self._upwards:
            if self.parent[element] >= 0:
                total_w[self.parent[element]] += total_w[element]
        return total_w


def _only(parent: str | list[str] | None) -> str | None:
    return parent[0] if isinstance(parent, list) else parent


def _problems(parents: Mapping[str, str | list[str] | None]) -> list[Problem]:
    problems = []
    for name, parent in parents.items():
        if isinstance(parent, list) and len(parent) != 1:
            got = " and ".join(parent) or "none"
            problems.append(Problem(name, got, "one element that feeds it"))
        elif _only(parent) is not None and _only(parent) not in parents:
            problems.append(Problem(name, repr(_only(parent)), "the name of an element"))
    if not problems:
        problems = [Problem(*cycle) for cycle in _cycles(parents)]
    return problems


def _cycles(parents: Mapping[str, str | list[str] | None]) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    settled: set[str] = set()
    for start in parents:
        path: list[str] = []
        name: str | None = start
        while name is not None and name not in settled and name not in path:
            path.append(name)
            name = _only(parents[name])
        if name is not None and name in path:
            loop = [*path[path.index(name) :], name]
            found.append((name, " -> ".join(loop), "a tree without a cycle"))
        settled.update(path)
    return found
