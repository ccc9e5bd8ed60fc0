"""Tornado and Sobol indices on functions whose answers are known."""

import math

import numpy as np
import pandas as pd
import pytest
import toy_station

from sim.errors import InputError
from sim.experiment.sensitivity.sensitivity import (
    input_intervals,
    sobol_design,
    sobol_indices,
    tornado,
    tornado_points,
)
from sim.experiment.statistics.bands import series_bands
from sim.experiment.study.sweep import sweep

RANGES = {"station.rate": (1.0, 1.6), "station.servers": (2, 3)}
WAIT = "latency.all.queue_s.mean"


def test_tornado_orders_inputs_by_what_they_move(study_file):
    base = study_file("name: x\nbase: ./base.yaml\n").parent / "base.yaml"
    study = {
        "name": "t",
        "base": str(base),
        "sweep": {"list": tornado_points(RANGES)},
        "replications": 8,
    }
    result = sweep(study, executor="serial", run=toy_station.station)
    table = tornado(result, RANGES, WAIT)
    assert table["path"].tolist() == ["station.rate", "station.servers"]
    assert table["verdict"].tolist() == ["moves it", "moves it"]
    assert table["swing"].iloc[0] > 0 > table["swing"].iloc[1]
    assert (table["low"] <= table["swing"]).all()


def test_sobol_indices_of_ishigami():
    # Ishigami and Homma 1990, a = 7, b = 0.1: S1 = 0.3139, 0.4424, 0; ST = 0.5576, 0.4424, 0.2437.
    ranges = dict.fromkeys(("x", "y", "z"), (-math.pi, math.pi))
    design = sobol_design(ranges, samples=4096, seed=1)
    points = np.array([[point[name] for name in ranges] for point in design.points])
    x, y, z = points.T
    values = np.sin(x) + 7 * np.sin(y) ** 2 + 0.1 * z**4 * np.sin(x)
    table = sobol_indices(design, values)
    assert table["first_order"].to_numpy() == pytest.approx([0.3139, 0.4424, 0.0], abs=0.04)
    assert table["total"].to_numpy() == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.04)


def test_sobol_samples_have_to_be_a_power_of_two():
    with pytest.raises(InputError, match="got 48, expected a power of two"):
        sobol_design({"x": (0, 1)}, samples=48)


def test_uncertain_inputs_have_an_interval_beside_that_of_sampling(study_file):
    path = study_file(
        """
        name: inputs
        base: ./base.yaml
        sweep: {lhs: {samples: 40, axes: {station.rate: {from: 1.0, to: 1.6}}}}
        replications: 3
        """
    )
    result = sweep(path, executor="serial", run=toy_station.station)
    both = input_intervals(result, [WAIT])[WAIT]
    means = result.runs.groupby("variant")[WAIT].mean()
    assert both.inputs.low == pytest.approx(means.quantile(0.025))
    assert both.inputs.high == pytest.approx(means.quantile(0.975))
    assert both.sampling.value == pytest.approx(means.mean())
    with pytest.raises(InputError, match="got 'nothing', expected a number of the summary"):
        input_intervals(result, ["nothing"])


def test_bands_average_bins_over_replications():
    frames = [
        pd.DataFrame(
            {"time_s": [0.0, 10.0], "kind": "site", "name": "fra", "power_w": [level, 2 * level]}
        )
        for level in (90.0, 100.0, 110.0)
    ]
    bands = series_bands(frames, "power_w")
    assert bands["value"].tolist() == [100.0, 200.0]
    assert bands["high"][0] - 100.0 == pytest.approx(4.3027 * 10 / math.sqrt(3), rel=1e-4)
    assert series_bands(frames[:1], "power_w")["high"].tolist() == [math.inf, math.inf]
