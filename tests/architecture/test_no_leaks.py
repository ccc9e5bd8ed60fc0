"""No file of the repository says where it was written or from where its packages came."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Put together here, so that this file does not contain them itself.
FORBIDDEN = [
    "/".join(parts)
    for parts in (
        ("", "work", ""),
        ("", "tmp", "venv"),
        ("pypi.org", "simple"),
        ("", "root", ""),
    )
] + ["files." + "pythonhosted", "index" + "-url"]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Return the text of every file that is committed or about to be."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8", errors="replace")
        for path in paths
        if path.is_file()
    }


@pytest.mark.parametrize("word", FORBIDDEN)
def test_no_file_names_a_machine_or_a_package_index(texts, word):
    found = [
        f"{name}:{number}"
        for name, text in texts.items()
        if word in text
        for number, line in enumerate(text.splitlines(), 1)
        if word in line
    ]
    assert found == []


def test_results_of_runs_are_not_committed(texts):
    outputs = ("requests.parquet", "summary.json", "scenario.lock.yaml", "report.html")
    assert [name for name in texts if name.endswith(outputs)] == []


def test_files_stay_small(texts):
    large = [name for name in texts if (ROOT / name).stat().st_size > 2_000_000]
    assert large == []
