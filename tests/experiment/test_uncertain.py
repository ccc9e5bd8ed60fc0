"""Uncertain inputs: what is drawn, and that the spread of an answer is the one theory gives."""

import math
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import toy_station

from sim.errors import InputError
from sim.experiment import replicate
from sim.experiment.execution.point import override_texts
from sim.experiment.execution.task import simulate_scenario
from sim.experiment.headroom.headroom import Stream, headroom
from sim.experiment.sensitivity.sensitivity_study import sensitivity
from sim.experiment.sensitivity.uncertain import (
    StepTimeError,
    draws,
    given_inputs,
    places,
    rank_correlations,
    spread_interval,
    uncertain_inputs,
)
from sim.scenario.shipped import shipped

RANGES = {"x": (0.0, 1.0), "y": (0.0, 1.0)}


@pytest.fixture
def base(tmp_path):
    path = tmp_path / "base.yaml"
    path.write_text("station: {servers: 2, rate: 0.5, x: 0.5, y: 0.5}\n")
    return path


def vary(base, **how):
    return sensitivity(
        base, ["energy.*"], ranges=RANGES, executor="serial", run=toy_station.linear, **how
    )


def test_the_spread_of_a_linear_answer_is_that_of_its_inputs(base):
    # 3 x + 4 y of uniform x and y: mean 3.5, and 2.5 % of the probability lies below the value at
    # which the triangle v^2 / (2 * 3 * 4) has that area: v = sqrt(0.025 * 24).
    found = vary(base, samples=256, replications=2)
    both = found.intervals["energy.it_kwh"]
    # With 256 samples the standard error of that quantile is sqrt(0.025 * 0.975 / 256) / (v / 12).
    edge = math.sqrt(0.025 * 24)
    assert both.inputs.value == pytest.approx(3.5, abs=0.3)
    assert both.inputs.low == pytest.approx(edge, abs=0.4)
    assert both.inputs.high == pytest.approx(7.0 - edge, abs=0.4)
    assert both.sampling.half_width == 0.0  # no randomness in it
    idle = found.intervals["energy.idle"].inputs
    assert (idle.low, idle.high) == (1.0, 1.0)


def test_the_tornado_of_a_linear_answer_has_its_slopes(base):
    table = vary(base, samples=2, replications=2).tornado
    rows = table[table["metric"] == "energy.it_kwh"]
    assert rows["path"].tolist() == ["y", "x"]
    assert rows["swing"].tolist() == pytest.approx([4.0, 3.0])
    assert set(table[table["metric"] == "energy.idle"]["verdict"]) == {"no effect seen"}


def test_the_sobol_indices_of_a_linear_answer_are_the_shares_of_its_variance(base):
    # Var(3 x + 4 y) = (9 + 16) / 12: 9/25 from x, 16/25 from y, nothing from both together.
    table = vary(base, samples=2, replications=2, sobol=128).sobol
    by_path = table[table["metric"] == "energy.it_kwh"].set_index("path")
    for column in ("first_order", "total"):
        assert by_path[column]["x"] == pytest.approx(9 / 25, abs=0.05)
        assert by_path[column]["y"] == pytest.approx(16 / 25, abs=0.05)


def test_what_does_not_exist_or_does_not_vary_is_refused(base):
    with pytest.raises(InputError, match="expected numbers of the summary"):
        sensitivity(base, ["nothing"], ranges=RANGES, executor="serial", run=toy_station.linear)


def test_draws_are_one_per_slice_of_every_input():
    inputs = given_inputs({"a": (0.0, 1.0), "b": ("1 s", "3 s")})
    drawn = draws(inputs, 10, seed=3)
    assert sorted(int(each["a"] * 10) for each in drawn) == list(range(10))
    seconds = [float(each["b"].removesuffix(" s")) for each in drawn]
    assert sorted(int((second - 1.0) * 5) for second in seconds) == list(range(10))


def test_the_middle_of_a_step_time_is_as_predicted_and_its_ends_are_its_interval():
    error = StepTimeError("pools.a.step_time_factor", "guess", "roofline", 0.75, 2.85)
    assert [error.at(u) for u in (0.0, 0.5, 1.0)] == [0.75, 1.0, 2.85]
    assert error.at(0.75) == pytest.approx(1.925)


def test_rank_correlations_find_what_moves_a_number():
    inputs = given_inputs({"a": (0.0, 1.0), "b": (0.0, 1.0)})
    unit = places(2, 64, seed=0)
    found = rank_correlations(inputs, unit, list(np.exp(-5.0 * unit[:, 1])))
    assert next(iter(found)) == "b"
    assert found["b"] == pytest.approx(-1.0)
    assert abs(found["a"]) < 0.3
    assert rank_correlations(inputs, unit, [1.0] * 64) == {"a": 0.0, "b": 0.0}


def test_a_spread_is_the_central_95_percent():
    interval = spread_interval([float(number) for number in range(1001)])
    assert (interval.low, interval.value, interval.high) == pytest.approx((25.0, 500.0, 975.0))


def test_inputs_of_a_scenario_are_what_it_uses_and_was_not_measured():
    quickstart = shipped("experiments")["quickstart"]
    paths = {each.path for each in uncertain_inputs(quickstart)}
    assert "pools.edge-small.step_time_factor" in paths  # an L40S: kernels
    assert "pools.metro-air.step_time_factor" not in paths  # an H100: fitted
    assert "constants.accelerators.l40s.power.prefill" in paths
    assert "constants.accelerators.h100-sxm.power.prefill" not in paths  # a fitted curve
    assert "constants.regions.sweden.price" in paths
    assert not any(path.endswith(".rent") for path in paths)
    assert "constants.accelerators.l40s.efficiency.bandwidth" not in paths  # in the step time


def test_a_changed_constant_reaches_the_run_and_its_provenance():
    base = shipped("experiments")["quickstart"]
    short = {"run.duration": "5 s", "run.warmup": "0 s"}
    fixed = {
        "constants.nodes.server-8x-h200-air.fixed": "3 kW",
        "pools.metro-air.step_time_factor": 2,
    }
    plain = simulate_scenario(base, override_texts(short), 0, 0)
    changed = simulate_scenario(base, override_texts(short | fixed), 0, 0)
    power = [run.summary["power"]["remote-lulea"]["mean_kw"] for run in (plain, changed)]
    assert power[1] > power[0] + 12 * 1.0  # twelve nodes, each 1.7 kW more behind its supplies
    sources = {each["name"]: each["numbers"] for each in changed.provenance["sources"]}
    assert sources["user"] == {"guess": 1}
    guesses = {(each["entry"], each["field"]) for each in changed.provenance["guesses"]}
    assert ("nodes.server-8x-h200-air", "fixed_w") in guesses


def test_headroom_has_a_second_interval_over_the_inputs(base, monkeypatch):
    module = import_module("sim.experiment.headroom.headroom")
    given = given_inputs({"station.servers": (2, 3)})
    monkeypatch.setattr(module, "uncertain_inputs", lambda *_: given)
    found = headroom(
        base,
        replications=2,
        uncertain=8,
        executor="serial",
        run=toy_station.with_target,
        streams=[Stream("station.rate", 0.5)],
    )
    point = found.first
    # Three servers carry more than two; sampling alone cannot say so.
    assert point.inputs.high > 1.3 * point.scale.value
    assert point.inputs.low < point.scale.value * 1.1


def test_replications_carry_the_interval_of_the_inputs():
    overrides = {"run.duration": "5 s", "run.warmup": "0 s"}
    found = replicate("quickstart", 2, overrides=overrides, uncertain=4, executor="serial")
    energy = found.summary["energy"]["it_kwh"]
    low, high = energy["inputs95"]
    assert low < energy["value"] < high
    assert Path(found.result.loaded.base).name == "scenario.yaml"
