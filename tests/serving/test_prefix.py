"""The prefix cache finds what the plain least-recently-used rule finds, block by block."""

from __future__ import annotations

import json
from collections import OrderedDict
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from segment_bench import LIMITS, SegmentBench, compare, engines, jobs_with
from stepwise import Job

from sim.performance.steptime import StepTime
from sim.serving.kv.prefix import PrefixCache, hit_ratio

# Mooncake synthetic trace, 3,993 requests, 121,877 blocks of 512 tokens.
MEASURED = {
    1_000: 0.0825,
    3_000: 0.1878,
    10_000: 0.4235,
    30_000: 0.6242,
    50_000: 0.6396,
    inf: 0.6396,
}


def plain_hits(prompts, capacity):
    """One block at a time; a hit counts while no block of the request has missed."""
    cache, hits = OrderedDict(), 0
    for prompt in prompts:
        unbroken = True
        for block in prompt:
            if block in cache:
                hits += unbroken
                cache.move_to_end(block)
            else:
                unbroken = False
                cache[block] = None
                if len(cache) > capacity:
                    cache.popitem(last=False)
    return hits


@given(
    prompts=st.lists(st.lists(st.integers(0, 30), unique=True, max_size=12), max_size=40),
    capacity=st.integers(1, 25),
)
def test_one_prompt_after_another_is_the_plain_rule(prompts, capacity):
    blocks = sum(map(len, prompts))
    assert hit_ratio(prompts, capacity) * max(blocks, 1) == pytest.approx(
        plain_hits(prompts, capacity)
    )


@pytest.mark.parametrize("capacity", MEASURED)
def test_mooncake_hit_ratio(shared_data, capacity):
    path = shared_data / "traces" / "mooncake" / "synthetic_trace.jsonl"
    with path.open() as file:
        prompts = [json.loads(line)["hash_ids"] for line in file]
    assert sum(map(len, prompts)) == 121_877
    assert round(hit_ratio(prompts, capacity), 4) == MEASURED[capacity]


def test_blocks_in_use_are_shared_and_never_evicted():
    cache = PrefixCache()
    cache.acquire([1, 2, 3])
    cache.acquire([1, 2, 4])
    assert (cache.used_blocks, cache.idle_blocks) == (4, 0)
    cache.release([1, 2, 3])
    assert (cache.used_blocks, cache.idle_blocks) == (3, 1)
    cache.shrink(0)
    assert cache.match([1, 2, 3]) == 2
    assert cache.match([2, 9, 1]) == 1
    cache.release([1, 2, 4])
    cache.shrink(1)
    assert [cache.match([block]) for block in (1, 2, 4)] == [0, 0, 1]


@settings(max_examples=200, deadline=None)
@given(
    drawn=jobs_with(st.floats(0.0, 0.6), st.one_of(st.none(), st.floats(0.001, 3.0))),
    engine=engines(swap_tokens=st.sampled_from([0, 200]), swap_s_per_token=st.just(1e-5)),
    hashes=st.integers(1, 2),
    families=st.integers(1, 4),
)
def test_segments_equal_steps_with_a_prefix_cache(drawn, engine, hashes, families):
    """Contexts of a family start alike for up to six blocks; every fifth has unknown blocks.

    A context is a prompt and its answer, so blocks of answers are found as well.
    """
    engine["prefix_tokens"] = hashes * engine["block_size"]

    def blocks(job):
        if job.number % 5 == 4:
            return ()
        alike, family = (job.input_tokens * 7 + job.number) % 7, job.number % families
        return tuple(
            1000 * family + place if place < alike else 10_000 + 100 * job.number + place
            for place in range((job.input_tokens + job.output_tokens) // engine["prefix_tokens"])
        )

    time = StepTime(a_s=0.02, b_s_per_token=1e-3, c_s_per_kv_token=2e-5, e_s_per_token2=1e-5)
    compare(drawn, time, engine, extra_s=0.0123456789, blocks=blocks)


def test_literal_hit():
    """Steps of 1 s and 0.25 s per new token: the second prompt's first 4 of 6 tokens are known.

    The first takes 1 + 6 * 0.25 = 2.5 s. The second arrives at 5 and takes 1 + 2 * 0.25 = 1.5 s.
    """
    jobs = [Job(0, 0.0, 6, 1, blocks=(1, 2, 3)), Job(1, 5.0, 6, 1, blocks=(1, 2, 9))]
    limits = LIMITS | {"prefix_tokens": 2}
    bench = SegmentBench(jobs, StepTime(1.0, 0.25), limits).run()
    assert [r.first_token_s for r in bench.requests] == pytest.approx([2.5, 6.5])
    assert bench.replica.prefixes.idle_blocks == 4
