"""From a scenario's traffic section to requests."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import TraceError
from sim.rng import Streams
from sim.scenario.load import load_scenario
from sim.traffic.build import build_workload
from sim.traffic.reader import find_trace, read_trace

SYNTHETIC = {
    "model": "llama-3.1-8b",
    "regions": {"south": 1.0},
    "tiers": {"premium": 0.25, "standard": 0.75},
    "arrivals": {"process": "poisson", "rate_per_s": 10.0},
    "lengths": {"constant": {"input_tokens": 512, "output_tokens": 256}},
}


def scenario_of(tmp_path, traffic, duration_s=600.0):
    """Return the smallest scenario with this traffic, with paths relative to ``tmp_path``."""
    racks = {"type": "hgx-h100-air", "count": 2}
    site = {
        "kind": "metro",
        "lat": 50.0,
        "lon": 8.0,
        "halls": {"h": {"rows": {"r": {"racks": racks}}}},
    }
    links = [{"from": region, "to": "fra", "latency_s": 0.002} for region in ("north", "south")]
    topology = {
        "name": "one",
        "regions": {"north": {"lat": 55.0, "lon": 9.0}, "south": {"lat": 48.0, "lon": 9.0}},
        "sites": {"fra": site},
        "links": links,
    }
    slo = {"slo": {"ttft_s": 1.0}}
    models = dict.fromkeys(entry["model"] for entry in traffic.values())
    pools = {
        f"p{i}": {"site": "fra", "model": model, "replicas": 1} for i, model in enumerate(models)
    }
    scenario = load_scenario(
        {
            "name": "test",
            "topology": topology,
            "tiers": {"premium": slo, "standard": slo},
            "traffic": traffic,
            "pools": pools,
            "run": {"duration_s": duration_s},
        }
    )
    scenario._base_dir = tmp_path
    return scenario


def replay(**settings):
    entry = {key: SYNTHETIC[key] for key in ("model", "regions", "tiers")}
    return {**entry, "trace": {"path": "conversation-sample", **settings}}


def joined(traffic, column):
    return np.concatenate([getattr(block, column) for block in traffic.blocks()])


def test_indices_follow_the_order_of_the_scenario(tmp_path):
    second = {**SYNTHETIC, "model": "llama-3.1-70b", "regions": {"north": 1.0}}
    traffic = build_workload(scenario_of(tmp_path, {"a": SYNTHETIC, "b": second}), Streams(1))
    assert traffic.model_names == ("llama-3.1-8b", "llama-3.1-70b")
    model, region = joined(traffic, "model"), joined(traffic, "region")
    assert (region == np.where(model == 0, 1, 0)).all()
    premium = (joined(traffic, "tier") == 0).mean()
    assert premium == pytest.approx(0.25, abs=4 * np.sqrt(0.19 / len(model)))
    # Two Poisson streams of 10/s for 600 s.
    assert abs(len(model) - 12_000) < 4 * np.sqrt(12_000)


def test_a_shipped_trace_is_replayed_row_by_row(tmp_path):
    traffic = build_workload(scenario_of(tmp_path, {"chat": replay()}, None), Streams(1))
    sample = read_trace(find_trace("conversation-sample", tmp_path))
    assert (joined(traffic, "arrival_s") == sample.arrival_s).all()
    assert (joined(traffic, "input_tokens") == sample.input_tokens).all()
    assert traffic.reports["chat"].kept == len(sample)


def test_a_window_of_a_trace_at_another_rate(tmp_path):
    entry = replay(from_s=600.0, to_s=1200.0, scale=2.5)
    traffic = build_workload(scenario_of(tmp_path, {"chat": entry}, None), Streams(1))
    sample = read_trace(find_trace("conversation-sample", tmp_path))
    inside = ((sample.arrival_s >= 600) & (sample.arrival_s < 1200)).sum()
    arrivals = joined(traffic, "arrival_s")
    assert 0 <= arrivals[0] < arrivals[-1] < 600
    assert abs(len(arrivals) - 2.5 * inside) < 4 * np.sqrt(0.25 * inside)


def test_a_loop_goes_on_to_the_end_of_the_run(tmp_path):
    entry = replay(to_s=60.0, loop=True)
    traffic = build_workload(scenario_of(tmp_path, {"chat": entry}, 150.0), Streams(1))
    arrivals = joined(traffic, "arrival_s")
    once = (arrivals < 60).sum()
    assert ((arrivals >= 60) & (arrivals < 120)).sum() == once
    assert arrivals[once] - 60 == pytest.approx(arrivals[0])
    assert 120 < arrivals[-1] < 150


def test_a_short_run_reads_no_further_than_it_must(tmp_path):
    lines = "".join(f"{i},10,5\n" for i in range(80_000)) + "broken\n" * 30
    (tmp_path / "mine.csv").write_text("arrival_s,input_tokens,output_tokens\n" + lines)
    entry = replay(path=str(tmp_path / "mine.csv"))
    traffic = build_workload(scenario_of(tmp_path, {"chat": entry}, 20.0), Streams(1))
    assert len(joined(traffic, "arrival_s")) == 20


def test_empirical_lengths_come_from_a_trace(tmp_path):
    entry = {**SYNTHETIC, "lengths": {"empirical": "conversation-sample"}}
    traffic = build_workload(scenario_of(tmp_path, {"chat": entry}), Streams(1))
    sample = read_trace(find_trace("conversation-sample", tmp_path))
    pairs = set(zip(sample.input_tokens.tolist(), sample.output_tokens.tolist(), strict=True))
    prompts, answers = joined(traffic, "input_tokens"), joined(traffic, "output_tokens")
    assert set(zip(prompts.tolist(), answers.tolist(), strict=True)) <= pairs


def test_the_problems_of_all_traces_are_told_at_once(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text("arrival_s,input_tokens,output_tokens\n0,1,x\n")
    traffic = {name: replay(path=str(tmp_path / f"{name}.csv")) for name in ("one", "two")}
    with pytest.raises(TraceError) as caught:
        build_workload(scenario_of(tmp_path, traffic), Streams(1))
    assert [str(problem) for problem in caught.value.problems] == [
        f"{tmp_path}/{name}.csv:2: output_tokens: got 'x', expected a whole number of tokens"
        for name in ("one", "two")
    ]


def test_a_trace_that_does_not_exist_is_named_with_the_nearest_one(tmp_path):
    with pytest.raises(TraceError, match=r"traffic\.a\.path: got 'conversation-sampel', which is"):
        find_trace("conversation-sampel", tmp_path, "traffic.a.path")
    with pytest.raises(TraceError, match="did you mean 'conversation-sample'"):
        find_trace("conversation-sampel", tmp_path)
