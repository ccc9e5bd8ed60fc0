"""Plain data with the position of every key and value, so that a message can point at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.errors import Problem, ScenarioError

Place = tuple[str | int, ...]
"""Where a value is inside a document: the keys and list indices that lead to it."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file, 1-based; line and column are None for input that has no lines."""

    file: str
    line: int | None = None
    column: int | None = None


@dataclass(slots=True)
class Document:
    """What was written, and where each part of it was written.

    Attributes:
        file: file name as the user gave it, empty for input from Python.
        data: dicts with text keys, lists, text, numbers, booleans and None.
        values: position of each value by its place.
        keys: position of each mapping key by the place of its value.
        problems: what was wrong already in the YAML: duplicate keys, ambiguous words.
        spoilt: places of which ``problems`` speaks; nothing more should be said of them.
    """

    file: str
    data: Any = None
    values: dict[Place, Position] = field(default_factory=dict)
    keys: dict[Place, Position] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    spoilt: set[Place] = field(default_factory=set)

    def get(self, place: Place) -> Any:
        """Return the value at ``place``, or None where there is none."""
        value = self.data
        for step in place:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def position(self, place: Place, *, of_key: bool = False) -> Position:
        """Return the position of a value (or its key), or of the nearest thing around it."""
        if of_key and place in self.keys:
            return self.keys[place]
        if place in self.values:
            return self.values[place]
        for length in range(len(place) - 1, -1, -1):
            around = self.keys.get(place[:length]) or self.values.get(place[:length])
            if around is not None:
                return around
        return Position(self.file)

    def problem(
        self, place: Place, got: str, expected: str, hint: str = "", *, of_key: bool = False
    ) -> Problem:
        """Return a problem with the value (or the key) at ``place``."""
        at = self.position(place, of_key=of_key)
        return Problem(dotted(place), got, expected, at.file, at.line, at.column, hint)

    def graft(self, key: str, part: Document) -> None:
        """Put another document in place of the value of a top-level key."""
        self.data[key] = part.data
        self.values |= {(key, *inner): at for inner, at in part.values.items()}
        self.keys |= {(key, *inner): at for inner, at in part.keys.items()}
        self.problems += part.problems
        self.spoilt |= {(key, *inner) for inner in part.spoilt}


def dotted(place: Iterable[str | int]) -> str:
    """Return a place as users write it, such as ``links[2].latency``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.removeprefix(".")


def from_mapping(data: Mapping[str, Any]) -> Document:
    """Return a document that holds a copy of a mapping from Python; it has no positions.

    Raises:
        ScenarioError: a key is not text.
    """
    document = Document("")
    document.data = _copied(data, document, ())
    if document.problems:
        raise ScenarioError(document.problems)
    return document


def _copied(value: Any, document: Document, place: Place) -> Any:
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                document.problems.append(document.problem(place, f"key {key!r}", "a key of text"))
        return {key: _copied(item, document, (*place, key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copied(item, document, (*place, at)) for at, item in enumerate(value)]
    return value
