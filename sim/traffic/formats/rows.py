"""What a reader hands on: raw columns of a stretch of a file, and the rows that it cannot use."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.errors import Problem, TraceError
from sim.interfaces import FloatArray, IntArray, PrefixBlocks
from sim.traffic.trace import AnyArray, Labels

BadRowsAction = Literal["refuse", "skip"]
MOST_TOKENS = 10_000_000
PROBLEMS_SHOWN = 20

Mask = NDArray[np.bool_]
Quote = Callable[[int, str], tuple[str, str]]
"""Finds a field again: row (an index into the rows) and canonical column in, the file's own name
of the column and its text as a message shows it out."""


@dataclass(frozen=True, slots=True)
class RawRows:
    """Rows as the file has them, not yet checked.

    Attributes:
        line: line of each row in the file, from 1.
        arrival_s: arrival times [s]; NaN where the field was no time.
        input_tokens: prompt lengths as floats; NaN where the field was no number.
        output_tokens: answer lengths, likewise.
        quote: finds a field again for messages.
        time_form: what a time looks like in this format.
        extras: optional numeric columns.
        labels: optional columns of names.
        blocks: prefix-cache blocks.
        origin_unix_s: wall-clock time of arrival 0 [s], if the file has one.
        span_s: length of the observation [s], 0 if the file does not say.
    """

    line: IntArray
    arrival_s: FloatArray
    input_tokens: FloatArray
    output_tokens: FloatArray
    quote: Quote
    time_form: str = "seconds, such as 12.5"
    extras: Mapping[str, AnyArray] = field(default_factory=dict)
    labels: Mapping[str, Labels] = field(default_factory=dict)
    blocks: PrefixBlocks | None = None
    origin_unix_s: float | None = None
    span_s: float = 0.0


class BadRows:
    """Keeps account of the rows of one file that cannot be used.

    Args:
        file: the file as the user named it.
        action: ``refuse`` raises after the first twenty problems or at the end of the file,
            ``skip`` counts them by reason and keeps the first twenty to show.
        from_s: rows before this time are none of the user's business when they are skipped [s].
        to_s: nor are rows from this time on [s].
    """

    def __init__(
        self,
        file: str,
        action: BadRowsAction = "refuse",
        from_s: float = 0.0,
        to_s: float = math.inf,
    ) -> None:
        self.file = file
        self.action = action
        self.problems: list[Problem] = []
        self._lines: dict[str, array[int]] = {}
        self._edges_s = from_s, to_s
        self._edges = [0.0 if from_s <= 0.0 else math.inf, math.inf]

    def malformed(
        self, reason: str, line: int, column: str, got: str, expected: str, hint: str = ""
    ) -> None:
        """Count one row that breaks the format, and keep it to show if there is room."""
        self._note(reason, [line])
        if len(self.problems) < PROBLEMS_SHOWN:
            shown = got if len(got) <= 80 else got[:77] + "..."
            self.problems.append(Problem(column, shown, expected, self.file, line, hint=hint))
        elif self.action == "refuse":
            self.refuse()

    def dropped(self, reason: str, lines: Iterable[int]) -> None:
        """Count rows that are well formed but no requests, such as failures."""
        self._note(reason, lines)

    def pass_times(self, line: IntArray, arrival_s: FloatArray) -> None:
        """Learn from rows in order of time at which lines the window begins and ends.

        Without this, every row counts as inside.
        """
        for edge, time_s in enumerate(self._edges_s):
            if math.isinf(self._edges[edge]):
                reached = np.flatnonzero(arrival_s >= time_s)
                if len(reached):
                    self._edges[edge] = float(line[reached[0]])

    def lines(self, *, windowed: bool) -> dict[str, list[int]]:
        """Return the lines of the rows that were left out, by reason.

        Args:
            windowed: only those inside the window, as far as `pass_times` knows it.
        """
        first, end = self._edges if windowed else (0.0, math.inf)
        inside = {
            reason: [line for line in lines if first <= line < end]
            for reason, lines in sorted(self._lines.items())
        }
        return {reason: lines for reason, lines in inside.items() if lines}

    def _note(self, reason: str, lines: Iterable[int]) -> None:
        self._lines.setdefault(reason, array("q")).extend(lines)

    def refuse(self) -> None:
        """Raise the problems found so far, unless they are to be skipped.

        Raises:
            TraceError: there are problems and the action is to refuse.
        """
        if self.problems and self.action == "refuse":
            raise TraceError(self.problems)


def reject(raw: RawRows, bad: BadRows, rows: Mask, reason: str, column: str, expected: str) -> None:
    """Report the chosen rows as malformed, quoting the field of ``column``."""
    for row in np.flatnonzero(rows).tolist():
        header, text = raw.quote(row, column)
        bad.malformed(reason, int(raw.line[row]), header, text, expected)


def chosen(raw: RawRows, rows: Mask) -> RawRows:
    """Return the chosen rows, which quote their fields as before."""
    if rows.all():
        return raw
    places = np.flatnonzero(rows)
    return replace(
        raw,
        line=raw.line[rows],
        arrival_s=raw.arrival_s[rows],
        input_tokens=raw.input_tokens[rows],
        output_tokens=raw.output_tokens[rows],
        quote=lambda row, column: raw.quote(int(places[row]), column),
        extras={name: column[rows] for name, column in raw.extras.items()},
        labels={name: column.take(rows) for name, column in raw.labels.items()},
        blocks=raw.blocks.take(rows) if raw.blocks is not None else None,
    )
