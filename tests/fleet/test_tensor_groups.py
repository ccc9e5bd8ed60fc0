"""Tensor-parallel groups that lost an accelerator: out of service, or smaller and slower."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import ScenarioError
from sim.simulate import load_scenario
from sim.world import World

COLD = {"boot": "3 s", "weights": "1000 TB/s", "warmup": "2 s"}  # 5 s and a hair
LOSS = {"at": "4.5 s", "lasting": "20 s", "pools": ["near"], "accelerators": 1}


def group(lab, size=2, lost_accelerator="degrade", **loss):
    lab.pool("near", tensor_parallel=size, cold_start=COLD)
    lab.scenario["faults"] = {"lost_accelerator": lost_accelerator, "outages": [{**LOSS, **loss}]}


def test_a_group_goes_on_with_half_of_its_accelerators_at_half_the_speed(lab):
    """Lost at 4.5, loaded again by 9.5, whole again from 24.5 on after another 5 s."""
    group(lab)
    lab.trace("gold", [(0, 10), (7, 1), (10, 3), (27, 1), (30, 3)])
    run = lab.run()
    assert run.column("status") == ["failed", "failed", "completed", "failed", "completed"]
    assert np.array(run.ends_s())[[2, 4]] == pytest.approx([10 + 2 * 3, 30 + 3])
    event = run.summary["faults"]["events"][0]
    assert (event["lost"], event["moved"], event["replicas"]) == (1, 0, 1)
    assert run.summary["service_hours"]["near"] * 3600 == pytest.approx(33.0 - 10.0, abs=0.01)


def test_otherwise_it_is_out_until_the_repair(lab):
    group(lab, lost_accelerator="out")
    lab.trace("gold", [(10, 3), (25, 3)])
    run = lab.run()
    assert run.column("status") == ["failed", "completed"]
    assert run.ends_s()[1] == 28.0


def test_it_shrinks_by_halves_as_more_are_lost_and_is_out_without_any(lab):
    """Four; two after the first and second loss, one after the third, none after the fourth."""
    group(lab, size=4)
    lab.scenario["faults"]["outages"] = [
        {**LOSS, "at": f"{at} s", "lasting": "1 h"} for at in (1, 21, 41, 61)
    ]
    lab.trace("gold", [(10, 1), (30, 1), (50, 1), (70, 1)])
    run = lab.run()
    assert run.column("status") == ["completed"] * 3 + ["failed"]
    assert run.ends_s()[:3] == pytest.approx([12.0, 32.0, 54.0])
    assert run.summary["service_hours"]["near"] * 3600 == pytest.approx(
        1 + (41 - 6) + (61 - 46), abs=0.01
    )


def test_sizes_on_which_the_model_does_not_fit_are_left_out(lab):
    """70 billion parameters of two bytes need two H100, not one."""
    lab.pool("near", model="llama-3.1-70b", tensor_parallel=4, cold_start=COLD)
    lab.scenario["faults"] = {
        "lost_accelerator": "degrade",
        "outages": [{**LOSS, "lasting": "1 h"}, {**LOSS, "at": "20 s", "accelerators": 2}],
    }
    lab.trace("gold", [(10, 1), (30, 1), (46, 1)])
    lab.scenario["traffic"]["gold"]["model"] = "llama-3.1-70b"
    run = lab.run()
    assert run.column("status") == ["completed", "failed", "completed"]
    assert run.column("e2e_s")[0] == run.column("e2e_s")[2] == pytest.approx(2.0)


def test_requests_move_to_another_replica_while_the_group_loads_its_weights(lab):
    group(lab, replicas=1)
    lab.scenario["pools"]["near"]["replicas"] = 2
    lab.trace("gold", [(0, 10)])
    run = lab.run()
    assert run.ends_s() == [14.5]
    assert run.summary["faults"]["events"][0]["moved"] == 1


def test_a_smaller_group_has_a_smaller_batch(lab):
    """Memory for the KV cache is 67 GB and 142 GB or so: a bit less than half of 10 places."""
    group(lab)
    lab.scenario["pools"]["near"]["batching"]["max_num_seqs"] = 10
    lab.trace("gold", [(10, 1)])
    world = lab.run().world
    assert 3 <= world.replicas[0].max_num_seqs <= 5


def test_random_losses_of_accelerators_weaken_groups(lab):
    group(lab)
    lab.scenario["faults"]["outages"] = []
    law = {"of": "accelerator", "mtbf": "20 min", "mttr": "1 min", "sites": ["near"]}
    lab.scenario["faults"]["random"] = [law]
    lab.trace("gold", [(number * 10.0, 1) for number in range(1000)])
    run = lab.run()
    e2e_s = np.array(run.column("e2e_s"))
    assert set(np.round(e2e_s[~np.isnan(e2e_s)], 6)) == {1.0, 2.0}
    out_s = 9991.0 - run.summary["service_hours"]["near"] * 3600
    assert out_s > 0


def test_a_node_fails_by_its_name_and_takes_its_replicas(lab):
    """Racks of four nodes with eight accelerators: replicas 0 and 1 are on the first node."""
    lab.pool("near", tensor_parallel=4, replicas=3)
    lab.scenario["faults"] = {
        "outages": [{"at": "1 s", "lasting": "5 s", "nodes": ["near/h/r/rack-01/node-1"]}]
    }
    lab.trace("gold", [(0, 9), (0, 9), (0, 9), (7, 1)])
    run = lab.run()
    event = run.summary["faults"]["events"][0]
    assert (event["replicas"], event["moved"]) == (2, 3)  # from 0 to 1, and both on to 2
    assert run.column("replica")[:3] == [2, 2, 2]


@pytest.mark.parametrize(
    ("outage", "path"),
    [
        ({"at": "1 s", "racks": ["near/h/r/rack-01"], "accelerators": 1}, "accelerators"),
        ({"at": "1 s"}, ""),
    ],
)
def test_an_outage_of_nothing_is_refused(lab, outage, path):
    lab.trace("gold", [(0, 1)])
    lab.scenario["faults"] = {"outages": [outage]}
    with pytest.raises(ScenarioError) as caught:
        load_scenario(lab.scenario)
    place = "faults.outages[0]" + (f".{path}" if path else "")
    assert [problem.path for problem in caught.value.problems] == [place]


def test_a_node_that_does_not_exist_is_told_with_the_nearest_one(lab):
    lab.trace("gold", [(0, 1)])
    lab.scenario["faults"] = {"outages": [{"at": "1 s", "nodes": ["near/h/r/rack-01/node-9"]}]}
    with pytest.raises(ScenarioError) as caught:
        World(load_scenario(lab.scenario), 0)
    assert caught.value.problems[0].path == "faults.outages[0].nodes"
    assert "near/h/r/rack-01/node-" in caught.value.problems[0].hint
