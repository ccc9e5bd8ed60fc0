import copy

import pytest

from sim.report.formats import GAP
from sim.report.html.headline import verdict
from sim.report.html.tiles import tiles
from sim.report.verdict.brief import brief
from sim.report.verdict.findings import further, headline, state
from sim.report.verdict.readings import site_powers, tier_slas


def words(markup):
    return markup.replace(GAP, " ")


def good_run(result):
    summary = copy.deepcopy(result.summary)
    summary["sla"]["premium"]["attainment"] = 0.995
    summary["power"]["edge-paris"]["limit_kw"] = 400.0
    summary["above_limit"] = {}
    for fate in ("rejected", "timed_out", "failed", "in_flight"):
        summary["requests"][fate] = 0
    return summary


def said_of(summary):
    return words(headline(summary))


def with_events(result, *events):
    """A good run of 200 racks in which something went wrong; events are (when, cause, place)."""
    keys = ("time_s", "cause", "place")
    listed = [{**dict(zip(keys, event, strict=True)), "until_s": None} for event in events]
    return {
        **good_run(result),
        "incidents": {"counts": {}, "events": listed},
        "plant": {"racks": 200},
    }


def test_racks_that_heat_switched_off_come_first_with_their_cause(result):
    racks = [(147.0, "heat", f"hall/liquid/r1/rack-{n:02}") for n in range(56)]
    summary = with_events(result, (120.0, "cdu-pump", "hall"), *racks)
    summary["requests"]["failed"] = 577
    summary["sla"]["premium"]["attainment"] = 0.989
    assert said_of(summary) == (
        "56 of 200 racks switched off by heat at 2 min 27 s (CDU pump failure at 2 min); "
        "577 requests failed; premium 98.9 % of 99 %."
    )
    assert state(summary) == "bad"


def test_a_fault_elsewhere_is_not_the_cause(result):
    summary = with_events(result, (120.0, "chiller", "north"), (147.0, "heat", "hall/a/r1/k"))
    assert said_of(summary).startswith("1 of 200 racks switched off by heat at 2 min 27 s; both")


@pytest.mark.parametrize(
    ("cause", "place", "said"),
    [
        ("breaker", "hall/a/r1", "Hall/a/r1 lost power to a tripped breaker at 1 min 40 s"),
        ("overload", "hall/ups", "Hall/ups was overloaded at 1 min 40 s"),
        ("feed", "hall/a/r1", "Hall/a/r1 lost its feed at 1 min 40 s"),
        (
            "blackout",
            "hall",
            "Hall had less power than needed at 1 min 40 s (UPS failure at 1 min)",
        ),
    ],
)
def test_lost_power_is_said(result, cause, place, said):
    assert said in said_of(with_events(result, (60.0, "ups", "hall"), (100.0, cause, place)))


def test_lost_power_is_worse_than_heat(result):
    summary = with_events(result, (5.0, "heat", "hall/a/r1/k"), (9.0, "breaker", "hall/a/r1"))
    assert "tripped breaker" in said_of(summary)
    assert words(further(summary)[0]).startswith("1 of 200 racks switched off by heat at 5 s")


def test_a_fault_without_harm_is_a_notice(result):
    summary = with_events(result, (60.0, "cdu-pump", "hall"))
    assert said_of(summary).startswith("CDU pump failure at hall at 1 min slowed no rack; both")
    assert state(summary) == "fair"


def test_replicas_that_went_down_are_said_with_the_retries(result):
    summary = good_run(result)
    event = {"kind": "outage", "at_s": 180.0, "until_s": 360.0, "replicas": 4, "links": 0}
    summary |= {"faults": {"events": [event]}, "pools": {"a": {"replicas": 8}}}
    summary["clients"] = {"retries": 235_710}
    summary["requests"]["timed_out"] = 7_370
    assert said_of(summary).startswith(
        "4 of 8 replicas went down at 3 min for 3 min (outage), and clients retried 235,710 times; "
        "7,370 of 20,000 requests timed out;"
    )


def order(**changes):
    usual = {
        "site": "metro",
        "limit_w": 59e3,
        "start_s": 3600.0,
        "end_s": 14400.0,
        "comply_s": 10.0,
    }
    return {**usual, "breach_s": 0.0, "worst_w": 0.0, **changes}


@pytest.mark.parametrize(
    ("changes", "said", "how"),
    [
        ({"breach_s": 2480.0, "worst_w": 8728.0}, "was exceeded for 41.3 min of 3 h, by up to 8.73 kW", "bad"),
        ({"comply_s": None}, "was never met", "bad"),
        ({}, "Both service levels are met.", "good"),
    ],
)  # fmt: skip
def test_a_load_target_that_was_not_met_is_said(result, changes, said, how):
    summary = {**good_run(result), "curtailment": {"afternoon": order(**changes)}}
    summary["window"] = {"start_s": 0.0, "end_s": 18e3, "length_s": 18e3}
    assert said in said_of(summary)
    assert state(summary) == how


def test_a_load_target_that_never_began_says_so(result):
    summary = {**good_run(result), "curtailment": {"late": order(start_s=21_600.0, comply_s=None)}}
    assert said_of(summary) == "Both service levels are met."
    assert "Load target late (59 kW at metro) never began: it starts at 6 h" in words(
        further(summary)[0]
    )


def test_saturation_heads_what_it_caused(result):
    summary = {**good_run(result), "saturated": True}
    summary["requests"]["rejected"] = 16_000
    assert said_of(summary).startswith(
        "Saturated: more arrived than the pools sustain; 16,000 of 20,000 requests were rejected;"
    )
    assert "loadbank headroom" in dict(brief(summary))["Next"]


def test_requests_that_found_no_site_are_said(result):
    said = said_of({**good_run(result), "unreachable": 17_412})
    assert said.startswith("17,412 requests found no site to serve them; both")


def test_undecided_requests_stand_apart(result):
    summary = good_run(result)
    summary["requests"]["in_flight"] = 500
    assert said_of(summary) == "Both service levels are met."
    assert words(further(summary)[0]).startswith("500 requests (2.5 %) were in flight at the end")


def test_a_verdict_that_a_longer_step_would_turn_says_so(result):
    summary = good_run(result)
    summary["pools"] = {"remote": {"step_time": {"interval": [0.75, 2.85]}}}
    summary["latency"]["tiers"]["premium"]["ttft_s"]["p99"] = 0.4
    told = words(further(summary)[0])
    assert "steps of pool remote may take 2.85 times as long, and premium then misses" in told
    assert "p99 TTFT 1.14 s against 500 ms" in told
    summary["pools"]["remote"]["step_time"]["interval"] = [0.97, 1.04]
    assert further(summary) == []


def test_a_miss_without_a_cause_says_which_limit_was_missed(result):
    summary = good_run(result)
    summary["sla"]["premium"] |= {"attainment": 0.9, "missed": {"late_ttft": 90, "rejected": 10}}
    assert said_of(summary) == (
        "Premium 90 % of 99 %; 90 % of the 100 misses of premium: first token late."
    )


def test_a_share_just_below_its_target_does_not_look_like_it(result):
    summary = good_run(result)
    summary["sla"]["premium"]["attainment"] = 0.989996
    assert "premium 98.9996 % of 99 %" in said_of(summary).lower()


def test_the_page_escapes_names(result):
    summary = with_events(result, (9.0, "breaker", "<b>x</b>"))
    assert "<b>" not in verdict(summary)


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
    said = said_of(summary)
    assert state(summary) == "bad"
    assert "Power above the limit: row m/h/r drew up to 870 % of it, 2 racks, of which" in said
    assert "m/h/r/k0 drew up to 458 % of it;" in said
    judged = copy.copy(result)
    judged.summary = summary
    assert "✗ above the limit: 1 row, 2 racks" in words(tiles(judged))


@pytest.mark.parametrize(
    ("tiers", "said"),
    [(1, "The service level is met."), (3, "All 3 service levels are met.")],
)
def test_a_good_run_counts_service_levels(tiers, said):
    good = {"attainment": 0.99, "targets": {"target": 0.9}}
    summary = {"sla": {f"t{number}": good for number in range(tiers)}}
    assert said_of(summary) == said
    assert state(summary) == "good"


def test_without_targets_and_limits_there_is_no_verdict():
    assert verdict({"sla": {"a": {"attainment": 0.5, "targets": {}}}}) == ""


def test_many_missed_names_are_shortened():
    sla = {f"t{i}": {"attainment": 0.5, "targets": {"target": 0.9}} for i in range(6)}
    assert said_of({"sla": sla}).count("50 % of 90 %") == 3
    assert "and 3 more tiers" in said_of({"sla": sla})


def test_the_brief_tells_answer_money_and_margin(result):
    lines = {title: words(told) for title, told in brief(result.summary)}
    assert lines["Answer"].startswith("✗ premium 97.12 % of 99 %; ✓ standard 99.61 % of 95 %;")
    assert "the fullest site, edge-paris, drew up to" in lines["Margin"].lower()
    assert "cap it" in lines["Next"]  # edge-paris is above its limit
    assert "loadbank plan" in dict(brief({**result.summary, "above_limit": {}}))["Next"]


def test_a_target_that_is_reached_exactly_is_met():
    (sla,) = tier_slas({"sla": {"a": {"attainment": 0.99, "targets": {"target": 0.99}}}})
    assert sla.met is True


def test_sites_come_fullest_first(result):
    assert [site.name for site in site_powers(result.summary)] == [
        "edge-paris",
        "remote-lulea",
        "metro-fra",
    ]


def test_a_tile_tells_why_requests_missed(result):
    judged = copy.deepcopy(result)
    judged.summary["sla"]["premium"] |= {
        "missed": {"late_ttft": 90, "rejected": 10},
        "undecided": 3,
    }
    shown = words(tiles(judged))
    assert "90 first token late" in shown
    assert "10 rejected" in shown
    assert "3 undecided at the end" in shown


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
