"""Values that are possible but look like a slip of the unit: the reader of a scenario is warned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sim import units
from sim.document.quantities import Quantity
from sim.scenario.schema.base import key_of


def unusual_values(section: BaseModel, path: str = "") -> Iterator[str]:
    """Yield a warning for every value that somebody gave and hardly anybody would mean.

    What is usual is told by the kind of the quantity (`sim.units.Kind.usual`); zero is never
    remarked on, because it is how things are switched off.

    Args:
        section: a scenario or a part of one.
        path: dotted path of the part.
    """
    for name in sorted(section.model_fields_set):
        field = type(section).model_fields[name]
        place = f"{path}.{field.alias or key_of(name)}".removeprefix(".")
        quantity = _quantity_of(field)
        for where, value in _leaves(getattr(section, name), place):
            if isinstance(value, BaseModel):
                yield from unusual_values(value, where)
            elif quantity is not None and isinstance(value, (int, float)) and value:
                yield from _remarked(quantity, float(value), where)


def _leaves(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield the values inside mappings and lists with their places, or the value itself."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{place}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{place}[{index}]")
    else:
        yield place, value


def _quantity_of(field: FieldInfo) -> Quantity | None:
    found = (item for item in field.metadata if isinstance(item, Quantity))
    return next(found, None) or _inside(field.annotation)


def _inside(kind: Any) -> Quantity | None:
    """Return the quantity that an annotation of a value, a list or a mapping speaks of."""
    if get_origin(kind) is Annotated:
        found = next((item for item in get_args(kind) if isinstance(item, Quantity)), None)
        if found is not None:
            return found
    return next((inner for part in get_args(kind) if (inner := _inside(part))), None)


def _remarked(quantity: Quantity, value: float, place: str) -> Iterator[str]:
    kind = quantity.kind
    low, high = kind.usual
    size = value if low < 0.0 else abs(value)
    if not low <= size <= high:
        side = "small" if size < low else "large"
        shown = units.render(value, kind, 6)
        yield f"{place} is {shown}, unusually {side} for {kind.name}: is the unit right?"
