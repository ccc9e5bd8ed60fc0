"""``--set dotted.path=value``: changes to a document before it is validated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from sim.document.document import Document, Place, Position
from sim.document.model_fields import fields_of, models_at
from sim.document.yaml_reader import parse_document
from sim.errors import Problem, ScenarioError
from sim.registry import nearest_hint

_DOT = re.compile(r'\.(?=(?:[^"]*"[^"]*")*[^"]*$)')  # one that is not between quotes
FREE = "constants"  # sections in it are made as they are named; the catalogue knows its keys


@dataclass(frozen=True, slots=True)
class Override:
    """One change to a document.

    Attributes:
        steps: the path, split at its dots; ``a."b.c"`` has two steps.
        value: the new value as YAML reads it.
        source: what messages call it in place of a file name.
    """

    steps: tuple[str, ...]
    value: Any
    source: str


def parse_overrides(texts: Sequence[str]) -> list[Override]:
    """Return the overrides that ``dotted.path=value`` texts describe, values read as YAML.

    Raises:
        ScenarioError: with every text that has no ``=``, an empty step or an unreadable value.
    """
    overrides: list[Override] = []
    problems: list[Problem] = []
    for text in texts:
        path, equals, value = text.partition("=")
        steps = tuple(step.strip('"') for step in _DOT.split(path.strip()))
        source = f"--set {text}"
        if not equals or not all(steps):
            expected = "dotted.path=value, such as run.duration=10min"
            problems.append(Problem("", repr(text), expected, "--set"))
            continue
        try:
            document = parse_document(value.strip(), source)
        except ScenarioError as error:
            problems += error.problems
            continue
        problems += document.problems
        overrides.append(Override(steps, document.data, source))
    if problems:
        raise ScenarioError(problems)
    return overrides


def apply_override(document: Document, override: Override, model: type[BaseModel]) -> None:
    """Change the document in place; a path that leads nowhere becomes a problem of the document.

    The value null takes out what is there, as in a JSON merge patch (RFC 7396).

    Args:
        document: what to change; its top is a mapping.
        override: the change.
        model: what the document has to be; says which sections may be created on the way.
    """
    value, place = document.data, Place()
    for step in override.steps[:-1]:
        key = _key(value, step)
        if key is None and isinstance(value, dict) and _may_add(model, place, step):
            value[step] = {}
            key = step
        if key is None:
            return _refuse(document, override, model, place, step)
        value, place = value[key], (*place, key)
    last: str | int | None = override.steps[-1]
    if not isinstance(value, dict):
        last = _key(value, override.steps[-1])
    if last is None:
        return _refuse(document, override, model, place, override.steps[-1])
    if override.value is None and isinstance(value, dict) and last in value:
        del value[str(last)]
        return None
    value[last] = override.value
    _mark(document, (*place, last), Position(override.source))
    return None


def _may_add(model: type[BaseModel], place: Place, step: str) -> bool:
    return step in fields_of(models_at(model, place)) or (place[:1] == (FREE,) and len(place) > 1)


def _key(value: Any, step: str) -> str | int | None:
    """Return the key or index of an existing entry that a step of a path names."""
    if isinstance(value, dict) and step in value:
        return step
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return int(step)
    return None


def _mark(document: Document, place: Place, at: Position) -> None:
    for table in (document.values, document.keys):
        for inner in [known for known in table if known[: len(place)] == place]:
            del table[inner]
        table[place] = at


def _refuse(
    document: Document, override: Override, model: type[BaseModel], place: Place, step: str
) -> None:
    value = document.get(place)
    known: list[str] = [*fields_of(models_at(model, place))]
    if isinstance(value, dict):
        known = list(dict.fromkeys([*known, *value]))
    elif isinstance(value, list):
        known = [str(index) for index in range(len(value))]
    expected = "one of " + ", ".join(known) if known else "a path to a key"
    path = ".".join(override.steps)
    hint = nearest_hint(step, known)
    document.problems.append(Problem(path, f"{step!r}", expected, override.source, hint=hint))
