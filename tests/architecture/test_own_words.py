"""What a user reads is in our own words: no text of a foreign error reaches a message."""

from __future__ import annotations

import ast

from sim import errors

# Who may show a foreign error's own text.
MAY = {
    "sim.experiment.execution.dask_cluster": "another machine's import error",
    "sim.calibration.kernels": "the script that makes a shipped file",
    "sim.processes": "an exception of the user's own code",
    "sim.routing.router": "an exception of the user's own code",
}
WORDS = {"args", "strerror", "msg", "reason", "message", "problem"}
OURS = {name for name in vars(errors) if name.endswith("Error")}
OURS |= {"RefusedError", "ScalarTrapError", "KeyError"}  # the last has a key, no words


def caught(handler):
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {ast.unparse(kind) for kind in kinds if kind is not None}


def shown(handler):
    """Yield each use of the handler's error as text."""
    for node in ast.walk(handler):
        match node:
            case ast.Call(func=ast.Name(id="str" | "repr"), args=[ast.Name(id=name)]):
                yield name, node
            case ast.FormattedValue(value=ast.Name(id=name)):
                yield name, node
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if attribute in WORDS:
                yield name, node


def foreign_words(modules):
    for module in modules:
        for handler in ast.walk(module.tree):
            if isinstance(handler, ast.ExceptHandler) and handler.name and caught(handler) - OURS:
                for name, node in shown(handler):
                    if name == handler.name:
                        yield module.name, f"{module.file}:{node.lineno}: {ast.unparse(node)}"


def test_no_text_of_a_foreign_error_reaches_a_user(modules):
    found = [text for name, text in foreign_words(modules) if name not in MAY]
    assert found == [], "take the kind and the place from it: sim/reasons.py has the words"


def test_the_exceptions_are_still_needed(modules):
    assert MAY.keys() == {name for name, _ in foreign_words(modules)}
