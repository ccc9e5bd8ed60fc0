"""Numbers that could turn the verdict: a step time that may be longer than the run assumed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sim.report.charts.view import as_float, at
from sim.report.formats import duration, number
from sim.report.verdict.finding import Finding, Rank
from sim.report.verdict.readings import TierSla, tier_slas

LEAST_SHARE = 0.05  # of the tokens; a smaller pool does not turn a verdict
LATENCIES = {"ttft_s": "TTFT", "tpot_s": "TPOT", "e2e_s": "E2E"}
QUANTILES = {0.999: "p99_9", 0.99: "p99", 0.95: "p95", 0.90: "p90", 0.50: "p50"}


def trust_findings(summary: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the first service level that is met, but not if steps take as long as they may.

    A latency is taken to grow with the step time; the queue grows faster, so this is no worst case.
    """
    name, factor = _slowest(summary)
    if factor <= 1.0:
        return
    for sla in tier_slas(summary):
        turned = _turned(summary, sla, factor) if sla.met else None
        if turned:
            said = (
                f"the verdict could turn: steps of pool {name} may take {number(factor)} times as "
                f"long, and {sla.name} then misses ({turned})"
            )
            hint = "Calibrate that pool on a measured run: loadbank calibrate."
            yield Finding(Rank.COULD_FLIP, said, hint)
            return


def _slowest(summary: Mapping[str, Any]) -> tuple[str, float]:
    """Return the pool whose steps may be the longest against what was assumed, and the factor."""
    found = ("", 1.0)
    for name, pool in (at(summary, "pools") or {}).items():
        ends = list(at(pool, "step_time", "interval") or ())
        factor = as_float(ends[-1]) if ends else None
        share = as_float(at(summary, "cost", "pools", name, "token_share"))
        if factor and factor > found[1] and (share is None or share >= LEAST_SHARE):
            found = (str(name), factor)
    return found


def _turned(summary: Mapping[str, Any], sla: TierSla, factor: float) -> str:
    level = next((q for share, q in QUANTILES.items() if share <= (sla.target or 0.0)), "p50")
    for key, title in LATENCIES.items():
        limit = as_float(at(summary, "sla", sla.name, "targets", key))
        value = as_float(at(summary, "latency", "tiers", sla.name, key, level))
        if limit is not None and value is not None and value * factor > limit:
            shown = level.replace("_", ".")
            return f"{shown} {title} {duration(value * factor)} against {duration(limit)}"
    return ""
