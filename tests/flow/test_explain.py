"""What `sim.explain` says before a run is what the run then does."""

from __future__ import annotations

import pytest

from sim import explain, load_scenario


@pytest.fixture
def one_pool(tiny):
    """Only the dry pool: three replicas of 16 places, equal requests."""
    tiny["pools"] = {"dry": {**tiny["pools"]["dry"], "batching": {"max_num_seqs": 16}}}
    del tiny["pools"]["dry"]["tiers"]
    lengths = {"constant": {"input": "300 tokens", "output": "100 tokens"}}
    tiny["traffic"]["chat"] |= {"lengths": lengths}
    tiny["traffic"]["chat"]["arrivals"] = {"process": "poisson", "rate": "100 req/s"}
    return tiny


def test_capacity_is_what_a_saturated_pool_gets_through(one_pool, flow):
    (pool,) = explain(load_scenario(one_pool)).pools
    overload = f"traffic.chat.arrivals.rate={2 * pool.capacity_per_s:.3f} req/s"
    overrides = (overload, "run.duration=40 s", "run.warmup=10 s", "run.drain=false")
    run = flow(one_pool, overrides=overrides)
    reached_per_s = run.result.summary["throughput"]["requests_per_s"]
    assert reached_per_s == pytest.approx(pool.capacity_per_s, rel=0.05)


def test_the_fastest_answer_is_what_an_empty_pool_gives(one_pool, flow):
    (load, *_) = explain(load_scenario(one_pool)).loads
    run = flow(one_pool, overrides=("traffic.chat.arrivals.rate=1 req/s",))
    done = run.result.requests
    alone = (done["ttft_s"] - done["network_s"] - done["queue_s"]).min()
    assert alone == pytest.approx(load.fastest_ttft_s, rel=1e-6)
    assert done["tpot_s"].min() == pytest.approx(load.fastest_tpot_s, rel=0.05)
    assert (done["tpot_s"] >= load.fastest_tpot_s).all()


def test_power_stays_between_idle_and_peak(tiny, flow):
    sites = {site.name: site for site in explain(load_scenario(tiny)).sites}
    power = flow(tiny).result.summary["power"]
    for name, site in sites.items():
        assert site.idle_w <= power[name]["mean_kw"] * 1e3
        assert power[name]["peak_kw"] * 1e3 <= site.peak_w * (1 + 1e-9)


def test_tiers_that_are_too_much_only_together_are_a_warning(one_pool):
    (pool,) = explain(load_scenario(one_pool)).pools
    rate = f"traffic.chat.arrivals.rate={1.2 * pool.capacity_per_s:.3f} req/s"
    said = explain(load_scenario(one_pool, [rate]))
    assert max(load.share for load in said.loads) < 0.95
    (warning,) = [text for text in said.warnings if "queues will grow" in text]
    assert warning.startswith("all tiers: ")


def test_a_load_with_room_is_no_warning(one_pool):
    said = explain(load_scenario(one_pool, ["traffic.chat.arrivals.rate=25 req/s"]))
    assert not [text for text in said.warnings if "queues will grow" in text]
