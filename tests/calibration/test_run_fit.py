"""A log that the simulator served gives its own coefficients back, and poor logs are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.calibration.run import Run
from sim.calibration.run_fit import fit_runs, statistics_error
from sim.errors import InputError


def test_statistics_by_hand():
    run = Run(
        np.array([0.0, 1.0]),
        np.array([10, 10]),
        np.array([5, 1]),
        np.array([2.0, 2.0]),
        np.array([6.0, 2.0]),
    )
    ttft, tpot, e2e = run.statistics()
    assert ttft.tolist() == pytest.approx([1.5, 1.5, 1.9, 1.95, 1.99])
    assert tpot[:2].tolist() == [0.5, 0.5]  # 4 s over 4 gaps, and no gap at all
    assert e2e[0] == 3.5


def test_the_right_coefficients_have_no_error(served, truth, limits):
    assert np.abs(statistics_error(served, slice(None), limits, truth)).max() == 0.0


def test_a_fit_from_a_wrong_start_reproduces_every_statistic(served, truth, limits):
    fit = fit_runs([served], limits, truth.scaled(1.4))
    assert np.abs(fit.error[..., :3]).max() < 0.03  # mean, p50 and p90 are what is fitted
    assert np.abs(fit.held_out[..., :3]).max() < 0.05
    # 60 requests cannot tell the fixed from the KV term, but well the step at their own load.
    load = (12, 12 * 800, 12)
    assert fit.step_time.seconds(*load) == pytest.approx(truth.seconds(*load), rel=0.03)
    assert fit.step_time.batch_high > 5


def test_too_few_requests_are_refused(served, truth, limits):
    with pytest.raises(InputError, match="requests: got 20, expected at least 40 requests"):
        fit_runs([served.part(slice(0, 20))], limits, truth)


def test_answers_of_one_token_are_refused(served, truth, limits):
    short = replace(served, output_tokens=np.ones_like(served.output_tokens))
    with pytest.raises(InputError, match="output_tokens: got mostly 1"):
        fit_runs([short], limits, truth)


def test_a_log_whose_batch_never_changes_is_refused(truth, limits):
    starts = np.arange(50) * 10.0
    lengths = np.full(50, 100)
    alone = Run(starts, lengths, lengths, starts + 0.1, starts + 5.0)
    with pytest.raises(
        InputError, match="batch: got 1 to 1 running requests, expected a log whose"
    ):
        fit_runs([alone], limits, truth)
