"""The shape of the code: sizes, no hidden state, and nothing that a library must not do."""

from __future__ import annotations

import ast

LONGEST_FILE = 400
LONGEST_BODY = 50
OWED: set[str] = set()
MUTATORS = {
    *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse"),
    *("add", "discard", "update", "setdefault", "popitem", "appendleft", "popleft"),
}
CONTAINERS = {"list", "dict", "set", "deque", "defaultdict", "Counter", "OrderedDict", "bytearray"}

# The command leaves with an exit code, and a worker without its parent has to end at once.
MAY_EXIT = {"sim.cli.main": {"sys.exit"}, "sim.experiment.execution.worker": {"os._exit"}}
ENDINGS = {"print", "exit", "quit", "sys.exit", "os._exit", "breakpoint", "input"}


def functions(module):
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(function):
    """Lines from the first statement after the docstring to the last."""
    start = 1 if ast.get_docstring(function) is not None else 0
    body = function.body[start:]
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_no_file_is_too_long(modules):
    assert [f"{m.file}: {m.lines} lines" for m in modules if m.lines > LONGEST_FILE] == []


def test_no_function_body_is_too_long(modules):
    found = {
        f"{module.name}.{function.name}": f"{module.file}:{function.lineno}"
        for module in modules
        for function in functions(module)
        if body_lines(function) > LONGEST_BODY
    }
    assert {name: place for name, place in found.items() if name not in OWED} == {}
    assert set(found) >= OWED, "mended: take it out of OWED"


def bound_containers(body):
    """Return the names that statements of a module or class bind to a mutable container."""
    names = set()
    for node in body:
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.AnnAssign)
            else []
        )
        value = getattr(node, "value", None)
        made = isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp)
        called = isinstance(value, ast.Call) and (
            ast.unparse(value.func).split("[")[0].split(".")[-1] in CONTAINERS
        )
        if made or called:
            names |= {ast.unparse(target) for target in targets}
    return names


def mutations(tree):
    """Yield (name, line) of everything that changes a container or rebinds a global."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield from ((name, node.lineno) for name in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in MUTATORS:
                yield ast.unparse(node.func.value), node.lineno
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            yield ast.unparse(node.value), node.lineno
        elif isinstance(node, ast.AugAssign):
            yield ast.unparse(node.target), node.lineno


def inside_functions(tree):
    """Yield the mutations in functions, where a name is not local to its function."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.Lambda):
            continue
        stored = {
            node.id
            for node in ast.walk(function)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        arguments = function.args
        stored |= {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
        declared = {
            name
            for node in ast.walk(function)
            if isinstance(node, ast.Global)
            for name in node.names
        }
        for name, line in mutations(function):
            if name not in stored or name in declared:
                yield name, line


def test_modules_have_no_state_that_changes(modules):
    # A constant that another module owns is recognised by its capitals.
    found = [
        f"{module.file}:{line}: {name}"
        for module in modules
        for shared in [bound_containers(module.tree.body)]
        for name, line in inside_functions(module.tree)
        if name in shared or (name.isidentifier() and name.isupper())
    ]
    rebound = [
        f"{module.file}:{node.lineno}: global {', '.join(node.names)}"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Global)
    ]
    assert found + rebound == []


def test_classes_have_no_state_that_changes(modules):
    found = []
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                shared = bound_containers(node.body) - {"__slots__", "__match_args__"}
                ways = {f"{owner}.{name}" for owner in ("cls", node.name) for name in shared}
                # Through self, too: a list on the class that nobody replaces belongs to all.
                replaced = {
                    target.attr
                    for inner in ast.walk(node)
                    if isinstance(inner, ast.Assign | ast.AnnAssign)
                    for target in getattr(inner, "targets", None) or [inner.target]
                    if isinstance(target, ast.Attribute)
                }
                ways |= {f"self.{name}" for name in shared - replaced}
                found += [
                    f"{module.file}:{line}: {name}"
                    for name, line in mutations(node)
                    if name in ways
                ]
    assert found == []


def test_the_state_check_sees_state():
    code = """
SEEN = {}
def remember(name, names=[]):
    SEEN[name] = 1
    names.append(name)
def local():
    found = []
    found.append(1)
"""
    assert [name for name, _ in inside_functions(ast.parse(code))] == ["SEEN"]


def test_defaults_of_arguments_are_not_shared_containers(modules):
    found = [
        f"{module.file}:{function.lineno}: {function.name}"
        for module in modules
        for function in functions(module)
        for default in (*function.args.defaults, *function.args.kw_defaults)
        if isinstance(default, ast.List | ast.Dict | ast.Set)
    ]
    assert found == []


def test_the_library_neither_prints_nor_exits_nor_asserts(modules):
    found = []
    for module in modules:
        allowed = MAY_EXIT.get(module.name, set())
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Assert):
                found.append(f"{module.file}:{node.lineno}: assert")
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in ENDINGS - allowed:
                    found.append(f"{module.file}:{node.lineno}: {called}")
    assert found == []


def test_nothing_is_drawn_from_an_unseeded_generator(modules):
    found = [
        f"{module.file}:{node.lineno}: {ast.unparse(node)}"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node).startswith(("np.random.", "numpy.random."))
        and node.attr in {"rand", "randn", "random", "seed", "choice", "normal", "default_rng"}
    ]
    found += [
        f"{module.file}:{node.lineno}: random"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Import) and "random" in [alias.name for alias in node.names]
    ]
    assert found == []


def test_nothing_from_a_file_is_evaluated(modules):
    unsafe = {"eval", "exec", "pickle.load", "pickle.loads", "yaml.load", "os.system"}
    own_workers = {
        "sim.experiment.execution.processes",
        "sim.experiment.execution.worker",
    }  # pickles in our own pipes
    found = [
        f"{module.file}:{node.lineno}: {ast.unparse(node.func)}"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in unsafe
        if not (module.name in own_workers and "pickle" in ast.unparse(node.func))
    ]
    assert found == []


def test_every_folder_of_code_is_a_package(modules):
    """A folder without ``__init__.py`` works in a checkout and is missing in the wheel."""
    packages = {module.file for module in modules}
    folders = {module.file.rpartition("/")[0] for module in modules}
    assert sorted(folder for folder in folders if f"{folder}/__init__.py" not in packages) == []
