"""Looks up, for a place in a document, the pydantic models that describe it."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sim.document.document import Place


def models_at(model: type[BaseModel], place: Place) -> list[type[BaseModel]]:
    """Return the models that a mapping at ``place`` may be; none where keys are free names."""
    kinds: list[Any] = [model]
    for step in place:
        kinds = [inner for kind in kinds for inner in _inside(kind, step)]
    kinds = [entry for kind in kinds for entry in _single(kind)]
    return [kind for kind in kinds if _is_model(kind)]


def fields_of(models: list[type[BaseModel]]) -> dict[str, FieldInfo]:
    """Return the fields of all these models by their key in a file."""
    return {
        field.alias or name: field for each in models for name, field in each.model_fields.items()
    }


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _inside(kind: Any, step: str | int) -> Iterator[Any]:
    """Yield what a value under ``step`` may be, with Annotated, unions and containers opened."""
    if _is_model(kind):
        fields = fields_of([kind])
        if step in fields:
            yield from _opened(fields[str(step)].annotation)
    elif get_origin(kind) is dict and isinstance(step, str):
        yield from _opened(get_args(kind)[1])
    elif get_origin(kind) is tuple and isinstance(step, int):
        yield from _opened(get_args(kind)[0])


def _single(kind: Any) -> Iterator[Any]:
    """Yield what may stand in place of a list: itself, or one entry without its list."""
    yield kind
    if get_origin(kind) is tuple:
        yield from _opened(get_args(kind)[0])


def _opened(kind: Any) -> Iterator[Any]:
    origin = get_origin(kind)
    if origin is Annotated:
        yield from _opened(get_args(kind)[0])
    elif origin in (Union, types.UnionType):
        for member in get_args(kind):
            yield from _opened(member)
    else:
        yield kind
