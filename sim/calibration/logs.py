"""Reads per-request logs of a vLLM-style server: one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from sim.calibration.run import Run
from sim.errors import Problem, TraceError
from sim.reasons import unreadable

# Our name -> names in use, the first found wins. Times share one clock, in seconds.
FIELDS = {
    "input": ("input_toks", "input_tokens", "prompt_tokens", "prompt_len"),
    "output": ("output_toks", "output_tokens", "completion_tokens", "output_len"),
    "queued": ("queued_ts", "queued_time", "arrival_s"),
    "first": ("first_token_ts", "first_token_time", "first_token_s"),
    "last": ("last_token_ts", "last_token_time", "finished_ts", "last_token_s"),
}
MOST_PROBLEMS = 20
# Between two tokens of an answer, in the median of a log: what no server is below or above [s].
LEAST_S_PER_TOKEN, MOST_S_PER_TOKEN = 1e-4, 3.0
USUAL_S_PER_TOKEN = 0.03
UNITS = {"milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9, "hours": 1.0 / 3600.0}


def read_request_log(path: Path) -> Run:
    """Read a log whose lines hold token counts, queue time and first and last token times.

    Args:
        path: a JSONL file with, per request, ``input_toks``, ``output_toks``, ``queued_ts``,
            ``first_token_ts`` and ``last_token_ts`` (or a known other name of each).

    Raises:
        TraceError: with the line number of each row that is not such an object.
    """
    rows: list[tuple[float, ...]] = []
    problems: list[Problem] = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue

        def refuse(path_: str, got: str, expected: str, at: int = number) -> None:
            problems.append(Problem(path_, got, expected, str(path), at))

        row = _row(line, refuse)
        if row is not None:
            rows.append(row)
        if len(problems) >= MOST_PROBLEMS:
            break
    if not rows and not problems:
        problems.append(Problem("", "no requests", "one JSON object per line", str(path)))
    if problems:
        raise TraceError(problems)
    found = np.array(rows)
    _require_seconds(found, path)
    return run_of(found)


def _require_seconds(rows: np.ndarray, path: Path) -> None:
    """Refuse times that cannot be seconds, and name the unit that they seem to be in.

    Raises:
        TraceError: a token takes longer in the median than any server takes, or no time at all.
    """
    answers = rows[rows[:, 4] > 1.0]
    if not len(answers):
        return
    token = float(np.median((answers[:, 2] - answers[:, 1]) / (answers[:, 4] - 1.0)))
    if LEAST_S_PER_TOKEN <= token <= MOST_S_PER_TOKEN or token == 0.0:
        return
    unit, per_s = min(
        UNITS.items(), key=lambda item: abs(np.log(token / item[1] / USUAL_S_PER_TOKEN))
    )
    got = f"{token:.3g} between two tokens of an answer, in the median"
    hint = f"they look like {unit}: divide them by {per_s:g}" if per_s > 1.0 else ""
    if per_s < 1.0:
        hint = f"they look like {unit}: multiply them by {1.0 / per_s:g}"
    raise TraceError([Problem("times", got, "times in seconds", str(path), hint=hint)])


def run_of(rows: np.ndarray) -> Run:
    """Return requests sorted by arrival, which starts at zero.

    Args:
        rows: columns arrival, first token, last token [s], input and output [tokens].
    """
    arrival, first, last, inputs, outputs = rows[np.argsort(rows[:, 0], kind="stable")].T
    start_s = arrival[0]
    return Run(
        arrival - start_s,
        inputs.astype(np.int64),
        outputs.astype(np.int64),
        first - start_s,
        last - start_s,
    )


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        TraceError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TraceError([unreadable(path, error, "a readable file in UTF-8")]) from None


def _row(line: str, refuse: Callable[[str, str, str], None]) -> tuple[float, ...] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        refuse("", repr(line[:40]), "a JSON object")
        return None
    if not isinstance(entry, dict):
        refuse("", repr(line[:40]), "a JSON object")
        return None
    values = {}
    for name, keys in FIELDS.items():
        value = _first(entry, keys)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not isfinite(value):
            refuse(keys[0], repr(value), "a number")
            return None
        values[name] = float(value)
    if values["input"] < 1 or values["output"] < 1:
        refuse("tokens", f"{values['input']:g} in, {values['output']:g} out", "at least 1 each")
        return None
    if not values["queued"] <= values["first"] <= values["last"]:
        refuse("times", "out of order", "queued <= first token <= last token")
        return None
    return tuple(values[name] for name in ("queued", "first", "last", "input", "output"))


def _first(entry: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((entry[key] for key in keys if key in entry), None)


def is_request_log(path: Path) -> bool:
    """Return whether a file is JSON lines whose first object holds one of our queue times."""
    if path.suffix != ".jsonl":
        return False
    first = next((line for line in read_text(path).splitlines() if line.strip()), "")
    try:
        entry = json.loads(first)
    except ValueError:
        return True  # its reader says what is wrong, line by line
    return not (isinstance(entry, dict) and "metrics" in entry)
