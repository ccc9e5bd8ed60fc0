"""The errors that users see, and the one shape in which problems with their files are told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a user's file.

    Attributes:
        path: dotted path inside the document, such as ``sites.fra.power_limit`` (may be empty).
        got: the offending value as the user wrote it.
        expected: what would have been accepted, with an example where that helps.
        file: file name as the user gave it (empty for input from Python).
        line: 1-based line number, or None where there is none.
        column: 1-based column number, or None.
        hint: the nearest known name or the next thing to do (may be empty).
    """

    path: str
    got: str
    expected: str
    file: str = ""
    line: int | None = None
    column: int | None = None
    hint: str = ""

    def __str__(self) -> str:
        """Return ``file:line:col: path: got X, expected Y (hint)``."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        head = ": ".join(part for part in (place, self.path) if part)
        text = f"got {self.got}, expected {self.expected}" if self.got else self.expected
        tail = f" ({self.hint})" if self.hint else ""
        return f"{head}: {text}{tail}" if head else f"{text}{tail}"


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems in the order of their files, each once."""
    return sorted(dict.fromkeys(problems), key=lambda p: (p.file, p.line or 0, p.column or 0))


class LoadbankError(Exception):
    """Base class of every error that Loadbank raises on purpose."""


class InputError(LoadbankError):
    """A user's file or value is wrong; carries every problem found, in the order of the file."""

    def __init__(self, problems: Iterable[Problem] | str) -> None:
        if isinstance(problems, str):
            problems = [Problem(path="", got="", expected=problems)]
        self.problems: tuple[Problem, ...] = tuple(in_order(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ScenarioError(InputError):
    """A scenario, topology or catalogue file does not describe something that can be run."""


class TraceError(InputError):
    """A trace file cannot be read as the format it is said to have."""


class PolicyError(InputError):
    """A policy name is unknown, registered twice, or the object does not satisfy its Protocol."""


class InfeasibleError(LoadbankError):
    """No choice of the decision variables satisfies the constraints; the text says which binds."""


class ModelLimitError(LoadbankError):
    """A model was asked for an answer outside the range in which it can give one (exit code 4)."""


class EnvironmentLimitError(LoadbankError):
    """The machine gave out, not the input: a full or failing disk, no more files (exit code 4)."""
