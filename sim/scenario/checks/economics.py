"""What has to be right in the economics of a scenario: names stand for something."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sim.document.findings import Finding, unknown_name
from sim.scenario.schema.scenario import Scenario

_TIER, _SITE = "a tier of the scenario", "a site of the topology"


def check_economics(
    scenario: Scenario,
    tiers: Collection[str],
    sites: Collection[str],
    owners: Collection[str] | None,
) -> Iterator[Finding]:
    """Yield every name in the economics that stands for nothing.

    Args:
        scenario: the scenario.
        tiers: its tiers.
        sites: sites of its topology.
        owners: owners of the catalogue; None if they are not known.
    """
    economics, place = scenario.economics, ("economics",)
    if owners is not None and economics.owner not in owners:
        what = "an owner of the catalogue"
        yield unknown_name((*place, "owner"), economics.owner, what, owners)
    for name, asset in economics.assets.items():
        if asset.site is not None and asset.site not in sites:
            yield unknown_name((*place, "assets", name, "site"), asset.site, _SITE, sites)
    income = (*place, "income")
    for tier in economics.income.per_request:
        if tier not in tiers:
            yield unknown_name((*income, "per_request", tier), tier, _TIER, tiers, of_key=True)
    for index, each in enumerate(economics.income.subscriptions):
        if each.tier not in tiers:
            at = (*income, "subscriptions", index, "tier")
            yield unknown_name(at, each.tier, _TIER, tiers)
