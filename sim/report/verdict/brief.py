"""The lines below the headline: the answer, the money, the margin and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sim.report import formats
from sim.report.charts.view import as_float, at
from sim.report.verdict.findings import findings
from sim.report.verdict.readings import missed_tiers, site_powers, tier_slas
from sim.report.verdict.service_findings import CAPACITY

NEXT = (
    "loadbank headroom finds how much more load it takes; loadbank sensitivity which number "
    "matters."
)


def brief(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return titles and sentences: answer, money, margin, next; those that are known."""
    shown = (
        ("Answer", _joined(_answer(summary))),
        ("Money", _joined(_money(summary))),
        ("Margin", _joined(_margin(summary))),
        ("Next", _next(summary)),
    )
    return [(title, words) for title, words in shown if words]


def _joined(parts: Iterator[str]) -> str:
    said = "; ".join(parts)
    return f"{said[0].upper()}{said[1:]}." if said else ""


def _answer(summary: Mapping[str, Any]) -> Iterator[str]:
    for sla in tier_slas(summary):
        sign = {True: "✓ ", False: "✗ ", None: ""}[sla.met]
        yield f"{sign}{sla.name} {sla.against}"
    good = as_float(at(summary, "throughput", "goodput_per_s"))
    if good is not None:
        yield f"{formats.number(good)} requests per second within their SLO"


def _money(summary: Mapping[str, Any]) -> Iterator[str]:
    cost, ledger = at(summary, "cost") or {}, at(summary, "ledger") or {}
    per_hour = as_float(at(ledger, "cost_usd_per_h"))
    if per_hour is not None:
        yield f"all that stands there costs {formats.usd(per_hour)} per hour"
    per_token = as_float(at(ledger, "usd_per_mtoken"))
    if per_token is not None:
        yield f"{formats.usd(per_token)} per million output tokens, all in"
    margin = as_float(at(ledger, "gross_margin"))
    if margin is not None:
        yield f"gross margin {formats.share(margin)}"
    credits_usd = as_float(at(cost, "credits_usd"))
    if credits_usd:
        yield f"{formats.usd(credits_usd)} of credits for missed SLOs"


def _margin(summary: Mapping[str, Any]) -> Iterator[str]:
    limited = [site for site in site_powers(summary) if site.limit_kw]
    if limited:
        site = limited[0]
        limit = formats.power_kw(site.limit_kw)
        yield f"the fullest site, {site.name}, drew up to {formats.share(site.fullness)} of {limit}"
    row = _fullest_row(summary)
    if row:
        yield row
    met = [sla for sla in tier_slas(summary) if sla.met and sla.target is not None]
    if met:
        sla = min(met, key=lambda sla: sla.attainment - (sla.target or 0.0))
        gap = formats.points(sla.attainment - (sla.target or 0.0))
        yield f"{sla.name} is {gap} above its target"


def _fullest_row(summary: Mapping[str, Any]) -> str:
    full = {
        name: peak / limit
        for name, row in (at(summary, "rows") or {}).items()
        if (limit := as_float(at(row, "limit_w"))) and (peak := as_float(at(row, "peak_w")))
    }
    if not full:
        return ""
    name = max(full, key=lambda row: full[row])
    return f"row {name} drew up to {formats.share(full[name])} of its limit"


def _next(summary: Mapping[str, Any]) -> str:
    usual = CAPACITY if missed_tiers(summary) else NEXT
    hinted = [finding for finding in findings(summary) if finding.hint]
    if hinted and (hinted[0].bad or not missed_tiers(summary)):
        return hinted[0].hint
    return usual
