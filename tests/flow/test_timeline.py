"""One small run worked out by hand, from the front door to the last token and the last watt.

One accelerator pool behind a link of 5 ms, batch of one, step time 10 ms + 0.1 ms per new token
+ 0.01 ms per token of context. In milliseconds:

======= ======= ======= ======= ========================== ============================ ========
request arrives at pool begins  first token after          last token after             end
======= ======= ======= ======= ========================== ============================ ========
0         0       5       5     10 + 0.1 x 100 = 20        11.1 (100 tokens of context)
                                                           + 11.11 (101 tokens)          47.21
1        50      55      55     10 + 0.1 x 50 = 15         (one token only)              70
2        60      65      70     10 + 0.1 x 200 = 30        10 + 0.1 + 2 = 12.1          112.1
======= ======= ======= ======= ========================== ============================ ========

Every answer takes 5 ms back to the user.
"""

from __future__ import annotations

import numpy as np
import pytest

TRACE = """arrival_s,input_tokens,output_tokens
0.000,100,3
0.050,50,1
0.060,200,2
"""
STEP_TIME = {"a": "10 ms", "b": "100 us", "c": "10 us"}
POWER = {"idle": "100 W", "prefill": "600 W", "decode": "300 W"}


@pytest.fixture
def by_hand(tiny, tmp_path):
    """Only the north, only the wet pool, one replica, and three requests from a file."""
    trace = tmp_path / "three.csv"
    trace.write_text(TRACE, encoding="utf-8")
    tiny["topology"]["links"] = [{"from": "north", "to": "metro", "latency": "5 ms"}]
    tiny["traffic"] = {
        "chat": {
            "model": "llama-3.1-8b",
            "trace": {"path": str(trace), "format": "loadbank-csv"},
            "regions": {"north": "100 %"},
            "tiers": {"premium": "100 %"},
        }
    }
    tiny["pools"] = {
        "wet": {
            "site": "metro",
            "racks": {"cooling": "liquid"},
            "model": "llama-3.1-8b",
            "replicas": 1,
            "batching": {"max_num_seqs": 1},
            "kv_cache": "10000 tokens",
            "step_time": STEP_TIME,
            "power": POWER,
        }
    }
    tiny["run"] = {}
    tiny["routing"] = {"policy": "nearest"}
    return tiny


def columns(run, *names):
    return {name: run.result.requests[name].to_numpy() for name in names}


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-12)


def test_every_time_stamp_is_the_one_worked_out_by_hand(by_hand, flow):
    run = flow(by_hand)
    found = columns(run, "arrival_s", "queue_s", "network_s", "ttft_s", "tpot_s", "e2e_s")
    close(found["arrival_s"], [0.0, 0.050, 0.060])
    close(found["network_s"], [0.010, 0.010, 0.010])
    close(found["queue_s"], [0.0, 0.0, 0.005])
    close(found["ttft_s"], [0.030, 0.025, 0.045])
    close(found["tpot_s"], [0.02221 / 2, np.nan, 0.0121])
    close(found["e2e_s"], [0.05221, 0.025, 0.0571])
    assert run.end_s == pytest.approx(0.1121, abs=1e-12)
    requests = run.result.requests
    assert set(requests["site"]) == {"metro"}
    assert set(requests["region"]) == {"north"}
    assert requests["replica"].tolist() == [0, 0, 0]


def test_the_power_follows_what_the_accelerator_does(by_hand, flow):
    rows = flow(by_hand).rows
    rows = rows[rows[:, 2] > rows[:, 1]]
    close(rows[:, 1], [0.0, 0.005, 0.025, 0.04721, 0.055, 0.070, 0.100])
    close(rows[:, 2], [0.005, 0.025, 0.04721, 0.055, 0.070, 0.100, 0.1121])
    close(rows[:, 3], [100.0, 600.0, 300.0, 100.0, 600.0, 600.0, 300.0])
    close(rows[:, 4], [0, 1, 1, 0, 1, 1, 1])
    close(rows[:, 6], [0, 100, 0, 0, 50, 200, 0])
    close(rows[:, 7], [0, 1, 2, 0, 1, 1, 1])


def test_the_summary_says_the_same(by_hand, flow):
    summary = flow(by_hand).result.summary
    assert summary["requests"]["completed"] == 3
    premium = summary["latency"]["tiers"]["premium"]
    assert premium["ttft_s"]["mean"] == pytest.approx(0.100 / 3)
    assert premium["ttft_s"]["p50"] == pytest.approx(0.030)
    assert premium["tpot_s"]["n"] == 2
    assert premium["e2e_s"]["p90"] == pytest.approx(0.05221 + 0.8 * (0.0571 - 0.05221))
    assert summary["sla"]["premium"]["attainment"] == 1.0
    busy = (0.02 + 0.02221 + 0.0571) / 0.1121
    assert summary["utilisation"]["metro"]["accelerator_busy"] == pytest.approx(busy)
    tokens_per_s = summary["throughput"]["output_tokens_per_s"]
    assert tokens_per_s == pytest.approx(6 / 0.1121)


def test_two_in_a_batch_share_their_steps(by_hand, flow):
    """With room for two, request 2 joins request 1's neighbour: at 65 ms request 1 is in prefill.

    Request 1 runs from 55 to 70 ms; request 2 waits for that step to end, alone again. To make
    them meet, request 1 asks for three tokens: it decodes when request 2 comes in.

    55 to 70: prompt of 1. At 70, request 2 is admitted: the step holds one decoding sequence
    (50 tokens of context) and 200 prompt tokens: 10 + 0.1 x 201 + 0.01 x 50 = 30.6 ms.
    At 100.6 both decode: 10 + 0.1 x 2 + 0.01 x (51 + 200) = 12.71 ms, and both are through.
    """
    trace = by_hand["traffic"]["chat"]["trace"]["path"]
    with open(trace, "w", encoding="utf-8") as file:
        file.write(TRACE.replace("0.050,50,1", "0.050,50,3"))
    by_hand["pools"]["wet"]["batching"]["max_num_seqs"] = 2
    run = flow(by_hand)
    found = columns(run, "queue_s", "ttft_s", "tpot_s", "e2e_s")
    close(found["queue_s"], [0.0, 0.0, 0.005])
    close(found["ttft_s"], [0.030, 0.025, 0.0456])
    close(found["tpot_s"], [0.02221 / 2, (0.0306 + 0.01271) / 2, 0.01271])
    close(found["e2e_s"], [0.05221, 0.025 + 0.0306 + 0.01271, 0.0456 + 0.01271])


def test_a_link_with_bandwidth_delays_the_prompt_by_its_length(by_hand, flow):
    """At 1 Mbit/s the 4 bytes of a token take 32 us: 3.2, 1.6 and 6.4 ms for the prompts."""
    by_hand["topology"]["links"][0]["bandwidth"] = "1 Mbps"
    by_hand["topology"]["links"][0]["egress"] = "0.5 USD/GB"
    run = flow(by_hand)
    found = columns(run, "network_s", "queue_s")
    close(found["network_s"], [0.0132, 0.0116, 0.0164])
    # Requests 1 and 2 are at the pool at 56.6 and 71.4 ms; request 1 is through at 71.6.
    close(found["queue_s"], [0.0, 0.0, 0.0002])
    usd = 6 * 4 / 1e9 * 0.5
    assert run.result.summary["cost"]["egress_usd"] == pytest.approx(usd)


def test_jitter_only_ever_adds(by_hand, flow):
    by_hand["topology"]["links"][0]["jitter"] = "2 ms"
    network_s = columns(flow(by_hand), "network_s")["network_s"]
    assert (network_s > 0.010).all()
    assert len(set(network_s)) == 3


def test_the_shortest_way_is_taken_over_two_links(by_hand, flow):
    by_hand["topology"]["links"] = [
        {"from": "north", "to": "metro", "latency": "20 ms"},
        {"from": "north", "to": "far", "latency": "4 ms"},
        {"from": "far", "to": "metro", "latency": "5 ms"},
    ]
    network_s = columns(flow(by_hand), "network_s")["network_s"]
    close(network_s, [0.018, 0.018, 0.018])
