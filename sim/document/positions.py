"""Where a scenario was written, so that what only shows later is told at its line as well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sim.document.document import Document, Place, Position, dotted
from sim.errors import InputError, Problem


@dataclass(frozen=True, slots=True)
class Positions:
    """Positions of the parts of a scenario.

    They say nothing of what is simulated, so all of them are equal.

    Attributes:
        file: file of the scenario, empty for one from Python.
        values: position of each value by its place.
        keys: position of each key by the place of its value.
    """

    file: str = field(default="", compare=False)
    values: Mapping[Place, Position] = field(default_factory=dict, compare=False)
    keys: Mapping[Place, Position] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, document: Document) -> Positions:
        """Return the positions of a document."""
        return cls(document.file, document.values, document.keys)

    def located(self, problem: Problem) -> Problem:
        """Return a problem with the position of its path, unless it has a file of its own."""
        if problem.file or not problem.path:
            return problem
        at = self._at(problem.path)
        return replace(problem, file=at.file, line=at.line, column=at.column)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Add positions to the problems of an error that passes through.

        Raises:
            InputError: of the class of the one that was raised inside.
        """
        try:
            yield
        except InputError as error:
            raise type(error)(map(self.located, error.problems)) from error

    def _at(self, path: str) -> Position:
        """Return the position of what a dotted path leads to, or of the nearest key around it."""
        exact = next((at for place, at in self.values.items() if dotted(place) == path), None)
        if exact is not None:
            return exact
        around = {dotted(place): at for place, at in self.keys.items()}
        while path and path not in around:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return around.get(path, Position(self.file))
