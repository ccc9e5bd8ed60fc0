"""HTML and SVG as values: whatever is not `Markup` already is escaped when it enters a tag.

No part of the report pastes strings together by hand, so a name from a scenario or a trace can
never become an element.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape as _escape
from typing import TypeAlias

EMPTY_ELEMENTS = frozenset({"circle", "input", "line", "meta", "path", "rect"})


class Markup(str):
    """Text that is safe HTML already."""

    __slots__ = ()


Attribute: TypeAlias = str | float | int | None


def text(value: object) -> Markup:
    """Return ``value`` as text that a browser shows and never reads as an element."""
    if isinstance(value, Markup):
        return value
    printable = "".join(char if char >= " " or char in "\n\t" else "\ufffd" for char in str(value))
    return Markup(_escape(printable))


def join(parts: Iterable[object], separator: str = "") -> Markup:
    """Return ``parts`` one after the other, each escaped unless it is `Markup`."""
    return Markup(separator.join(text(part) for part in parts))


def tag(name: str, *children: object, **attributes: Attribute) -> Markup:
    """Return one element.

    Args:
        name: element name.
        children: texts and elements inside it; None is left out.
        attributes: ``class_`` stands for ``class`` and ``aria_label`` for ``aria-label``; an
            attribute that is None is left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in EMPTY_ELEMENTS:
        return Markup(f"<{name}{written}/>")
    inner = join(child for child in children if child is not None)
    return Markup(f"<{name}{written}>{inner}</{name}>")
