"""The import contract: modules import downwards only, and libraries only where they belong."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# From the top to the bottom. A module imports from rows below its own; names in one row are
# siblings and never import each other.
ROWS = (
    ("__main__",),
    ("cli",),
    ("view",),
    ("report",),
    ("economics",),
    ("start",),
    ("experiment", "calibration"),
    ("explain",),
    ("simulate",),
    ("processes",),
    ("run_control",),
    ("collect",),
    ("pricing",),
    ("world",),
    ("result", "load"),
    ("dcim",),
    ("fleet",),
    ("traffic", "routing", "serving", "facility", "metrics", "provenance"),
    ("cost",),
    ("performance",),
    ("plant",),
    ("scenario",),
    ("catalog",),
    ("document",),
    (
        "registry",
        "rng",
        "theory",
        "clock",
        "binning",
        "shared_link",
        "signals",
        "table",
        "workspace",
    ),
    ("interfaces",),
    ("reasons", "units"),
    ("errors",),
)
ROW_OF = {part: row for row, parts in enumerate(ROWS) for part in parts}

# Who may import a library: these modules, and what is inside them. Numpy: everybody.
MAY_IMPORT = {
    "simpy": ("sim.clock", "sim.facility", "sim.processes", "sim.run_control"),
    "networkx": ("sim.routing.network", "sim.scenario.topology"),
    "aiconfigurator_core": ("sim.calibration.kernel_times",),
    "yaml": ("sim.document", "sim.dcim", "sim.scenario", "sim.performance"),
    "pydantic": ("sim.scenario", "sim.document", "sim.catalog"),
    "pydantic_core": ("sim.scenario", "sim.document", "sim.catalog"),
    "matplotlib": ("sim.report",),
    "pandas": (
        *("sim.result", "sim.report", "sim.experiment", "sim.economics"),
        *("sim.metrics.parquet", "sim.traffic.reader", "sim.traffic.formats"),
    ),
    "pyarrow": ("sim.result", "sim.report", "sim.metrics.parquet", "sim.traffic.formats"),
    "scipy": ("sim.experiment", "sim.calibration"),
    "distributed": ("sim.experiment",),
    "typer": ("sim.cli",),
    "rich": ("sim.cli", "sim.report"),
    "numpy": ("sim",),
    "mypy_extensions": ("sim.interfaces", "sim.serving", "sim.performance"),
}
# Start-up would suffer from them, so they are imported inside the functions that use them.
HEAVY = ("pandas", "pyarrow", "matplotlib", "scipy", "rich", "distributed")

# Physics and statistics: functions of numbers, and so are the modules that they use.
PURE = (
    *("sim.theory", "sim.units", "sim.rng", "sim.binning"),
    *("sim.facility.power", "sim.facility.cooling", "sim.facility.grid", "sim.facility.capping"),
    *("sim.performance.steptime", "sim.serving.engine.segment", "sim.serving.kv.memory"),
    *(
        "sim.metrics.quantiles",
        "sim.experiment.statistics.intervals",
        "sim.experiment.statistics.stopping",
    ),
    *("sim.routing.policies", "sim.traffic.arrivals.arrivals", "sim.traffic.fitting.statistics"),
)
IMPURE = ("simpy", "pandas", "yaml", "matplotlib")

# Known breaches; one that is mended must be taken out, or its test fails.
OWED_LAYERS: set[tuple[str, str]] = set()
OWED_PURE: set[tuple[str, str]] = set()
OWED_CIRCLES: set[str] = set()


def part_of(module):
    return module.split(".")[1] if "." in module else module


def inside(module, packages):
    return any(module == package or module.startswith(package + ".") for package in packages)


def breaks_layers(entry):
    """Return what is wrong with an import inside the package, or None."""
    upper, lower = part_of(entry.importer), part_of(entry.imported)
    if entry.imported == "(relative)":
        return "is a relative import"
    if entry.imported == "sim":
        return "imports the package itself: import the module that has it"
    if entry.importer == "sim" or upper == lower:
        return None
    if upper not in ROW_OF or lower not in ROW_OF:
        return "has a part that is in no row of this test"
    if ROW_OF[upper] == ROW_OF[lower]:
        return "is between siblings"
    if ROW_OF[upper] > ROW_OF[lower] and not entry.typing:
        return "goes upwards"
    return None


def test_modules_import_downwards_only(imports):
    ours = [e for e in imports if e.imported == "(relative)" or inside(e.imported, ["sim"])]
    found = {
        (entry.importer, entry.imported): f"{entry.place}: {entry.imported} {problem}"
        for entry in ours
        if (problem := breaks_layers(entry))
    }
    assert [text for pair, text in found.items() if pair not in OWED_LAYERS] == []
    assert set(found) >= OWED_LAYERS, "mended: take it out of OWED_LAYERS"
    assert len(ours) > 300


def test_the_root_imports_its_parts_only_when_they_are_used(imports):
    eager = [
        f"{entry.place}: {entry.imported}"
        for entry in imports
        if entry.importer == "sim" and not entry.typing and not entry.lazy
    ]
    assert [text for text in eager if text.split(": ")[1].startswith("sim")] == []


def test_libraries_stay_where_they_belong(imports):
    outside = [
        (entry, entry.imported.split(".")[0])
        for entry in imports
        if not inside(entry.imported, ["sim", "(relative)"])
        and entry.imported.split(".")[0] not in sys.stdlib_module_names
    ]
    breaches = [
        f"{entry.place}: {library}"
        for entry, library in outside
        if not inside(entry.importer, MAY_IMPORT.get(library, ())) and not entry.typing
    ]
    assert breaches == []
    assert {library for _, library in outside} >= {"simpy", "yaml", "pandas", "matplotlib"}


def test_heavy_libraries_are_imported_where_they_are_used(imports):
    eager = [
        f"{entry.place}: {entry.imported}"
        for entry in imports
        if inside(entry.imported, HEAVY) and not entry.lazy and not entry.typing
    ]
    assert eager == []


def test_every_library_is_a_declared_dependency(imports):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(name for extra in extras for name in extra)]
    declared = {
        text.split(">")[0].split("==")[0].split("[")[0].lower().replace("-", "_") for text in wanted
    }
    declared |= {"yaml", "pydantic_core"}  # what pyyaml and pydantic bring under another name
    libraries = {
        entry.imported.split(".")[0] for entry in imports if entry.imported != "(relative)"
    }
    assert libraries - declared - {"sim"} - set(sys.stdlib_module_names) == set()


def reached_from(start, imports):
    """Return every module of ours that ``start`` imports, itself or through others."""
    found, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        for entry in imports:
            fresh = entry.imported not in found and inside(entry.imported, ["sim"])
            if fresh and entry.importer == here and not entry.typing:
                found.add(entry.imported)
                waiting.append(entry.imported)
    return found


@pytest.mark.parametrize("package", PURE)
def test_physics_and_statistics_are_pure(package, imports, modules):
    mine = [module.name for module in modules if inside(module.name, [package])]
    assert mine, "there is no such module any more"
    found = {
        (name, entry.importer): f"{name} reaches {entry.place}: {entry.imported}"
        for name in mine
        for reached in [reached_from(name, imports)]
        for entry in imports
        if entry.importer in reached and inside(entry.imported, IMPURE) and not entry.typing
    }
    assert [text for pair, text in found.items() if pair not in OWED_PURE] == []
    owed_here = {pair for pair in OWED_PURE if inside(pair[0], [package])}
    assert set(found) >= owed_here, "mended: take it out of OWED_PURE"


def without_ends(edges):
    """Take away, again and again, every module that imports nothing that is left."""
    while ends := {name for name, lower in edges.items() if not lower}:
        edges = {name: lower - ends for name, lower in edges.items() if name not in ends}
    return edges


def test_no_module_imports_itself_in_a_circle(imports, modules):
    edges = {module.name: set() for module in modules}
    for entry in imports:
        if entry.imported in edges and entry.imported != entry.importer and not entry.typing:
            edges[entry.importer].add(entry.imported)
    edges = without_ends(edges)
    # What is left imports a circle; of it, only what is also imported by a circle is in one.
    importers = {name: {upper for upper in edges if name in edges[upper]} for name in edges}
    assert set(without_ends(importers)) == OWED_CIRCLES
