"""What terminal and page say of a comparison: one text, and no more certainty than there is."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from sim.cli.main import main
from sim.economics.economics import Economics, load_economics_study
from sim.report.economics_words import answer_lines, headline
from sim.report.html.economics_page import render_economics

ROW = {
    "region": "sweden", "model": "m", "pattern": "steady", "ownership": "owned",
    "usd_per_month": 1.0, "gross_margin": 0.4, "payback_months": 20.0, "requests_per_s": 1.0,
    "output_tokens_per_s": 10.0, "ttft_p99_s": 0.5, "utilisation": 0.9, "wh_per_request": 1.0,
    "j_per_output_token": 1.0, "gco2e_per_request": 1.0, "litres_per_request": 0.1, "pue": 1.1,
}  # fmt: skip


def comparison(*chips):
    """Return a comparison of chips: name, cost, low, high, basis."""
    names = ("chip", "usd_per_mtoken", "usd_per_mtoken_low", "usd_per_mtoken_high", "basis")
    rows = [ROW | dict(zip(names, chip, strict=True)) for chip in chips]
    study = load_economics_study({"name": "x", "regions": ["sweden"], "models": ["m"]})
    empty = pd.DataFrame(columns=["chip", "model", "pattern", "why"])
    return Economics(study, pd.DataFrame(rows), pd.DataFrame(), empty)


def test_a_clear_winner_is_named():
    found = comparison(("a", 1.0, 0.9, 1.1, "fitted"), ("b", 2.0, 1.8, 2.2, "fitted"))
    assert headline(found) == "a is the cheapest way to serve."
    (line,) = answer_lines(found)
    assert line.endswith("next b in sweden, owned, 100\u00a0% more.")


def test_intervals_that_meet_are_not_told_apart():
    found = comparison(("a", 1.0, 0.5, 2.0, "fitted"), ("b", 1.5, 1.2, 2.2, "fitted"))
    assert "within the uncertainty" in headline(found)
    assert "do not tell apart" in next(answer_lines(found))


def test_a_ranking_over_two_bases_says_so():
    found = comparison(("a", 1.0, 0.9, 1.1, "physical"), ("b", 2.0, 1.8, 2.2, "fitted"))
    assert "within the uncertainty" in headline(found)
    assert "physics and guesses against fitted to measurements" in next(answer_lines(found))


def test_names_on_the_page_are_inert():
    found = comparison(("<script>x</script>", 1.0, 0.9, 1.1, "fitted"))
    html = render_economics(found, "<b>.yaml")
    assert "<script>x" not in html
    assert "<b>.yaml" not in html
    assert "loadbank economics &lt;b&gt;.yaml" in html


def command(*arguments):
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return left.value.code


def test_the_verb_writes_tables_and_a_page(tmp_path, capsys):
    study = tmp_path / "study.yaml"
    study.write_text(
        "version: 1\nname: tiny\nregions: [sweden]\nchips: [h100-sxm]\nmodels: [llama-3.2-1b]\n"
        "patterns: {steady: {input: 300 tokens, output: 20 tokens, slo: {ttft: 1 s}}}\n"
        "replicas: 1\nrequests: 100\nreplications: 2\n"
    )
    given = ("economics", str(study), "--out", str(tmp_path / "out"), "--executor", "serial")
    assert command(*given) == 0
    told = capsys.readouterr().out
    table = pd.read_csv(tmp_path / "out" / "economics.csv")
    exact = pd.read_parquet(tmp_path / "out" / "economics.parquet")
    assert table["usd_per_mtoken"].tolist() == pytest.approx(exact["usd_per_mtoken"].tolist())
    html = (tmp_path / "out" / "economics.html").read_text()
    assert html.split('class="verdict">')[1].split("<")[0] in told
    assert command(*given, "--json", "--quiet") == 0
    row, *_ = json.loads(capsys.readouterr().out)["rows"]
    assert row["usd_per_mtoken"] == pytest.approx(exact["usd_per_mtoken"][0], rel=1e-12)


def test_a_study_without_any_answer_leaves_with_4(tmp_path, capsys):
    study = tmp_path / "study.yaml"
    study.write_text(
        "version: 1\nname: none\nregions: [sweden]\nchips: [l40s]\nmodels: [llama-3.1-405b]\n"
        "patterns: {steady: {input: 300 tokens, output: 20 tokens, slo: {ttft: 1 s}}}\n"
    )
    out = str(tmp_path / "out")
    assert command("economics", str(study), "--out", out, "--executor", "serial") == 4
    assert "no cell has an answer" in capsys.readouterr().err
