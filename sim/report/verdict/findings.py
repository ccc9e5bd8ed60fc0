"""What went wrong in a run, as sentences, the worst first; and the one sentence that heads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sim.report.charts.view import as_float, at
from sim.report.formats import count, plural, share
from sim.report.verdict.finding import Finding
from sim.report.verdict.plant_findings import plant_findings
from sim.report.verdict.readings import MISSES, TierSla, missed_tiers, misses, tier_slas
from sim.report.verdict.service_findings import service_findings
from sim.report.verdict.trust_findings import trust_findings

MOST_NAMES = 3
MOST_FURTHER = 6


def findings(summary: Mapping[str, Any]) -> list[Finding]:
    """Return everything that a reader has to know, the worst first."""
    parts: Sequence[Callable[[Mapping[str, Any]], Iterator[Finding]]] = (
        plant_findings,
        service_findings,
        trust_findings,
    )
    found = [finding for part in parts for finding in part(summary)]
    return sorted(found, key=lambda finding: finding.rank)


def headline(summary: Mapping[str, Any]) -> str:
    """Return one causal sentence: the worst thing, what it did to requests, and to the SLA.

    A run without tiers that have a target, and in which nothing went wrong, has no headline.
    """
    found = findings(summary)
    causes = [finding.words for finding in found if finding.cause][:1]
    effects = [*causes, *_lost(summary), *_sla(summary, told=bool(causes))]
    if not effects:
        return ""
    said = "; ".join(effects)
    return f"{said[0].upper()}{said[1:]}."


def further(summary: Mapping[str, Any]) -> list[str]:
    """Return as sentences what the headline does not say, the worst first."""
    found = findings(summary)
    first = next((finding for finding in found if finding.cause), None)
    rest = [finding.words for finding in found if finding is not first][:MOST_FURTHER]
    return [f"{words[0].upper()}{words[1:]}." for words in rest]


def state(summary: Mapping[str, Any]) -> str:
    """Return how a run is marked: ``bad``, ``fair`` or ``good``."""
    if missed_tiers(summary) or any(finding.bad for finding in findings(summary)):
        return "bad"
    return "fair" if findings(summary) else "good"


def _lost(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield how many requests were lost, and of how many where it was more than one in twenty."""
    arrived = as_float(at(summary, "requests", "arrived")) or 0.0
    verbs = {"failed": "failed", "timed_out": "timed out", "rejected": "were rejected"}
    lost = {fate: as_float(at(summary, "requests", fate)) or 0.0 for fate in verbs}
    for fate, number in sorted(lost.items(), key=lambda item: -item[1])[:2]:
        if number:
            of = f" of {count(arrived)}" if number > 0.05 * arrived else ""
            noun = "request" if number == 1 else "requests"
            yield f"{count(number)}{of} {noun} {verbs[fate]}"


def _sla(summary: Mapping[str, Any], told: bool) -> Iterator[str]:
    """Yield which tiers missed, with the reason where no cause is told; or that all are met."""
    missed = missed_tiers(summary)
    if missed:
        names = [f"{sla.name} {sla.against}" for sla in missed]
        yield _some(names)
        if not told:
            yield from _why(summary, missed[0])
        return
    judged = [sla for sla in tier_slas(summary) if sla.target is not None]
    if judged:
        every = {1: "the service level is", 2: "both service levels are"}
        yield f"{every.get(len(judged), f'all {len(judged)} service levels are')} met"


def _why(summary: Mapping[str, Any], sla: TierSla) -> Iterator[str]:
    reasons = misses(summary, sla.name)
    total = sum(reasons.values())
    if total:
        reason, number = next(iter(reasons.items()))
        part = f"{share(number / total, 0)} of" if number < total else "all"
        yield f"{part} the {count(total)} misses of {sla.name}: {MISSES[reason]}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    shown = ", ".join(names[:MOST_NAMES])
    return f"{shown} and {plural(more, 'more tier')}" if more > 0 else shown
