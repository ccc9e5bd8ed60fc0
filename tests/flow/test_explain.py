"""What `sim.explain` says before a run is what the run then does."""

from __future__ import annotations

import pytest

from sim import explain, load_scenario
from sim.catalog.catalog import load_catalog
from sim.explain import explain_topology
from sim.load import load_topology


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


def test_every_level_of_power_is_shown_and_adds_up(tiny):
    said = explain(load_scenario(tiny))
    for name in ("idle_w", "peak_w"):
        sites_w = [getattr(site, name) for site in said.sites]
        for level in ("hall", "row", "rack"):
            places_w = [getattr(place, name) for place in said.places if place.level == level]
            assert sum(places_w) == pytest.approx(sum(sites_w))
    limits_w = {place.name: place.limit_w for place in said.places}
    assert limits_w["metro/dry/r1"] == 60e3
    assert limits_w["metro/dry/r2"] is None


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("power_limit", "site metro: "),
        ("halls.dry.power_limit", "hall metro/dry: "),
        ("halls.dry.rows.r1.power_limit", "row metro/dry/r1: "),
        ("halls.dry.rows.r1.racks.power_limit", "rack metro/dry/r1/rack-01: "),
    ],
)
def test_a_limit_below_the_peak_is_a_warning_at_every_level(tiny, place, said):
    quiet = explain(load_scenario(tiny))
    assert not [text for text in quiet.warnings if "runs at once" in text]
    tight = explain(load_scenario(tiny, [f"topology.sites.metro.{place}=5 kW"]))
    (warning,) = [text for text in tight.warnings if "runs at once" in text]
    assert warning.startswith(said)
    assert warning.endswith("above its limit of 5 kW")


def test_many_racks_above_their_limit_are_one_warning(tiny):
    rows = "topology.sites.far.halls.h1.rows.r1.racks.power_limit=1 kW"
    tight = explain(load_scenario(tiny, [rows]))
    (warning,) = [text for text in tight.warnings if "runs at once" in text]
    assert warning.startswith("2 racks, the worst of them far/h1/r1/rack-0")


def test_a_topology_alone_has_the_power_of_its_catalogue(tiny):
    """One rack of hgx-h200 nodes: base and nodes, idle and at the accelerators' TDP."""
    site = {**tiny["topology"]["sites"]["far"]}
    site["halls"] = {"h1": {"rows": {"r1": {"racks": {"type": "hgx-h200-air"}}}}}
    catalog = load_catalog()
    rack = catalog.racks["hgx-h200-air"]
    node = catalog.nodes[rack.node]
    topology = {**tiny["topology"], "sites": {"far": site}}
    topology["links"] = [
        {"from": name, "to": "far", "latency": "1 ms"} for name in topology["regions"]
    ]
    (far,) = explain_topology(load_topology(topology)).sites
    for shown_w, accelerator_w in (
        (far.idle_w, node.accelerator_idle_w),
        (far.peak_w, node.accelerator_tdp_w),
    ):
        nodes_w = rack.nodes * float(node.wall_w(node.count * accelerator_w))
        assert shown_w == pytest.approx(rack.base_w + nodes_w)


def test_load_by_site_is_that_of_the_regions_to_which_it_is_nearest(one_pool):
    """A pool at each site; both regions are nearer to metro, unless they may not go there."""
    one_pool["pools"]["far"] = {"site": "far", "model": "llama-3.1-8b", "replicas": 1}
    said = explain(load_scenario(one_pool))
    assert {load.site for load in said.site_loads} == {"metro"}
    by_tier = {load.tier: load.requests_per_s for load in said.loads}
    assert {load.tier: load.requests_per_s for load in said.site_loads} == pytest.approx(by_tier)
    one_pool["pools"]["dry"]["tiers"] = ["standard"]
    found = {(load.site, load.tier): load for load in explain(load_scenario(one_pool)).site_loads}
    assert set(found) == {("far", "premium"), ("metro", "standard")}
    pools = {pool.name: pool.capacity_per_s for pool in explain(load_scenario(one_pool)).pools}
    assert found["far", "premium"].capacity_per_s == pytest.approx(pools["far"])


def test_requests_that_never_fit_are_announced_and_counted(one_pool, flow):
    """Places for 1,000 tokens; one request in two needs 1,099 and is no load on anything."""
    one_pool["pools"]["dry"]["kv_cache_tokens"] = "1008 tokens"
    chat = one_pool["traffic"]["chat"]
    lengths = {"constant": {"input": "1000 tokens", "output": "100 tokens"}}
    one_pool["traffic"]["long"] = {**chat, "lengths": lengths}
    said = explain(load_scenario(one_pool))
    warnings = [text for text in said.warnings if "rejected" in text]
    assert len(warnings) == 2  # one for each tier
    assert all("the 1,008 tokens that the largest KV cache has, up to 1,099" in w for w in warnings)
    share = float(warnings[0].split(": ")[1].split(" %")[0])
    assert share == pytest.approx(50.0, abs=5.0)
    assert {load.input_tokens for load in said.loads} == {300.0}
    run = flow(one_pool)
    summary = run.result.summary
    requests = run.result.requests
    too_long = int((requests["input_tokens"] == 1000).sum())
    assert summary["requests"]["rejected"] == too_long > 0
    assert f"pool dry: {too_long} requests were rejected because" in " ".join(summary["warnings"])


def test_a_request_that_just_fits_is_no_warning(one_pool):
    """300 tokens in and 100 out need 399 places: the last token is never stored."""
    one_pool["pools"]["dry"]["kv_cache_tokens"] = "400 tokens"
    assert not [text for text in explain(load_scenario(one_pool)).warnings if "rejected" in text]
    one_pool["pools"]["dry"]["kv_cache_tokens"] = "384 tokens"
    said = explain(load_scenario(one_pool))
    assert "100 % of requests" in " ".join(said.warnings)
    assert "queues will grow" not in " ".join(said.warnings)
