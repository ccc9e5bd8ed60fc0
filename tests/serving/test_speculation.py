"""Speculative decoding: its theory, and equality with the step-by-step reference."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from segment_bench import (
    LIMITS,
    SPEED_CHANGES,
    FlatPower,
    SegmentBench,
    compare,
    engines,
    jobs_with,
    step_times,
)
from stepwise import Job, StepwiseReplica

from sim.performance.steptime import StepTime
from sim.serving.engine.engine import CHUNKED
from sim.serving.engine.speculation import (
    FINEST,
    Speculation,
    SpeculativeEngine,
    TokenSchedule,
    expected_tokens,
)

TARGET = StepTime(a_s=0.02, b_s_per_token=1e-5, c_s_per_kv_token=1e-6)
DRAFT = StepTime(a_s=0.002, b_s_per_token=1e-6, c_s_per_kv_token=1e-7)


def test_expected_tokens_against_draws():
    """Proposals are kept until the first that is not; the target adds one token."""
    generator = np.random.default_rng(0)
    kept = generator.random((200_000, 4)) < 0.7
    drawn = 1.0 + np.cumprod(kept, axis=1).sum(axis=1)
    assert expected_tokens(4, 0.7) == pytest.approx(drawn.mean(), rel=0.005)
    assert expected_tokens(4, 0.0) == 1.0
    assert expected_tokens(4, 1.0) == 5.0


@given(st.integers(1, 12), st.floats(0.0, 1.0), st.integers(0, 5000))
def test_schedule_is_the_floor_of_the_mean(drafted, acceptance, steps):
    mean = expected_tokens(drafted, acceptance)
    schedule = TokenSchedule(mean)
    exact = Fraction(mean).limit_denominator(FINEST)
    assert schedule.tokens(steps) == floor(steps * exact)
    assert schedule.sum(min(steps, 300)) == sum(floor(j * exact) for j in range(min(steps, 300)))
    needed = schedule.steps(steps)
    assert schedule.tokens(needed) >= steps
    assert needed == 0 or schedule.tokens(needed - 1) < steps


@settings(max_examples=150, deadline=None)
@given(
    gaps=jobs_with(st.one_of(st.just(0.0), st.floats(0.0, 2.0))),
    time=step_times([0.001, 0.02, 0.25]),
    draft=st.builds(
        StepTime,
        a_s=st.sampled_from([0.0, 0.003]),
        b_s_per_token=st.sampled_from([0.0, 1e-5]),
        c_s_per_kv_token=st.sampled_from([0.0, 2e-6]),
        e_s_per_token2=st.sampled_from([0.0, 1e-6]),
    ),
    drafted=st.integers(1, 5),
    acceptance=st.sampled_from([0.0, 0.3, 0.7, 0.85, 1.0]),
    engine=engines(swap_tokens=st.sampled_from([0, 150]), swap_s_per_token=st.just(1e-3)),
    speed_changes=SPEED_CHANGES,
)
def test_segments_equal_steps(gaps, time, draft, drafted, acceptance, engine, speed_changes):
    speculation = Speculation(drafted, acceptance, draft)
    engine = dict(engine)
    # Room for one request alone, whose last step writes drafted tokens beyond its end.
    engine["spare_blocks"] += -(-drafted // engine["block_size"])
    engine["spare_tokens"] += drafted * engine["max_num_seqs"]
    compare(
        gaps,
        time,
        engine,
        speed_changes,
        extra_s=0.0123456789 if engine["priority_queue"] else 0.0,
        make_engine=partial(SpeculativeEngine, speculation),
        reference=partial(
            StepwiseReplica,
            drafted=drafted,
            mean=Fraction(speculation.mean_tokens).limit_denominator(FINEST),
            draft=draft,
        ),
    )


def decode_time_s(answers, batch, time, speculation=None):
    """Time in which ``batch`` equal requests get ``answers`` tokens each."""
    make = partial(SpeculativeEngine, speculation) if speculation else None
    limits = LIMITS | {"max_num_seqs": batch, "max_num_batched_tokens": 10**6, "kv_blocks": 10**6}
    jobs = [Job(number, 0.0, 100, answers) for number in range(batch)]
    bench = SegmentBench(jobs, time, limits, **({"make_engine": make} if make else {})).run()
    return max(r.finished_s - r.first_token_s for r in bench.requests)


def test_one_sequence_gains_the_factor_of_the_theory():
    """At batch 1 a step is memory-bound: speed-up = m / (k c + 1), arXiv:2211.17192 theorem 3.8."""
    fixed, cheap = StepTime(0.02, 0.0), StepTime(0.001, 0.0)
    speculation = Speculation(4, 0.7, cheap)
    plain_s = decode_time_s(5001, 1, fixed)
    gain = plain_s / decode_time_s(5001, 1, fixed, speculation)
    ratio = 0.001 / 0.02
    assert gain == pytest.approx(expected_tokens(4, 0.7) / (4 * ratio + 1.0), rel=1e-3)


def test_a_large_batch_loses():
    """Where products bind, k + 1 tokens cost k + 1 times and yield m < k + 1 of them."""
    bound = StepTime(0.02, 1e-3)
    speculation = Speculation(4, 0.5, StepTime(0.0005, 1e-4))
    assert decode_time_s(200, 1, bound, speculation) < decode_time_s(200, 1, bound)
    assert decode_time_s(200, 64, bound, speculation) > 1.5 * decode_time_s(200, 64, bound)


def test_a_step_by_hand():
    """3 sequences, 2 drafted tokens: 9 tokens verified, 2 draft steps of 3, the second reads 3 more."""
    options = {"mode": CHUNKED, "max_num_seqs": 4, "max_num_batched_tokens": 64}
    engine = SpeculativeEngine(
        Speculation(2, 0.5, DRAFT), TARGET, FlatPower(), **options, kv_blocks=100, block_size=1
    )
    assert engine.compute_s[3] == pytest.approx(9 * 1e-5 + 2 * 3 * 1e-6)
    assert engine.memory_s[3] == pytest.approx(0.02 + 2 * 0.002 + 3 * 1e-7)
    assert engine.times.kv_s_per_token == pytest.approx(1e-6 + 2 * 1e-7)
    assert engine.decode_w[3] == 300.0 + 9
    assert engine.longest_tokens == 98
