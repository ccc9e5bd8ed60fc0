"""Bundle what Loadbank uses of Apache ECharts into one file; only a new version needs this.

    python vendor/echarts/build.py            # needs node and npm
    python vendor/echarts/build.py --check    # only compares the hash of the file with the pin

The result is committed, so that nobody who installs or develops Loadbank needs node.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "sim" / "_data" / "report" / "echarts"
BUNDLE, PIN = TARGET / "echarts.min.js", TARGET / "echarts.min.js.sha256"
OPTIONS = ("--bundle", "--minify", "--format=iife", "--target=es2020", "--legal-comments=none")


def digest() -> str:
    """Return the SHA-256 of the bundle."""
    return hashlib.sha256(BUNDLE.read_bytes()).hexdigest()


def build() -> None:
    """Install the pinned packages, bundle them and note the hash."""
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=HERE, check=True)
    TARGET.mkdir(parents=True, exist_ok=True)
    tool = HERE / "node_modules" / ".bin" / "esbuild"
    production = '--define:process.env.NODE_ENV="production"'
    command = [str(tool), "entry.js", *OPTIONS, production, f"--outfile={BUNDLE}"]
    subprocess.run(command, cwd=HERE, check=True)
    for name in ("LICENSE", "NOTICE"):
        shutil.copyfile(HERE / "node_modules" / "echarts" / name, TARGET / name)
    PIN.write_text(f"{digest()}  {BUNDLE.name}\n", encoding="utf-8")


def main() -> int:
    """Build, or compare with the pin."""
    if "--check" not in sys.argv:
        build()
    return 0 if PIN.read_text(encoding="utf-8").split()[0] == digest() else 1


if __name__ == "__main__":
    raise SystemExit(main())
