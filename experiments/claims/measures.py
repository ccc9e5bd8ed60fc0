"""How a claim is tried: each kind of measure gives a value, an interval, and where it flips."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.catalog.catalog import load_catalog
from sim.cost.ledger import ratio as quotient
from sim.economics.case import Comparison
from sim.economics.economics import Economics, economics, records
from sim.units import H_PER_MONTH, S_PER_H

S_PER_MONTH = S_PER_H * H_PER_MONTH
DAYS_PER_YEAR = 365.25
BASE: dict[str, Any] = {
    "version": 1,
    "name": "claim",
    "regions": ["us-virginia"],
    "models": ["llama-3.1-70b"],
    "patterns": {
        "chat": {
            "input": "1000 tokens",
            "output": "250 tokens",
            "slo": {"ttft": "2 s", "tpot": "100 ms"},
        }
    },
    "ownership": ["owned", "rented"],
    "requests": 500,
}


@dataclass(frozen=True)
class Measured:
    """What came out.

    Attributes:
        value: of the claim's number.
        low, high: interval of it: that of step times and replications, or of the ranges of prices.
        flips: where the verdict turns, in words.
        rows: more to show, as (name, said, found, verdict).
    """

    value: float
    low: float
    high: float
    flips: str = ""
    rows: tuple[tuple[str, str, str, str], ...] = ()


class Runs:
    """Runs studies into one folder, so that claims share what was simulated.

    Args:
        folder: for the runs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def study(self, changes: Mapping[str, Any]) -> Economics:
        """Return the comparison of a study with these keys on top of the base."""
        return economics({**BASE, **changes}, out=self._folder)

    def row(self, study: Mapping[str, Any], of: Mapping[str, Any]) -> dict[str, Any]:
        """Return one row of a study; keys of ``of`` beside the row's names change the study."""
        named = {k: v for k, v in of.items() if k in ("ownership", "region")}
        changes = {**study, **{k: v for k, v in of.items() if k not in (*named, "chip", "model")}}
        changes["chips"] = [of["chip"]]
        if "model" in of:
            changes["models"] = [of["model"]]
        rows = self.study(changes).table
        for name, value in named.items():
            rows = rows[rows[name] == value]
        if rows.empty:
            message = f"{of} serves nothing"
            raise RuntimeError(message)
        return records(rows)[0]


def ratio(claim: Mapping[str, Any], runs: Runs) -> Measured:
    """A figure of one cell over that of another."""
    study, figure = claim.get("study", {}), claim["figure"]
    one, other = (interval(runs.row(study, claim[side]), figure) for side in ("of", "to"))
    value = one[0] / other[0]
    below = math.hypot(math.log(one[0] / one[1]), math.log(other[2] / other[0]))
    above = math.hypot(math.log(one[2] / one[0]), math.log(other[0] / other[1]))
    return Measured(value, value * math.exp(-below), value * math.exp(above), claim["flips"])


def value(claim: Mapping[str, Any], runs: Runs) -> Measured:
    """A figure of a cell, times a factor."""
    found = interval(runs.row(claim.get("study", {}), claim["of"]), claim["figure"])
    factor = float(claim.get("factor", 1.0))
    return Measured(*(factor * each for each in found), claim["flips"])


def interval(row: Mapping[str, Any], figure: str) -> tuple[float, float, float]:
    """Return a figure of a row with its interval: that of the cost per token, which is of time."""
    low = row["usd_per_mtoken_low"] / row["usd_per_mtoken"]
    high = row["usd_per_mtoken_high"] / row["usd_per_mtoken"]
    tokens = row["output_tokens_per_s"] / row["accelerators"]
    watts = row["it_kw"] * 1e3 / row["accelerators"]
    figures = {
        "tokens_per_s": (tokens, tokens / high, tokens / low),
        "tokens_per_j": (tokens / watts, tokens / watts / high, tokens / watts / low),
        "usd_per_mtoken": _scaled(row["usd_per_mtoken"], low, high),
        "wh_per_request": _scaled(row["wh_per_request"], low, high),
    }
    return figures[figure]


def _scaled(found: float, low: float, high: float) -> tuple[float, float, float]:
    return found, found * low, found * high


def margin(claim: Mapping[str, Any], runs: Runs) -> Measured:
    """Gross margin at a price, between a low and a high use of the capacity."""
    study = {**claim.get("study", {}), "price": claim["price"]}
    least, usual, most = (
        float(runs.row({**study, "used": use}, claim["of"])["gross_margin"])
        for use in claim["used"]
    )
    cost = (1.0 - usual) * claim["used"][1]  # cost over income at full use, energy aside
    ends = ", ".join(f"{m:.0%} at {cost / (1.0 - m):.0%} use" for m in claim["band"])
    flips = f"{ends}; below {cost:.0%} use there is no margin at all. {claim['flips']}"
    return Measured(usual, least, most, flips)


def repay(claim: Mapping[str, Any], runs: Runs) -> Measured:
    """Months until a fleet has saved its outlay against price lists, and the tokens it takes."""
    found: list[Comparison] = []
    for api in claim["apis"]:
        case = {**claim["case"], "api": api}
        study = {**claim.get("study", {}), "case": case}
        result = runs.study(study).case
        if result is None:
            raise RuntimeError("a study with a case has no case")
        found.append(
            next(c for c in result.comparisons if (c.fleet, c.other) == ("owned", api["name"]))
        )
    told = "; ".join(f"against {each.other} {_months(each)}" for each in found)
    first = found[0].months
    high = first.high if first.known > 0.95 else math.inf  # some draws never pay
    return Measured(first.value, first.low, high, f"{told}. {claim['flips']}")


def _months(found: Comparison) -> str:
    per_day = found.per_day.value
    at = (
        f"from {per_day / 1e6:,.3g} M answer tokens a day on" if math.isfinite(per_day) else "never"
    )
    months = found.months.value
    paid = f"{months:.3g} months" if math.isfinite(months) else "never"
    return f"the outlay is saved after {paid} and owning is cheaper {at}"


def actions(claim: Mapping[str, Any], runs: Runs) -> Measured:
    """By how much actions on top of each other cut the cost of a token, as a factor."""
    found = runs.study({**claim["study"], "roadmap": claim["roadmap"]}).roadmap
    if found is None or not found.start:
        raise RuntimeError("the fleet serves nothing")
    factors = [1.0 / (1.0 - step.saving) for step in found.taken]
    lows = [1.0 / (1.0 - step.low) for step in found.taken]
    highs = [1.0 / (1.0 - min(step.high, 0.99)) for step in found.taken]
    each = ", ".join(f"{s.name} x {f:.2f}" for s, f in zip(found.taken, factors, strict=True))
    return Measured(
        math.prod(factors), math.prod(lows), math.prod(highs), f"{each}. {claim['flips']}"
    )


def cascade(claim: Mapping[str, Any], runs: Runs) -> Measured:
    """What asking a small model first saves: share it keeps less the ratio of prices."""
    study = claim.get("study", {})
    small, large = (runs.row(study, claim[name])["usd_per_mtoken"] for name in ("small", "large"))
    price = small / large
    low, middle, high = (kept - price for kept in claim["kept"])
    ends = " and ".join(f"{saved:.0%} needs {saved + price:.0%} kept" for saved in claim["band"])
    flips = f"The small model costs {price:.0%} of the large one: {ends}. {claim['flips']}"
    return Measured(middle, low, high, flips)


def hybrid(claim: Mapping[str, Any], runs: Runs) -> Measured:
    """What serving a share at the edge saves: the share times one less the ratio of costs."""
    study = claim.get("study", {})
    edge = interval(runs.row(study, claim["edge"]), "usd_per_mtoken")
    cloud = interval(runs.row(study, claim["cloud"]), "usd_per_mtoken")
    costs = [edge[0] / cloud[0], edge[2] / cloud[1], edge[1] / cloud[2]]
    share = float(claim["share"])
    middle, low, high = (share * (1.0 - cost) for cost in costs)
    ends = " and ".join(f"{s:.0%} below {1.0 - s / share:.0%}" for s in claim["band"])
    flips = f"The edge costs {costs[0]:.0%} of the cloud per token; {ends}. {claim['flips']}"
    return Measured(middle, low, high, flips)


def retrofit(claim: Mapping[str, Any], _runs: Runs) -> Measured:
    """Liquid cooling put in later over what it costs more in a new hall, from the catalogue."""
    owner = load_catalog().owners[claim["owner"]]
    plant = owner.power_usd_per_w + owner.cooling_usd_per_w + owner.building_usd_per_w
    marks = owner.sources["retrofit_usd_per_w"], owner.sources["liquid_share"]
    (least, most), (cheap, dear) = ((mark.low or 0.0, mark.high or 0.0) for mark in marks)
    return Measured(
        owner.retrofit_usd_per_w / (owner.liquid_share * plant),
        least / (dear * plant),
        most / (cheap * plant),
        claim["flips"],
    )


def elasticity(claim: Mapping[str, Any], _runs: Runs) -> Measured:
    """Elasticity between two dates: ln of use over ln of price, both as factors."""
    found = -math.log(claim["use"]) / math.log(claim["price"])
    spend = claim["price"] * claim["use"]
    flips = f"Spend goes x {spend:.2f}. {claim['flips']}"
    return Measured(found, found, found, flips)


def margins(claim: Mapping[str, Any], runs: Runs) -> Measured:
    """Margins of business models at both ends of their ranges; cost by runs where it is tokens."""
    rows, right = [], 0
    for name, model in claim["models"].items():
        ends = [
            1.0 - c / r if r else -math.inf
            for r, c in zip(model["revenue"], model["cost"], strict=True)
        ]
        low, high = min(ends), max(ends)
        found = f"{_share(low)} to {_share(high)}"
        agrees = low <= model["margin"][1] and high >= model["margin"][0]
        if run := model.get("run"):
            row = runs.row(claim.get("study", {}), run["of"])
            per_call = (
                quotient(row["usd_per_month"], row["requests_per_s"] * S_PER_MONTH) or math.nan
            )
            usd = run["calls"] * per_call
            found += f"; by runs a request costs {usd:.2g} USD"
            found += _beside(usd, model["cost"])
        right += agrees
        said = f"{model['margin'][0]:.0%} to {model['margin'][1]:.0%}"
        rows.append((name, said, found, "agrees" if agrees else "contradicts"))
    share = right / len(rows)
    return Measured(share, share, share, claim["flips"], tuple(rows))


def _share(margin_share: float) -> str:
    return f"{margin_share:.0%}" if math.isfinite(margin_share) else "no income"


def _beside(usd: float, said: list[float]) -> str:
    if usd < said[0]:
        return f", {said[0] / usd:.1f} times below the article's least"
    if usd > said[1]:
        return f", {usd / said[1]:.1f} times above its greatest"
    return ", as it says"


def yearly_energy(claim: Mapping[str, Any], runs: Runs) -> Measured:
    """Energy of a year's queries [GWh]."""
    found = interval(runs.row(claim.get("study", {}), claim["of"]), "wh_per_request")
    gwh = claim["queries_per_day"] * DAYS_PER_YEAR / 1e9
    needed = claim["band"][0] / gwh
    flips = f"From {needed:.2g} Wh a query on, against {found[0]:.2g} here. {claim['flips']}"
    return Measured(*(gwh * each for each in found), flips)


MEASURES: dict[str, Callable[[Mapping[str, Any], Runs], Measured]] = {
    "ratio": ratio,
    "value": value,
    "margin": margin,
    "repay": repay,
    "actions": actions,
    "cascade": cascade,
    "hybrid": hybrid,
    "retrofit": retrofit,
    "elasticity": elasticity,
    "margins": margins,
    "yearly_energy": yearly_energy,
}
