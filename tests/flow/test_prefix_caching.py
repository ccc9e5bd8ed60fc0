"""Prefix caching through whole runs: what the oracle says, a run finds."""

from __future__ import annotations

import json
from math import inf

import pytest

from sim import explain, load_scenario, simulate
from sim.serving.kv.prefix import hit_ratio

BLOCK_TOKENS = 512


@pytest.fixture
def mooncake(shared_data):
    path = shared_data / "traces" / "mooncake" / "synthetic_trace.jsonl"
    with path.open() as file:
        return path, [json.loads(line) for line in file]


@pytest.fixture
def replayed(tiny):
    """One replica that replays a trace, with a KV memory of so many blocks."""

    def run(path, capacity_blocks):
        tiny["pools"] = {
            "one": {
                "site": "metro",
                "model": "llama-3.1-8b",
                "replicas": 1,
                "racks": {"cooling": "liquid"},
                "kv_cache": f"{capacity_blocks * BLOCK_TOKENS} tokens",
                "step_time": {"a": "1 ms", "b": "0 s"},
                "batching": {"prefix_cache": {"block": f"{BLOCK_TOKENS} tokens"}},
            }
        }
        del tiny["traffic"]["chat"]["arrivals"], tiny["traffic"]["chat"]["lengths"]
        tiny["traffic"]["chat"]["trace"] = {"path": str(path), "format": "mooncake"}
        tiny["run"] = {}
        tiny["routing"] = {"policy": "nearest", "spill_at": 1.0}
        summary = simulate(load_scenario(tiny)).summary
        assert summary["requests"]["completed"] == summary["requests"]["arrived"]
        return summary["pools"]["one"]["prefix_cache"]

    return run


@pytest.mark.parametrize(
    ("capacity_blocks", "expected"), [(10_000, 0.4239), (30_000, 0.6242), (200_000, 0.6396)]
)
def test_one_after_another_a_run_is_the_oracle(
    mooncake, replayed, tmp_path, capacity_blocks, expected
):
    """Where prompts are whole blocks, come one by one and have an answer of one token.

    Then nothing but their blocks is ever in memory, so memory of n blocks is a cache of n blocks.
    (The trace itself has partial last blocks, which the oracle counts and an engine cannot keep.)
    """
    rows = [
        {
            "timestamp": 1000 * number,
            "input_length": BLOCK_TOKENS * len(record["hash_ids"]),
            "output_length": 1,
            "hash_ids": record["hash_ids"],
        }
        for number, record in enumerate(mooncake[1])
    ]
    path = tmp_path / "whole_blocks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = replayed(path, capacity_blocks)
    assert found["looked_up_blocks"] == 121_877
    assert round(found["hit_ratio"], 4) == expected


def test_with_memory_for_all_a_run_of_the_trace_itself_is_the_oracle(mooncake, replayed):
    """Whatever runs at the same time: blocks can be found from the admission that brings them.

    Admission is first come first served on one replica, so it looks in the order of the trace.
    """
    path, records = mooncake
    whole = [r["hash_ids"][: r["input_length"] // BLOCK_TOKENS] for r in records]
    found = replayed(path, 200_000)
    assert found["looked_up_blocks"] == sum(map(len, whole))
    assert found["hit_ratio"] == pytest.approx(hit_ratio(whole, inf), abs=1e-12)
    assert found["input_tokens"] == sum(r["input_length"] for r in records)


def chat(tiny, pools, routing="nearest", **sessions):
    """Put conversations with a system prompt on ``pools`` of equal replicas."""
    tiny["traffic"]["chat"] = {
        **{key: tiny["traffic"]["chat"][key] for key in ("model", "tiers")},
        "regions": {"south": 1.0},
        "system_prompt": "64 tokens",
        "sessions": {
            "concurrency": 24,
            "dialogue": {
                "turns": {"least": 4, "most": 8},
                "first_input": {"mean": "200 tokens", "cv": 0.5},
                "new_input": {"mean": "60 tokens", "cv": 0.5},
                "output": {"mean": "40 tokens", "cv": 0.5},
                "think": {"mean": "300 ms", "cv": 0.5},
            },
            **sessions,
        },
    }
    tiny["pools"] = pools
    tiny["routing"] = {"policy": routing, "spill_at": 1.0}
    return simulate(load_scenario(tiny)).summary


def pool(replicas, dispatch="least-loaded", block="16 tokens", racks="dry"):
    return {
        "site": "metro",
        "model": "llama-3.1-8b",
        "replicas": replicas,
        "racks": {"hall": racks, "type": "hgx-h100-air" if racks == "dry" else "hgx-h100-liquid"},
        "queue": {"dispatch": dispatch},
        "batching": {"prefix_cache": {"block": block}},
    }


def test_a_conversation_on_one_replica_finds_all_that_was_said(tiny):
    """Each turn misses less than a block beside what is new; a session misses its first prompt.

    Blocks of one token, so nothing is lost at their edges but the last token of an answer.
    """
    one = pool(1, block="1 tokens")
    one["batching"]["block_size"] = 1
    summary = chat(tiny, {"one": one})
    found, sessions = summary["pools"]["one"]["prefix_cache"], summary["sessions"]["chat"]
    turns = sessions["turns"]
    missed = found["input_tokens"] - found["saved_tokens"]
    further = turns - sessions["started"]
    mean = missed / (200 * sessions["started"] + 61 * further)
    assert mean == pytest.approx(1.0, abs=0.1)
    assert found["saved_share"] > 0.7


def test_dispatch_by_prompt_finds_more_on_several_replicas(tiny):
    by_load = chat(tiny, {"all": pool(4)})["pools"]["all"]["prefix_cache"]
    by_prompt = chat(tiny, {"all": pool(4, "prefix-affinity")})["pools"]["all"]["prefix_cache"]
    alone = chat(tiny, {"all": pool(1)})["pools"]["all"]["prefix_cache"]
    assert by_load["hit_ratio"] < by_prompt["hit_ratio"] - 0.2
    assert by_prompt["hit_ratio"] == pytest.approx(alone["hit_ratio"], abs=0.03)


def test_the_affinity_policy_finds_more_on_several_pools(tiny):
    def ratio(routing):
        pools = {"dry": pool(1), "wet": pool(1, racks="wet")}
        found = chat(tiny, pools, routing)["pools"].values()
        hits = sum(each["prefix_cache"]["found_blocks"] for each in found)
        return hits / sum(each["prefix_cache"]["looked_up_blocks"] for each in found)

    assert ratio("least-loaded") < ratio("prefix-affinity") - 0.1


def test_a_system_prompt_is_processed_once_and_adds_to_every_prompt(tiny):
    """2,000 tokens before 100 of one's own: a run saves them but for the first time."""
    tiny["pools"] = {"one": pool(1)}
    entry = tiny["traffic"]["chat"]
    entry["lengths"] = {"constant": {"input": "100 tokens", "output": "10 tokens"}}
    entry["system_prompt"] = "2000 tokens"
    tiny["routing"] = {"policy": "nearest", "spill_at": 1.0}
    summary = simulate(load_scenario(tiny)).summary
    found, number = summary["pools"]["one"]["prefix_cache"], summary["requests"]["arrived"]
    assert found["input_tokens"] == 2100 * number
    assert found["saved_tokens"] == 2000 * (number - 1)


def test_without_a_cache_there_is_nothing_to_report(tiny):
    assert "prefix_cache" not in simulate(load_scenario(tiny)).summary["pools"]["wet"]


def test_show_says_who_has_a_cache_and_what_is_not_known_yet(tiny):
    tiny["pools"] = {"one": pool(1)}
    tiny["traffic"]["chat"]["system_prompt"] = "2000 tokens"
    tiny["traffic"]["chat"]["arrivals"]["rate"] = "1000 req/s"
    said = explain(load_scenario(tiny))
    assert said.pools[0].features == ("prefix cache",)
    assert any("unless prefix caches save" in text for text in said.warnings)
    del tiny["pools"]["one"]["batching"]
    said = explain(load_scenario(tiny))
    assert any("its system prompt is processed for every request" in w for w in said.warnings)
    assert not any("unless prefix caches save" in text for text in said.warnings)
