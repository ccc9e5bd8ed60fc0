"""The numbers by which a generator is judged, of a trace or of what a generator made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sim.traffic.fitting import statistics
from sim.traffic.trace import Trace

WAIT_LEVELS = (0.5, 0.95, 0.99)

#: Largest error that counts as reproduced; relative, but absolute for shares and correlations.
TOLERANCE: Mapping[str, float] = {
    "idc_1s": 0.10,
    "idc_10s": 0.10,
    "idc_60s": 0.10,
    "idc_300s": 0.10,
    "wait_p50": 0.25,
    "wait_p95": 0.15,
    "wait_p99": 0.15,
    "empty_seconds": 0.02,
    "gap_cv": 0.10,
    "rate_input": 0.15,
    "rate_output": 0.15,
}
#: Statistics whose error is a difference, not a ratio.
ABSOLUTE = ("empty_seconds", "rate_input", "rate_output")
_FEWEST_WINDOWS = 5


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Burstiness, coupling of rate and size, and waits of a stream of requests.

    Attributes:
        values: by the names of `TOLERANCE`; a statistic that the stream is too short for is
            left out.
    """

    values: Mapping[str, float]

    def errors(self, reference: Fingerprint) -> dict[str, float]:
        """Return the signed error of each statistic against a reference, as `TOLERANCE` has it."""
        found = {}
        for name, value in reference.values.items():
            if name in self.values:
                difference = self.values[name] - value
                found[name] = difference if name in ABSOLUTE else difference / abs(value)
        return found


def fingerprint(trace: Trace) -> Fingerprint:
    """Return the fingerprint of a stream of requests."""
    arrivals, span_s = trace.arrival_s, trace.span_s
    values = {
        f"idc_{window_s:g}s": statistics.dispersion(arrivals, window_s, span_s)
        for window_s in statistics.IDC_WINDOWS_S
        if span_s >= _FEWEST_WINDOWS * window_s
    }
    work = statistics.ruler_work(trace.input_tokens, trace.output_tokens)
    waits = np.quantile(statistics.ruler_waits(arrivals, work), WAIT_LEVELS)
    values |= {
        f"wait_p{level * 100:g}": w for level, w in zip(WAIT_LEVELS, waits.tolist(), strict=True)
    }
    values["empty_seconds"] = statistics.empty_share(arrivals, 1.0, span_s)
    values["gap_cv"] = statistics.gap_cv(arrivals)
    values["rate_input"] = statistics.rate_size_correlation(arrivals, trace.input_tokens)
    values["rate_output"] = statistics.rate_size_correlation(arrivals, trace.output_tokens)
    # A wait of zero has no relative error, and a correlation needs a handful of minutes.
    usable = {
        name: value
        for name, value in values.items()
        if np.isfinite(value)
        and (name in ABSOLUTE or value > 0)
        and (not name.startswith("rate_") or span_s >= _FEWEST_WINDOWS * 60)
    }
    return Fingerprint(usable)
