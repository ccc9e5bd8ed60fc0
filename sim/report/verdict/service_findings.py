"""What went wrong in the service: replicas lost, more load than capacity, users without a site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sim.report.charts.view import as_float, at
from sim.report.formats import count, moment, plural, share, span
from sim.report.verdict.finding import Finding, Rank

KINDS = {"outage": "outage", "site": "loss of a site", "link": "loss of a link"}
CAPACITY = (
    "The load is more than the fleet holds: loadbank headroom finds the highest load within the "
    "SLO, loadbank plan the fleet for this one."
)


def service_findings(summary: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what went wrong in the service."""
    yield from _outage(summary)
    yield from _saturated(summary)
    unreachable = as_float(at(summary, "unreachable"))
    if unreachable:
        noun = "request" if unreachable == 1 else "requests"
        said = f"{count(unreachable)} {noun} found no site to serve them{_regions(summary)}"
        hint = "Give their regions a link to a second site with the same model."
        yield Finding(Rank.UNSERVED, said, hint)
    undecided = as_float(at(summary, "requests", "in_flight"))
    if undecided:
        arrived = as_float(at(summary, "requests", "arrived")) or undecided
        noun = "request" if undecided == 1 else "requests"
        said = (
            f"{count(undecided)} {noun} ({share(undecided / arrived)}) were in flight at the end: "
            f"undecided, and in no share unless late already"
        )
        yield Finding(Rank.UNDECIDED, said)


def _outage(summary: Mapping[str, Any]) -> Iterator[Finding]:
    events = at(summary, "faults", "events") or ()
    hit = [event for event in events if event.get("replicas") or event.get("links")]
    if not hit:
        return
    worst = max(hit, key=lambda event: (event.get("replicas") or 0, event.get("links") or 0))
    total = sum(int(pool.get("replicas") or 0) for pool in (at(summary, "pools") or {}).values())
    lost = int(worst.get("replicas") or 0)
    what = f"{count(lost)} of {count(total)} replicas went down" if total else "replicas went down"
    if not lost:
        what = f"{plural(int(worst['links']), 'link')} went down"
    until_s = as_float(worst.get("until_s"))
    lasted = f" for {span(until_s - worst['at_s'])}" if until_s is not None else " for good"
    kind = KINDS.get(worst["kind"], f"loss of a {worst['kind']}")
    said = f"{what} at {moment(worst['at_s'])}{lasted} ({kind})"
    retries = as_float(at(summary, "clients", "retries")) or 0.0
    if retries > 0.1 * (as_float(at(summary, "requests", "arrived")) or 0.0):
        said += f", and clients retried {count(retries)} times"
    if len(hit) > 1:
        said += f", the largest of {count(len(hit))} faults"
    hint = "Spare replicas elsewhere, admission control and a retry budget keep the rest serving."
    yield Finding(Rank.OUTAGE, said, hint)


def _saturated(summary: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield that more arrived than the pools sustain, where the engine has marked the run so."""
    mark = at(summary, "saturated")
    if not mark:
        return
    why = str(mark.get("why") or "") if isinstance(mark, Mapping) else ""
    said = why or "more arrived than the pools sustain"
    yield Finding(Rank.SATURATED, f"saturated: {said}", CAPACITY)


def _regions(summary: Mapping[str, Any]) -> str:
    names = list(at(summary, "unserved_regions") or ())
    return f" (from {', '.join(map(str, names[:3]))})" if names else ""
