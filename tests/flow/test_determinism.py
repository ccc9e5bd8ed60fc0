"""Same scenario, seed and version: same bytes. And no run touches another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from copy import deepcopy
from math import inf
from pathlib import Path

import pytest

from sim import load_scenario, simulate
from sim.collect import collect
from sim.world import World

ROOT = Path(__file__).resolve().parents[2]
DEMAND = ["arrival_s", "tier", "region", "model", "input_tokens", "output_tokens"]
TABLES = ("requests.parquet", "series.parquet", "racks.parquet", "scenario.lock.yaml")

IN_ANOTHER_PROCESS = """
import json, sys
from sim import load_scenario, simulate
scenario = load_scenario(json.loads(sys.argv[1]))
simulate(scenario, seed=int(sys.argv[2])).save(sys.argv[3])
"""


def contents(folder):
    """Return the bytes of the tables and the part of the summary that has to be the same."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    del summary["performance"], summary["provenance"]["machine"]
    return {name: (folder / name).read_bytes() for name in TABLES}, summary


def saved(scenario, folder, seed=3):
    return contents(simulate(load_scenario(scenario), seed=seed).save(folder))


@pytest.fixture
def chancy(tiny):
    """The tiny scenario with everything in it that draws random numbers."""
    tiny["routing"] = {"policy": "power-of-two"}
    tiny["pools"]["dry"]["queue"] = {"dispatch": "power-of-two"}
    return tiny


def test_the_same_seed_gives_the_same_bytes(chancy, tmp_path):
    first = saved(deepcopy(chancy), tmp_path / "first")
    assert saved(chancy, tmp_path / "second") == first


def test_another_seed_or_replication_gives_another_run(chancy, tmp_path):
    tables, _ = saved(chancy, tmp_path / "first")
    others, _ = saved(chancy, tmp_path / "second", seed=4)
    assert others["requests.parquet"] != tables["requests.parquet"]
    again = simulate(load_scenario(chancy), seed=3, replication=1)
    first = simulate(load_scenario(chancy), seed=3)
    assert not again.requests["arrival_s"].equals(first.requests["arrival_s"])


@pytest.mark.parametrize("hash_seed", ["1", "4242"])
def test_another_process_gives_the_same_bytes(chancy, tmp_path, hash_seed):
    here = saved(deepcopy(chancy), tmp_path / "here")
    there = tmp_path / "there"
    subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS, json.dumps(chancy), "3", str(there)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed},
        check=True,
        timeout=60,
    )
    assert contents(there) == here


def test_spooling_gives_the_same_rows(chancy, tmp_path):
    scenario = load_scenario(chancy)
    kept = simulate(scenario, seed=3)
    spooled = simulate(scenario, seed=3, spool=tmp_path / "requests.spool")
    assert spooled.requests.equals(kept.requests)


def turns(world, events):
    """Run a world as `World.run` does, a few events at a time, and pause after each turn."""
    world.source.start()
    more = True
    while more:
        more = world.clock.advance(inf, events)
        world.flush()
        yield


def outcome(world, folder):
    return contents(collect(world).save(folder))


def test_two_runs_in_one_process_do_not_touch_each_other(chancy, tmp_path):
    other = deepcopy(chancy)
    other["pools"]["dry"]["replicas"] = 5
    alone = []
    for number, (mapping, seed) in enumerate([(chancy, 3), (other, 9)]):
        world = World(load_scenario(deepcopy(mapping)), seed)
        for _ in turns(world, 100):
            pass
        alone.append(outcome(world, tmp_path / f"alone-{number}"))
    first = World(load_scenario(chancy), 3)
    second = World(load_scenario(other), 9)
    waiting = [turns(first, 100), turns(second, 100)]
    switches = 0
    while waiting:
        waiting = [run for run in waiting if next(run, waiting) is not waiting]
        switches += 1
    assert switches > 10
    together = [outcome(first, tmp_path / "first"), outcome(second, tmp_path / "second")]
    assert together == alone


def test_a_loaded_scenario_may_be_run_twice(chancy):
    scenario = load_scenario(chancy)
    first, second = simulate(scenario, seed=1), simulate(scenario, seed=1)
    assert first.requests.equals(second.requests)


@pytest.mark.parametrize(
    "change",
    [
        {"routing": {"policy": "nearest"}},
        {"routing": {"policy": "least-loaded"}},
        {"run": {"duration": "8 s", "drain": False}},
        {"run": {"duration": "8 s", "warmup": "2 s"}},
    ],
)
def test_what_serves_the_requests_does_not_move_them(chancy, change):
    before = simulate(load_scenario(chancy), seed=5).requests
    after = simulate(load_scenario({**chancy, **change}), seed=5).requests
    assert after[DEMAND].equals(before[DEMAND])


def test_a_policy_object_and_one_more_pool_do_not_move_the_arrivals(chancy):
    class AlwaysLast:
        def choose(self, request, candidates):
            return candidates[-1]

    before = simulate(load_scenario(chancy), seed=5).requests
    chancy["pools"]["extra"] = {**chancy["pools"]["far"], "replicas": 4}
    after = simulate(load_scenario(chancy), seed=5, policy=AlwaysLast()).requests
    assert after[DEMAND].equals(before[DEMAND])
    assert not after["pool"].astype(str).equals(before["pool"].astype(str))


def test_another_stream_of_traffic_does_not_move_the_first(chancy):
    before = simulate(load_scenario(chancy), seed=5).requests
    chancy["traffic"]["more"] = {
        **chancy["traffic"]["chat"],
        "lengths": {"constant": {"input": "777 tokens", "output": "7 tokens"}},
    }
    after = simulate(load_scenario(chancy), seed=5).requests
    of_before = after[after["input_tokens"] != 777].reset_index(drop=True)
    columns = ["arrival_s", "tier", "region", "output_tokens"]
    kept = before[before["input_tokens"] != 777].reset_index(drop=True)
    assert of_before[columns].equals(kept[columns])
    assert len(after) > 1.5 * len(before)


def test_a_longer_run_begins_with_the_shorter_one(chancy):
    short = simulate(load_scenario(chancy), seed=5).requests
    chancy["run"]["duration"] = "12 s"
    long = simulate(load_scenario(chancy), seed=5).requests
    assert long[DEMAND].iloc[: len(short)].equals(short[DEMAND])
    assert len(long) > len(short)
