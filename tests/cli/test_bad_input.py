"""Every broken file of the suite, through the command: exit 3, all messages, no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BROKEN = sorted((ROOT / "tests/bad_input").glob("[!b]*/*.yaml"))
TRACES = sorted((ROOT / "tests/bad_input_traces/files").iterdir())


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_broken_file_is_exit_3(loadbank, path):
    outcome = loadbank("validate", path)
    assert (outcome.code, outcome.out) == (3, "")
    errors = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    assert errors
    assert all(path.name in line or path.parent.name in line for line in errors)


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.name)
def test_a_broken_trace_is_exit_3_before_anything_runs(loadbank, scenario, folder, path):
    text = scenario.read_text(encoding="utf-8")
    # Without a duration: a short run would not read as far as the damage.
    lines = [line for line in text.splitlines() if "lengths:" not in line and "run:" not in line]
    replay = f"    trace: {{path: {path}}}"
    lines = [replay if "arrivals:" in line else line for line in lines]
    scenario.write_text("\n".join(lines), encoding="utf-8")
    outcome = loadbank("run", scenario)
    assert (outcome.code, outcome.out) == (3, "")
    assert path.name in outcome.err
    assert list(folder.glob("runs/*/*/*")) == []


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\x00", b"", b"\x00", b"- 1\n- 2\n", b"just text", b"{", b"a: &a [*a]", b"\t", b"%"],
)
def test_any_bytes_are_exit_3(loadbank, folder, content):
    (folder / "odd.yaml").write_bytes(content)
    for verb in ("run", "validate", "show"):
        outcome = loadbank(verb, "odd.yaml")
        assert (outcome.code, outcome.out) == (3, "")
        assert "odd.yaml" in outcome.err
