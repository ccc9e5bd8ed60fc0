"""What ``traces fit`` prints can be pasted into a scenario."""

from __future__ import annotations

import pytest

from sim.cli.trace_tables import _arrivals_yaml
from sim.document.yaml_reader import parse_document
from sim.scenario.schema.arrivals import GammaArrivals, MmppArrivals


@pytest.mark.parametrize(
    ("process", "model", "settings"),
    [
        ("gamma", GammaArrivals, {"rate_per_s": 5.53, "cv": 1.09}),
        (
            "mmpp",
            MmppArrivals,
            {"rate_0_per_s": 4.6, "rate_1_per_s": 7.0, "sojourn_0_s": 122.0, "sojourn_1_s": 76.0},
        ),
    ],
)
def test_fitted_arrivals_are_valid_yaml(process, model, settings):
    text = f"arrivals: {{process: {process}, {_arrivals_yaml(settings)}}}\n"
    found = model.model_validate(parse_document(text, "scenario.yaml").data["arrivals"])
    if process == "mmpp":
        assert [state.sojourn_s for state in found.states] == [122.0, 76.0]
    else:
        assert (found.rate_per_s, found.cv) == (5.53, 1.09)
