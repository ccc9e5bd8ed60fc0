"""The summary: every key of the contract, literal figures, None where nothing is known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sim.cost.ledger import Ledger
from sim.interfaces import REJECTED, Request
from sim.metrics.activity import ActivitySeries, PoolSizes
from sim.metrics.summary import (
    Money,
    RunIdentity,
    SiteFigures,
    Window,
    json_value,
    summarise,
)

CONTRACT = {
    "schema_version": None,
    "scenario": {"name", "sha256"},
    "seed": None,
    "requests": {"arrived", "completed", "rejected", "timed_out", "failed", "in_flight"},
    "latency": {"all", "tiers"},
    "sla": {"premium", "standard"},
    "throughput": {"requests_per_s", "output_tokens_per_s", "goodput_per_s"},
    "utilisation": {"metro", "edge"},
    "power": {"metro", "edge"},
    "energy": {"it_kwh", "facility_kwh", "pue", "j_per_output_token"},
    "carbon": {"kg", "g_per_mtoken"},
    "cost": {"energy_usd", "egress_usd", "total_usd", "usd_per_mtoken"},
    "performance": {"wall_s"},
}
LATENCIES = {"ttft_s", "tpot_s", "e2e_s", "queue_s", "network_s"}
LADDER = {"mean", "p50", "p90", "p95", "p99", "p99_9"}

METRO = SiteFigures(
    *("metro", 50_000.0, 90_000.0, 100_000.0, 7.2e9, 9.0e9),
    usd_per_kwh=0.1,
    gco2_per_kwh=400.0,
)
EDGE = SiteFigures(
    *("edge", 5_000.0, 9_000.0, float("inf"), 3.6e8, 3.6e8),
    usd_per_kwh=0.2,
    gco2_per_kwh=100.0,
)


@pytest.fixture
def summary_of(record, request_factory):
    def summary_of(sites=(METRO, EDGE), requests=None, output_tokens=1e6, **options):
        if requests is None:
            late = request_factory(
                1, arrival_s=20.0, admitted_s=25.0, first_token_s=26.0, finished_s=27.0
            )
            requests = [request_factory(0), late, request_factory(2, tier=1)]
            refused = Request(3, 21.0, 1, 1)
            refused.status = REJECTED
            requests.append(refused)
        recorder, _ = record(requests, **options)
        sizes = PoolSizes(np.array([0, 0, 1]), 2, np.ones(3, int), np.ones(3, int), np.ones(3))
        activity = ActivitySeries(np.arange(3), sizes)
        activity.advance(np.array([[0, 0.0, 100.0, 9.0, 5.0, 0.5, 0.0, output_tokens]]), 100.0)
        return summarise(
            run=RunIdentity("three-tier", "ab12", 7),
            window=Window(0.0, 100.0),
            statistics=recorder.statistics,
            activity=activity,
            sites=sites,
            money=Money(Ledger(()), egress_usd=3.0),
            performance={"wall_s": 1.5},
            extras={"warnings": ["load above capacity"]},
        )

    return summary_of


def test_all_keys_of_the_contract(summary_of):
    summary = summary_of()
    for key, inner in CONTRACT.items():
        assert key in summary
        if inner is not None:
            assert set(summary[key]) >= inner
    tiers = summary["latency"]["tiers"]
    assert list(tiers) == ["premium", "standard"]
    for group in (summary["latency"]["all"], *tiers.values()):
        assert set(group) == LATENCIES
        assert all(set(ladder) >= LADDER for ladder in group.values())
    assert set(summary["utilisation"]["metro"]) >= {"accelerator_busy", "kv_used", "batch_mean"}
    power = {"mean_kw", "peak_kw", "limit_kw", "headroom_kw", "capped_share"}
    assert set(summary["power"]["metro"]) >= power


def test_identity_and_extras(summary_of):
    summary = summary_of()
    assert summary["schema_version"] == "2"
    assert summary["scenario"] == {"name": "three-tier", "sha256": "ab12"}
    assert summary["seed"] == 7
    assert summary["performance"] == {"wall_s": 1.5}
    assert summary["warnings"] == ["load above capacity"]


def test_the_network_share_of_the_first_token_is_of_the_means(summary_of, request_factory):
    """Network 20 + 30 ms each way and 0.35 s to the first token."""
    first = {"admitted_s": 10.12, "first_token_s": 10.32}
    requests = [request_factory(0, **first), request_factory(1, tier=1, **first)]
    network = summary_of(requests=requests)["network"]
    assert network["ttft_share"] == pytest.approx(0.05 / 0.35)
    assert network["tiers"]["standard"]["ttft_share"] == pytest.approx(0.05 / 0.35)


def test_requests_and_sla(summary_of):
    summary = summary_of()
    assert summary["requests"] == {
        "arrived": 4,
        "completed": 3,
        "rejected": 1,
        "timed_out": 0,
        "failed": 0,
        "in_flight": 0,
    }
    premium = summary["sla"]["premium"]  # one in time, one late, one refused
    assert premium["attainment"] == pytest.approx(1 / 3)
    reasons = {reason: number for reason, number in premium["missed"].items() if number}
    assert reasons == {"late_ttft": 1, "rejected": 1}
    assert premium["targets"] == {
        "ttft_s": 0.5,
        "tpot_s": 0.05,
        "e2e_s": 30.0,
        "target": 0.99,
        "require": 0.95,
    }
    standard = summary["sla"]["standard"]
    assert set(standard.pop("missed").values()) == {0}
    assert standard == {
        "undecided": 0,
        "attainment": 1.0,
        "targets": {"ttft_s": 5.0, "target": 0.95},
        "attained": 1,
        "requests": 1,
    }
    assert summary["throughput"] == {
        "requests_per_s": 0.03,
        "output_tokens_per_s": 1e4,
        "goodput_per_s": 0.02,
    }


def test_latency_of_all_covers_every_tier(summary_of):
    latency = summary_of()["latency"]
    assert latency["all"]["ttft_s"]["n"] == 3
    assert latency["tiers"]["standard"]["ttft_s"]["p99"] == pytest.approx(0.35)
    assert latency["all"]["queue_s"]["mean"] == pytest.approx((0.1 + 4.98 + 0.1) / 3)
    assert latency["all"]["queue_s"]["p50"] == pytest.approx(0.1)


def test_power_energy_carbon_and_cost(summary_of):
    summary = summary_of()
    assert summary["power"]["metro"] == {
        "mean_kw": 50.0,
        "peak_kw": 90.0,
        "limit_kw": 100.0,
        "headroom_kw": 10.0,
        "capped_share": 0.0,
        "share_above": 0.0,
    }
    assert summary["power"]["edge"]["limit_kw"] is None
    assert summary["power"]["edge"]["headroom_kw"] is None
    energy = summary["energy"]
    assert energy["it_kwh"] == pytest.approx(2100.0)
    assert energy["facility_kwh"] == pytest.approx(2600.0)
    assert energy["pue"] == pytest.approx(2600 / 2100)
    assert energy["j_per_output_token"] == pytest.approx(7560.0)
    assert summary["carbon"]["kg"] == pytest.approx(2500 * 0.4 + 100 * 0.1)
    assert summary["carbon"]["g_per_mtoken"] == pytest.approx(1_010_000.0)
    assert {name: summary["cost"][name] for name in CONTRACT["cost"]} == {
        "energy_usd": pytest.approx(270.0),
        "egress_usd": 3.0,
        "total_usd": pytest.approx(273.0),
        "usd_per_mtoken": None,  # no pool said that it made tokens
    }


def test_without_a_cooling_model_it_energy_is_paid_for(summary_of):
    site = SiteFigures("metro", 1.0, 1.0, 1.0, it_j=3.6e6, usd_per_kwh=0.5, gco2_per_kwh=10.0)
    summary = summary_of(sites=[site])
    assert summary["energy"]["facility_kwh"] is None
    assert summary["energy"]["pue"] is None
    assert summary["cost"]["energy_usd"] == 0.5


def test_a_price_that_is_not_known_is_not_zero(summary_of):
    site = SiteFigures("metro", 1.0, 1.0, 1.0, it_j=3.6e6)
    summary = summary_of(sites=[METRO, site])
    assert summary["carbon"] == {"kg": None, "g_per_mtoken": None}
    assert summary["cost"]["energy_usd"] is None
    assert summary["cost"]["total_usd"] is None


def test_a_run_without_requests_has_no_figures_but_all_keys(summary_of):
    summary = summary_of(requests=[], output_tokens=0.0)
    assert summary["sla"]["premium"]["attainment"] is None
    assert summary["latency"]["all"]["ttft_s"] == {**dict.fromkeys(LADDER), "n": 0}
    assert summary["energy"]["j_per_output_token"] is None
    json.dumps(summary, allow_nan=False)


def test_the_method_of_the_quantiles_is_told(summary_of):
    assert summary_of()["quantiles"] == {
        "definition": "linear",
        "exact": True,
        "guaranteed_relative_error": 0.0,
        "exact_up_to": 1_000_000,
    }
    rough = summary_of(exact_up_to=2)["quantiles"]
    assert rough["exact"] is False
    assert rough["guaranteed_relative_error"] == 0.005


def test_window_counts_the_measured_requests(summary_of):
    window = summary_of(warmup_s=15.0)["window"]
    assert window["requests"]["arrived"] == 2
    assert window["length_s"] == 100.0


def test_a_run_that_ends_in_its_warm_up_has_an_empty_window():
    assert Window(10.0, 4.0).length_s == 0.0


def test_json_values_are_plain():
    value = {
        "a": np.float64(1.5),
        "b": [np.int64(2), float("nan")],
        "c": (np.array([1.0, np.inf]),),
    }
    assert json_value(value) == {"a": 1.5, "b": [2, None], "c": [[1.0, None]]}
    assert type(json_value(np.float64(1.5))) is float
    assert json_value({1: True, "x": None}) == {"1": True, "x": None}
