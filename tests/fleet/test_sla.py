"""The commercial side of tiers: queue time-outs, usage caps, shedding, price and credits."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import ScenarioError
from sim.report.figures.variant_plots import attained
from sim.routing.admission import TokenBucket
from sim.simulate import load_scenario


@pytest.mark.parametrize("scope", ["replica", "pool"])
@pytest.mark.parametrize("order", ["fcfs", "priority"])
def test_a_request_leaves_the_queue_when_its_patience_ends(lab, scope, order):
    """Ten-second answers at 0 and 1; the one of 1 may wait 4 s, so the one of 2 goes before it."""
    lab.scenario["tiers"]["gold"]["queue_timeout"] = "4 s"
    lab.pool("near", queue={"scope": scope, "order": order})
    lab.trace("bulk", [(0, 10), (2, 3)], tier="bulk")
    lab.trace("gold", [(1, 10)])
    run = lab.run()
    assert run.column("status") == ["completed", "timed_out", "completed"]
    assert run.ends_s()[0] == 10.0
    assert run.ends_s()[2] == 13.0
    assert np.isnan(run.column("queue_s")[1])


def test_an_admitted_request_is_not_timed_out(lab):
    lab.scenario["tiers"]["gold"]["queue_timeout"] = "4 s"
    lab.trace("gold", [(0, 10), (7, 2)])
    assert lab.run().column("status") == ["completed", "completed"]


def test_the_rest_of_the_queue_moves_up_when_a_large_head_gives_up(lab):
    """Memory of 10: 6 are taken until 6 s, the head needs 8, the one behind it only 3."""
    lab.scenario["tiers"]["gold"]["queue_timeout"] = "2.5 s"
    lab.pool("near", batching={"max_num_seqs": 4, "block_size": 1}, kv_cache="10 tokens")
    rows = [(0.0, 5, 2, "bulk"), (0.5, 8, 2, "gold"), (1.0, 1, 2, "bulk")]
    lab.scenario["pools"]["near"]["step_time"]["a"] = "4 s"
    for number, (at_s, asked, answer, tier) in enumerate(rows):
        file = lab.folder / f"{number}.csv"
        file.write_text(f"arrival_s,input_tokens,output_tokens\n{at_s},{asked},{answer}\n")
        lab.traffic(f"t{number}", tier=tier, trace={"path": str(file), "format": "loadbank-csv"})
    run = lab.run()
    assert run.column("status") == ["completed", "timed_out", "completed"]
    assert run.ends_s()[2] == 12.0  # admitted at 4, and not after the first is through at 8


def test_a_bucket_lets_through_its_rate_and_a_burst():
    bucket = TokenBucket(rate_per_s=2.0, burst=3.0)
    taken = []
    for number in range(40):
        now_s = number * 0.1
        if bucket.holds(1.0, now_s):
            bucket.take(1.0)
            taken.append(round(now_s, 1))
    assert taken[:5] == [0.0, 0.1, 0.2, 0.5, 1.0]
    assert len(taken) == 3 + int(2.0 * 3.9)


def test_a_request_larger_than_the_bucket_passes_when_it_is_full_and_leaves_a_debt():
    bucket = TokenBucket(rate_per_s=1.0, burst=10.0)
    assert bucket.holds(25.0, 0.0)
    bucket.take(25.0)
    assert not bucket.holds(1.0, 15.9)
    assert bucket.holds(1.0, 16.0)


def test_usage_caps_hold_per_tier_and_per_tenant(lab):
    lab.scenario["tiers"]["gold"]["usage"] = {"rate": "0.1 req/s", "burst": 3}
    lab.pool("near", replicas=8)
    lab.trace("a", [(0, 1), (0.1, 1), (0.2, 1)], usage={"rate": "0.1 req/s", "burst": 2})
    lab.trace("b", [(0.3, 1), (0.4, 1)])
    run = lab.run()
    assert run.column("status") == [
        *("completed", "completed", "rejected"),  # the tenant's burst
        *("completed", "rejected"),  # the tier's
    ]
    assert run.summary["admission"]["gold"] == {"shed": 0, "over_usage": 2}


def test_tokens_are_capped_as_well(lab):
    lab.pool("near", replicas=8)
    cap = {"token_rate": "1 tokens/s", "token_burst": "10 tokens"}
    lab.trace("a", [(0, 6), (1, 6), (5, 6)], usage=cap)  # 7 tokens each
    assert lab.run().column("status") == ["completed", "rejected", "completed"]


def test_the_lowest_tier_is_shed_first(lab):
    lab.pool("near", replicas=4)
    lab.scenario["tiers"]["bulk"]["shed_at"] = "50 %"
    lab.trace("bulk", [(0, 9), (0.1, 9), (0.2, 9)], tier="bulk")
    lab.trace("gold", [(0.3, 9), (0.4, 9), (0.5, 1)])
    run = lab.run()
    assert run.column("status") == ["completed"] * 2 + ["rejected"] + ["completed"] * 3
    assert run.summary["admission"]["bulk"]["shed"] == 1


def test_a_fair_queue_keeps_a_flood_of_one_tenant_from_the_others(lab):
    """Thirty of one tenant at 0, one of another at 0.5, level with them then: it is the third."""
    lab.trace("flood", [(0, 2)] * 30, tier="bulk")
    lab.trace("small", [(0.5, 2)], tier="bulk")
    for order, end_s in (("fcfs", 62.0), ("fair", 6.0)):
        lab.pool("near", queue={"scope": "pool", "order": order})
        run = lab.run()
        assert run.ends_s()[30] == end_s


def test_completed_requests_are_paid_and_late_ones_get_a_credit(lab):
    """Prompts of 1 and answers of 4 and 5 tokens; the second has its first token after 5 s."""
    lab.scenario["tiers"]["gold"]["slo"]["ttft"] = "4 s"
    lab.scenario["tiers"]["gold"]["price"] = {
        "input": "1 USD/ktoken",
        "output": "10 USD/ktoken",
        "credit": "25 %",
    }
    lab.trace("gold", [(0, 4), (0, 5)])
    cost = lab.run().summary["cost"]
    assert cost["revenue_usd"] == pytest.approx(0.041 + 0.051)
    assert cost["credits_usd"] == pytest.approx(0.25 * 0.051)
    assert cost["tiers"]["bulk"] == {"revenue_usd": 0.0, "credits_usd": 0.0}


def test_nobody_pays_unless_there_is_a_price(lab):
    lab.trace("gold", [(0, 4)])
    assert "revenue_usd" not in lab.run().summary["cost"]


def test_a_usage_cap_without_a_limit_is_refused(lab):
    lab.trace("gold", [(0, 4)], usage={"burst": 3})
    with pytest.raises(ScenarioError) as caught:
        load_scenario(lab.scenario)
    assert caught.value.problems[0].path == "traffic.gold.usage"
    assert "rate or token_rate" in caught.value.problems[0].expected


def test_pictures_take_for_attained_what_the_summary_counts(lab):
    """Of the golden requests the third waits 6 s for its first token, one more than allowed."""
    lab.trace("gold", [(0, 3), (0, 3), (0, 1), (20, 2)])
    lab.trace("bulk", [(1, 2)], tier="bulk")
    run = lab.run()
    assert attained(run.result).tolist() == [True, True, False, True, True]
    assert [run.summary["sla"][tier]["attained"] for tier in ("gold", "bulk")] == [3, 1]
