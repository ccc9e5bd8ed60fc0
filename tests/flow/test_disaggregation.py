"""Prefill and decode in pools of their own, from the scenario to the report."""

from __future__ import annotations

import pytest

from sim import explain, load_scenario
from sim.report import render_report

KV_BYTES_PER_TOKEN = 2 * 2 * 32 * 8 * 128  # keys and values, bf16, of Llama 3.1 8B


@pytest.fixture
def apart(tiny):
    """Two prefill replicas and one that decodes, on a link of 100 Gbit/s."""
    common = {"site": "metro", "model": "llama-3.1-8b", "racks": {"type": "hgx-h100-air"}}
    tiny["pools"] = {
        "prompts": {
            **common,
            "replicas": 2,
            "hand_over": {"to": "answers", "bandwidth": "100 Gbit/s", "latency": "1 ms"},
        },
        "answers": {**common, "replicas": 1, "role": "decode"},
    }
    lengths = {"constant": {"input": "1000 tokens", "output": "51 tokens"}}
    tiny["traffic"]["chat"] |= {
        "arrivals": {"process": "poisson", "rate": "10 req/s"},
        "lengths": lengths,
    }
    tiny["routing"] = {"policy": "nearest", "spill_at": 1.0}
    return tiny


def test_requests_queue_at_the_prefill_pool_and_end_in_the_decode_pool(apart, flow):
    run = flow(apart)
    requests, pools = run.result.requests, run.result.summary["pools"]
    assert set(requests["pool"]) == {"prompts"}
    assert set(requests["replica"]) == {2}
    sent = pools["prompts"]["hand_over"]
    assert sent["requests"] == len(requests)
    assert sent["gb"] == pytest.approx(len(requests) * 1000 * KV_BYTES_PER_TOKEN / 1e9)
    alone_s = 1000 * KV_BYTES_PER_TOKEN * 8 / 100e9 + 1e-3
    assert alone_s <= sent["transfer_mean_s"] < 1.5 * alone_s


def test_the_link_is_between_the_first_two_tokens(apart, flow):
    """A link of a tenth leaves the first token alone and delays all others."""
    fast, slow = (
        flow(apart, overrides=(f"pools.prompts.hand_over.bandwidth={rate}",)).result
        for rate in ("100 Gbit/s", "25 Gbit/s")
    )
    longer_s = (
        slow.summary["pools"]["prompts"]["hand_over"]["transfer_mean_s"]
        - fast.summary["pools"]["prompts"]["hand_over"]["transfer_mean_s"]
    )
    assert longer_s > 0.03
    assert slow.requests["ttft_s"].tolist() == fast.requests["ttft_s"].tolist()
    delay_s = (slow.requests["tpot_s"] - fast.requests["tpot_s"]).mean() * 50
    assert delay_s == pytest.approx(longer_s, rel=0.2)


@pytest.mark.parametrize("ratio", [(1, 3), (4, 1)])
def test_capacity_is_that_of_the_narrower_pool(apart, flow, ratio):
    """Prompts of 1,000 tokens limit one prefill replica, answers one decode replica."""
    replicas = [f"pools.{name}.replicas={n}" for name, n in zip(apart["pools"], ratio, strict=True)]
    replicas.append("pools.prompts.hand_over.bandwidth=400 Gbit/s")
    said = explain(load_scenario(apart, replicas))
    capacity_per_s = said.loads[0].capacity_per_s
    assert capacity_per_s == min(pool.capacity_per_s for pool in said.pools)
    overload = f"traffic.chat.arrivals.rate={2 * capacity_per_s:.3f} req/s"
    longer = ("run.duration=30 s", "run.warmup=10 s", "run.drain=false")
    reached = flow(apart, overrides=(*replicas, overload, *longer)).result.summary["throughput"]
    assert reached["requests_per_s"] == pytest.approx(capacity_per_s, rel=0.05)


def test_a_link_may_be_the_narrowest(apart):
    said = explain(load_scenario(apart, ["pools.prompts.hand_over.bandwidth=10 Gbit/s"]))
    caches_per_s = 10e9 / (1000 * KV_BYTES_PER_TOKEN * 8)
    assert said.loads[0].capacity_per_s == pytest.approx(caches_per_s)
    assert [text for text in said.warnings if "queues will grow" in text]


def test_show_and_report_tell_the_phases(apart, flow):
    said = explain(load_scenario(apart))
    assert [pool.features for pool in said.pools] == [
        ("prompts only, then to answers",),
        ("answers only",),
    ]
    apart["pools"]["prompts"]["batching"] = {"prefix_cache": {}}
    page = render_report(flow(apart).result)
    assert "KV caches handed over" in page
    assert "Prefix caches" in page
