"""The source code as data: every module's syntax tree and every import, read once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Module:
    """A module of the package: its dotted name, file and syntax tree."""

    name: str
    file: str
    lines: int
    tree: ast.Module


@dataclass(frozen=True)
class Import:
    """One imported module, with where and how it is imported.

    ``typing`` is true inside ``if TYPE_CHECKING``, ``lazy`` inside a function.
    """

    importer: str
    imported: str
    place: str
    typing: bool
    lazy: bool


def read_modules() -> list[Module]:
    found = []
    for path in sorted((ROOT / "sim").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        file = path.relative_to(ROOT)
        name = ".".join(file.with_suffix("").parts).removesuffix(".__init__")
        found.append(Module(name, file.as_posix(), len(text.splitlines()), ast.parse(text)))
    return found


def imported_names(node: ast.AST, known: frozenset[str]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        if node.level:
            return ["(relative)"]
        base = node.module or ""
        inner = [f"{base}.{alias.name}" for alias in node.names]
        modules = [name for name in inner if name in known]
        # `from sim.scenario import load` imports the module, `from sim import Result` the package.
        return modules if len(modules) == len(inner) else [base, *modules]
    return []


def walk(node: ast.AST, typing: bool = False, lazy: bool = False) -> Iterator[tuple]:
    for child in ast.iter_child_nodes(node):
        yield child, typing, lazy
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for inner in child.body:
                yield inner, True, lazy
                yield from walk(inner, True, lazy)
            continue
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from walk(child, typing, lazy or inside)


@pytest.fixture(scope="session")
def modules() -> list[Module]:
    return read_modules()


@pytest.fixture(scope="session")
def imports(modules: list[Module]) -> list[Import]:
    known = frozenset(module.name for module in modules)
    return [
        Import(module.name, name, f"{module.file}:{node.lineno}", typing, lazy)
        for module in modules
        for node, typing, lazy in walk(module.tree)
        for name in imported_names(node, known)
    ]
