"""The YAML of the page on traffic runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim import load_scenario, simulate
from sim.document.yaml_reader import parse_document

PAGE = Path(__file__).resolve().parents[2] / "docs" / "traffic.md"
BLOCKS = re.findall(
    r"^```yaml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)


def read(text):
    document = parse_document(text, PAGE.name)
    assert document.problems == []
    return document.data


def test_the_page_has_its_blocks():
    assert len(BLOCKS) >= 10


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_block_of_the_page_runs(number):
    scenario = load_scenario({**read(BLOCKS[0]), **read(BLOCKS[number])})
    counts = simulate(scenario).summary["requests"]
    assert counts["completed"] > 10
