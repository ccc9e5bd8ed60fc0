"""The shipped catalogue: figures, marks, and what has to hold between numbers."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.catalog.catalog import SECTIONS, load_catalog
from sim.catalog.fields import FIELDS

CATALOG = load_catalog()
ENTRIES = [(section, name) for section in SECTIONS for name in CATALOG.entries(section)]


def values_of(entry, field):
    """Return the numbers that a field of an entry holds, by the key of their mark."""
    owner, _, attribute = field.name.rpartition(".")
    name = attribute if owner else field.name
    if name == "psu_efficiency":
        return {
            f"psu_efficiency.{load}": value
            for load, value in zip(entry.psu_load, entry.psu_efficiency, strict=True)
        }
    value = getattr(getattr(entry, owner) if owner else entry, name)
    if isinstance(value, dict):
        return {f"{field.name}.{key}": number for key, number in value.items()}
    return {} if value is None or (name == "window_share" and not value) else {field.name: value}


def numbers_of(section, name):
    entry = CATALOG.entries(section)[name]
    return {
        key: value
        for field in FIELDS[section]
        if field.numeric
        for key, value in values_of(entry, field).items()
    }


@pytest.mark.parametrize(("section", "name"), ENTRIES)
def test_every_number_has_a_mark_and_soft_ones_a_range_around_it(section, name):
    entry = CATALOG.entries(section)[name]
    numbers = numbers_of(section, name)
    assert set(numbers) == set(entry.sources)
    for key, value in numbers.items():
        mark = entry.sources[key]
        assert mark.source in CATALOG.sources
        assert mark.date == CATALOG.sources[mark.source].date != ""
        if mark.kind in ("analyst", "guess"):
            assert mark.low is not None, key
        if mark.low is not None:
            assert mark.low <= value <= mark.high, key


def test_every_source_is_used():
    used = {mark.source for s, n in ENTRIES for mark in CATALOG.entries(s)[n].sources.values()}
    assert set(CATALOG.sources) - used == set()


def test_the_accelerators_that_were_asked_for_are_there():
    assert set(CATALOG.accelerators) == {
        *("a100-sxm-80", "h100-sxm", "h200-sxm", "b200-sxm", "b300-sxm", "gb200-nvl72"),
        *("gb300-nvl72", "l40s", "l4", "rtx-pro-6000", "mi300x", "mi325x", "mi355x", "gaudi3"),
        *("groq-lpu", "trainium2", "tpu-v5e", "tpu-v6e", "ascend-910c", "jetson-agx-orin"),
        "jetson-agx-thor",
    }


@pytest.mark.parametrize(
    ("name", "memory_gib", "bandwidth", "bf16", "fp8", "tdp_w"),
    [
        ("a100-sxm-80", 80, 2.039e12, 312e12, None, 400),
        ("h100-sxm", 79.6, 3.35e12, 989e12, 1979e12, 700),
        ("h200-sxm", 140.4, 4.8e12, 989e12, 1979e12, 700),
        ("b200-sxm", 179, 7.7e12, 2250e12, 4500e12, 1000),
        ("gb200-nvl72", 185, 8e12, 2500e12, 5000e12, 1200),
        ("mi300x", 192, 5.3e12, 1307e12, 2615e12, 750),
        ("mi325x", 256, 6e12, 1307e12, 2615e12, 1000),
        ("mi355x", 288, 8e12, 2516e12, 5033e12, 1400),
        ("gaudi3", 128, 3.67e12, 1835e12, 1835e12, 900),
    ],
)
def test_data_sheet_values(name, memory_gib, bandwidth, bf16, fp8, tdp_w):
    chip = CATALOG.accelerators[name]
    assert chip.memory_bytes == pytest.approx(memory_gib * 2**30)
    assert chip.bandwidth_bytes_per_s == bandwidth
    assert (chip.flops["bf16"], chip.flops.get("fp8")) == (bf16, fp8)
    assert chip.tdp_w == tdp_w


def test_kernel_fits_of_h100_and_their_marks():
    chip = CATALOG.accelerators["h100-sxm"]
    assert (chip.efficiency.bandwidth, chip.efficiency.compute["fp8"]) == (0.87, 0.43)
    assert chip.efficiency.allreduce_latency_s == {2: 5.1e-6, 4: 5.8e-6, 8: 6.4e-6}
    mark = chip.sources["efficiency.allreduce_bytes_per_s.8"]
    assert (mark.kind, mark.source) == ("fitted", "aic-kernels")
    assert chip.sources["idle_w"].kind == "analyst"


@pytest.mark.parametrize("chip", CATALOG.accelerators.values(), ids=lambda chip: chip.name)
def test_powers_are_ordered_and_tables_rise(chip):
    assert 0 < chip.idle_w <= chip.idle_w + chip.context_w < chip.decode_low_w
    assert chip.decode_low_w <= chip.decode_high_w <= chip.tdp_w
    assert chip.decode_high_w < chip.prefill_w <= chip.tdp_w
    latency = chip.efficiency.allreduce_latency_s
    assert all(latency[a] <= latency[b] for a, b in pairwise(sorted(latency)))
    assert set(latency) == set(chip.efficiency.allreduce_bytes_per_s) >= {2, 4, 8}
    assert set(chip.flops) <= set(chip.efficiency.compute)
    for link in chip.efficiency.allreduce_bytes_per_s.values():
        assert link <= 2 * chip.link_bytes_per_s


# DeepSeek V4 compresses its cache: no formula over the shape gives its size.
PLAIN_CACHES = [model for name, model in CATALOG.models.items() if "deepseek-v4" not in name]


@pytest.mark.parametrize("model", PLAIN_CACHES, ids=lambda model: model.name)
def test_kv_bytes_follow_from_the_shape(model):
    layers = 15 if model.name.startswith("qwen3.5") else model.layers  # the others are linear
    vectors = 1 if model.latent_kv else 2
    assert model.kv_bytes_per_token == layers * vectors * model.kv_heads * model.head_dim * 2


@pytest.mark.parametrize(
    ("name", "params", "active", "kv_bytes"),
    [
        ("llama-3.1-8b", 8.03e9, 8.03e9, 131072),
        ("llama-3.1-405b", 405.8e9, 405.8e9, 516096),
        ("deepseek-v3", 670.9e9, 37.4e9, 70272),
        ("qwen3-235b-a22b", 235e9, 22.1e9, 192512),
        ("gpt-oss-120b", 116.8e9, 5.7e9, 73728),
        ("bloom-176b", 176.2e9, 176.2e9, 4014080),
    ],
)
def test_model_sizes(name, params, active, kv_bytes):
    model = CATALOG.models[name]
    assert (model.params, model.active_params) == (params, active)
    assert model.kv_bytes_per_token == kv_bytes


def test_expert_weights_are_solved_from_total_and_active():
    model = CATALOG.models["mixtral-8x7b"]
    shared = model.params - model.expert_params
    assert shared + model.expert_params * 2 / 8 == pytest.approx(model.active_params)
    assert 0 < shared < 2e9
    assert CATALOG.models["llama-3.1-8b"].expert_params == 0.0


@pytest.mark.parametrize("rack", CATALOG.racks.values(), ids=lambda rack: rack.name)
def test_racks_hold_their_nodes_at_full_load(rack):
    node = CATALOG.nodes[rack.node]
    full_w = float(node.wall_w(node.count * node.accelerator_tdp_w)) * rack.nodes + rack.base_w
    assert 0.5 * rack.limit_w < full_w <= rack.limit_w
    assert rack.cooling == node.cooling


def test_nvl72_has_72_gpus_and_its_published_power():
    rack = CATALOG.racks["nvl72-gb200"]
    node = CATALOG.nodes[rack.node]
    assert rack.nodes * node.count == 72
    assert rack.limit_w == 132e3
    assert rack.base_w == pytest.approx(9 * 477.5 + 3650, abs=10)


# Wall watts per GPU at 20, 50, 80 and 100 % of TDP, computed by the owner of the profile.
@pytest.mark.parametrize(
    ("name", "published_w"),
    [
        ("server-8x-h100-air", (412, 644, 871, 1027)),
        ("server-8x-b200-air", (488, 818, 1145, 1369)),
        ("server-8x-mi355x-air", (529, 992, 1451, 1752)),
    ],
)
def test_wall_power_of_servers_agrees_with_the_published_profile(name, published_w):
    node = CATALOG.nodes[name]
    load = np.array([0.2, 0.5, 0.8, 1.0]) * node.count * node.accelerator_tdp_w
    np.testing.assert_allclose(node.wall_w(load) / 8, published_w, rtol=0.015)


@given(
    name=st.sampled_from(sorted(CATALOG.nodes)),
    share=st.lists(st.floats(0.0, 1.5), min_size=2, max_size=8, unique=True),
)
def test_wall_power_rises_with_the_accelerators_and_exceeds_them(name, share):
    node = CATALOG.nodes[name]
    accelerator_w = np.sort(share) * node.count * node.accelerator_tdp_w
    wall_w = node.wall_w(accelerator_w)
    assert np.all(np.diff(wall_w) >= np.diff(accelerator_w) - 1e-9)
    assert np.all(wall_w > accelerator_w)


def test_wall_power_of_one_value_by_hand():
    node = CATALOG.nodes["server-8x-h100-air"]
    load_w = 2800.0 + 1271.6 + 835.0 * (0.22 + 0.58 * 0.5)
    at = load_w / 19800.0
    efficiency = 0.945 + (0.964 - 0.945) * (at - 0.2) / 0.3
    assert float(node.wall_w(2800.0)) == pytest.approx(load_w / efficiency + 405.0)


def test_entries_are_frozen():
    assert not any(hasattr(CATALOG.accelerators["l4"], name) for name in ("__dict__",))
    assert {field.name for field in fields(CATALOG)} == {*SECTIONS, "sources"}
