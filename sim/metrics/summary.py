"""The summary of a run: every figure of the public contract, as plain values for JSON.

Requests, latency and SLA are those of `sim.metrics.statistics`; utilisation, power, energy, carbon
and cost are those of the measuring window. A figure that is not known is None, never NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.cost.billing import Billing
from sim.cost.fleet_cost import PoolUse, fleet_cost
from sim.cost.ledger import Ledger, ledger_summary
from sim.interfaces import STATUS_NAMES, IntArray
from sim.metrics.activity import OUTPUT_TOKENS, ActivitySeries
from sim.metrics.quantiles import Quantiles
from sim.metrics.sla import REASONS
from sim.metrics.statistics import RequestStatistics
from sim.units import J_PER_KWH

SCHEMA_VERSION = "2"
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """Which run it was: name and SHA-256 of the resolved scenario, and the seed."""

    scenario: str
    sha256: str
    seed: int


@dataclass(frozen=True, slots=True)
class Window:
    """The measuring window [s]: from the end of the warm-up to the end of the run."""

    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """Length [s], 0 for a run that ended during its warm-up."""
        return max(0.0, self.end_s - self.start_s)


@dataclass(frozen=True, slots=True)
class SiteFigures:
    """What the facility meters say about a site, over the measuring window.

    Attributes:
        name: name of the site.
        mean_w: mean IT power [W].
        peak_w: highest IT power [W].
        limit_w: limit of the IT power [W], infinite where there is none.
        it_j: IT energy [J].
        facility_j: energy at the site's meter [J], None where cooling is not modelled.
        share_above: share of the time above the limit.
        capped_share: share of the time in which a cap was in force.
        usd_per_kwh: price of energy, None where unknown.
        gco2_per_kwh: carbon intensity of the grid, None where unknown.
    """

    name: str
    mean_w: float
    peak_w: float
    limit_w: float
    it_j: float
    facility_j: float | None = None
    share_above: float = 0.0
    capped_share: float = 0.0
    usd_per_kwh: float | None = None
    gco2_per_kwh: float | None = None

    @property
    def paid_kwh(self) -> float:
        """Energy that is paid and emitted for [kWh]: at the meter if modelled, else IT energy."""
        return (self.it_j if self.facility_j is None else self.facility_j) / J_PER_KWH

    @property
    def energy_usd(self) -> float | None:
        """Price of that energy [USD], None where unknown."""
        return None if self.usd_per_kwh is None else self.paid_kwh * self.usd_per_kwh


@dataclass(frozen=True, slots=True)
class Money:
    """What was spent and earned in the measuring window.

    Attributes:
        ledger: every cost and income.
        uses: what each pool used.
        egress_usd: what the network charged for data sent to users [USD].
    """

    ledger: Ledger
    uses: Sequence[PoolUse] = ()
    egress_usd: float = 0.0


def summarise(
    *,
    run: RunIdentity,
    window: Window,
    statistics: RequestStatistics,
    activity: ActivitySeries,
    sites: Sequence[SiteFigures],
    money: Money,
    performance: Mapping[str, float],
    extras: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the summary of a finished run, with all keys of the public contract.

    Args:
        run: which run it was.
        window: the measuring window.
        statistics: of the requests, complete.
        activity: of the replicas, complete.
        sites: the meters of each site, in the order of the sites.
        money: the ledger of the window, and what the pools used in it.
        performance: what the run itself cost, such as ``wall_s``.
        extras: further keys, such as provenance, warnings and topology.
    """
    output_tokens = float(activity.totals[OUTPUT_TOKENS].sum())
    latency = _latency(statistics)
    summary = {
        "schema_version": SCHEMA_VERSION,
        "scenario": {"name": run.scenario, "sha256": run.sha256},
        "seed": run.seed,
        "window": _window(window, statistics),
        "requests": _requests(statistics.fates),
        "latency": latency,
        "quantiles": _method(statistics),
        "sla": _sla(statistics),
        "network": _network(latency),
        "throughput": _throughput(statistics, output_tokens, window.length_s),
        "utilisation": _utilisation(activity, [site.name for site in sites], window.length_s),
        "power": {site.name: _power(site) for site in sites},
        "energy": _energy(sites, output_tokens),
        "carbon": _carbon(sites, output_tokens),
        "cost": {
            **_cost(sites, money.egress_usd),
            **fleet_cost(money.ledger, money.uses),
            **_bill(statistics.billing, [tier.name for tier in statistics.tiers]),
        },
        "ledger": ledger_summary(money.ledger),
        "performance": dict(performance),
        **extras,
    }
    plain: dict[str, Any] = json_value(summary)
    return plain


def json_value(value: Any) -> Any:
    """Return the value as JSON has it: plain numbers, lists and dicts, None for NaN and infinity.

    Args:
        value: nested mappings and sequences of strings, numbers (numpy's too), booleans and None.
    """
    if isinstance(value, Mapping):
        return {str(key): json_value(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [json_value(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _window(window: Window, statistics: RequestStatistics) -> dict[str, Any]:
    return {
        "start_s": window.start_s,
        "end_s": window.end_s,
        "length_s": window.length_s,
        "requests": _requests(statistics.measured_fates),
    }


def _requests(fates: IntArray) -> dict[str, int]:
    by_status = dict(zip(STATUS_NAMES, fates.sum(axis=0).tolist(), strict=True))
    in_flight = by_status.pop("in_flight")
    return {"arrived": int(fates.sum()), **by_status, "in_flight": in_flight}


def _latency(statistics: RequestStatistics) -> dict[str, Any]:
    return {
        "all": {name: _ladder(values) for name, values in statistics.overall().items()},
        "tiers": {
            tier.name: {name: _ladder(values) for name, values in latencies.items()}
            for tier, latencies in zip(statistics.tiers, statistics.latencies, strict=True)
        },
    }


def _ladder(values: Quantiles) -> dict[str, float]:
    found = values.quantiles(tuple(PERCENTILES.values())).tolist()
    return {"mean": values.mean, **dict(zip(PERCENTILES, found, strict=True)), "n": values.count}


def _network(latency: Mapping[str, Any]) -> dict[str, Any]:
    """Return how much of the mean time to the first token is the network, there and back."""

    def share(ladders: Mapping[str, Mapping[str, float]]) -> float | None:
        return _over(ladders["network_s"]["mean"], ladders["ttft_s"]["mean"])

    tiers = {name: {"ttft_share": share(ladders)} for name, ladders in latency["tiers"].items()}
    return {"ttft_share": share(latency["all"]), "tiers": tiers}


def _method(statistics: RequestStatistics) -> dict[str, Any]:
    accumulators = [values for tier in statistics.latencies for values in tier.values()]
    return {
        "definition": "linear",
        "exact": all(values.exact for values in accumulators),
        "guaranteed_relative_error": max(
            (values.guaranteed_error for values in accumulators), default=0.0
        ),
        "exact_up_to": statistics.exact_up_to,
    }


def _sla(statistics: RequestStatistics) -> dict[str, Any]:
    found: dict[str, Any] = {}
    arrived = statistics.measured_fates.sum(axis=1).tolist()
    for tier, attained, number, misses in zip(
        statistics.tiers,
        statistics.attained.tolist(),
        arrived,
        statistics.missed.tolist(),
        strict=True,
    ):
        reasons = dict(zip(REASONS, misses, strict=True))
        undecided = reasons.pop("undecided")
        stated = {
            name: value
            for name in ("ttft_s", "tpot_s", "e2e_s", "target", "require")
            if (value := getattr(tier, name)) is not None
        }
        found[tier.name] = {
            "attainment": _over(attained, number - undecided),
            "targets": stated,
            "attained": attained,
            "requests": number,
            "undecided": undecided,
            "missed": reasons,
        }
    return found


def _throughput(
    statistics: RequestStatistics, output_tokens: float, length_s: float
) -> dict[str, float | None]:
    return {
        "requests_per_s": _over(statistics.completed_in_window, length_s),
        "output_tokens_per_s": _over(output_tokens, length_s),
        "goodput_per_s": _over(statistics.attained_in_window, length_s),
    }


def _utilisation(
    activity: ActivitySeries, names: Sequence[str], length_s: float
) -> dict[str, dict[str, float]]:
    used = activity.by_site(length_s)
    return {
        name: {
            "accelerator_busy": used.accelerator_busy[index],
            "kv_used": used.kv_used[index],
            "batch_mean": used.batch_mean[index],
            "batch_busy": used.batch_busy[index],
        }
        for index, name in enumerate(names)
    }


def _power(site: SiteFigures) -> dict[str, float]:
    return {
        "mean_kw": site.mean_w / 1e3,
        "peak_kw": site.peak_w / 1e3,
        "limit_kw": site.limit_w / 1e3,
        "headroom_kw": (site.limit_w - site.peak_w) / 1e3,
        "capped_share": site.capped_share,
        "share_above": site.share_above,
    }


def _energy(sites: Sequence[SiteFigures], output_tokens: float) -> dict[str, float | None]:
    it_j = math.fsum(site.it_j for site in sites)
    metered = [site.facility_j for site in sites if site.facility_j is not None]
    facility_j = math.fsum(metered) if len(metered) == len(sites) else None
    return {
        "it_kwh": it_j / J_PER_KWH,
        "facility_kwh": None if facility_j is None else facility_j / J_PER_KWH,
        "pue": _over(facility_j, it_j),
        "j_per_output_token": _over(it_j, output_tokens),
    }


def _carbon(sites: Sequence[SiteFigures], output_tokens: float) -> dict[str, float | None]:
    grams = _priced(sites, [site.gco2_per_kwh for site in sites])
    return {
        "kg": None if grams is None else grams / 1e3,
        "g_per_mtoken": _over(grams, output_tokens / 1e6),
    }


def _cost(sites: Sequence[SiteFigures], egress_usd: float) -> dict[str, float | None]:
    energy_usd = _priced(sites, [site.usd_per_kwh for site in sites])
    return {
        "energy_usd": energy_usd,
        "egress_usd": egress_usd,
        "total_usd": None if energy_usd is None else energy_usd + egress_usd,
    }


def _bill(billing: Billing, tiers: Sequence[str]) -> dict[str, Any]:
    """Return what users pay and get back, empty where nobody pays."""
    if not billing.charges:
        return {}
    return {
        "revenue_usd": float(billing.revenue_usd.sum()),
        "credits_usd": float(billing.credits_usd.sum()),
        "tiers": {
            name: {"revenue_usd": revenue, "credits_usd": given}
            for name, revenue, given in zip(
                tiers, billing.revenue_usd.tolist(), billing.credits_usd.tolist(), strict=True
            )
        },
    }


def _priced(sites: Sequence[SiteFigures], per_kwh: Sequence[float | None]) -> float | None:
    """Return the sum of energy times rate; None as soon as one site's rate is unknown."""
    known = [rate for rate in per_kwh if rate is not None]
    if len(known) < len(sites):
        return None
    return math.fsum(site.paid_kwh * rate for site, rate in zip(sites, known, strict=True))


def _over(part: float | None, whole: float) -> float | None:
    return None if part is None or whole <= 0.0 else part / whole
