"""The sound part of a document with mistakes, so that one pass can report what else is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from sim.document.document import Document, Place
from sim.document.validate import Validation, validate

M = TypeVar("M", bound=BaseModel)


@dataclass(slots=True)
class SoundPart(Generic[M]):
    """A model of what is left when wrong entries are taken out.

    Attributes:
        value: the model; None if too little is left.
        cut: places in the document that were taken out.
        kept: for each list that lost entries, the original index of those that stayed.
    """

    value: M | None
    cut: set[Place] = field(default_factory=set)
    kept: dict[Place, list[int]] = field(default_factory=dict)

    def original(self, place: Place) -> Place:
        """Return where something at ``place`` of the sound part stands in the document."""
        found: Place = ()
        for step in place:
            indices = self.kept.get(found)
            found = (*found, indices[step] if indices and isinstance(step, int) else step)
        return found


def sound_part(
    model: type[M], document: Document, validation: Validation[M], depths: dict[str, int]
) -> SoundPart[M]:
    """Return the part of a document that fits the model.

    Takes out the very values that are wrong; where the rest cannot do without them, the entries
    that hold them.

    Args:
        model: what the document should have been.
        document: what was written.
        validation: what is wrong with it.
        depths: for each top-level key, how many steps lead to one of its entries (1 if absent).
    """
    part = SoundPart(validation.value)
    wrong = validation.places
    for whole_entries in (False, True):
        if part.value is not None:
            break
        places = {part.original(place) for place in wrong}
        if whole_entries:
            places = {place[: depths.get(str(place[0]), 1)] for place in places if place}
        part.cut |= places
        part.kept.clear()
        rest = Document(document.file, _without(document.data, (), part))
        retry = validate(model, rest)
        part.value, wrong = retry.value, retry.places
    return part


def _without(value: Any, place: Place, part: SoundPart[Any]) -> Any:
    if isinstance(value, dict):
        inner = {key: (*place, key) for key in value if (*place, key) not in part.cut}
        return {key: _without(value[key], where, part) for key, where in inner.items()}
    if isinstance(value, list):
        stay = [index for index in range(len(value)) if (*place, index) not in part.cut]
        if len(stay) < len(value):
            part.kept[place] = stay
        return [_without(value[index], (*place, index), part) for index in stay]
    return value
