"""Length laws against the means, spreads and pairs that they promise."""

from __future__ import annotations

import numpy as np
import pytest

from sim.traffic.lengths import (
    ConstantLengths,
    EmpiricalLengths,
    Lognormal,
    LognormalLengths,
    MixtureLengths,
    RateBandLengths,
    local_rate,
)
from sim.traffic.trace import make_trace

ARRIVALS = np.arange(100_000.0)


def test_constant_lengths(generator):
    prompts, answers = ConstantLengths(512, 256).draw(ARRIVALS[:3], generator)
    assert prompts.tolist() == [512] * 3
    assert answers.tolist() == [256] * 3


@pytest.mark.parametrize(("mean", "cv"), [(512, 1.0), (1500, 0.3), (200, 2.0)])
def test_lognormal_mean_and_cv(mean, cv, generator):
    tokens = Lognormal(mean, cv).draw(100_000, generator)
    assert tokens.mean() == pytest.approx(mean, abs=4 * mean * cv / np.sqrt(1e5))
    assert np.log(tokens).std() == pytest.approx(np.sqrt(np.log(1 + cv**2)), rel=0.02)


def test_a_length_is_at_least_one_token(generator):
    assert Lognormal(1.0, 3.0).draw(10_000, generator).min() == 1


def test_lognormal_input_and_output_are_independent(generator):
    law = LognormalLengths(Lognormal(512, 1.0), Lognormal(256, 1.0))
    prompts, answers = law.draw(ARRIVALS, generator)
    assert abs(np.corrcoef(np.log(prompts), np.log(answers))[0, 1]) < 4 / np.sqrt(1e5)


def test_empirical_lengths_are_rows_of_the_trace_in_its_proportions(generator):
    trace = make_trace([0, 1, 2, 3], [10, 20, 20, 30], [1, 2, 2, 3])
    prompts, answers = EmpiricalLengths.of(trace).draw(ARRIVALS, generator)
    assert (prompts == 10 * answers).all()
    shares = np.bincount(answers, minlength=4)[1:] / len(answers)
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=4 * np.sqrt(0.25 / 1e5))


def test_a_mixture_has_its_parts_in_their_shares(generator):
    law = MixtureLengths((ConstantLengths(10, 1), ConstantLengths(1000, 100)), (0.8, 0.2))
    prompts, answers = law.draw(ARRIVALS, generator)
    assert set(zip(prompts.tolist(), answers.tolist(), strict=True)) == {(10, 1), (1000, 100)}
    assert (prompts == 1000).mean() == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / 1e5))


def test_lengths_by_rate_give_busy_windows_the_rows_of_busy_windows(generator):
    """Ten quiet minutes of long answers, then ten busy ones of short answers."""
    quiet, busy = np.arange(0, 600, 2.0), np.arange(600, 1200, 0.5)
    arrivals = np.concatenate([quiet, busy])
    answers = np.where(arrivals < 600, 400, 20)
    trace = make_trace(arrivals, np.full(len(arrivals), 7), answers, 1200.0)
    law = RateBandLengths.of(trace, bands=2, window_s=60.0, rate_per_s=trace.rate_per_s)
    assert [set(band.output_tokens.tolist()) for band in law.bands] == [{400}, {20}]
    prompts, drawn = law.draw(arrivals, generator)
    assert (drawn == answers).all()
    assert (prompts == 7).all()


def test_lengths_by_rate_scale_with_the_rate_of_the_arrivals(generator):
    """At ten times the rate, windows that are slow for those arrivals count as slow."""
    arrivals = np.concatenate([np.arange(0, 600, 2.0), np.arange(600, 1200, 0.5)])
    answers = np.where(arrivals < 600, 400, 20)
    trace = make_trace(arrivals, answers, answers, 1200.0)
    law = RateBandLengths.of(trace, 2, 60.0, rate_per_s=10 * trace.rate_per_s)
    _, drawn = law.draw(np.repeat(arrivals, 10), generator)
    assert (drawn == np.repeat(answers, 10)).all()


def test_the_local_rate_of_partial_windows_counts_what_they_cover():
    rate = local_rate(np.array([55.0, 58.0, 61.0, 119.0, 120.0, 126.0]), 60.0)
    assert rate.tolist() == pytest.approx([2 / 6, 2 / 6, 2 / 60, 2 / 60, 2 / 6, 2 / 6])
    assert len(local_rate(np.empty(0), 60.0)) == 0
