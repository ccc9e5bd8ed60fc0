"""What a user should know of the traces of a run: rows left out, an end before that of the run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sim import units
from sim.errors import Problem, ScenarioError
from sim.interfaces import FloatArray
from sim.scenario.schema.run import Run
from sim.traffic.trace import ReadReport

SAME_LEAST, SAME_SHARE = 3, 0.5  # equal arrivals from which a clock has lost its digits
SMALL_PART = 0.01  # of the requests that were read; below it a unit of time is doubted
EARLY = 0.9  # a trace that ends before this share of the duration leaves the run idle at its end


def rows_left_out(report: ReadReport) -> Iterator[str]:
    """Yield a sentence for each reason for which rows of a file were left out."""
    where = " in the whole file, not only in the window," if report.counts_whole_file else ""
    for reason, count in report.dropped.items():
        shown = report.dropped_lines.get(reason, ())
        lines = ", ".join(str(line) for line in shown) + (", ..." if count > len(shown) else "")
        word, at = ("row", "line") if count == 1 else ("rows", "lines")
        verb = "was" if count == 1 else "were"
        yield f"{count:,} {word} of the trace{where} {verb} left out: {reason} ({at} {lines})"


def clock_doubts(arrival_s: FloatArray) -> Iterator[str]:
    """Yield a sentence if so many arrivals are equal that the clock has lost its digits.

    Args:
        arrival_s: arrival times [s], sorted.
    """
    count = len(arrival_s)
    most = int(np.unique(arrival_s, return_counts=True)[1].max(initial=0))
    if count >= SAME_LEAST and most > SAME_SHARE * count:
        yield (
            f"{most:,} of {count:,} requests arrive at the same time: has the file lost digits, as "
            f"1.7E+09 has of a time since 1970?"
        )


def part_used(used: int, seen: int, whole: bool) -> Iterator[str]:
    """Yield a sentence if a run uses only a small part of its trace.

    Args:
        used: requests that arrive in the run.
        seen: requests of the file as far as it was read.
        whole: it was read to its end.
    """
    if used < SMALL_PART * seen:
        more = "" if whole else "at least "
        yield (
            f"{used:,} of {more}{seen:,} requests of its trace arrive in the run; "
            f"are its times in seconds, and is its part the right one (from, to, run.duration)?"
        )


def early_end(ends_s: float, run: Run) -> Iterator[str]:
    """Yield a sentence if a trace ends well before the run.

    Args:
        ends_s: end of the trace, infinite if it never ends [s].
        run: the scenario's run section.
    """
    if ends_s <= 0.0:
        yield f"its trace ends before the run begins, which is at {_time(run.from_s)} (run.from)"
    elif run.duration_s is not None and ends_s < EARLY * run.duration_s:
        yield (
            f"its trace ends after {_time(ends_s)}, the run after {_time(run.duration_s)}; "
            f"nothing of it comes in between (loop: true would start it again)"
        )


def refuse_long_warmup(run: Run, ends_s: float) -> None:
    """Refuse a warm-up after which no request is left to measure.

    Args:
        run: the scenario's run section.
        ends_s: end of the last trace, infinite if requests never end [s].

    Raises:
        ScenarioError: the warm-up lasts at least until then.
    """
    if ends_s > 0.0 and run.warmup_s >= ends_s:
        got, expected = _time(run.warmup_s), f"less than {_time(ends_s)}, when the last trace ends"
        raise ScenarioError([Problem("run.warmup", got, expected)])


def _time(time_s: float) -> str:
    return units.render(time_s, units.TIME, 3)
