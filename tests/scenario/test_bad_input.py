"""Every broken file under tests/bad_input gives exactly the messages that it says it expects.

Each file starts with its messages, one ``# expect:`` line for each, as ``line:column: path: ...``;
a message may go on after what is written there.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from sim.errors import ScenarioError
from sim.load import load_scenario, load_topology

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path("tests/bad_input")
SCENARIOS = sorted((ROOT / FOLDER / "scenario").glob("*.yaml"))
TOPOLOGIES = sorted((ROOT / FOLDER / "topology").glob("*.yaml"))
POLICIES = ("nearest", "least-loaded")
FORMATS = ("azure", "burstgpt")
MARK = "# expect:"


def expectations(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix(MARK).strip() for line in lines if line.startswith(MARK)]


def messages(path: Path) -> list[str]:
    is_scenario = path.parent.name == "scenario"
    load = (
        partial(load_scenario, policies=POLICIES, trace_formats=FORMATS)
        if is_scenario
        else load_topology
    )
    with pytest.raises(ScenarioError) as caught:
        load(path)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "path", [*SCENARIOS, *TOPOLOGIES], ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_a_broken_file_is_told_what_is_wrong(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    relative = path.relative_to(ROOT)
    expected = expectations(path)
    assert expected, "the file does not say what it expects"
    found = messages(relative)
    assert len(found) == len(expected), found
    for message, start in zip(found, expected, strict=True):
        assert message.removeprefix(f"{relative}:").strip().startswith(start)


def test_there_are_at_least_sixty_of_them() -> None:
    assert len(SCENARIOS) + len(TOPOLOGIES) >= 60


@pytest.mark.parametrize("kind", ["scenario", "topology"])
def test_five_planted_mistakes_are_all_found(kind: str) -> None:
    assert len(messages(ROOT / FOLDER / kind / "five-mistakes.yaml")) == 5


def test_the_files_that_the_broken_ones_use_are_sound() -> None:
    assert load_topology(ROOT / FOLDER / "base" / "two-sites.yaml").name == "two-sites"
