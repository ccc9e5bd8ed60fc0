"""Little's law where it says most: in runs that queue, in every kind of pool.

``flow`` checks the law, exactly, on every run of this folder; these runs make sure that there is
something to check, and put the law's other form against the summary.
"""

from __future__ import annotations

import pytest

LOADED = (
    "traffic.chat.arrivals.rate=300 req/s",
    "run.duration=4 s",
    *(f"pools.{name}.batching.max_num_seqs=4" for name in ("wet", "dry", "far")),
)


@pytest.mark.parametrize("order", ["fcfs", "priority"])
@pytest.mark.parametrize("scope", ["replica", "pool"])
def test_in_a_run_that_queues(tiny, flow, scope, order):
    for pool in tiny["pools"].values():
        pool["queue"] = {"scope": scope, "order": order}
    run = flow(tiny, overrides=LOADED)
    assert run.watch.waiting_s > 100.0
    assert run.result.requests["queue_s"].max() > 1.0


def test_in_a_run_that_preempts(tiny, flow):
    for pool in tiny["pools"].values():
        pool["kv_cache"] = "2400 tokens"
    run = flow(tiny, overrides=("traffic.chat.arrivals.rate=100 req/s", "run.duration=3 s"))
    assert run.result.requests["preemptions"].sum() > 5


def test_rate_times_time_is_the_number_in_the_system(tiny, flow):
    run = flow(tiny, overrides=("run.duration=6 s",))
    done = run.result.requests.query("status == 'completed'")
    per_s = run.result.summary["throughput"]["requests_per_s"]
    assert per_s == pytest.approx(len(done) / run.end_s)
    in_pools = run.watch.in_pools_s / run.end_s
    assert in_pools == pytest.approx(per_s * (done["e2e_s"] - done["network_s"]).mean(), rel=1e-9)


@pytest.mark.parametrize("mode", ["chunked-prefill", "prefill-first", "static"])
def test_batches_of_the_sites_are_those_of_their_replicas(tiny, flow, mode):
    run = flow(tiny, overrides=[f"pools.{name}.batching.mode={mode}" for name in tiny["pools"]])
    done = run.result.requests
    service_s = done["e2e_s"] - done["network_s"] - done["queue_s"]
    for site, replicas in (("metro", 5), ("far", 2)):
        mean = service_s[done["site"] == site].sum() / run.end_s / replicas
        used = run.result.summary["utilisation"][site]
        assert used["batch_mean"] == pytest.approx(mean, rel=1e-9)
        assert 0.0 < used["accelerator_busy"] <= 1.0
        assert used["batch_busy"] >= used["batch_mean"]
