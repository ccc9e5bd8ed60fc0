"""The command as a process: signals, terminals, pipes, ``python -m sim``."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim import Result

LONG = (
    *("--set", "traffic.chat.arrivals.rate=300 req/s"),
    *("--set", "run.duration=10 h"),
)


def finished(started, timeout_s=60.0):
    out, err = started.communicate(timeout=timeout_s)
    return started.returncode, out, err


def wait_for(condition, timeout_s=30.0):
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def running(process, scenario, folder):
    """A run of minutes that is under way, its requests going into the folder ``out``."""
    started = process("run", scenario, "--out", "out", *LONG)
    wait_for(lambda: (folder / "out").is_dir() and any((folder / "out").iterdir()))
    time.sleep(0.3)
    yield started
    if started.poll() is None:
        started.kill()
        started.communicate()


def test_python_m_sim_is_the_command(process):
    code, out, err = finished(process("--help"))
    assert (code, err) == (0, "")
    assert "validate" in out


@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_keeps_the_partial_result(running, folder, number, expected):
    running.send_signal(number)
    code, _, err = finished(running)
    assert code == expected
    assert "interrupted: partial results are in out" in err
    assert "Traceback" not in err
    result = Result.load(folder / "out")
    assert result.summary["interrupted"] is True
    counts = result.summary["requests"]
    assert counts["completed"] > 100
    assert counts["arrived"] == counts["completed"] + counts["in_flight"] == len(result.requests)
    assert any("interrupted" in warning for warning in result.warnings)
    assert (folder / "out/report.html").is_file()
    assert not [path for path in (folder / "out").iterdir() if path.name.startswith(".")]


INTERRUPTED = """
import os, signal
from sim.cli import main
from sim.result import Result
from sim.world import World

def interrupted(method):
    def wrapped(*arguments, **options):
        for _ in range({times}):
            os.kill(os.getpid(), signal.SIGINT)
        return method(*arguments, **options)
    return wrapped

{method} = interrupted({method})
main(["run", "small.yaml", "--out", "out", "--quiet"])
"""


def interrupted(method, times):
    """Run the command with so many Ctrl-C at the moment at which it calls a method."""
    return subprocess.run(
        [sys.executable, "-c", INTERRUPTED.format(method=method, times=times)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_ctrl_c_while_saving_keeps_the_finished_run(scenario, folder):
    left = interrupted("Result.save", times=1)
    assert (left.returncode, left.stdout) == (130, "")
    assert left.stderr == "interrupted: complete results are in out\n"
    assert Result.load(folder / "out").summary["interrupted"] is False
    assert (folder / "out/report.html").is_file()


@pytest.mark.parametrize("method", ["World.__init__", "World.flush", "Result.save"])
def test_ctrl_c_twice_ends_at_once_and_leaves_nothing(scenario, folder, method):
    left = interrupted(method, times=2)
    assert (left.returncode, left.stdout, left.stderr) == (130, "", "interrupted\n")
    assert list(folder.glob("out/*")) == []


@pytest.mark.parametrize("arguments", [["catalog"], ["catalog", "--json"], ["schema"]])
def test_a_reader_that_goes_away_is_no_error(process, arguments):
    with process(*arguments) as started:
        started.stdout.close()
        err = started.stderr.read()
    assert (started.returncode, err) == (0, "")


def test_progress_stays_away_from_pipes(process, scenario):
    code, _, err = finished(process("run", scenario, "--out", "out", "--json"))
    assert (code, err) == (0, "")


def on_a_terminal(process, *arguments):
    """Run with standard error on a pseudo-terminal; return exit code, output and what it showed."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    started = process(*arguments, stderr=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a pseudo-terminal is an error on Linux
        while part := os.read(ours, 65536):
            shown += part
    os.close(ours)
    out, _ = started.communicate(timeout=60)
    return started.returncode, out, shown.decode()


def test_a_terminal_sees_progress(process, scenario):
    busy = ("--set", "traffic.chat.arrivals.rate=300 req/s", "--set", "run.duration=120 s")
    code, out, shown = on_a_terminal(process, "run", scenario, "--out", "out", "--json", *busy)
    assert code == 0
    assert "requests, " in shown
    assert "/s" in shown
    assert json.loads(out)["requests"]["arrived"] > 30_000


def test_quiet_shows_no_progress(process, scenario):
    code, out, shown = on_a_terminal(process, "run", scenario, "--out", "out", "--quiet")
    assert (code, out, shown) == (0, "", "")


def test_without_a_colour_terminal_there_are_no_escape_codes(process, scenario):
    _, out, _ = finished(process("run", scenario, "--out", "out"))
    assert "\x1b" not in out


def test_the_output_does_not_depend_on_the_locale(scenario, folder):
    root = Path(__file__).resolve().parents[2]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(root), "LC_ALL": "C"}
    ran = subprocess.run(
        [sys.executable, "-m", "sim", "run", str(scenario), "--out", "out"],
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    assert (folder / "out/report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
