"""Labels of a replayed trace: names of the scenario mean themselves, a mapping wins, shares fill in."""

from __future__ import annotations

import pytest
from traffic_scenario import joined, replay, scenario_of

from sim.errors import TraceError
from sim.rng import Streams
from sim.traffic.build.build import build_workload

PREMIUM, STANDARD = 0, 1  # tiers and regions in the order of the scenario
NORTH, SOUTH = 0, 1
SMALL, LARGE = "llama-3.1-8b", "llama-3.1-70b"


@pytest.fixture
def labelled(write):
    """Return a function that writes a trace with one row per text of labels."""

    def of(columns, *rows):
        lines = [f"arrival_s,input_tokens,output_tokens,{columns}"]
        lines += [f"{i},5,5,{row}" for i, row in enumerate(rows)]
        return str(write("\n".join(lines) + "\n"))

    return of


def built(tmp_path, path, pools=None, **settings):
    scenario = scenario_of(tmp_path, {"chat": replay(path=path, **settings)}, None, pools=pools)
    return build_workload(scenario, Streams(1))


def told(rows, column, labels):
    return (
        f"traffic chat: {rows} of the trace with a {column} that the scenario does not know "
        f"({labels}): the {column}s of the entry decide, unless trace.{column}s says what the label "
        f"means"
    )


def test_a_label_that_is_a_name_of_the_scenario_means_it(tmp_path, labelled):
    """Shares of the entry: 25 % premium, all from the south. The trace says otherwise."""
    traffic = built(tmp_path, labelled("tier,region", *["premium,north"] * 300))
    assert set(joined(traffic, "tier").tolist()) == {PREMIUM}
    assert set(joined(traffic, "region").tolist()) == {NORTH}
    assert traffic.notes == ()


def test_a_mapping_wins_over_an_equal_name(tmp_path, labelled):
    path = labelled("tier", *["premium", "gold", "standard"] * 10)
    traffic = built(tmp_path, path, tiers={"premium": "standard", "gold": "premium"})
    assert joined(traffic, "tier").tolist() == [STANDARD, PREMIUM, STANDARD] * 10


def test_labels_that_nothing_knows_follow_the_shares_and_are_told_with_their_rows(
    tmp_path, labelled
):
    rows = ["gold,south"] * 2_000 + ["premium,mars"] * 5 + [",south"] * 3
    traffic = built(tmp_path, labelled("tier,region", *rows))
    tier, region = joined(traffic, "tier"), joined(traffic, "region")
    # A quarter of 2,000 is premium, within four standard deviations.
    assert (tier[:2000] == PREMIUM).mean() == pytest.approx(0.25, abs=4 * (0.1875 / 2000) ** 0.5)
    assert set(tier[2000:2005].tolist()) == {PREMIUM}
    assert set(region.tolist()) == {SOUTH}
    assert traffic.notes == (
        told("2,000 rows", "tier", "'gold' 2,000"),
        told("5 rows", "region", "'mars' 5"),
    )


def test_the_commonest_of_many_unknown_labels_are_named(tmp_path, labelled):
    rows = [f"t{i}" for i in range(9) for _ in range(i + 1)]
    (note,) = built(tmp_path, labelled("tier", *rows)).notes
    assert "45 rows" in note
    assert "('t8' 9, 't7' 8, 't6' 7, 't5' 6, 't4' 5 and 4 more)" in note


def test_rows_are_those_of_the_window_before_their_rate_is_scaled(tmp_path, labelled):
    path = labelled("tier", *["gold"] * 40)
    (note,) = built(tmp_path, path, from_s=10.0, to_s=20.0, scale=3.0).notes
    assert "10 rows" in note


def test_a_model_that_a_pool_runs_is_asked_for_by_its_label(tmp_path, labelled):
    path = labelled("model", LARGE, SMALL, "gpt-9", LARGE)
    pools = {"large": {"model": LARGE, "tensor_parallel": 4}}
    traffic = built(tmp_path, path, pools)
    asked = [traffic.model_names[index] for index in joined(traffic, "model")]
    assert asked == [LARGE, SMALL, SMALL, LARGE]
    (note,) = traffic.notes
    assert "1 row of the trace with a model that the scenario does not know ('gpt-9' 1)" in note
    mapped = built(tmp_path, path, pools, models={"gpt-9": LARGE})
    assert mapped.notes == ()
    assert [mapped.model_names[index] for index in joined(mapped, "model")][2] == LARGE


def test_a_label_cannot_be_mapped_to_a_model_that_no_pool_runs(tmp_path, labelled):
    with pytest.raises(TraceError, match=rf"got 1 row with 'premium' requests .* for {LARGE}"):
        built(tmp_path, labelled("model", "x"), models={"x": LARGE})


def test_labels_lead_nobody_to_where_no_pool_serves_them(tmp_path, labelled):
    """The large model's pool takes premium only; the first two rows ask it for standard."""
    path = labelled("tier,model", *[f"standard,{LARGE}"] * 2, f"premium,{LARGE}")
    pools = {"large": {"model": LARGE, "tensor_parallel": 4, "tiers": ["premium"]}}
    with pytest.raises(TraceError) as caught:
        built(tmp_path, path, pools)
    assert str(caught.value) == (
        f"traffic.chat.trace: got 2 rows with 'standard' requests from 'south' for {LARGE}, "
        f"expected requests that some pool may serve (map its labels with tiers, regions and models)"
    )
