"""Length laws against the means, spreads and pairs that they promise."""

from __future__ import annotations

import numpy as np
import pytest

from sim.traffic.lengths import ConstantLengths, EmpiricalLengths, Lognormal, LognormalLengths
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
