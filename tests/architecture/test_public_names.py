"""The public Python interface: a short list of names, all of them real and documented."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import sim

SOURCE = Path(__file__).resolve().parents[2] / "sim" / "__init__.py"

# The public contract of the Python side. Taking a name away breaks users' programs.
PUBLIC = {
    "PLACEMENTS": "the registry of placement policies",
    "LoadbankError": "base of the errors",
    "PolicyError": "an error",
    "Result": "what a run returns",
    "ScenarioError": "an error",
    "TraceError": "an error",
    "explain": "what a scenario comes to, before it runs",
    "load_scenario": "reads a scenario",
    "simulate": "runs a scenario",
}


def test_the_list_is_literal_and_short():
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    lists = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    assert lists == [sim.__all__]
    assert len(sim.__all__) <= 15
    assert len(set(sim.__all__)) == len(sim.__all__)


def test_no_public_name_goes_missing():
    assert set(sim.__all__) >= set(PUBLIC)


@pytest.mark.parametrize("name", sim.__all__)
def test_a_public_name_is_there_and_documented(name):
    thing = getattr(sim, name)
    assert not inspect.ismodule(thing)
    assert (inspect.getdoc(thing) or "").strip()
    if inspect.isclass(thing) or inspect.isfunction(thing):
        assert thing.__name__ == name


def test_typing_sees_the_same_names():
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    seen = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for entry in node.body
        for alias in entry.names
    }
    assert seen == set(sim.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="simulte"):
        _ = sim.simulte


def test_the_modules_behind_the_names_do_not_hide_them():
    import sim.explain
    import sim.simulate

    assert inspect.isfunction(sim.simulate)
    assert inspect.isfunction(sim.explain)
