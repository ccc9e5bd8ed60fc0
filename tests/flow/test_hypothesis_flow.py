"""Random small scenarios: whatever is put together, the invariants hold.

``flow`` checks conservation, time stamps, activity, Little's law, energies and power bounds, and
at every event that time does not run back.
"""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

lengths = st.one_of(
    st.builds(
        lambda asked, answer: {
            "constant": {"input": f"{asked} tokens", "output": f"{answer} tokens"}
        },
        st.integers(1, 600),
        st.integers(1, 120),
    ),
    st.builds(
        lambda asked, answer, cv: {
            "lognormal": {
                "input": {"mean": f"{asked} tokens", "cv": cv},
                "output": {"mean": f"{answer} tokens", "cv": cv},
            }
        },
        st.integers(20, 600),
        st.integers(5, 100),
        st.sampled_from([0.2, 1.0, 3.0]),
    ),
)
arrivals = st.builds(
    lambda rate, cv: (
        {"process": "gamma", "rate": f"{rate} req/s", "cv": cv}
        if cv
        else {"process": "poisson", "rate": f"{rate} req/s"}
    ),
    st.sampled_from([2, 20, 80, 200]),
    st.sampled_from([None, 0.5, 4.0]),
)
queues = st.fixed_dictionaries(
    {
        "scope": st.sampled_from(["replica", "pool"]),
        "order": st.sampled_from(["fcfs", "priority"]),
        "dispatch": st.sampled_from(["least-loaded", "power-of-two", "round-robin"]),
    },
    optional={"limit": st.integers(1, 6)},
)
batchings = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["chunked-prefill", "prefill-first", "static"]),
        "max_num_seqs": st.sampled_from([1, 2, 7, 64]),
        "max_num_batched_tokens": st.sampled_from([64, 300, 2048]),
        "block_size": st.sampled_from([1, 16]),
    }
)
pools = st.fixed_dictionaries(
    {"queue": queues, "batching": batchings, "replicas": st.integers(1, 4)},
    optional={
        "kv_cache": st.sampled_from(["320 tokens", "1000 tokens", "5000 tokens"]),
        "step_time": st.just(
            {"a": "5 ms", "b": "40 us", "c": "0.2 us", "d": "1 ms", "e": "0.1 ns"}
        ),
        "power": st.just({"idle": "90 W", "prefill": "300 W", "decode": "640 W"}),
        "tensor_parallel": st.sampled_from([1, 2, 4, 8]),
    },
)
runs = st.fixed_dictionaries(
    {"duration": st.sampled_from(["500 ms", "2 s"]), "drain": st.booleans()},
    optional={"warmup": st.sampled_from(["100 ms", "450 ms"])},
)
routings = st.fixed_dictionaries(
    {
        "policy": st.sampled_from(["nearest", "least-loaded", "power-of-two", "tier-affinity"]),
        "spill_at": st.sampled_from([0.1, 0.9, 1.0]),
    }
)


drawn = {
    "sections": st.fixed_dictionaries({"run": runs, "routing": routings}),
    "chat": st.fixed_dictionaries({"arrivals": arrivals, "lengths": lengths}),
    "settings_of": st.tuples(pools, pools, pools),
    "seed": st.integers(0, 1000),
}
scenarios = given(**drawn)
quiet = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def put_together(tiny, sections, chat, settings_of):
    scenario = {**deepcopy(tiny), **sections}
    scenario["traffic"]["chat"].update(chat)
    for pool, chosen in zip(scenario["pools"].values(), settings_of, strict=True):
        pool.update(chosen)
    return scenario


@settings(quiet, max_examples=20, derandomize=True)
@scenarios
def test_the_invariants_hold_whatever_is_put_together(
    tiny, flow, sections, chat, settings_of, seed
):
    flow(put_together(tiny, sections, chat, settings_of), seed=seed)


@pytest.mark.slow
@settings(quiet, max_examples=300)
@scenarios
def test_the_invariants_hold_for_many_more(tiny, flow, sections, chat, settings_of, seed):
    flow(put_together(tiny, sections, chat, settings_of), seed=seed)


dialogues = st.builds(
    lambda turns, limit: {
        "concurrency": 6,
        "dialogue": {
            "turns": {"least": 1, "most": turns},
            "first_input": {"mean": "80 tokens", "cv": 1.0},
            "new_input": {"mean": "40 tokens", "cv": 1.0},
            "output": {"mean": "30 tokens", "cv": 1.0},
            "think": {"mean": "100 ms", "cv": 1.0},
            **({"context_limit": "200 tokens"} if limit else {}),
        },
    },
    st.integers(1, 6),
    st.booleans(),
)


engines = st.fixed_dictionaries(
    {
        "block": st.sampled_from(["16 tokens", "64 tokens"]),
        "cached": st.sets(st.sampled_from(["wet", "dry", "far"])),
        "by_prompt": st.booleans(),
        "apart": st.booleans(),
    }
)


@settings(quiet, max_examples=15, derandomize=True)
@given(**drawn, talk=dialogues, engine=engines)
def test_the_invariants_hold_with_prefix_caches_and_phases_apart(
    tiny, flow, sections, chat, settings_of, seed, talk, engine
):
    scenario = put_together(tiny, sections, chat, settings_of)
    traffic, pools = scenario["traffic"], scenario["pools"]
    traffic["talk"] = {key: traffic["chat"][key] for key in ("model", "regions", "tiers")}
    traffic["talk"] |= {"sessions": talk, "system_prompt": "100 tokens"}
    for name in ("wet", "dry", "far"):
        if pools[name]["batching"]["mode"] == "static":
            pools[name]["batching"]["mode"] = "chunked-prefill"
        if name in engine["cached"] - ({"dry"} if engine["apart"] else set()):
            pools[name]["batching"]["prefix_cache"] = {"block": engine["block"]}
            if engine["by_prompt"]:
                pools[name]["queue"]["dispatch"] = "prefix-affinity"
    if engine["apart"]:
        pools["wet"]["hand_over"] = {"to": "dry", "bandwidth": "2 Gbit/s", "latency": "2 ms"}
        pools["dry"]["role"] = "decode"
        pools["dry"]["queue"].pop("limit", None)
    flow(scenario, seed=seed)
