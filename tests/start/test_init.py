"""A first project: what is asked for comes out, what is not understood is told, files run."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.catalog.catalog import load_catalog
from sim.cli.main import main
from sim.errors import ScenarioError
from sim.experiment.study.study import load_study
from sim.explain.explanation import explain
from sim.simulate import load_scenario
from sim.start.requirements import read_requirements

CATALOG = load_catalog()
NAMES = [*CATALOG.models], [*CATALOG.accelerators], [*CATALOG.regions]


def needs(text):
    return read_requirements(text, *NAMES)


def command(*arguments):
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return left.value.code


def test_a_line_of_text_is_read():
    found = needs("200 req/s chat 70B, p99 TTFT 1 s")
    assert (found.rate_per_s, found.workload.name, found.model) == (200.0, "chat", "llama-3.1-70b")
    assert found.targets_s == {"ttft": 1.0}
    assert found.share == 0.99


def test_order_and_case_are_free():
    found = needs("p95 tpot < 40 ms, P95 E2E 20 s; b200-sxm in sweden, qwen3-8b CODE, 3.5 RPS")
    assert found.rate_per_s == 3.5
    assert (found.workload.name, found.model) == ("code", "qwen3-8b")
    assert (found.chip, found.region) == ("b200-sxm", "sweden")
    assert found.targets_s == {"tpot": 0.04, "e2e": 20.0}
    assert found.share == 0.95


def test_without_a_target_it_is_that_of_the_workload():
    assert needs("1 req/s documents 8B").targets_s == {"ttft": 5.0}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("chat 70B", "a rate, such as 200 req/s"),
        ("20 req/s chat", "a model, such as 70B"),
        ("20 req/s chat 71B", "a model"),
        ("20 req/s chat 70B quickly", "quickly"),
        ("20 req/s chat 70B on h1000", "h1000"),
        ("20 req/s chat 70B, TTFT 1 minute", "ttft"),
    ],
)
def test_what_is_missing_or_not_understood_is_told(text, told):
    with pytest.raises(ScenarioError, match=told):
        needs(text)


@pytest.mark.parametrize(
    "text",
    [
        "20 req/s chat 70B, p99 TTFT 1 s",
        "5 req/s documents 8B l40s",
        "300 req/s code 8B mi300x in sweden",
        "0.2 req/s batch 405B b200-sxm",
        "40 req/s chat gpt-oss-120b gb200-nvl72 in emirates, p95 TPOT 30 ms",
    ],
)
def test_the_files_validate_and_have_room(text, tmp_path, capsys):
    folder = tmp_path / "mine"
    assert command("init", str(folder), "--from", "requirements", text) == 0
    scenario = load_scenario(folder / "scenario.yaml")
    found = explain(scenario)
    (load,) = found.loads
    assert 0.0 < load.share <= 0.66  # 60 % as it was sized; the sample of the traffic is finite
    assert load.requests_per_s == pytest.approx(needs(text).rate_per_s, rel=0.1)
    study = load_study(folder / "study.yaml")
    assert study.base == folder / "scenario.yaml"
    assert "loadbank run" in capsys.readouterr().out


def test_a_trace_becomes_a_scenario(tmp_path, monkeypatch):
    rows = [f"{t / 4:.2f},{300 + t % 50},{40 + t % 7}" for t in range(400)]
    trace = tmp_path / "log.csv"
    trace.write_text("arrival_s,input_tokens,output_tokens\n" + "\n".join(rows) + "\n")
    monkeypatch.chdir(tmp_path)
    assert command("init", "here", "--from", "trace", "log.csv") == 0
    text = Path("here/scenario.yaml").read_text()
    assert "path: ../log.csv" in text
    (load,) = explain(load_scenario("here/scenario.yaml")).loads
    assert load.requests_per_s == pytest.approx(4.0, rel=0.05)


def test_a_shipped_experiment_is_copied_whole(tmp_path):
    folder = tmp_path / "mine"
    assert command("init", str(folder), "--from", "quickstart") == 0
    assert load_scenario(folder / "scenario.yaml").name == "quickstart"


def test_nothing_is_overwritten(tmp_path, capsys):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "scenario.yaml").write_text("mine")
    assert command("init", str(folder), "--from", "quickstart") == 3
    assert "nothing is overwritten" in capsys.readouterr().err
    assert (folder / "scenario.yaml").read_text() == "mine"


def test_an_unknown_source_is_told_with_the_nearest(tmp_path, capsys):
    assert command("init", str(tmp_path / "x"), "--from", "quickstrat") == 3
    assert "did you mean 'quickstart'?" in capsys.readouterr().err


def test_without_a_terminal_it_says_what_to_give(tmp_path, capsys):
    assert command("init", str(tmp_path / "x")) == 2
    assert "--from requirements" in capsys.readouterr().err


def test_requirements_alone_take_the_text_as_theirs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command("init", "--from", "requirements", "2 req/s chat 8B") == 0
    assert Path("my-fleet/scenario.yaml").is_file()
