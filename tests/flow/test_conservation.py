"""Requests in = completed + rejected + timed out + failed + in flight, however a run goes.

The count itself, Little's law and the energies are checked by ``flow`` for every run; the tests
here make runs in which something is lost, cut short or left over.
"""

from __future__ import annotations

import importlib

import pytest

OVERLOAD = ("traffic.chat.arrivals.rate=400 req/s", "run.duration=4 s")
SMALL_BATCHES = tuple(f"pools.{name}.batching.max_num_seqs=2" for name in ("wet", "dry", "far"))


def counts(run):
    return run.result.summary["requests"]


@pytest.fixture
def short_turns(monkeypatch):
    """Look at the outside every 200 events, so that a run of seconds has many turns."""
    module = importlib.import_module("sim.world")
    monkeypatch.setattr(module, "EVENTS_PER_TURN", 200)


def test_everybody_is_served_when_there_is_room(tiny, flow):
    run = flow(tiny)
    assert counts(run)["completed"] == counts(run)["arrived"] > 300


@pytest.mark.parametrize("limit", [1, 5])
def test_a_full_queue_turns_requests_away(tiny, flow, limit):
    for pool in tiny["pools"].values():
        pool["queue"] = {**pool.get("queue", {}), "limit": limit}
    run = flow(tiny, overrides=(*OVERLOAD, *SMALL_BATCHES))
    assert counts(run)["rejected"] > 200
    assert counts(run)["completed"] > 50
    turned_away = run.result.requests[run.result.requests["status"] == "rejected"]
    assert turned_away["ttft_s"].isna().all()
    assert turned_away["pool"].notna().all()


def test_a_request_beyond_all_memory_is_turned_away(tiny, flow):
    lengths = {"constant": {"input": "500 tokens", "output": "600 tokens"}}
    tiny["traffic"]["chat"]["lengths"] = lengths
    for pool in tiny["pools"].values():
        pool["kv_cache"] = "1000 tokens"
    run = flow(tiny)
    assert counts(run)["rejected"] == counts(run)["arrived"] > 0
    assert run.result.summary["sla"]["premium"]["attainment"] == 0.0


def test_memory_pressure_preempts_but_loses_nobody(tiny, flow):
    lengths = {"constant": {"input": "200 tokens", "output": "150 tokens"}}
    tiny["traffic"]["chat"]["lengths"] = lengths
    for pool in tiny["pools"].values():
        pool["kv_cache"] = "1200 tokens"
    run = flow(tiny)
    assert counts(run)["completed"] == counts(run)["arrived"]
    assert run.result.requests["preemptions"].sum() > 10


def test_a_policy_may_turn_requests_away_at_the_front_door(tiny, flow):
    class OddOnesOnly:
        def choose(self, request, candidates):
            return candidates[0] if request.number % 2 else None

    run = flow(tiny, policy=OddOnesOnly())
    assert counts(run)["rejected"] == (counts(run)["arrived"] + 1) // 2
    turned_away = run.result.requests[run.result.requests["status"] == "rejected"]
    assert (turned_away["request"] % 2 == 0).all()
    assert turned_away[["pool", "site"]].isna().all(axis=None)


def test_without_draining_the_rest_is_in_flight(tiny, flow):
    run = flow(tiny, overrides=(*OVERLOAD, *SMALL_BATCHES, "run.drain=false"))
    assert run.end_s == 4.0
    assert counts(run)["in_flight"] > 100
    cut = run.result.requests[run.result.requests["status"] == "in_flight"]
    assert cut["e2e_s"].isna().all()
    # Some had not reached their pool, some waited, some had been admitted, some had begun.
    assert cut["queue_s"].isna().any()
    assert cut["ttft_s"].notna().any()


def test_draining_finishes_the_same_requests(tiny, flow):
    cut = flow(tiny, overrides=(*OVERLOAD, *SMALL_BATCHES, "run.drain=false"))
    whole = flow(tiny, overrides=(*OVERLOAD, *SMALL_BATCHES))
    assert counts(cut)["arrived"] == counts(whole)["completed"]
    done = cut.result.requests["status"] == "completed"
    assert done.sum() > 50
    columns = ["queue_s", "ttft_s", "e2e_s", "replica"]
    finished = whole.result.requests.loc[done, columns]
    assert cut.result.requests.loc[done, columns].equals(finished)
    assert whole.end_s > cut.end_s


def test_the_warm_up_is_recorded_but_not_measured(tiny, flow):
    whole = flow(tiny)
    run = flow(tiny, overrides=("run.warmup=3 s",))
    requests = run.result.requests
    assert counts(run) == counts(whole)
    assert requests["warmup"].sum() == (requests["arrival_s"] < 3.0).sum() > 50
    window = run.result.summary["window"]
    assert window["start_s"] == 3.0
    assert window["requests"]["arrived"] == (requests["arrival_s"] >= 3.0).sum()
    measured = requests[(requests["arrival_s"] >= 3.0) & (requests["tier"] == "premium")]
    ladder = run.result.summary["latency"]["tiers"]["premium"]["ttft_s"]
    assert ladder["n"] == len(measured)
    assert ladder["p50"] == pytest.approx(measured["ttft_s"].median(), rel=1e-12)


def test_the_warm_up_uses_energy_that_is_not_counted(tiny, flow):
    whole = flow(tiny)
    run = flow(tiny, overrides=("run.warmup=3 s",))
    meter, site = run.world.meter, run.world.meter.points.spans["site"]
    assert meter.total_j[site] == pytest.approx(whole.world.meter.total_j[site], rel=1e-12)
    sites = run.result.series[run.result.series["kind"] == "site"]
    late = sites[sites["time_s"] >= 3.0].copy()
    width_s = (run.end_s - late["time_s"]).clip(upper=1.0)
    late_j = (late["power_w"] * width_s).sum()
    assert meter.energy_j[site].sum() == pytest.approx(late_j, rel=1e-9)


@pytest.mark.parametrize("turns", [1, 5])
def test_an_interrupted_run_keeps_what_it_has(tiny, flow, short_turns, turns):
    asked = []

    def stop():
        asked.append(1)
        return len(asked) >= turns

    run = flow(tiny, stop=stop)
    assert len(asked) == turns
    assert run.result.summary["interrupted"] is True
    assert 0 < counts(run)["arrived"] < 380
    assert counts(run)["in_flight"] > 0
    assert run.end_s < 8.0
    assert any("interrupted" in warning for warning in run.result.warnings)


def test_a_request_of_the_part_before_the_interruption_is_the_same(tiny, flow, short_turns):
    whole = flow(tiny).result.requests
    asked = iter([False, False, False, True])
    part = flow(tiny, stop=lambda: next(asked)).result.requests
    done = part["status"] == "completed"
    assert done.sum() > 20
    columns = ["arrival_s", "ttft_s", "e2e_s", "replica"]
    assert part.loc[done, columns].equals(whole.iloc[: len(part)].loc[done, columns])


def test_stop_is_asked_no_more_when_the_run_is_over(tiny, flow):
    run = flow(tiny, stop=lambda: True)
    assert run.result.summary["interrupted"] is False
    assert counts(run)["in_flight"] == 0


def test_a_run_without_any_request_is_a_run(tiny, flow):
    run = flow(tiny, overrides=("traffic.chat.arrivals.rate=0.0001 req/s", "run.duration=1 s"))
    assert counts(run)["arrived"] == 0
    assert run.end_s == 1.0
    assert run.result.summary["energy"]["it_kwh"] > 0.0
    assert run.result.summary["sla"]["premium"]["attainment"] is None


@pytest.mark.parametrize("policy", ["nearest", "least-loaded", "power-of-two", "tier-affinity"])
@pytest.mark.parametrize("dispatch", ["least-loaded", "power-of-two", "round-robin"])
def test_every_policy_and_dispatch_rule_loses_nobody(tiny, flow, policy, dispatch):
    overrides = (
        f"routing.policy={policy}",
        f"pools.dry.queue.dispatch={dispatch}",
        f"pools.far.queue.dispatch={dispatch}",
        "run.duration=2 s",
        "traffic.chat.arrivals.rate=200 req/s",
    )
    run = flow(tiny, overrides=overrides)
    assert counts(run)["completed"] == counts(run)["arrived"] > 100


@pytest.mark.parametrize("mode", ["chunked-prefill", "prefill-first", "static"])
@pytest.mark.parametrize("scope", ["replica", "pool"])
def test_every_batching_mode_and_queue_loses_nobody(tiny, flow, mode, scope):
    for pool in tiny["pools"].values():
        pool["queue"] = {"scope": scope}
        pool["batching"] = {"mode": mode, "max_num_seqs": 4}
        pool["kv_cache"] = "4000 tokens"
    run = flow(tiny, overrides=("run.duration=3 s",))
    assert counts(run)["completed"] + counts(run)["rejected"] == counts(run)["arrived"] > 50
