"""The command as a function, and a scenario file that runs in a tenth of a second."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sim.cli import main

ROOT = Path(__file__).resolve().parents[2]

SCENARIO = """\
version: 1
name: small
topology:
  version: 1
  name: small
  regions: {north: {lat: 53.5, lon: 10.0}}
  sites:
    metro:
      kind: metro
      lat: 50.1
      lon: 8.6
      region_data: germany
      power_limit: 50 kW
      halls: {h1: {rows: {r1: {racks: {type: hgx-h100-air}}}}}
  links: [{from: north, to: metro, latency: 5 ms}]
tiers:
  premium: {slo: {ttft: 500 ms, tpot: 50 ms}, target: 99 %}
  standard: {slo: {e2e: 30 s}, target: 95 %}
traffic:
  chat:
    model: llama-3.1-8b
    regions: {north: 100 %}
    tiers: {premium: 30 %, standard: 70 %}
    arrivals: {process: poisson, rate: 50 req/s}
    lengths: {constant: {input: 200 tokens, output: 40 tokens}}
pools:
  main: {site: metro, model: llama-3.1-8b, replicas: 4}
run: {duration: 4 s}
"""


@dataclass(frozen=True)
class Outcome:
    """What the command left behind: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


@pytest.fixture
def scenario(folder) -> Path:
    """The small scenario as a file in the working directory."""
    path = folder / "small.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    return path


@pytest.fixture
def loadbank(folder, capsys) -> Callable[..., Outcome]:
    """Return the command as a function of its arguments."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return Outcome(left.value.code, told.out, told.err)

    return run


@pytest.fixture
def process(folder) -> Callable[..., subprocess.Popen[str]]:
    """Return a function that starts ``python -m sim`` as a process of its own."""

    def start(*arguments: object, **options: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "sim", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    return start
