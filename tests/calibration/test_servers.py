"""Whole-server runs: steady state by arithmetic agrees with the simulator, and the fit with both."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np
import pytest

from sim.calibration.least_squares import fit_relative_absolute
from sim.calibration.power_fit import fit_server_power
from sim.calibration.server_replay import simulate_server
from sim.calibration.servers import (
    ServerRun,
    fit_server,
    follow_points,
    median_prompt_tokens,
    predicted_steps,
    step_columns,
)
from sim.calibration.terms_fit import leave_one_out
from sim.performance.power import PhasePower, constant_decode
from sim.performance.steptime import StepTime

TRUTH = StepTime(6e-3, 40e-6, 50e-9, d_s_per_sqrt_seq=0.3e-3)
POINT = ServerRun(32.0, 200.0, 1.0, 400.0, nan, nan, nan)


def served(batch: float) -> ServerRun:
    return simulate_server(replace(POINT, batch=batch), TRUTH, constant_decode(100, 700, 400))


def test_prompts_are_absent_from_the_median_step_while_they_are_rare():
    assert median_prompt_tokens(POINT) == 0.0
    crowded = replace(POINT, batch=4000.0, prompt_cv=0.01)  # ten prompts of 200 tokens per step
    assert median_prompt_tokens(crowded) == pytest.approx(2000.0, rel=0.1)


def test_throughput_is_below_batch_over_median_latency():
    run = served(64.0)
    assert run.tokens_per_s < 0.97 * run.batch / run.itl_s


@pytest.mark.parametrize("batch", [8.0, 64.0, 256.0])
def test_simulated_steps_agree_with_the_arithmetic(batch):
    run = served(batch)
    columns, _ = step_columns([run])
    weights = (TRUTH.a_s, TRUTH.b_s_per_token, TRUTH.d_s_per_sqrt_seq, 0.0)
    median_s, mean_s = columns @ np.array([*weights, TRUTH.c_s_per_kv_token])
    assert run.batch == pytest.approx(batch, rel=0.01)
    assert run.itl_s == pytest.approx(median_s, rel=0.04)
    assert run.mean_step_s == pytest.approx(mean_s, rel=0.04)


def test_a_configuration_fitted_to_simulated_runs_is_found_again():
    runs = [served(batch) for batch in (8.0, 32.0, 128.0, 256.0)]
    step = fit_server(runs, replace(TRUTH, a_s=1.0, b_s_per_token=10e-6))
    for run in runs:
        again = simulate_server(run, step, constant_decode(100, 700, 400))
        assert again.tokens_per_s == pytest.approx(run.tokens_per_s, rel=0.04)
    assert (step.batch_low, step.batch_high) == (runs[0].batch, runs[-1].batch)


def test_the_prompts_share_of_power_is_taken_out_of_the_decode_curve():
    curve = PhasePower(100.0, 700.0, 350.0, 200.0, 1.0, 5.0, 700.0)
    points = [replace(POINT, batch=batch) for batch in (8.0, 32.0, 64.0, 128.0, 256.0)]
    runs = [simulate_server(point, TRUTH, curve) for point in points]
    found = fit_server_power(runs, TRUTH, curve)
    for run in runs:
        assert found.decode_w(run.batch) == pytest.approx(curve.decode_w(run.batch), rel=0.03)


def test_least_absolute_error_ignores_a_few_wild_rows():
    generator = np.random.default_rng(1)
    columns = np.stack([np.ones(40), generator.uniform(1, 100, 40)], axis=1)
    target = columns @ np.array([5.0, 0.2])
    target[:4] *= 3.0
    assert fit_relative_absolute(columns, target) == pytest.approx([5.0, 0.2], rel=1e-3)


def test_a_left_out_model_is_predicted_by_the_others():
    columns = np.stack([np.ones(9), np.arange(1.0, 10.0)], axis=1)
    target = columns @ np.array([2.0, 1.0])
    target[6:] *= 1.25  # the third model does not follow the first two
    ratios = leave_one_out(columns, target, ["a"] * 3 + ["b"] * 3 + ["c"] * 3)
    assert ratios["c"] == pytest.approx([0.8, 0.8, 0.8])


def test_a_set_that_follows_its_points_gives_them_back():
    """Steps of 5 ms to batch 64 and 30 ms beyond, as if the host could not keep up."""
    runs = [
        ServerRun(batch, 0.001, 0.0, 1000.0, seconds, batch / seconds, 500.0)
        for batch, seconds in ((8.0, 5e-3), (64.0, 5e-3), (128.0, 30e-3), (256.0, 30e-3))
    ]
    smooth = StepTime(1e-3, 1e-6, 1e-9)
    followed = follow_points(runs, smooth, None)
    predicted, measured = predicted_steps(runs, followed)
    assert predicted == pytest.approx(measured, rel=1e-6)
    assert [batch for batch, _ in followed.batch_curve] == [8.0, 64.0, 128.0, 256.0]
