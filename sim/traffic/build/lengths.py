"""From the lengths section of a scenario to a length law."""

from __future__ import annotations

from pathlib import Path

from sim.scenario.schema import lengths as schema
from sim.traffic.lengths import (
    ConstantLengths,
    EmpiricalLengths,
    LengthLaw,
    Lognormal,
    LognormalLengths,
    MixtureLengths,
    RateBandLengths,
)
from sim.traffic.reader import find_trace, read_trace


def build_lengths(
    entry: schema.Lengths, base_dir: Path, where: str, rate_per_s: float
) -> LengthLaw:
    """Return the law that a section describes.

    Args:
        entry: the section.
        base_dir: folder to which paths are relative.
        where: its dotted path, for messages.
        rate_per_s: mean rate of the arrivals that get these lengths [requests/s].

    Raises:
        TraceError: a trace that it names cannot be read.
    """
    if entry.constant is not None:
        return ConstantLengths(entry.constant.input_tokens, entry.constant.output_tokens)
    if entry.lognormal is not None:
        prompt, answer = entry.lognormal.input, entry.lognormal.output
        return LognormalLengths(
            Lognormal(prompt.mean_tokens, prompt.cv), Lognormal(answer.mean_tokens, answer.cv)
        )
    if entry.by_rate is not None:
        bands = entry.by_rate
        trace = read_trace(find_trace(bands.path, base_dir, f"{where}.by_rate.path"))
        return RateBandLengths.of(trace, bands.bands, bands.window_s, rate_per_s)
    if entry.mixture is not None:
        laws = (
            build_lengths(part.lengths, base_dir, f"{where}.mixture.{i}.lengths", rate_per_s)
            for i, part in enumerate(entry.mixture)
        )
        return MixtureLengths(tuple(laws), tuple(part.share for part in entry.mixture))
    path = find_trace(entry.empirical or "", base_dir, f"{where}.empirical")
    return EmpiricalLengths.of(read_trace(path))
