import copy

import pytest

from sim.report.formats import GAP
from sim.report.headline import site_powers, tier_slas, tiles, verdict


def words(markup):
    return markup.replace(GAP, " ")


def good_run(result):
    summary = copy.deepcopy(result.summary)
    summary["sla"]["premium"]["attainment"] = 0.995
    summary["power"]["edge-paris"]["limit_kw"] = 400.0
    summary["above_limit"] = {}
    return summary


def test_the_verdict_names_what_was_missed(result):
    said = words(verdict(result.summary))
    assert 'class="verdict bad"' in said
    assert "1 of 2 service levels missed: premium (97.12 % against 99 %)." in said
    assert "Power above the limit: site edge-paris drew up to " in said


def test_a_rack_above_its_limit_spoils_a_good_run(result):
    """Racks at 458 % and a row at 870 % of their limits under a site that has room."""
    summary = good_run(result)
    racks = [
        {"name": f"m/h/r/k{n}", "limit_w": 5e3, "peak_w": watts, "share_above": 1.0}
        for n, watts in enumerate((22.9e3, 20.6e3))
    ]
    row = {"name": "m/h/r", "limit_w": 5e3, "peak_w": 43.5e3, "share_above": 1.0}
    summary["above_limit"] = {
        "rack": {"count": 2, "worst": racks},
        "row": {"count": 1, "worst": [row]},
    }
    said = words(verdict(summary))
    assert 'class="verdict bad"' in said
    assert "Power above the limit: row m/h/r drew up to 870 % of it; 2 racks, of which" in said
    assert "m/h/r/k0 drew up to 458 % of it." in said
    judged = copy.copy(result)
    judged.summary = summary
    assert "✗ above the limit: 1 row, 2 racks" in words(tiles(judged))


def test_the_verdict_praises_a_good_run(result):
    said = words(verdict(good_run(result)))
    assert 'class="verdict good"' in said
    assert "Both service levels are met. No site, row or rack went above its power limit." in said


@pytest.mark.parametrize(
    ("tiers", "said"), [(1, "The service level is met."), (3, "All 3 service levels are met.")]
)
def test_the_verdict_counts_service_levels(tiers, said):
    good = {"attainment": 0.99, "targets": {"target": 0.9}}
    assert said in verdict({"sla": {f"t{number}": good for number in range(tiers)}})


def test_without_targets_and_limits_there_is_no_verdict():
    assert verdict({"sla": {"a": {"attainment": 0.5, "targets": {}}}}) == ""


def test_many_missed_names_are_shortened():
    sla = {f"t{i}": {"attainment": 0.5, "targets": {"target": 0.9}} for i in range(6)}
    assert words(verdict({"sla": sla})).count("against") == 3
    assert "and 3 more" in verdict({"sla": sla})


def test_a_target_that_is_reached_exactly_is_met():
    (sla,) = tier_slas({"sla": {"a": {"attainment": 0.99, "targets": {"target": 0.99}}}})
    assert sla.met is True


def test_sites_come_fullest_first(result):
    assert [site.name for site in site_powers(result.summary)] == [
        "edge-paris",
        "remote-lulea",
        "metro-fra",
    ]


def test_the_tiles_carry_the_main_figures(result):
    shown = words(tiles(result))
    for text in (
        "20,000",
        "190 rejected",
        "5.38",
        "97.12 %",
        "missed by 1.9 points",
        "812 kWh",
        "1.23",
        "0.537",
        "998 kWh at the meter",
    ):
        assert text in shown


def test_an_unfinished_summary_still_gives_tiles(result):
    empty = copy.copy(result)
    empty.summary = {"requests": {"arrived": 0}}
    assert ">Requests<" in tiles(empty)


def test_a_run_without_cooling_says_why_there_is_no_pue(result):
    summary = copy.deepcopy(result.summary)
    summary["energy"].update(pue=None, facility_kwh=None)
    bare = copy.copy(result)
    bare.summary = summary
    shown = words(tiles(bare))
    assert "cooling is not modelled in this run" in shown
    assert "at the meter" not in shown


def test_without_limits_the_highest_peak_is_shown(result):
    bare = copy.deepcopy(result)
    for site in bare.summary["power"].values():
        site["limit_kw"] = None
    shown = words(tiles(bare))
    assert "Peak power against limit" not in shown
    assert "metro-fra" in shown
    assert "no limit given" in shown


def test_an_attainment_without_a_target_is_not_judged(result):
    bare = copy.deepcopy(result)
    del bare.summary["sla"]["premium"]["targets"]["target"]
    assert "within its SLO; no target given" in tiles(bare)


def test_a_tier_without_a_single_request_has_no_attainment():
    assert tier_slas({"sla": {"a": {"attainment": None, "targets": {"target": 0.9}}}}) == []
