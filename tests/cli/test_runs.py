"""The page of a finished run again, and a list of the runs that lie in a folder."""

from __future__ import annotations

import json

import pytest

from sim.cli.main import main


def command(*arguments):
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return left.value.code


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for seed in (0, 1):
        given = ["three-vs-four-racks", "--quiet", "--seed", seed, "--out", folder / f"s{seed}"]
        assert command("run", *given, "--set", "run.duration=20 s", "--set", "run.warmup=0 s") == 0
    (folder / "torn").mkdir()
    (folder / "torn" / "summary.json").write_text('{"scenario": {"na')
    (folder / "other").mkdir()
    (folder / "other" / "summary.json").write_text("[1, 2]")
    return folder


def test_the_page_is_made_again_the_same(runs, tmp_path, capsys):
    assert command("report", runs / "s0", "--out", tmp_path / "again.html") == 0
    assert (tmp_path / "again.html").read_text() == (runs / "s0" / "report.html").read_text()
    assert "again.html" in capsys.readouterr().out


def test_runs_are_listed_with_their_figures(runs, capsys):
    assert command("ls", runs, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["seed"] for row in rows} == {0, 1}
    summary = json.loads((runs / "s1" / "summary.json").read_text())
    mine = next(row for row in rows if row["seed"] == 1)
    assert mine["requests"] == summary["requests"]["arrived"]
    assert mine["usd_per_mtoken"] == summary["ledger"]["usd_per_mtoken"]
    assert command("ls", runs) == 0
    assert "three-vs-four-racks" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_told(tmp_path, capsys):
    assert command("ls", tmp_path / "nowhere") == 3
    assert "no such folder" in capsys.readouterr().err
    assert command("report", tmp_path) == 3


def test_a_folder_without_runs_says_so(tmp_path, capsys):
    assert command("ls", tmp_path) == 0
    assert "no finished run" in capsys.readouterr().out
