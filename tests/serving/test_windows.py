"""Sliding windows: literal timelines, and equality with the step-by-step reference."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from segment_bench import (
    LIMITS,
    SPEED_CHANGES,
    SegmentBench,
    compare,
    engines,
    jobs_with,
    step_times,
)
from stepwise import Job, StepwiseReplica

from sim.catalog.catalog import load_catalog
from sim.performance.steptime import StepTime
from sim.serving.kv.windows import Window, WindowEngine, window_of

CATALOG = load_catalog()


@settings(max_examples=200, deadline=None)
@given(
    gaps=jobs_with(st.one_of(st.just(0.0), st.floats(0.0, 2.0))),
    time=step_times([0.001, 0.0201, 0.25]),
    window=st.builds(
        Window,
        tokens=st.sampled_from([1, 7, 16, 40, 300]),
        layers=st.integers(1, 6),
        of=st.just(6),
    ),
    engine=engines(swap_tokens=st.sampled_from([0, 150]), swap_s_per_token=st.just(1e-3)),
    speed_changes=SPEED_CHANGES,
    tight=st.booleans(),
)
def test_segments_equal_steps(gaps, time, window, engine, speed_changes, tight):
    engine = engine | {"gives_way": engine["priority_queue"]}
    if tight and engine["mode"] != "static":
        # Less than the whole context of the longest request: it only fits because of its window.
        size = engine["block_size"]
        longest = max(-(-(prompt + answer - 1) // size) for _, prompt, answer, _ in gaps)
        behind = max(0, longest - window.touched(size)) * window.layers // window.of
        engine["spare_blocks"] += 1 - behind
    compare(
        gaps,
        time,
        engine,
        speed_changes,
        extra_s=0.0123456789 if engine["priority_queue"] else 0.0,
        make_engine=partial(WindowEngine, window),
        reference=partial(
            StepwiseReplica, window=window.tokens, share=Fraction(window.layers, window.of)
        ),
    )


def test_a_sequence_stops_growing_in_windowed_layers():
    """1 s and 0.1 s per token read; half of the layers see 5 tokens; prompt of 4, answer of 5.

    The four decode steps read contexts of 4, 5, 6 and 7 tokens: 4, 5, 5.5 and 6 in the mean layer.
    """
    time = StepTime(a_s=1.0, b_s_per_token=0.0, c_s_per_kv_token=0.1)
    make = partial(WindowEngine, Window(5, 1, 2))
    bench = SegmentBench([Job(0, 0.0, 4, 5)], time, LIMITS, make_engine=make).run()
    request = bench.requests[0]
    assert request.finished_s - request.first_token_s == pytest.approx(4.0 + 0.1 * 20.5)


def test_windows_make_room_for_longer_contexts():
    """10 blocks of 10 tokens, half of the layers see 21: contexts reach 17 blocks.

    A context of n blocks holds n in one half of the layers and the 3 that a window can touch in
    the other: (n + 3) / 2 blocks, 10 for n = 17.
    """
    engine = {"max_num_seqs": 1, "max_num_batched_tokens": 10, "kv_blocks": 10, "block_size": 10}
    make = partial(WindowEngine, Window(21, 1, 2))
    bench = SegmentBench(
        [Job(0, 0.0, 150, 20)], StepTime(0.1, 0.0), LIMITS | engine, make_engine=make
    ).run()
    assert bench.replica.engine.longest_tokens == 170
    assert bench.requests[0].finished_s > 0.0
    assert bench.requests[0].preemptions == 0


def test_prefill_attention_is_quadratic_before_the_window_and_linear_behind():
    window = Window(100, 1, 1)
    assert window.attention(0, 60) == pytest.approx(60 * 30)
    assert window.attention(200, 50) == pytest.approx(50 * 100)
    assert window.attention(90, 20) == pytest.approx(10 * 95 + 10 * 100)
    assert Window(100, 1, 4).attention(200, 50) == pytest.approx(0.25 * 5000 + 0.75 * 50 * 225)


@pytest.mark.parametrize(
    ("model", "layers", "of", "tokens"),
    [
        ("gemma-3-12b", 40, 48, 1024),  # five of six, arXiv:2503.19786
        ("gemma-3-27b", 52, 62, 1024),
        ("gpt-oss-120b", 18, 36, 128),  # every other layer
        ("llama-4-scout", 36, 48, 8192),  # three of four
        ("mistral-7b", 32, 32, 4096),  # all of them, arXiv:2310.06825
    ],
)
def test_windows_of_the_catalogue(model, layers, of, tokens):
    assert window_of(CATALOG.models[model]) == Window(tokens, layers, of)


def test_models_without_a_window_have_none():
    assert window_of(CATALOG.models["llama-3.1-8b"]) is None
