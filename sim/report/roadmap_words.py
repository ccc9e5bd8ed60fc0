"""What a roadmap and a limit say, in sentences that terminal and page share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sim.report import formats
from sim.report.economics_words import where

if TYPE_CHECKING:
    from sim.economics.economics import Economics
    from sim.economics.roadmap import RoadmapResult, Step


def roadmap_lines(found: RoadmapResult) -> Iterator[str]:
    """Yield the actions in their order, then what is not worth it."""
    if not found.start:
        yield f"Nothing to improve: {found.steps[0].why_not}."
        return
    start = formats.usd(found.start["usd_per_mtoken"])
    if not found.taken:
        yield f"From {start} per million answer tokens no action saves anything."
    else:
        end = formats.usd(found.taken[-1].after["usd_per_mtoken"])
        yield (
            f"From {start} to {end} per million answer tokens: "
            f"{formats.share(found.saving, 0)} less. Each saving is found on top of those before "
            f"it; added up from each alone they would promise "
            f"{formats.share(found.saving_of_parts, 0)}."
        )
    for place, step in enumerate(found.taken, start=1):
        yield f"{place}. {step.name}: {_saved(step)}"
    for step in found.steps:
        if not step.taken:
            yield f"Not worth it: {step.name}: {_left_out(step)}"


def _saved(step: Step) -> str:
    said = f"{interval(step)} less, TTFT p99 {ttft(step.before)} to {ttft(step.after)}"
    if step.cost_usd:
        said += f", {formats.usd(step.cost_usd)} once"
    return f"{said}; {step.note}." if step.note else f"{said}."


def _left_out(step: Step) -> str:
    if step.why_not:
        return f"{step.why_not}."
    return f"{interval(step)} on top of what is taken."


def interval(step: Step) -> str:
    """Return a saving with its interval, where it has one."""
    value = formats.share(step.saving, 1)
    if step.low == step.high:
        return value
    return f"{value} ({formats.share(step.low, 1)} to {formats.share(step.high, 1)})"


def ttft(row: Mapping[str, Any]) -> str:
    """Return the 99th percentile of the time to the first token of a row."""
    return formats.duration(row["ttft_p99_s"])


def fits_lines(found: Economics) -> Iterator[str]:
    """Yield what a limit holds at most, for each model and load."""
    rows, limits = found.fitting, found.study.fits
    if rows is None or limits is None:
        return
    parts = []
    if limits.power_w is not None:
        parts.append(formats.power(limits.power_w))
    if limits.usd_per_year is not None:
        parts.append(f"{formats.number(limits.usd_per_year)} USD a year")
    for (model, pattern), group in rows.groupby(["model", "pattern"], sort=False):
        best = {str(name): value for name, value in group.iloc[0].items()}
        margin = best["gross_margin"]
        known = margin is not None and math.isfinite(margin)
        earns = f", margin {formats.share(margin)}" if known else ""
        yield (
            f"{' and '.join(parts)} holds of {model}, {pattern}: {where(best)}, "
            f"{formats.count(best['accelerators'])} accelerators, "
            f"{formats.number(best['output_tokens_per_s'])} answer tokens/s, TTFT p99 "
            f"{ttft(best)}{earns}; {best['limited_by']} is the limit."
        )
