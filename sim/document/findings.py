"""What a check across sections found, before it is known where that stands in a file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sim.document.document import Place
from sim.registry import nearest_hint


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake that only shows when sections are seen together.

    Attributes:
        place: where in the scenario.
        got: what is there.
        expected: what would be right.
        hint: the nearest known name or the next thing to do (may be empty).
        of_key: whether the key is to blame and not the value.
    """

    place: Place
    got: str
    expected: str
    hint: str = ""
    of_key: bool = False


def unknown_name(
    place: Place, name: str, what: str, known: Collection[str], *, of_key: bool = False
) -> Finding:
    """Return the finding that nothing of the kind has this name.

    Args:
        place: where the name stands.
        name: the name.
        what: the kind of thing, such as ``a site``.
        known: the names that exist.
        of_key: whether the name is a key.
    """
    names = sorted(known)
    some = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    expected = f"{what}: {some}" if names else f"{what}, but there is none"
    return Finding(place, repr(name), expected, nearest_hint(name, names), of_key)
