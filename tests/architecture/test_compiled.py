"""What mypyc asks of the modules that a compiled build translates, see ``hatch_build.py``."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def compiled():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    hook = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]
    return [ROOT / module for module in hook["modules"]]


def classes(paths):
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                yield node


def test_a_compiled_class_says_if_it_has_interpreted_subclasses(compiled):
    interpreted = [path for path in (ROOT / "sim").rglob("*.py") if path not in compiled]
    bases = {ast.unparse(base) for node in classes(interpreted) for base in node.bases}
    protocols = {
        node.name
        for node in classes(compiled)
        if any(ast.unparse(base).startswith("Protocol") for base in node.bases)
    }
    says = {
        node.name
        for node in classes(compiled)
        if any("allow_interpreted_subclasses" in ast.unparse(mark) for mark in node.decorator_list)
    }
    inherited = {node.name for node in classes(compiled)} & bases - protocols
    assert inherited >= {"Replica", "Pool", "KvMemory"}
    assert inherited <= says


def test_every_compiled_module_exists(compiled):
    assert all(path.is_file() for path in compiled)
    assert ROOT / "sim/serving/engine/runner.py" in compiled
