"""Files that come with Loadbank are found in a checkout and in an installed package."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.load import load_topology
from sim.scenario import shipped as module
from sim.scenario.shipped import locate, looks_like_path, shipped


@pytest.mark.parametrize("layout", ["checkout", "wheel"])
def test_both_layouts(layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "sim"
    package.mkdir()
    root = tmp_path if layout == "checkout" else package / "_shipped"
    for name in (
        "topologies/a.yaml",
        "traces/t.csv",
        "traces/u.csv.gz",
        "experiments/e/scenario.yaml",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    for name in ("topologies/README.md", "traces/notes.txt", "experiments/e/README.md"):
        (root / name).touch()
    monkeypatch.setattr(module, "_PACKAGE", package)
    assert shipped("topologies") == {"a": root / "topologies/a.yaml"}
    assert shipped("traces") == {"t": root / "traces/t.csv", "u": root / "traces/u.csv.gz"}
    assert shipped("experiments") == {"e": root / "experiments/e/scenario.yaml"}
    assert locate("traces", "t", Path("elsewhere")) == root / "traces/t.csv"
    assert locate("traces", "v", Path("elsewhere")) is None
    assert locate("traces", "./v.csv", Path("elsewhere")) == Path("elsewhere/v.csv")


@pytest.mark.parametrize("text", ["./a", "a.csv", "../a/b", "/a/b", "C:\\a"])
def test_paths(text: str) -> None:
    assert looks_like_path(text)
    assert not looks_like_path("three-tier")


@pytest.mark.parametrize("name", sorted(shipped("topologies")))
def test_a_shipped_topology_is_sound_and_called_like_its_file(name: str) -> None:
    assert load_topology(name).name == name
