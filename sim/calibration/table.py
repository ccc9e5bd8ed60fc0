"""Reads a table of measured steps: batch, context, step time and power."""

from __future__ import annotations

from csv import DictReader
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np

from sim.calibration.logs import MOST_PROBLEMS, read_text
from sim.errors import Problem, TraceError
from sim.interfaces import FloatArray
from sim.registry import nearest_hint

REQUIRED = ("batch", "context_tokens", "step_ms")
OPTIONAL = ("prompt_tokens", "power_w")


@dataclass(frozen=True, slots=True)
class StepTable:
    """Measured steps as columns of one length.

    Attributes:
        batch: sequences that decode in the step [1].
        context_tokens: mean context of one of them [tokens].
        prompt_tokens: prompt tokens in the step [tokens].
        step_s: duration [s].
        power_w: power of one accelerator [W], NaN where it was not measured.
    """

    batch: FloatArray
    context_tokens: FloatArray
    prompt_tokens: FloatArray
    step_s: FloatArray
    power_w: FloatArray


def read_step_table(path: Path) -> StepTable:
    """Read a CSV with the columns batch, context_tokens and step_ms.

    Columns prompt_tokens (0 unless given) and power_w (per accelerator) are optional.

    Raises:
        TraceError: with the line of each bad value, or the column that is missing or unknown.
    """
    reader = DictReader(read_text(path).splitlines())
    header = [name.strip() for name in reader.fieldnames or []]
    problems = [
        Problem(name, "", "a column of this name", str(path), 1)
        for name in REQUIRED
        if name not in header
    ]
    known = [*REQUIRED, *OPTIONAL]
    problems += [
        Problem(
            "", repr(n), "one of " + ", ".join(known), str(path), 1, hint=nearest_hint(n, known)
        )
        for n in header
        if n not in known
    ]
    if problems:
        raise TraceError(problems)
    rows = []
    for entry in reader:
        row = [_number(entry.get(name), name, reader.line_num, path, problems) for name in known]
        rows.append(row)
        if len(problems) >= MOST_PROBLEMS:
            break
    if not rows:
        problems.append(Problem("", "no rows", "measured steps", str(path)))
    if problems:
        raise TraceError(problems)
    batch, context, step_ms, prompts, power = np.array(rows).T
    return StepTable(batch, context, np.nan_to_num(prompts), step_ms / 1e3, power)


def _number(text: str | None, name: str, line: int, path: Path, problems: list[Problem]) -> float:
    if name in OPTIONAL and not (text or "").strip():
        return float("nan")
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    lowest = 0.0 if name in ("batch", "context_tokens", "prompt_tokens") else 1e-9
    if not isfinite(value) or value < lowest:
        expected = "a number from 0" if lowest == 0.0 else "a number above 0"
        problems.append(Problem(name, repr(text), expected, str(path), line))
    return value
