"""Turns raw rows into requests: every rule that a request must keep, in one place."""

from __future__ import annotations

import numpy as np

from sim.traffic.formats.rows import MOST_TOKENS, BadRows, Mask, RawRows, reject
from sim.traffic.formats.timescale import LATEST_S, what_was_meant
from sim.traffic.trace import Trace


def checked(raw: RawRows, bad: BadRows, after_s: float, ordered: bool, drops_zero: bool) -> Trace:
    """Return the rows that are requests and report the others.

    Args:
        raw: rows of one chunk.
        bad: told of every row that is left out.
        after_s: last arrival of the chunk before [s]; an ordered file may not go back behind it.
        ordered: file order is time order.
        drops_zero: a zero length is a failed request, dropped and counted.
    """
    usable = _usable_times(raw, bad)
    for column in ("input_tokens", "output_tokens"):
        usable &= _usable_counts(raw, bad, usable, column, drops_zero)
    if ordered:
        usable &= _not_going_back(raw, bad, usable, after_s)
    return Trace(
        arrival_s=raw.arrival_s[usable],
        input_tokens=raw.input_tokens[usable].astype(np.int32),
        output_tokens=raw.output_tokens[usable].astype(np.int32),
        span_s=raw.span_s,
        extras={name: column[usable] for name, column in raw.extras.items()},
        labels={name: column.take(usable) for name, column in raw.labels.items()},
        blocks=raw.blocks.take(usable) if raw.blocks is not None else None,
    )


def _usable_times(raw: RawRows, bad: BadRows) -> Mask:
    unreadable = np.isnan(raw.arrival_s)
    reject(raw, bad, unreadable, "unreadable time", "arrival_s", raw.time_form)
    negative = raw.arrival_s < 0
    if negative.any():
        expected = "a time at or after the start of the trace"
        reject(raw, bad, negative, "time before the start", "arrival_s", expected)
    moment_s = raw.arrival_s + (raw.origin_unix_s or 0.0)
    late = moment_s > LATEST_S
    if late.any():
        expected = f"seconds, before the year 2100; {what_was_meant(float(moment_s[late][0]))}"
        reject(raw, bad, late, "time beyond the year 2100", "arrival_s", expected)
    return np.asarray(~unreadable & ~negative & ~late)


def _usable_counts(raw: RawRows, bad: BadRows, rows: Mask, column: str, drops_zero: bool) -> Mask:
    """Return which rows have a usable token count; only ``rows`` are reported."""
    tokens = raw.input_tokens if column == "input_tokens" else raw.output_tokens
    zero = tokens == 0
    if drops_zero:
        bad.dropped(f"zero {column}", raw.line[zero & rows].tolist())
    else:
        reject(raw, bad, zero & rows, f"zero {column}", column, "at least 1 token")
    large = tokens > MOST_TOKENS
    expected = f"at most {MOST_TOKENS:,} tokens"
    reject(raw, bad, large & rows, f"too many {column}", column, expected)
    odd = ~(tokens >= 0) | (~large & (tokens != np.floor(tokens)))
    reject(raw, bad, odd & rows, f"unreadable {column}", column, "a whole number of tokens")
    return np.asarray(~zero & ~large & ~odd)


def _not_going_back(raw: RawRows, bad: BadRows, rows: Mask, after_s: float) -> Mask:
    times = np.where(rows, raw.arrival_s, -np.inf)
    latest = np.maximum(np.maximum.accumulate(times), after_s)
    before = np.concatenate([[after_s], latest[:-1]])
    back = rows & (raw.arrival_s < before)
    for row in np.flatnonzero(back).tolist():
        step = float(before[row] - raw.arrival_s[row])
        bad.malformed(
            "clock goes back",
            int(raw.line[row]),
            raw.quote(row, "arrival_s")[0],
            f"an arrival that goes back {step:.6g} s",
            "rows in order of time",
            "sort the file, or skip bad rows",
        )
    return np.asarray(~back)
