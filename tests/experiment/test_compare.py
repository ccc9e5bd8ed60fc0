"""Replicated summaries and comparisons."""

import json
import math

import numpy as np
import pytest
import toy_station

from sim.errors import InputError, ModelLimitError
from sim.experiment.statistics.compare import COLUMNS, compare
from sim.experiment.statistics.numbers import better, matching, numbers_of
from sim.experiment.statistics.replicate import replicate, with_intervals
from sim.experiment.statistics.run_samples import Samples
from sim.experiment.statistics.stopping import Precision
from sim.experiment.study.sweep import sweep

WAIT = "latency.all.queue_s.mean"


@pytest.fixture
def base(tmp_path):
    path = tmp_path / "base.yaml"
    path.write_text("station: {servers: 2, rate: 1.4}\n")
    return path


def test_every_number_of_a_replicated_summary_has_its_interval(base):
    found = replicate(base, 6, executor="serial", run=toy_station.station)
    wait = found.summary["latency"]["all"]["queue_s"]["mean"]
    assert set(wait) == {"value", "ci95", "n", "method"}
    assert wait["ci95"][0] < wait["value"] < wait["ci95"][1]
    assert wait["value"] == pytest.approx(found.runs[WAIT].mean())
    assert found.summary["seed"] == 0
    assert found.summary["performance"] == {"wall_s": 0.25}
    assert found.interval(WAIT).n == 6
    json.dumps(found.summary, allow_nan=False, default=str)


def test_replicate_until_a_precision(base):
    rule = Precision(relative=0.1, least=4, most=80)
    found = replicate(base, rule, metrics=[WAIT], executor="serial", run=toy_station.station)
    assert found.interval(WAIT).relative_half_width <= 0.1
    assert 4 < len(found.runs) < 80


def test_a_scenario_that_always_fails_is_told(base):
    with pytest.raises(ModelLimitError, match="no replication succeeded: ZeroDivisionError: three"):
        replicate(
            base, 2, overrides={"station.servers": 3}, executor="serial", run=toy_station.crashing
        )


def test_numbers_leave_out_what_was_put_in():
    summary = {
        "seed": 3,
        "sla": {"premium": {"attainment": 0.9, "targets": {"ttft_s": 0.5}}},
        "power": {"fra": {"limit_kw": None}},
        "interrupted": False,
        "cost": math.inf,
    }
    numbers = numbers_of(summary)
    assert list(numbers) == ["sla.premium.attainment", "power.fra.limit_kw", "cost"]
    assert math.isnan(numbers["cost"])


def test_patterns():
    names = ["latency.all.ttft_s.p99", "latency.all.ttft_s.mean", "energy.it_kwh"]
    assert matching(names, ["latency.*.p99", "energy*"]) == [names[0], names[2]]
    assert matching(names, []) == names


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("latency.tiers.premium.ttft_s.p99", "lower"),
        ("latency.all.ttft_s.n", "neither"),
        ("sla.premium.attainment", "higher"),
        ("power.fra.headroom_kw", "higher"),
        ("power.fra.peak_kw", "lower"),
        ("throughput.goodput_per_s", "higher"),
        ("requests.arrived", "neither"),
        ("requests.rejected", "lower"),
        ("requests.completed", "higher"),
        ("utilisation.fra.batch_mean", "neither"),
    ],
)
def test_direction_of_improvement(name, direction):
    assert better(name) == direction


def test_variants_of_a_study_are_compared_pair_by_pair(study_file):
    study = study_file(
        """
        name: two
        base: ./base.yaml
        sweep: {list: [{label: two, station.servers: 2}, {label: three, station.servers: 3}]}
        replications: 6
        """
    )
    result = sweep(study, executor="serial", run=toy_station.station)
    table = compare(result, metrics=["latency.*", "power.*"]).table
    assert tuple(table.columns) == COLUMNS
    wait = table[table["metric"] == WAIT].iloc[0]
    assert (wait["baseline"], wait["variant"], wait["verdict"], wait["n"]) == (
        "two",
        "three",
        "better",
        6,
    )
    power = table[table["metric"] == "power.site.peak_kw"].iloc[0]
    assert (power["verdict"], power["difference"], power["low"]) == ("worse", 10.0, 10.0)
    backwards = compare(result, metrics=[WAIT], baseline="three").table
    assert backwards["verdict"].tolist() == ["worse"]


def test_folders_of_replications_are_compared(study_file, tmp_path):
    path = study_file("name: x\nbase: ./base.yaml\n")
    folders = []
    for servers in (2, 3):
        out = tmp_path / f"out{servers}"
        replicate(
            path.parent / "base.yaml",
            4,
            overrides={"station.servers": servers},
            out=out,
            executor="serial",
            run=toy_station.station,
        )
        folders.append(out)
    comparison = compare(folders, metrics=[WAIT])
    assert comparison.table["verdict"].tolist() == ["better"]
    assert comparison.notes == ()


def test_different_traffic_is_noted():
    same, other = ((0, 0), (0, 1)), ((1, 0), (1, 1))
    samples = {
        "a": Samples({"m": np.array([1.0, 2.0])}, same),
        "b": Samples({"m": np.array([2.0, 3.5])}, other),
    }
    (note,) = compare(samples).notes
    assert note.startswith("a and b did not see the same requests")


def test_what_cannot_be_compared_is_refused(tmp_path):
    with pytest.raises(InputError, match="got 1 run, expected two runs or more"):
        compare({"a": Samples({})})
    with pytest.raises(InputError, match="got no finished run"):
        compare([tmp_path, tmp_path])
    with pytest.raises(InputError, match="baseline: got 'c', expected one of a, b"):
        compare({"a": Samples({}), "b": Samples({})}, baseline="c")


def test_with_intervals_of_one_run_has_open_ends():
    assert with_intervals([{"x": {"y": 2.0}}]) == {
        "x": {"y": {"value": 2.0, "ci95": [None, None], "n": 1, "method": "replications"}}
    }
