"""Slices of a replay: they tile it, they merge, and they are close to the unsliced run."""

import numpy as np
import pandas as pd
import pytest

from sim.errors import InputError
from sim.experiment.slices import cut, difference, energy_j, merged, portion, replay_in_slices
from sim.simulate import load_scenario, simulate


def test_slices_tile_the_replay_and_overlaps_stay_inside():
    parts = cut(0.0, 100.0, 4, 30.0)
    assert [part.start_s for part in parts] == [0.0, 25.0, 50.0, 75.0]
    assert [part.overlap_s for part in parts] == [0.0, 25.0, 30.0, 30.0]
    assert sum(part.length_s for part in parts) == 100.0


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
        self.requests = pd.DataFrame(
            {
                "arrival_s": np.sort(generator.uniform(0, 100, 4000)),
                "tier": generator.choice(["premium", "standard"], 4000),
                "status": "completed",
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
    assert both["latency"] == whole["latency"]
    assert both["energy"]["it_kwh"] == pytest.approx(100.0 * 1000.0 / 3.6e6)
    exact = np.quantile(run.requests["ttft_s"], 0.99)
    assert both["latency"]["all"]["ttft_s"]["p99"] == pytest.approx(exact, rel=0.01)
    assert difference(both, whole)["latency.all.ttft_s.p99"] == 0.0


def test_generated_traffic_is_refused():
    with pytest.raises(
        InputError, match=r"traffic.short-questions: got generated or looped traffic"
    ):
        replay_in_slices("quickstart", 60.0, slices=2, overlap_s=10.0)


def test_a_sliced_replay_is_close_to_the_unsliced_run(tmp_path):
    import yaml

    from sim.scenario.shipped import shipped

    source = shipped("experiments")["quickstart"]
    data = yaml.safe_load(source.read_text())
    data["topology"] = str(source.parent / "topology.yaml")
    del data["traffic"]["short-questions"]
    data["traffic"]["assistant"]["trace"]["scale"] = 1.0
    data["run"] = {"duration": "180 s"}
    base = tmp_path / "replay.yaml"
    base.write_text(yaml.safe_dump(data))
    sliced = replay_in_slices(base, 180.0, slices=3, overlap_s=40.0, executor="serial")
    whole = simulate(load_scenario(base))
    unsliced = merged([portion(whole, 0.0, 180.0)])
    gap = difference(sliced, unsliced)
    assert sliced["requests"] == unsliced["requests"]
    assert abs(gap["energy.it_kwh"]) < 0.02
    assert abs(gap["latency.all.ttft_s.p50"]) < 0.05
    assert abs(gap["latency.all.e2e_s.p99"]) < 0.1
