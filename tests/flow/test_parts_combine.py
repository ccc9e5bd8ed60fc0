"""What a pool may do beside serving combines, from the scenario to the summary."""

from __future__ import annotations

import pytest

PARTS = {
    "prefix": ("batching", {"prefix_cache": {"block": "16 tokens"}}),
    "swap": ("batching", {"swap": {"space": "1 GB"}}),
    "ahead": ("batching", {"async_scheduling": True}),
    "threshold": ("batching", {"long_prefill_token_threshold": 128}),
    "priority": ("queue", {"order": "priority", "preempt": True}),
    "speculation": (None, {"speculative": {"tokens": 3, "acceptance": 0.7}}),
}


def with_parts(names):
    """Return a pool with what is named, on memory for a few contexts."""
    pool = {
        "site": "metro",
        "model": "llama-3.1-8b",
        "racks": {"type": "hgx-h100-air"},
        "replicas": 2,
        "kv_cache": "3000 tokens",
    }
    for name in names:
        place, given = PARTS[name]
        if place is None:
            pool |= given
        else:
            pool[place] = {**pool.get(place, {}), **given}
    return pool


@pytest.fixture
def loaded(tiny):
    """Return the tiny scenario with a load that fills two small replicas."""
    tiny["traffic"]["chat"] |= {
        "arrivals": {"process": "poisson", "rate": "12 req/s"},
        "lengths": {"constant": {"input": "500 tokens", "output": "100 tokens"}},
        "system_prompt": "64 tokens",
    }
    tiny["routing"] = {"policy": "nearest", "spill_at": 1.0}
    return tiny


FULL = tuple(PARTS)


@pytest.mark.parametrize("left_out", [None, *PARTS])
def test_a_pool_does_everything_at_once(loaded, flow, left_out):
    loaded["pools"] = {"one": with_parts(name for name in FULL if name != left_out)}
    summary = flow(loaded).result.summary
    counts = summary["requests"]
    assert counts["completed"] == counts["arrived"] > 100
    assert ("prefix_cache" in summary["pools"].get("one", {})) == (left_out != "prefix")


def test_prefill_and_decode_apart_with_everything_that_each_can_do(loaded, flow):
    prompts = with_parts(("prefix", "priority", "speculation", "threshold", "ahead"))
    answers = with_parts(("priority", "speculation", "ahead"))
    loaded["pools"] = {
        "prompts": {**prompts, "hand_over": {"to": "answers", "bandwidth": "100 Gbit/s"}},
        "answers": {**answers, "role": "decode"},
    }
    summary = flow(loaded).result.summary
    assert summary["requests"]["completed"] == summary["requests"]["arrived"]
    assert summary["pools"]["prompts"]["hand_over"]["requests"] == summary["requests"]["arrived"]
    assert summary["pools"]["prompts"]["prefix_cache"]["saved_share"] > 0.05


def test_a_step_put_together_ahead_delays_the_first_token_by_about_a_step(loaded, flow):
    """And leaves the time per token and the throughput alone."""
    runs = []
    for names in ((), ("ahead",)):
        pool = with_parts(names)
        del pool["kv_cache"]
        loaded["pools"] = {"one": pool}
        runs.append(flow(loaded).result.requests)
    ttft_s = [table["ttft_s"].mean() for table in runs]
    tpot_s = [table["tpot_s"].mean() for table in runs]
    assert 0.3 * tpot_s[0] < ttft_s[1] - ttft_s[0] < 2.0 * tpot_s[0]
    assert tpot_s[1] == pytest.approx(tpot_s[0], rel=0.05)


def test_a_request_longer_than_max_model_len_is_rejected_and_counted(loaded, flow):
    """System prompt, prompt and answer are 664 tokens: one too many for 663."""
    for limit, rejected in ((664, False), (663, True)):
        pool = with_parts(())
        pool["batching"] = {"max_model_len": f"{limit} tokens"}
        loaded["pools"] = {"one": pool}
        result = flow(loaded).result
        counts = result.summary["requests"]
        assert counts["rejected"] == (counts["arrived"] if rejected else 0)
        assert any("max_model_len" in text for text in result.summary["warnings"]) == rejected
