"""Compiles the hot path when a wheel is built with ``LOADBANK_COMPILE=1``; otherwise does nothing.

The modules stay plain typed Python, which `mypyc` translates to C: the results are the same to the
last bit, only sooner. Editable installs are never compiled, so that an edit always counts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NEEDS = ["mypy>=1.19", "setuptools>=70", "numpy>=2.0", "simpy>=4.1", "mypy-extensions>=1.0"]
SETUP = """
import sys
from setuptools import setup
from mypyc.build import mypycify
options = ["--follow-imports=silent", "--ignore-missing-imports"]
modules, sys.argv = sys.argv[1:], ["setup.py", "build_ext", "--build-lib", "compiled"]
setup(name="compiled", packages=[], ext_modules=mypycify([*options, *modules], opt_level="3"))
"""


class CompileHotPath(BuildHookInterface):
    """The build hook; its ``modules`` stand in pyproject.toml."""

    PLUGIN_NAME = "custom"
    _folder: TemporaryDirectory[str] | None = None

    def dependencies(self) -> list[str]:
        """Return what a compiled build needs beside the build backend."""
        return NEEDS if _asked_for() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile away from the sources, so that nothing is left beside them."""
        if version != "standard" or not _asked_for():
            return
        self._folder = TemporaryDirectory()
        folder = Path(self._folder.name)
        shutil.copytree(
            Path(self.root) / "sim", folder / "sim", ignore=shutil.ignore_patterns("__pycache__")
        )
        # A fused multiply-add rounds once where Python rounds twice.
        flags = f"{os.environ.get('CFLAGS', '')} -ffp-contract=off".strip()
        done = subprocess.run(  # noqa: S603 - nothing in it comes from outside
            [sys.executable, "-c", SETUP, *self.config["modules"]],
            cwd=folder,
            env=os.environ | {"CFLAGS": flags},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            message = f"LOADBANK_COMPILE=1, and mypyc failed:\n{done.stdout}\n{done.stderr}"
            raise RuntimeError(message)
        compiled = folder / "compiled"
        for path in [*compiled.rglob("*.so"), *compiled.rglob("*.pyd")]:
            build_data["force_include"][str(path)] = str(path.relative_to(compiled))
        build_data["pure_python"], build_data["infer_tag"] = False, True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was compiled; the wheel has it."""
        if self._folder is not None:
            self._folder.cleanup()


def _asked_for() -> bool:
    return os.environ.get("LOADBANK_COMPILE", "") not in ("", "0")
