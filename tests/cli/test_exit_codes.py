"""Exit codes: 0 ok, 1 assertion, 2 usage, 3 invalid input, 4 model limit, 5 internal, 130 stop.

Errors go to standard error, standard output stays empty, and nobody ever sees a traceback.
"""

from __future__ import annotations

import sys

import pytest

import sim.catalog.catalog
from sim.errors import InfeasibleError, ModelLimitError


def refused(outcome, code):
    assert outcome.code == code
    assert outcome.out == ""
    return outcome.err


@pytest.mark.parametrize("require", ["100 %", "99.9 %"])
def test_a_missed_assertion_is_exit_1_with_the_result_kept(loadbank, scenario, folder, require):
    hopeless = (
        f"tiers.premium.require={require}",
        "tiers.premium.slo.ttft=1 ms",
        "tiers.standard.require=50 %",
    )
    options = [part for change in hopeless for part in ("--set", change)]
    ran = loadbank("run", scenario, "--out", "out", *options)
    assert ran.code == 1
    assert "premium: attainment 0.0000, required" in ran.err
    assert "standard" not in ran.err
    assert (folder / "out/summary.json").is_file()
    assert "premium" in ran.out


def test_an_assertion_that_holds_is_exit_0(loadbank, scenario):
    ran = loadbank("run", scenario, "--out", "out", "--set", "tiers.premium.require=99 %")
    assert ran.code == 0
    assert "SLA" not in ran.err


def test_an_assertion_about_nobody_holds(loadbank, scenario):
    nobody = ("--set", "traffic.chat.arrivals.rate=1e-9 req/s")
    ran = loadbank("run", scenario, "--out", "out", "--set", "tiers.premium.require=1", *nobody)
    assert ran.code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "scenario"),
        (["frobnicate"], "frobnicate"),
        (["run", "quickstart", "--sede", "1"], "--sede"),
        (["run", "quickstart", "--seed", "one"], "--seed"),
        (["run", "quickstart", "--seed", "-1"], "--seed"),
        (["run", "quickstart", "another"], "another"),
        (["schema", "study-of-mine"], "study-of-mine"),
        (["validate"], "scenario"),
        (["--colour"], "--colour"),
        (["run", "quickstart", "--out", ""], "got an empty argument"),
        (["run", "quickstart", "--out="], "got an empty argument"),
        (["validate", ""], "got an empty argument"),
    ],
)
def test_wrong_usage_is_exit_2(loadbank, arguments, message):
    told = refused(loadbank(*arguments), 2)
    assert message in told.lower()  # versions of the library differ on capitals
    assert "--help" in told


def test_no_verb_shows_the_help(loadbank):
    outcome = loadbank()
    assert outcome.code in {0, 2}
    assert "validate" in outcome.out + outcome.err


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_and_version_are_exit_0(loadbank, arguments):
    outcome = loadbank(*arguments)
    assert outcome.code == 0
    assert outcome.out != ""


@pytest.mark.parametrize("verb", ["run", "validate", "show"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("quickstrat", "did you mean 'quickstart'?"),
        ("missing.yaml", "missing.yaml: got no such file"),
        (".", "."),
    ],
)
def test_a_scenario_that_is_not_there_is_exit_3(loadbank, verb, name, message):
    assert message in refused(loadbank(verb, name), 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("pools.main.replicas", "="),
        ("pools.main.replicsa=3", "did you mean 'replicas'?"),
        ("pools.other.replicas=3", "pools.other"),
        ("run.duration=10", "expected a time with its unit"),
        ("routing.policy=leastloaded", "did you mean 'least-loaded'?"),
        ("pools.main.replicas=9000", "pools.main.replicas"),
        ("pools.main.tensor_parallel=16", "pools.main.tensor_parallel"),
    ],
)
@pytest.mark.parametrize("verb", ["run", "validate", "show"])
def test_a_wrong_override_is_exit_3(loadbank, scenario, verb, change, message):
    assert message in refused(loadbank(verb, scenario, "--set", change), 3)


def test_all_problems_are_told_and_counted(loadbank, scenario):
    changes = ("--set", "run.duration=10", "--set", "pools.main.replicas=0")
    told = refused(loadbank("run", scenario, *changes), 3)
    assert told.count("error: ") == 2
    assert told.endswith("2 errors\n")


def test_a_misfit_and_a_broken_trace_are_told_together(loadbank, scenario, folder):
    (folder / "mine.csv").write_text("arrival_s,input_tokens,output_tokens\n0.0,ten,5\n")
    text = scenario.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "lengths:" not in line]
    lines = ["    trace: {path: ./mine.csv}" if "arrivals:" in line else line for line in lines]
    lines = [line.replace("replicas: 4", "replicas: 9000") for line in lines]
    scenario.write_text("\n".join(lines), encoding="utf-8")
    (at,) = [number for number, line in enumerate(lines, 1) if "replicas" in line]
    column = lines[at - 1].index("9000") + 1
    for verb in ("run", "validate", "show"):
        told = refused(loadbank(verb, scenario), 3).splitlines()
        assert told[0].startswith(f"error: {folder / 'mine.csv'}:2: input_tokens: got 'ten'")
        assert told[1].startswith(f"error: {scenario}:{at}:{column}: pools.main.replicas: got 9000")
        assert told[2:] == ["2 errors"]


def test_the_mistakes_of_a_trace_are_told_in_the_order_of_its_lines(loadbank, folder):
    rows = ["0.0,5", "1.0,ten,5", "x,10,5", "3.0,10,5,5", "4.0,10,0"]
    (folder / "mine.csv").write_text("\n".join(["arrival_s,input_tokens,output_tokens", *rows]))
    told = refused(loadbank("traces", "inspect", "mine.csv", "--bad-rows", "refuse"), 3)
    lines = [int(line.split(":")[2]) for line in told.splitlines() if line.startswith("error: ")]
    assert lines == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("source", ["shop.yaml", "three-tier"])
def test_a_topology_is_no_scenario(loadbank, folder, source):
    topology = "name: shop\nregions: {}\nsites: {}\nlinks: []\n"
    (folder / "shop.yaml").write_text(topology, encoding="utf-8")
    told = refused(loadbank("run", source), 3)
    assert told.count("error: ") == 1
    assert "loadbank show" in told


@pytest.mark.parametrize("out", ["out", "out/deeper"])
def test_out_that_is_a_file_is_exit_3_before_the_run(loadbank, scenario, folder, out):
    (folder / "out").write_text("mine", encoding="utf-8")
    told = refused(loadbank("run", scenario, "--out", out), 3)
    assert told.startswith(f"error: {out}: got a ")
    assert "expected a folder for the results" in told
    assert (folder / "out").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ModelLimitError("no steady state at load 1.2"), 4, "error: no steady state at load 1.2"),
        (InfeasibleError("the power limit binds"), 4, "error: the power limit binds"),
        (
            *(OSError(28, "No space left on device", "big.parquet"), 3),
            "error: big.parquet: got no space left on device, expected a file or folder that",
        ),
        (
            *(IsADirectoryError(21, "Is a directory", "out.html"), 3),
            "error: out.html: got is a directory, expected a file",
        ),
        (OSError("odd"), 5, "internal error: OSError: odd"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (RuntimeError("wires crossed"), 5, "internal error: RuntimeError: wires crossed"),
    ],
)
def test_each_kind_of_error_has_its_code(loadbank, monkeypatch, error, code, message):
    def fail(*_arguments):
        raise error

    monkeypatch.setattr(sim.catalog.catalog, "load_catalog", fail)
    assert message in refused(loadbank("catalog"), code)


def test_whoever_looks_for_a_bug_gets_the_traceback(folder, monkeypatch):
    def fail(*_arguments):
        raise RuntimeError("wires crossed")

    monkeypatch.setattr(sim.catalog.catalog, "load_catalog", fail)
    monkeypatch.setenv("LOADBANK_DEBUG", "1")
    with pytest.raises(RuntimeError, match="wires crossed"):
        sys.modules["sim.cli.main"].main(["catalog"])
