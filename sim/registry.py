"""Named plug-ins: a policy registers itself where it is written, and is found by its name."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from functools import cache
from importlib import metadata
from typing import Generic, TypeVar

from sim.errors import PolicyError, Problem

T = TypeVar("T")


def nearest_hint(name: str, known: list[str]) -> str:
    """Return ``did you mean 'x'?`` for the closest known name, or an empty string."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else ""


class Registry(Generic[T]):
    """A table of classes by name for one kind of plug-in.

    Classes of this package register with the decorator; other packages name theirs in the entry
    point group ``loadbank.<kind>``, so no file of Loadbank has to change for a new policy.

    Args:
        kind: what is registered, such as ``routing policy``; used in messages.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._classes: dict[str, type[T]] = {}

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Return a class decorator that files the class under ``name``.

        Raises:
            PolicyError: the name is taken by another class.
        """

        def decorate(cls: type[T]) -> type[T]:
            if name in self._classes:
                expected = f"a {self.kind} name that is still free"
                raise PolicyError([Problem(path=name, got=repr(name), expected=expected)])
            self._classes[name] = cls
            return cls

        return decorate

    def names(self) -> list[str]:
        """Return the registered names and those of installed entry points, sorted."""
        return sorted({*self._classes, *self._entry_points()})

    def get(self, name: str) -> type[T]:
        """Return the class filed under ``name``.

        Raises:
            PolicyError: nobody registered that name; the message lists the known ones.
        """
        if name in self._classes:
            return self._classes[name]
        outside = self._entry_points()
        if name in outside:
            loaded: type[T] = outside[name].load()
            return loaded
        known = self.names()
        problem = Problem(
            path=self.kind,
            got=repr(name),
            expected="one of " + ", ".join(known),
            hint=nearest_hint(name, known),
        )
        raise PolicyError([problem])

    def _entry_points(self) -> dict[str, metadata.EntryPoint]:
        group = "loadbank." + self.kind.replace(" ", "_")
        return {point.name: point for point in _installed(group, tuple(sys.path))}


@cache
def _installed(group: str, _path: tuple[str, ...]) -> tuple[metadata.EntryPoint, ...]:
    """Return the entry points of a group: a scan of the disk, so once for each search path."""
    return tuple(metadata.entry_points(group=group))
