"""Mistakes in users' catalogue files and what is said about each."""

from __future__ import annotations

import pytest

from sim.catalog.catalog import load_catalog
from sim.catalog.reader import read_layer
from sim.document.yaml_reader import parse_document
from sim.errors import ScenarioError


@pytest.fixture
def problems_of(tmp_path, monkeypatch):
    """Return a function that gives the messages about a broken file."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.yaml"

    def messages(text):
        path.write_text(f"version: 1\n{text}")
        with pytest.raises(ScenarioError) as caught:
            load_catalog([path.relative_to(tmp_path)])
        return [str(problem) for problem in caught.value.problems]

    return messages


def test_all_problems_of_a_file_come_at_once_and_in_order(problems_of):
    found = problems_of(
        "accelerators:\n  h100-sxm: {tdp: 700, idle: 3 W}\n  x: {like: h100}\nregion: {}\n"
    )
    assert [problem.split(" ")[0] for problem in found] == [
        "mine.yaml:3:19:",
        "mine.yaml:3:24:",
        "mine.yaml:4:13:",
        "mine.yaml:5:1:",
    ]


H100 = "accelerators: {{h100-sxm: {{{}}}}}"
MODEL = (
    "models: {{m: {{title: m, shape: {{layers: 2, hidden: 8, heads: 4, kv_heads: {kv}, "
    "head_dim: 2}}, weights: {{total: 1, active: {active}}}, kv_per_token: 64 B{more}}}}}"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            H100.format("tdp: 700"),
            (
                "mine.yaml:2:32: accelerators.h100-sxm.tdp: got 700, expected a power with its unit, "
                "such as '100 kW' (write '700 W' if that is what was meant)"
            ),
        ),
        (
            H100.format("memory: 80 Gbps"),
            (
                "mine.yaml:2:35: accelerators.h100-sxm.memory: got '80 Gbps', expected an amount of "
                "data with its unit, such as '80 GB' ('Gbps' is the unit of a bandwidth in bits)"
            ),
        ),
        (
            H100.format("power: {idel: 3 W}"),
            (
                "mine.yaml:2:35: accelerators.h100-sxm.power.idel: got unknown key 'idel', expected "
                "one of idle, context, prefill, decode_low, decode_high (did you mean 'idle'?)"
            ),
        ),
        (
            H100.format("power: 3 W"),
            "mine.yaml:2:34: accelerators.h100-sxm.power: got '3 W', expected a mapping",
        ),
        (
            H100.format("flops: {fp6: 1 TFLOP/s}"),
            (
                "mine.yaml:2:40: accelerators.h100-sxm.flops.fp6: got 'fp6', expected one of "
                "bf16, fp8, int8, int4, fp4 (did you mean 'fp8'?)"
            ),
        ),
        (
            H100.format("efficiency: {bandwidth: 87}"),
            (
                "mine.yaml:2:51: accelerators.h100-sxm.efficiency.bandwidth: got 87, expected a "
                "number above 0, at most 1"
            ),
        ),
        (
            H100.format("efficiency: {allreduce_latency: {8: 1 us}}"),
            (
                "mine.yaml:2:60: accelerators.h100-sxm.efficiency.allreduce_latency.8: got 8, "
                "expected a key of text; put it in quotes"
            ),
        ),
        (
            H100.format("efficiency: {allreduce_latency: {eight: 1 us}}"),
            (
                "mine.yaml:2:67: accelerators.h100-sxm.efficiency.allreduce_latency.eight: got "
                "'eight', expected a tensor-parallel size, such as tp8"
            ),
        ),
        (
            H100.format("rent: {value: 3 USD/h, range: [4 USD/h, 5 USD/h]}"),
            (
                "mine.yaml:2:57: accelerators.h100-sxm.rent.range: got ('4 USD/h', '5 USD/h'), "
                "expected a range that holds the value"
            ),
        ),
        (
            H100.format("rent: {value: 3 USD/h, range: 4 USD/h}"),
            (
                "mine.yaml:2:57: accelerators.h100-sxm.rent.range: got '4 USD/h', expected the "
                "lowest and the highest plausible value"
            ),
        ),
        (
            H100.format("rent: {valeu: 3 USD/h}"),
            (
                "mine.yaml:2:34: accelerators.h100-sxm.rent.valeu: got unknown key 'valeu', expected "
                "one of value, source, range, note (did you mean 'value'?)"
            ),
        ),
        (
            H100.format("tdp: {value: 1 W, source: [mesured, nvidia-smi]}"),
            (
                "mine.yaml:2:54: accelerators.h100-sxm.tdp.source[0]: got 'mesured', expected one of "
                "measured, fitted, vendor, analyst, guess (did you mean 'measured'?)"
            ),
        ),
        (
            H100.format("source: [vendor, nvida-smi]"),
            (
                "mine.yaml:2:44: accelerators.h100-sxm.source[1]: got 'nvida-smi', expected the name "
                "of a source (did you mean 'nvidia-smi'?)"
            ),
        ),
        (
            H100.format("source: vendor"),
            (
                "mine.yaml:2:35: accelerators.h100-sxm.source: got 'vendor', expected a mark such as "
                "[vendor, nvidia-datasheets] or [guess, loadbank, 25 %]"
            ),
        ),
        (
            H100.format("source: [guess, loadbank, 0.25]"),
            (
                "mine.yaml:2:53: accelerators.h100-sxm.source[2]: got 0.25, expected a share, such as "
                "25 %"
            ),
        ),
        (
            H100.format("cooling: water"),
            (
                "mine.yaml:2:36: accelerators.h100-sxm.cooling: got 'water', expected a list of air "
                "or liquid"
            ),
        ),
        (
            "accelerators: {x: {like: h100-smx}}",
            (
                "mine.yaml:2:26: accelerators.x.like: got 'h100-smx', expected another entry of this "
                "section that is not like this one (did you mean 'h100-sxm'?)"
            ),
        ),
        (
            "accelerators: {a: {like: b}, b: {like: a}}",
            (
                "mine.yaml:2:40: accelerators.b.like: got 'a', expected another entry of this section "
                "that is not like this one"
            ),
        ),
        (
            "accelerators: {a: {title: only this}}",
            (
                "mine.yaml:2:19: accelerators.a: got an entry without some, expected the keys vendor, "
                "cooling, memory, bandwidth, flops, tdp, power.idle, power.context, power.prefill, "
                "power.decode_low, power.decode_high, link ('like: NAME' takes what is not given "
                "from another entry)"
            ),
        ),
        (
            "accelerators: {My Chip: {}}",
            (
                "mine.yaml:2:25: accelerators.My Chip: got 'My Chip', expected a name of small "
                "letters, digits, '.', '-' and '_'"
            ),
        ),
        (
            MODEL.format(kv=8, active=1, more=""),
            "mine.yaml:2:74: models.m.shape.kv_heads: got 8, expected at most heads, 4",
        ),
        (
            MODEL.format(kv=2, active=2, more=""),
            "mine.yaml:2:119: models.m.weights.active: got 2, expected at most total",
        ),
        (
            MODEL.format(kv=2, active=1, more=", experts: {count: 4}"),
            (
                "mine.yaml:2:152: models.m.experts: got count 4, top_k 0, expected count and top_k, "
                "and top_k not larger"
            ),
        ),
        (
            MODEL.format(kv=2, active=1, more=", window: 8 tokens"),
            "mine.yaml:2:151: models.m.window: got 8, expected window and window_share together",
        ),
        (
            MODEL.format(kv=2, active=1, more=", window: 0.5 tokens"),
            (
                "mine.yaml:2:151: models.m.window: got '0.5 tokens', expected a number of tokens "
                "without a fraction"
            ),
        ),
        (
            "nodes: {n: {like: box-orin, accelerator: jetson}}",
            (
                "mine.yaml:2:42: nodes.n.accelerator: got 'jetson', expected the name of an "
                "accelerator in the catalogue"
            ),
        ),
        (
            "nodes: {n: {like: tray-gb200, cooling: air}}",
            "mine.yaml:2:40: nodes.n.cooling: got air, expected liquid, as gb200-nvl72 is sold",
        ),
        (
            "nodes: {n: {like: box-orin, psu: {efficiency: {10 %: 0.4}}}}",
            (
                "mine.yaml:2:47: nodes.n.psu.efficiency: got [0.886, 0.4, 0.945, 0.964, 0.956], "
                "expected two load points or more, between which the drawn power rises"
            ),
        ),
        (
            "nodes: {n: {like: box-orin, fans: {idle_share: 0.9}}}",
            "mine.yaml:2:29: nodes.n.fans.peak_share: got 0.8, expected at least idle_share",
        ),
        (
            "racks: {r: {like: l4-air, node: server-4x-l4}}",
            (
                "mine.yaml:2:33: racks.r.node: got 'server-4x-l4', expected the name of a node type "
                "in the catalogue (did you mean 'server-4x-l4-air'?)"
            ),
        ),
        (
            "racks: {r: {like: nvl72-gb200, cooling: air}}",
            "mine.yaml:2:41: racks.r.cooling: got air, expected liquid, as tray-gb200 needs",
        ),
        (
            "racks: {r: {like: l4-air, scale_up: racks}}",
            (
                "mine.yaml:2:37: racks.r.scale_up: got 'racks', expected one of node, rack (did you "
                "mean 'rack'?)"
            ),
        ),
        (
            "sources: {desk: {title: my desk}}",
            (
                "mine.yaml:2:17: sources.desk: got a mapping, expected text for each of title, where "
                "and date"
            ),
        ),
        (
            "defaults: {model: {}}",
            (
                "mine.yaml:2:12: defaults.model: got unknown key 'model', expected one of "
                "accelerators, models, nodes, racks, regions, owners (did you mean 'models'?)"
            ),
        ),
        (
            H100.format("title: 7"),
            "mine.yaml:2:34: accelerators.h100-sxm.title: got 7, expected a short text",
        ),
        (
            H100.format("like: 7"),
            "mine.yaml:2:33: accelerators.h100-sxm.like: got 7, expected the name of another entry",
        ),
        (
            H100.format("sources: 7"),
            "mine.yaml:2:36: accelerators.h100-sxm.sources: got 7, expected a mapping of marks by key",
        ),
        (
            H100.format("tdp: {value: 1 W, note: 7}"),
            "mine.yaml:2:51: accelerators.h100-sxm.tdp.note: got 7, expected a short text",
        ),
        (
            "models: {m: {like: llama-3.1-8b, latent_kv: 1}}",
            "mine.yaml:2:45: models.m.latent_kv: got 1, expected true or false",
        ),
        (
            "racks: [a, b]",
            "mine.yaml:2:8: racks: got a list, expected a mapping",
        ),
    ],
)
def test_what_is_said_about_a_mistake(problems_of, text, expected):
    assert expected in problems_of(text)


def test_a_chip_has_to_compute_in_bf16(problems_of):
    chip = """
accelerators:
  odd:
    {title: odd, vendor: me, cooling: [air], memory: 1 GB, bandwidth: 1 GB/s, tdp: 9 W, link: 1 GB/s,
     flops: {int8: 1 TFLOP/s},
     power: {idle: 1 W, context: 1 W, prefill: 9 W, decode_low: 3 W, decode_high: 4 W}}
"""
    assert problems_of(chip) == [
        (
            "mine.yaml:6:13: accelerators.odd.flops: got int8, expected bf16 among them; other weights "
            "are unpacked and multiplied in it"
        )
    ]


def test_shipped_numbers_need_a_mark():
    document = parse_document("version: 1\nregions: {here: {carbon: 9 gCO2/kWh}}\n", "r.yaml")
    read_layer(document, {}, None)
    assert [str(problem) for problem in document.problems] == [
        (
            "r.yaml:2:26: regions.here.carbon: got '9 gCO2/kWh', expected a source for this number: its "
            "own, or one of the entry"
        )
    ]


def test_a_file_of_another_version_or_shape(tmp_path):
    path = tmp_path / "mine.yaml"
    for text, expected in (
        ("version: 2\n", "version: got 2, expected version: 1"),
        ("- a\n", "got a list, expected a mapping with version, sources, defaults"),
    ):
        path.write_text(text)
        with pytest.raises(ScenarioError, match=expected.replace("[", r"\[")):
            load_catalog([path])


def test_a_missing_file(tmp_path):
    with pytest.raises(ScenarioError, match=r"nowhere\.yaml"):
        load_catalog([tmp_path / "nowhere.yaml"])
