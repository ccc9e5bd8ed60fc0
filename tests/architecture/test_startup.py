"""The command starts fast: libraries that a verb does not need are not imported."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = {"numpy", "pandas", "matplotlib", "scipy", "pyarrow", "networkx", "simpy"}


def python(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def imported_by(statement):
    """Return the libraries that a fresh interpreter has imported after a statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    return set(python("-c", code).stdout.split())


@pytest.mark.parametrize("statement", ["import sim", "import sim.cli"])
def test_importing_the_command_imports_no_library(statement):
    assert imported_by(statement) & (LIBRARIES | {"rich", "yaml"}) == set()


def test_a_fresh_interpreter_would_show_what_is_imported():
    assert "numpy" in imported_by("import sim.interfaces")


def test_reading_a_scenario_needs_no_table_and_no_plot():
    imported = imported_by("from sim import load_scenario; load_scenario('quickstart')")
    assert imported & {"pandas", "matplotlib", "scipy", "pyarrow"} == set()


def test_help_takes_less_than_half_a_second_of_cpu():
    def children_s():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    def spent_s(*arguments):
        before_s = children_s()
        python(*arguments)
        return children_s() - before_s

    assert "Usage" in python("-m", "sim", "--help").stdout  # compiles what is not compiled yet
    libraries = "import typer.rich_utils, rich.markdown"
    # The lowest of some: what else runs on the machine can only add to it. Where it adds to all,
    # the libraries that draw the help tell by how much.
    help_s, libraries_s = (
        min(spent_s(*arguments) for _ in range(4))
        for arguments in (("-m", "sim", "--help"), ("-c", libraries))
    )
    assert help_s <= max(0.5, 2.0 * libraries_s)
