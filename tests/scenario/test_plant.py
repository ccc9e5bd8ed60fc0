"""The plant of a scenario: names, limits, replicas on nodes, and what cannot be placed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.catalog.catalog import load_catalog
from sim.errors import ScenarioError
from sim.plant.plant import build_plant
from sim.scenario.schema.scenario import Scenario

CATALOG = load_catalog()


def scenario(rows, pools, **hall):
    """Return a scenario with one site ``dc``, one hall and the given rows and pools."""
    defaults = {"site": "dc", "model": "llama-3.1-8b", "replicas": 1}
    return Scenario.model_validate(
        {
            "version": 1,
            "name": "test",
            "topology": {
                "version": 1,
                "name": "test",
                "regions": {"town": {"lat": 0.0, "lon": 0.0}},
                "sites": {
                    "dc": {
                        "kind": "metro",
                        "lat": 0.0,
                        "lon": 0.0,
                        "halls": {"h1": {**hall, "rows": rows}},
                    }
                },
            },
            "tiers": {"all": {"slo": {"ttft": "1 s"}}},
            "traffic": {
                "chat": {
                    "model": "llama-3.1-8b",
                    "regions": {"town": 1.0},
                    "tiers": {"all": 1.0},
                    "arrivals": {"process": "poisson", "rate": "1 req/s"},
                    "lengths": {"constant": {"input": "8 tokens", "output": "8 tokens"}},
                }
            },
            "pools": {name: {**defaults, **pool} for name, pool in pools.items()},
            "run": {"duration": "1 s"},
        }
    )


def plant_of(rows, pools, **hall):
    return build_plant(scenario(rows, pools, **hall), CATALOG)


def problems_of(rows, pools, **hall):
    with pytest.raises(ScenarioError) as caught:
        plant_of(rows, pools, **hall)
    return [str(problem) for problem in caught.value.problems]


H100_ROW = {"racks": {"type": "hgx-h100-air", "count": 2}}
NVL72_ROW = {"racks": {"type": "nvl72-gb200"}}


def test_names_limits_and_types_of_every_level():
    rows = {
        "r1": {
            "power_limit": "90 kW",
            "racks": [
                {"type": "hgx-h100-air", "count": 2, "power_limit": "35 kW"},
                {"type": "hgx-h100-liquid", "name": "wet"},
                {"type": "hgx-h100-air"},
            ],
        },
        "r2": {"racks": {"type": "l40s-air"}},
    }
    plant = plant_of(rows, {"chat": {"racks": {"row": "r1"}}}, power_limit="120 kW")
    assert plant.site_names == ("dc",)
    assert plant.site_kind == ("metro",)
    assert plant.site_limit_w.tolist() == [math.inf]
    assert (plant.hall_names, plant.hall_limit_w.tolist()) == (("dc/h1",), [120e3])
    assert plant.row_names == ("dc/h1/r1", "dc/h1/r2")
    assert plant.row_limit_w.tolist() == [90e3, math.inf]
    assert plant.rack_names == (
        "dc/h1/r1/rack-01",
        "dc/h1/r1/rack-02",
        "dc/h1/r1/wet-01",
        "dc/h1/r1/rack-03",
        "dc/h1/r2/rack-01",
    )
    assert plant.rack_limit_w.tolist() == [35e3, 35e3, 80e3, 41e3, 20e3]
    assert plant.rack_cooling.tolist() == [0, 0, 1, 0, 0]
    assert plant.rack_row.tolist() == [0, 0, 0, 0, 1]
    assert plant.rack_site.tolist() == [0] * 5
    assert [kind.name for kind in plant.node_types] == [
        "server-8x-h100-air",
        "server-8x-h100-liquid",
        "server-4x-l40s-air",
    ]
    assert np.bincount(plant.node_rack).tolist() == [4, 4, 8, 4, 8]
    assert np.bincount(plant.node_type).tolist() == [12, 8, 8]


def test_rack_numbers_have_as_many_digits_as_the_row_needs():
    plant = plant_of({"r1": {"racks": {"type": "l4-air", "count": 100}}}, {"chat": {}})
    assert plant.rack_names[0] == "dc/h1/r1/rack-001"
    assert plant.rack_names[-1] == "dc/h1/r1/rack-100"


def test_pools_take_accelerators_one_after_the_other():
    pools = {
        "small": {"replicas": 5},
        "large": {"replicas": 2, "tensor_parallel": 4},
        "rest": {"replicas": "fill", "tensor_parallel": 8},
    }
    plant = plant_of({"r1": H100_ROW}, pools)
    assert plant.pool_names == ("small", "large", "rest")
    assert [plant.pool_replicas(pool) for pool in range(3)] == [5, 2, 6]
    assert plant.replica_pool.tolist() == [0] * 5 + [1] * 2 + [2] * 6
    assert plant.placement_replica.tolist() == list(range(13))
    # Node 0 has three left, too few for four; the last pool takes only whole nodes.
    assert plant.placement_node.tolist() == [0] * 5 + [1, 1] + [2, 3, 4, 5, 6, 7]
    assert plant.node_spare.tolist() == [3, 0, 0, 0, 0, 0, 0, 0]
    assert plant.node_spare_w.tolist() == [3 * 75.0] + [0.0] * 7
    assert plant.replica_site.tolist() == [0] * 13


def test_a_group_of_32_takes_nodes_of_a_rack_whose_links_join_them():
    plant = plant_of({"r1": NVL72_ROW}, {"big": {"tensor_parallel": 32}})
    assert plant.placement_replica.tolist() == [0] * 8
    assert plant.placement_node.tolist() == list(range(8))
    assert plant.placement_count.tolist() == [4] * 8
    assert plant.node_spare.tolist() == [0] * 8 + [4] * 10


def test_a_group_larger_than_a_node_spans_nodes():
    plant = plant_of({"r1": NVL72_ROW}, {"big": {"tensor_parallel": 8, "replicas": "fill"}})
    assert plant.pool_replicas(0) == 9
    assert plant.placement_count.tolist() == [4] * 18


def test_which_racks_a_pool_may_use():
    rows = {
        "r1": {"racks": [{"type": "hgx-h100-air"}, {"type": "hgx-h100-liquid"}]},
        "r2": H100_ROW,
    }
    pools = {
        "cold": {"racks": {"cooling": "liquid"}},
        "second": {"racks": {"row": "r2", "hall": "h1"}},
        "typed": {"racks": {"type": "hgx-h100-air"}},
        "any": {"replicas": 96},
    }
    plant = plant_of(rows, pools)
    rack = plant.node_rack[[plant.pool_nodes(pool)[0] for pool in range(4)]]
    assert rack.tolist() == [1, 2, 0, 0]
    assert [plant.pool_cooling(pool) for pool in range(4)] == ["liquid", "air", "air", "air"]
    assert plant.pool_accelerator(0, CATALOG) is CATALOG.accelerators["h100-sxm"]


def test_a_rack_type_without_cooling_takes_that_of_its_hall(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "version: 1\nracks: {own: {title: own, node: server-4x-l4-air, nodes: 2, limit: 3 kW}}\n"
    )
    catalog = load_catalog([path])
    rows = {"r1": {"racks": {"type": "own"}}}
    for cooling, number in (("air", 0), ("liquid", 1)):
        plant = build_plant(scenario(rows, {"chat": {}}, cooling=cooling), catalog)
        assert plant.rack_cooling.tolist() == [number]


def test_too_few_accelerators_are_told_with_numbers():
    pools = {"first": {"replicas": 60}, "second": {"replicas": 2, "tensor_parallel": 4}}
    assert problems_of({"r1": H100_ROW}, pools) == [
        (
            "pools.second.replicas: got 2 replicas of 4, 8 accelerators, expected at most 1: "
            "4 of 64 h100-sxm on 2 racks are free"
        )
    ]


def test_nothing_left_to_fill():
    pools = {"first": {"replicas": 64}, "second": {"replicas": "fill"}}
    assert problems_of({"r1": H100_ROW}, pools) == [
        (
            "pools.second.replicas: got fill, expected room for a replica of 1: "
            "0 of 64 h100-sxm on 2 racks are free"
        )
    ]


@pytest.mark.parametrize(("row", "size", "reach"), [(H100_ROW, 16, 8), (NVL72_ROW, 80, 72)])
def test_a_group_larger_than_fast_links_reach(row, size, reach):
    chip = "h100-sxm" if reach == 8 else "gb200-nvl72"
    assert problems_of({"r1": row}, {"big": {"tensor_parallel": size}}) == [
        (
            f"pools.big.tensor_parallel: got {size}, expected at most {reach}, as many {chip} as fast "
            "links join on these racks"
        )
    ]


def test_a_group_over_which_the_heads_do_not_spread():
    """Engines refuse it: 32 query heads, 8 key/value heads."""
    assert problems_of({"r1": H100_ROW}, {"odd": {"tensor_parallel": 3}}) == [
        (
            "pools.odd.tensor_parallel: got 3, expected a size over which the 32 heads and 8 KV "
            "heads of llama-3.1-8b spread: 1, 2, 4, 8, 16, 32"
        )
    ]


def test_copies_of_attention_spread_heads_within_a_copy():
    """Two copies of the 128 latent heads of DeepSeek V3 over 3 accelerators each: none fits."""
    pool = {"model": "deepseek-v3", "precision": "fp8", "replicas": 1}
    over_six = {**pool, "tensor_parallel": 6, "expert_parallel": 6, "data_parallel": 2}
    (told,) = problems_of({"r1": H100_ROW}, {"odd": over_six})
    assert told.startswith("pools.odd.tensor_parallel: got 6, expected a size over which")
    assert told.endswith(" spread: 2, 4, 8, 16, 32, 64, 128, 256")


def test_experts_of_a_model_that_has_none():
    pool = {"tensor_parallel": 2, "expert_parallel": 2}
    assert problems_of({"r1": H100_ROW}, {"dense": pool}) == [
        (
            "pools.dense.expert_parallel: got 2 with llama-3.1-8b, expected 1: the model has no "
            "experts"
        )
    ]


def test_all_pools_that_cannot_be_placed_are_told_at_once():
    rows = {"r1": {"racks": [{"type": "hgx-h100-air"}, {"type": "l40s-air"}]}}
    pools = {
        "mixed": {},
        "fat": {"model": "llama-3.1-70b", "racks": {"type": "l40s-air"}},
        "none": {"racks": {"cooling": "liquid"}},
        "fine": {"racks": {"type": "l40s-air"}},
    }
    found = problems_of(rows, pools)
    assert found[0] == (
        "pools.mixed.racks: got h100-sxm and l40s, expected one kind of accelerator (narrow them "
        "with racks: {type: ...})"
    )
    assert found[1].startswith("pools.fat.tensor_parallel: got llama-3.1-70b in bf16")
    assert "would fit: tensor_parallel 4 or precision int4" in found[1]
    assert (
        found[2] == "pools.none.racks: got no rack that matches all of this, expected racks of 'dc'"
    )
    assert len(found) == 3


def test_a_given_cache_size_goes_before_the_memory_fit():
    pools = {"fat": {"model": "llama-3.1-405b", "kv_cache": "1000 tokens"}}
    assert plant_of({"r1": H100_ROW}, pools).pool_replicas(0) == 1


def test_a_thousand_racks():
    rows = {"r1": {"racks": {"type": "nvl72-gb200", "count": 1000}}}
    plant = plant_of(rows, {"chat": {"replicas": "fill", "tensor_parallel": 2}})
    assert len(plant.rack_names) == 1000
    assert plant.pool_replicas(0) == 36_000
    again = plant_of(rows, {"chat": {"replicas": "fill", "tensor_parallel": 2}})
    assert np.array_equal(plant.placement_node, again.placement_node)
