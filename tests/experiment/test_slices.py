"""Slices of a run: they tile it, they draw its requests, they merge, and they are close to it."""

import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from sim.errors import InputError, ModelLimitError
from sim.experiment.slices.portions import difference, energy_j, merged, portion
from sim.experiment.slices.slices import Cutting, cut, simulate_in_slices
from sim.rng import Streams
from sim.scenario.shipped import shipped
from sim.simulate import load_scenario
from sim.traffic.build.build import build_workload


def test_slices_tile_the_run_and_overlaps_stay_inside():
    parts = cut(100.0, 4, 30.0)
    assert [part.start_s for part in parts] == [0.0, 25.0, 50.0, 75.0]
    assert [part.overlap_s for part in parts] == [0.0, 25.0, 30.0, 30.0]
    assert sum(part.length_s for part in parts) == 100.0


def test_the_warm_up_of_the_run_is_that_of_its_first_slice():
    parts = cut(100.0, 3, 20.0, warmup_s=10.0)
    assert [(part.start_s, part.overlap_s) for part in parts] == [
        (10.0, 10.0),
        (40.0, 20.0),
        (70.0, 20.0),
    ]
    assert parts[-1].end_s == 100.0


def test_energy_of_a_stretch_cuts_bins():
    series = pd.DataFrame(
        {
            "kind": "site",
            "name": "fra",
            "time_s": [0.0, 10.0, 20.0],
            "power_w": [100.0, 200.0, 300.0],
        }
    )
    assert energy_j(series, 5.0, 25.0) == 5 * 100 + 10 * 200 + 5 * 300


class ToyRun:
    """A run of requests with known latencies."""

    def __init__(self, seed):
        generator = np.random.default_rng(seed)
        self.summary = {}
        self.requests = pd.DataFrame(
            {
                "arrival_s": np.sort(generator.uniform(0, 100, 4000)),
                "tier": generator.choice(["premium", "standard"], 4000),
                "status": "completed",
                "output_tokens": 10,
                **{name: generator.lognormal(0, 1, 4000) for name in ("ttft_s", "tpot_s", "e2e_s")},
            }
        )
        self.series = pd.DataFrame(
            {"kind": "site", "name": "fra", "time_s": np.arange(0.0, 100.0, 5.0), "power_w": 1000.0}
        )

    def request_columns(self, *names):
        return self.requests[list(names)]


def test_portions_merge_to_the_figures_of_the_whole():
    run = ToyRun(1)
    parts = [portion(run, start, start + 20.0) for start in np.arange(0.0, 100.0, 20.0)]
    both, whole = merged(parts), merged([portion(run, 0.0, 100.0)])
    assert both["requests"] == {"arrived": 4000, "completed": 4000}
    assert both["throughput"] == {"requests_per_s": 40.0, "output_tokens_per_s": 400.0}
    assert both["energy"]["it_kwh"] == pytest.approx(100.0 * 1000.0 / 3.6e6)
    ttft = both["latency"]["all"]["ttft_s"]
    assert ttft["p99"] == pytest.approx(np.quantile(run.requests["ttft_s"], 0.99), rel=0.01)
    assert ttft["mean"] == pytest.approx(run.requests["ttft_s"].mean())
    for gap in difference(both, whole).values():  # histograms merge without loss
        assert gap == pytest.approx(0.0, abs=1e-12)


def test_promises_kept_are_counted_over_all_portions():
    empty = {"length_s": 1.0, "statuses": {}, "output_tokens": 0, "energy_j": 0.0, "latency": {}}
    targets = {"ttft_s": 0.5, "target": 0.99}
    counts = (("attained", "requests", "undecided"), ((9, 10, 0), (0, 0, 0), (21, 32, 2)))
    golds = [dict(zip(counts[0], row, strict=True)) for row in counts[1]]
    golds = [{"targets": targets, **gold, "missed": {"late_ttft": 5}} for gold in golds]
    assert merged([{**empty, "sla": {"gold": gold}} for gold in golds])["sla"]["gold"] == {
        "targets": targets,
        "attained": 30,
        "requests": 42,
        "undecided": 2,
        "attainment": 0.75,
        "missed": {"late_ttft": 15},
    }


def arrivals(name, *overrides):
    scenario = load_scenario(name, ["run.warmup=0 s", "run.duration=40 s", *overrides])
    blocks = list(build_workload(scenario, Streams(3)).blocks())
    names = ("arrival_s", "input_tokens", "output_tokens", "tier", "region")
    return [np.concatenate([getattr(block, name) for block in blocks]) for name in names]


@pytest.mark.parametrize("name", ["surge-fleet", "bursts-overprovisioning", "quickstart"])
def test_a_later_start_draws_the_same_requests(name):
    whole, late = arrivals(name), arrivals(name, "run.from=15 s", "run.duration=25 s")
    inside = whole[0] >= 15.0
    assert 0 < inside.sum() < len(inside)
    np.testing.assert_allclose(late[0], whole[0][inside] - 15.0, atol=1e-9)
    for ours, theirs in zip(late[1:], whole[1:], strict=True):
        np.testing.assert_array_equal(ours, theirs[inside])


def test_a_later_start_reads_a_trace_from_there():
    trace = ("traffic.assistant.trace.scale=1", "run.duration=200 s")
    whole = arrivals("quickstart", *trace)
    late = arrivals("quickstart", *trace, "run.from=50 s", "run.duration=150 s")
    inside = whole[0] >= 50.0
    np.testing.assert_allclose(np.sort(late[0]), whole[0][inside] - 50.0, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "path"), [("scaling-week", "pools.metro.autoscaling"), ("utility-loss", "facility")]
)
def test_what_remembers_is_refused(name, path):
    with pytest.raises(InputError, match=rf"{path}: got a part that remembers"):
        simulate_in_slices(name, Cutting(2, 10.0))


@pytest.mark.parametrize(
    ("cutting", "message"),
    [
        (Cutting(0, 10.0), "slices: got 0"),
        (Cutting(2, 1e6), r"overlap: got 1e\+06 s"),
        (Cutting(2, 10.0, 3), "check: got 3 slices"),
    ],
)
def test_a_cutting_that_does_not_fit_is_refused(cutting, message):
    with pytest.raises(InputError, match=message):
        simulate_in_slices("surge-fleet", cutting)


@pytest.fixture
def short(tmp_path):
    """The surge, without its last four minutes."""
    source = shipped("experiments")["surge-fleet"]
    data = yaml.safe_load(source.read_text())
    data["topology"] = str(source.parent / "topology.yaml")
    data["run"] = {"duration": "80 s", "warmup": "10 s"}
    path = tmp_path / "short.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def test_slices_are_close_to_the_run_in_one_piece(short, tmp_path):
    found = simulate_in_slices(short, Cutting(3, 15.0, 3), out=tmp_path / "out", executor="serial")
    gap = found.check.difference
    assert found.summary["latency"] == found.check.sliced["latency"]
    assert gap["requests.arrived"] == 0.0
    assert abs(gap["energy.it_kwh"]) < 0.005
    assert abs(gap["latency.all.ttft_s.p50"]) < 0.03
    assert abs(gap["latency.all.e2e_s.mean"]) < 0.01
    assert found.slices["requests"].sum() == found.summary["requests"]["arrived"]


def test_a_second_call_finds_the_portions(short, tmp_path):
    told = []
    for _ in range(2):
        simulate_in_slices(
            short, Cutting(2, 5.0), out=tmp_path / "out", executor="serial", report=told.append
        )
    assert [(each.done, each.found) for each in told[-2:]] == [(1, 1), (2, 2)]


def test_a_slice_that_fails_is_named(short, monkeypatch):
    def fail(*_, **__):
        raise ModelLimitError("the queue is too long")

    monkeypatch.setattr(sys.modules["sim.simulate"], "simulate", fail)
    with pytest.raises(ModelLimitError, match="slice 1 failed: the queue is too long"):
        simulate_in_slices(short, Cutting(2, 5.0), executor="serial")
