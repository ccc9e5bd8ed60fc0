"""A document against a pydantic model: every problem, in the user's words and at its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sim.document.document import Document, Place
from sim.document.model_fields import fields_of, models_at
from sim.errors import Problem, ScenarioError, in_order
from sim.registry import nearest_hint

M = TypeVar("M", bound=BaseModel)

# What pydantic's error types expect, in words; {x} is taken from the error's context.
_EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "string_pattern_mismatch": "a name of letters, digits, - and _",
    "string_too_short": "text that is not empty",
    "string_too_long": "at most {max_length} characters",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "tuple_type": "a list",
    "list_type": "a list",
    "too_long": "at most {max_length} entries",
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
    "datetime_type": "a date and time with its zone, such as '2026-01-01T00:00:00Z'",
    "too_short": "at least {min_length} entry",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "literal_error": "{expected}",
    "union_tag_invalid": "one of {expected_tags}",
}
_LISTS = ("expected", "expected_tags")
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Validation(Generic[M]):
    """What came of validating a document.

    Attributes:
        value: the model; None if the data does not fit it.
        problems: every problem, those of the YAML included, in the order of the file.
        places: where the data does not fit the model.
    """

    value: M | None
    problems: list[Problem]
    places: set[Place] = field(default_factory=set)


def validated(model: type[M], document: Document) -> M:
    """Return the document's data as a model.

    Args:
        model: what the document has to be.
        document: data with positions.

    Raises:
        ScenarioError: with every problem of the document, those of its YAML included.
    """
    validation = validate(model, document)
    if validation.value is None or validation.problems:
        raise ScenarioError(validation.problems)
    return validation.value


def validate(model: type[M], document: Document) -> Validation[M]:
    """Return the document's data as a model, or what is wrong with it, never raising."""
    try:
        value = model.model_validate(document.data)
    except ValidationError as error:
        details = error.errors(include_url=False)
        places = {place_of(document, detail["loc"]) for detail in details}
        found = (_problem(model, document, detail) for detail in details)
        problems = in_order([*document.problems, *filter(None, found)])
        return Validation(None, problems, places)
    return Validation(value, in_order(document.problems))


def place_of(document: Document, location: Iterable[int | str]) -> Place:
    """Return the place in the document that a pydantic location means.

    Pydantic adds steps of its own (the tag of a union, the index in a list that a validator
    made); they are not in the document and are left out.
    """
    place: Place = ()
    value = document.data
    for step in location:
        in_list = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if in_list or (isinstance(value, dict) and step in value):
            value = value[step]
            place = (*place, step)
    return place


def shown(value: Any) -> str:
    """Return a value as a message shows it, on one line and not too long."""
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if value is None:
        return "nothing"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _problem(model: type[BaseModel], document: Document, detail: ErrorDetails) -> Problem | None:
    kind, location = detail["type"], detail["loc"]
    context: dict[str, Any] = detail.get("ctx", {})
    place = place_of(document, location)
    if any(place[:length] in document.spoilt for length in range(len(place) + 1)):
        return None
    if kind == "extra_forbidden":
        return _unknown_key(model, document, place)
    if kind == "union_tag_not_found":
        kind, location = "missing", (*location, context["discriminator"].strip("'"))
    if kind == "missing":
        return _missing_key(model, document, (*place, str(location[-1])))
    if kind == "union_tag_invalid":
        place = (*place, context["discriminator"].strip("'"))
    if kind == "refusal":
        place = place_of(document, (*place, *context.get("at", ())))
        got = context.get("got") or shown(document.get(place))
        return document.problem(place, got, context["expected"], context["hint"])
    of_key = location[-1:] == ("[key]",)
    got = shown(place[-1] if of_key else document.get(place))
    expected = _EXPECTED.get(kind, "another value").format_map(_in_our_words(context))
    hint = nearest_hint(got.strip("'"), re.findall(r"'([^']*)'", expected))
    if kind == "string_type" and isinstance(document.get(place), (int, float)):
        hint = "put it in quotes"
    return document.problem(place, got, expected, hint, of_key=of_key)


def _in_our_words(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return a context whose lists of names are joined by us, not by the library."""
    lists = {key: re.findall(r"'([^']*)'", str(context[key])) for key in _LISTS if key in context}
    joined = {
        key: " or ".join(filter(None, (", ".join(map(repr, names[:-1])), repr(names[-1]))))
        for key, names in lists.items()
        if names
    }
    return {**context, **joined}


def _missing_key(model: type[BaseModel], document: Document, place: Place) -> Problem:
    field = fields_of(models_at(model, place[:-1])).get(str(place[-1]))
    about = " ".join((field.description or "").split()) if field else ""
    return document.problem(place, "nothing", "this key, which is required", about.rstrip("."))


def _unknown_key(model: type[BaseModel], document: Document, place: Place) -> Problem:
    known = list(fields_of(models_at(model, place[:-1])))
    hint = nearest_hint(str(place[-1]), known)
    expected = "one of " + ", ".join(known)
    return document.problem(place, f"unknown key {place[-1]!r}", expected, hint, of_key=True)
