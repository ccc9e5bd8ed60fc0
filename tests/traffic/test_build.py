"""From a scenario's traffic section to requests."""

from __future__ import annotations

import numpy as np
import pytest
from traffic_scenario import SYNTHETIC, joined, replay, scenario_of

from sim.errors import ScenarioError, TraceError
from sim.rng import Streams
from sim.scenario.lock import lock_text, sha256
from sim.traffic.build.build import build_workload
from sim.traffic.reader import find_trace, read_trace


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


def with_arrivals(**arrivals):
    return {**SYNTHETIC, "arrivals": arrivals}


MODELS = {
    "weibull": ({"process": "weibull", "rate_per_s": 10.0, "shape": 0.8}, 10.0),
    "mmpp": (
        {
            "process": "mmpp",
            "states": [
                {"rate_per_s": 5.0, "sojourn_s": 3.0},
                {"rate_per_s": 25.0, "sojourn_s": 1.0},
            ],
        },
        10.0,
    ),
    "on-off": (
        {
            "process": "on-off",
            "rate_per_s": 10.0,
            "burst": {"mean_s": 1.0},
            "silence": {"mean_s": 2.0},
        },
        10.0,
    ),
    "hawkes": ({"process": "hawkes", "rate_per_s": 10.0, "branching": 0.5, "delay_s": 1.0}, 10.0),
    "table": (
        {
            "process": "table",
            "points": [{"at_s": 0.0, "rate_per_s": 5.0}, {"at_s": 300.0, "rate_per_s": 15.0}],
        },
        10.0,
    ),
    "lines": (
        {
            "process": "table",
            "between": "lines",
            "repeat_after_s": 600.0,
            "points": [{"at_s": 0.0, "rate_per_s": 5.0}, {"at_s": 300.0, "rate_per_s": 15.0}],
        },
        10.0,
    ),
    "ramp": (
        {"process": "ramp", "from_per_s": 0.0, "to_per_s": 20.0, "lasting_s": 600.0},
        10.0,
    ),
    "flash-crowd": (
        {
            "process": "flash-crowd",
            "rate_per_s": 5.0,
            "peak": 6.0,
            "start_s": 100.0,
            "hold_s": 100.0,
            "decay_s": 1e-3,
        },
        5 + 25 / 6,
    ),
    "superposition": (
        {
            "process": "superposition",
            "of": [
                {"process": "poisson", "rate_per_s": 4.0},
                {"process": "gamma", "rate_per_s": 6.0, "cv": 1.5},
            ],
        },
        10.0,
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_arrival_model_can_be_asked_for(tmp_path, name):
    arrivals, rate_per_s = MODELS[name]
    counts = []
    for seed in range(5):
        scenario = scenario_of(tmp_path, {"a": with_arrivals(**arrivals)})
        counts.append(len(joined(build_workload(scenario, Streams(seed)), "arrival_s")))
    error = max(np.std(counts, ddof=1) / np.sqrt(5), 20)
    assert np.mean(counts) == pytest.approx(600 * rate_per_s, abs=5 * error)


def test_a_profile_follows_the_clock_of_each_region(tmp_path):
    """Office hours in Berlin and in New York, each region at noon of its own day."""
    hours = [0.001] * 12 + [1.0] + [0.001] * 11
    arrivals = {
        "process": "profile", "rate_per_s": 0.2, "hours": hours, "week": False,
        "time_zones": {"north": "Europe/Berlin", "south": "America/New_York"},
    }  # fmt: skip
    entry = {**with_arrivals(**arrivals), "regions": {"north": 0.5, "south": 0.5}}
    traffic = build_workload(scenario_of(tmp_path, {"a": entry}, 86_400.0), Streams(1))
    hour, region = joined(traffic, "arrival_s") / 3600, joined(traffic, "region")
    assert np.median(hour[region == 0]) == pytest.approx(10.5, abs=0.2)
    assert np.median(hour[region == 1]) == pytest.approx(16.5, abs=0.2)
    assert (region == 0).mean() == pytest.approx(0.5, abs=0.03)


def test_a_profile_that_does_not_exist_is_told(tmp_path):
    entry = with_arrivals(process="profile", rate_per_s=1.0, profile="codding")
    with pytest.raises(TraceError, match=r"traffic\.a\.arrivals\.profile: got 'codding'.*'coding'"):
        build_workload(scenario_of(tmp_path, {"a": entry}), Streams(1))


LENGTHS = {
    "mixture": {
        "mixture": [
            {"share": 0.5, "lengths": {"constant": {"input_tokens": 10, "output_tokens": 1}}},
            {"share": 0.5, "lengths": {"constant": {"input_tokens": 30, "output_tokens": 3}}},
        ]
    },
    "by_rate": {"by_rate": {"path": "conversation-sample", "bands": 4}},
    "lognormal": {
        "lognormal": {
            "input": {"mean_tokens": 500.0, "cv": 1.0},
            "output": {"mean_tokens": 200.0, "cv": 0.5},
        }
    },
}


@pytest.mark.parametrize("name", LENGTHS)
def test_every_length_model_can_be_asked_for(tmp_path, name):
    entry = {**SYNTHETIC, "lengths": LENGTHS[name]}
    traffic = build_workload(scenario_of(tmp_path, {"a": entry}), Streams(1))
    expected = {"mixture": 20, "by_rate": 1145, "lognormal": 500}[name]
    assert joined(traffic, "input_tokens").mean() == pytest.approx(expected, rel=0.1)


def test_clients_mix_and_a_fitted_generator_replaces_a_trace(tmp_path):
    entry = {key: SYNTHETIC[key] for key in ("model", "regions", "tiers")}
    small = {"constant": {"input_tokens": 10, "output_tokens": 1}}
    clients = {
        name: {"arrivals": {"process": "poisson", "rate_per_s": rate}, "lengths": small}
        for name, rate in (("a", 4.0), ("b", 6.0))
    }
    fitted = {"path": "conversation-sample", "stretch_s": 300.0, "cycle_s": 30.0, "scale": 2.0}
    traffic = {"mix": {**entry, "clients": clients}, "fit": {**entry, "fitted": fitted}}
    built = build_workload(scenario_of(tmp_path, traffic, 1200.0), Streams(1))
    sizes = joined(built, "input_tokens") == 10
    assert sizes.sum() == pytest.approx(12_000, abs=4 * np.sqrt(12_000))
    assert (~sizes).sum() == pytest.approx(2 * 1200 * 5.54, rel=0.2)


def test_servegen_clients_can_be_asked_for(tmp_path):
    (tmp_path / "c-trace.csv").write_text("0,5.0,1.0,Gamma,1.0,0.2\n600,5.0,1.0,Gamma,1.0,0.2\n")
    tables = '{"0": {"input_tokens": "{9: 1.0}", "output_tokens": "{2: 1.0}"}}'
    (tmp_path / "c-dataset.json").write_text(tables)
    entry = {key: SYNTHETIC[key] for key in ("model", "regions", "tiers")}
    entry["servegen"] = {"path": str(tmp_path), "scale": 3.0}
    traffic = build_workload(scenario_of(tmp_path, {"a": entry}), Streams(1))
    assert set(joined(traffic, "input_tokens").tolist()) == {9}
    assert len(joined(traffic, "arrival_s")) == pytest.approx(9000, abs=4 * np.sqrt(9000))


def test_labels_of_a_trace_become_tiers_and_regions(tmp_path):
    rows = "".join(f"{i},5,5,{'prod' if i % 4 else 'dev'},7\n" for i in range(40))
    (tmp_path / "t.csv").write_text("arrival_s,input_tokens,output_tokens,tier,region\n" + rows)
    entry = replay(
        path=str(tmp_path / "t.csv"),
        tiers={"prod": "premium", "dev": "standard"},
        regions={"7": "north"},
    )
    traffic = build_workload(scenario_of(tmp_path, {"a": entry}, None), Streams(1))
    assert joined(traffic, "tier").tolist() == [0 if i % 4 else 1 for i in range(40)]
    assert set(joined(traffic, "region").tolist()) == {0}


@pytest.mark.parametrize(
    ("key", "name", "expected"),
    [
        ("tiers", "gold", "a tier of the scenario: premium, standard"),
        ("regions", "mars", "a user region of the topology: north, south"),
        ("models", "gpt-9", "a model of the catalogue: "),
    ],
)
def test_labels_that_lead_nowhere_are_told(tmp_path, key, name, expected):
    entry = replay(**{key: {"prod": name}})
    text = rf"trace\.{key}\.prod: got '{name}', expected {expected}"
    with pytest.raises(ScenarioError, match=text):
        scenario_of(tmp_path, {"a": entry}, None)


def test_the_definition_of_a_stream_does_not_depend_on_the_seed(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("arrival_s,input_tokens,output_tokens\n0,1,1\n1,1,1\n")
    traffic = {"a": SYNTHETIC, "b": replay(path=str(path))}
    scenario = scenario_of(tmp_path, traffic)
    first = build_workload(scenario, Streams(1)).definitions
    assert first == build_workload(scenario, Streams(2)).definitions
    assert first["a"] != first["b"]
    path.write_text("arrival_s,input_tokens,output_tokens\n0,1,1\n1,2,1\n")
    changed = build_workload(scenario, Streams(1)).definitions
    assert changed["a"] == first["a"]
    assert changed["b"] != first["b"]


def test_the_lock_file_names_every_trace_by_an_absolute_path(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("arrival_s,input_tokens,output_tokens\n" + "0,1,1\n" * 3)
    entry = {key: SYNTHETIC[key] for key in ("model", "regions", "tiers")}
    lengths = {"mixture": [{"share": 1.0, "lengths": {"by_rate": {"path": str(path)}}}]}
    traffic = {
        "a": {**entry, "fitted": {"path": "conversation-sample"}},
        "b": {**SYNTHETIC, "lengths": lengths},
    }
    scenario = scenario_of(tmp_path, traffic)
    text = lock_text(scenario)
    assert text.count(str(path)) == 1
    assert "path: conversation-sample" in text
    before = sha256(scenario)
    path.write_text("arrival_s,input_tokens,output_tokens\n" + "0,2,1\n" * 3)
    assert sha256(scenario) != before


def test_a_missing_trace_anywhere_in_the_traffic_is_told(tmp_path):
    lengths = {"mixture": [{"share": 1.0, "lengths": {"empirical": "./gone.csv"}}]}
    with pytest.raises(ScenarioError, match=r"traffic\.a\.lengths\.mixture\[?\.?0.*gone"):
        scenario_of(tmp_path, {"a": {**SYNTHETIC, "lengths": lengths}})
