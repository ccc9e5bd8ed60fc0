"""A cell in a place in money: its ledger, and the indicators that people decide by."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sim.catalog.entries import Owner, Region
from sim.cost.ledger import Entry, Ledger
from sim.economics.anchor import Anchor
from sim.economics.places import SiteYear
from sim.scenario.schema.economics_study import EconomicsStudy
from sim.units import H_PER_MONTH, S_PER_H, W_PER_KW


@dataclass(frozen=True, slots=True)
class Load:
    """What a cell serves, in the mean of the month.

    Attributes:
        requests_per_s: requests within and without their target [1/s].
        input_tokens_per_s: prompt tokens.
        output_tokens_per_s: answer tokens.
        it_w: power of its racks [W].
    """

    requests_per_s: float
    input_tokens_per_s: float
    output_tokens_per_s: float
    it_w: float


def mean_load(anchor: Anchor, used: float) -> Load:
    """Return the mean load of a month.

    Args:
        anchor: measured where the target just holds.
        used: mean load as a share of that. Power is taken to follow it in a straight line from
            idle, which overstates what a half-full batch saves.
    """
    return Load(
        used * _mean(anchor.requests_per_s),
        used * _mean(anchor.input_tokens_per_s),
        used * _mean(anchor.output_tokens_per_s),
        anchor.idle_w + used * (_mean(anchor.it_w) - anchor.idle_w),
    )


def ledger_of(
    anchor: Anchor,
    load: Load,
    how: str,
    year: SiteYear,
    region: Region,
    owner: Owner,
    study: EconomicsStudy,
) -> Ledger:
    """Return the ledger of an hour of a cell.

    Args:
        anchor: what was measured.
        load: what it serves.
        how: the way to own.
        year: what the place adds to its power.
        region: price of energy and carbon.
        owner: prices of water.
        study: what users pay.
    """
    entries = [*anchor.standing[how], *_operating(anchor, load, how, year, region, owner)]
    entries += _income(load, study)
    return Ledger(
        tuple(entries),
        window_h=1.0,
        output_tokens=load.output_tokens_per_s * S_PER_H,
        requests=round(load.requests_per_s * S_PER_H),
    )


def _operating(
    anchor: Anchor, load: Load, how: str, year: SiteYear, region: Region, owner: Owner
) -> Iterator[Entry]:
    if how == "rented":
        about = f"{anchor.accelerators} accelerators"
        yield Entry("operating", "rent", anchor.rent_usd_per_h, kind="analyst", about=about)
        return
    kw = load.it_w * year.pue / W_PER_KW
    yield Entry("operating", "energy", kw * region.usd_per_kwh, kind="given", about=region.name)
    litres = load.it_w / W_PER_KW * year.wue_l_per_kwh
    if litres:
        yield Entry("operating", "water", litres * owner.water_usd_per_l, about=f"{litres:.3g} l")


def _income(load: Load, study: EconomicsStudy) -> Iterator[Entry]:
    if study.price is not None:
        paid_per_s = (
            load.input_tokens_per_s * study.price.input_usd_per_token
            + load.output_tokens_per_s * study.price.output_usd_per_token
        )
        yield Entry("income", "tokens", paid_per_s * S_PER_H, kind="given")


def indicators(
    anchor: Anchor, load: Load, ledger: Ledger, year: SiteYear, region: Region
) -> dict[str, Any]:
    """Return what people decide by, as a row; None where a number is not known."""
    cost, margin = ledger.cost.usd_per_h, ledger.margin.usd_per_h
    income = ledger.income.usd_per_h if any(e.side == "income" for e in ledger.entries) else None
    facility_w = load.it_w * year.pue
    requests_h = load.requests_per_s * S_PER_H
    wh = facility_w / requests_h if requests_h else math.nan
    usd = ledger.usd_per_mtoken()
    low, high = _spread(anchor)
    return {
        "usd_per_mtoken": usd,
        "usd_per_mtoken_low": None if usd is None else usd * low,
        "usd_per_mtoken_high": None if usd is None else usd * high,
        "usd_per_month": None if cost is None else cost * H_PER_MONTH,
        "gross_margin": margin / income if margin is not None and income else None,
        "payback_months": _payback_months(ledger),
        "output_tokens_per_s": load.output_tokens_per_s,
        "requests_per_s": load.requests_per_s,
        "ttft_p99_s": _mean(anchor.ttft_p99_s),
        "e2e_p99_s": _mean(anchor.e2e_p99_s),
        "utilisation": load.requests_per_s
        / (_mean(anchor.requests_per_s) / _mean(anchor.share_of_capacity)),
        "wh_per_request": wh,
        "j_per_output_token": facility_w / load.output_tokens_per_s,
        "gco2e_per_request": wh / W_PER_KW * region.gco2_per_kwh,
        "litres_per_request": load.it_w / W_PER_KW / requests_h * year.wue_l_per_kwh,
        "pue": year.pue,
        "it_kw": load.it_w / W_PER_KW,
        "accelerators": anchor.accelerators,
        "tensor_parallel": anchor.tensor_parallel,
        "basis": anchor.basis,
        "unknown": ", ".join(ledger.cost.unknown),
    }


def shares(ledger: Ledger) -> Mapping[str, float | None]:
    """Return the parts of the cost by layer [USD/h], the greatest first."""
    parts = {layer: amount.usd_per_h for layer, amount in ledger.by(lambda e: e.layer).items()}
    return dict(sorted(parts.items(), key=lambda part: -(part[1] or 0.0)))


def _payback_months(ledger: Ledger) -> float | None:
    """Return after how many months income less running cost has paid the capital; None for never.

    Nothing to pay back is no payback either.
    """
    capital = [entry for entry in ledger.entries if entry.side == "capital"]
    outlays = [entry.outlay_usd for entry in capital]
    earned = ledger.contribution.usd_per_h
    if not outlays or any(usd is None for usd in outlays) or earned is None or earned <= 0.0:
        return None
    if not any(entry.side == "income" for entry in ledger.entries):
        return None
    return math.fsum(usd for usd in outlays if usd is not None) / (earned * H_PER_MONTH)


def _spread(anchor: Anchor) -> tuple[float, float]:
    """Return the ends of the interval of a cost per token, as factors on it.

    A step that takes longer by a factor serves fewer tokens by about as much at the same cost per
    hour. Both parts are factors, so they are joined on the scale of logarithms, in quadrature: the
    interval of the step times, and Student's of the mean of the replications.
    """
    from sim.experiment.statistics.intervals import replication_interval

    noise = replication_interval([math.log(rate) for rate in anchor.output_tokens_per_s]).half_width
    below = math.hypot(math.log(anchor.time_low), noise)
    above = math.hypot(math.log(anchor.time_high), noise)
    return math.exp(-below), math.exp(above)


def _mean(values: tuple[float, ...]) -> float:
    return math.fsum(values) / len(values)
