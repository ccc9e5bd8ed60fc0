"""The group of all verbs: what holds for each of them before and after its own work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGINT
from typing import Any

import typer
from typer.core import TyperGroup

_WITHOUT_VALUE = re.compile(r"--[a-z][a-z-]*=")


class Interrupted(Exception):  # noqa: N818 (a user's wish, no error)
    """A signal ended the command; at a KeyboardInterrupt typer would end without a word.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int = SIGINT) -> None:
        super().__init__()
        self.number = number


class Verbs(TyperGroup):
    """The verbs of the command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse empty arguments: most come of a shell variable that is not set.

        Raises:
            BadParameter: one is empty.
        """
        if any(not text or _WITHOUT_VALUE.fullmatch(text) for text in args):
            message = "got an empty argument, expected text (is a shell variable not set?)"
            raise typer.BadParameter(message, ctx)
        return super().parse_args(ctx, args)

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Read the arguments.

        Raises:
            Interrupted: Ctrl-C ended it.
        """
        with _aloud():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run a verb.

        Raises:
            Interrupted: Ctrl-C ended it.
        """
        with _aloud():
            return super().invoke(ctx)


@contextmanager
def _aloud() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted(getattr(error, "number", SIGINT)) from None
