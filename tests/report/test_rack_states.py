import numpy as np

from sim.report.charts.rack_states import (
    CAPPED,
    FEWER,
    FREE,
    HOT,
    OFF,
    TOO_HOT,
    TRIPPED,
    UNFED,
    RackHistory,
    rack_history,
    rack_states,
)


def history(power_w, inlet_c, plate_c, clock, batch=None, incidents=()):
    batch = np.ones(len(power_w)) if batch is None else batch
    columns = (power_w, inlet_c, plate_c, clock, batch)
    arrays = [np.array([values], dtype=float) for values in columns]
    return RackHistory(("a/h/r1/k",), np.arange(len(power_w)) * 10.0, 10.0, *arrays, incidents)


def test_the_state_is_what_held_a_rack_back():
    states = rack_states(
        history(
            power_w=[30e3, 30e3, 30e3, 30e3, 0.0, 30e3],
            inlet_c=[25.0, 25.0, 36.0, 25.0, 46.0, 36.0],
            plate_c=[50.0, 50.0, 50.0, 89.0, 91.0, 50.0],
            clock=[1.0, 0.7, 0.9, 0.7, 0.3, 1.0],
        )
    )
    assert states.tolist() == [[FREE, CAPPED, HOT, HOT, OFF, FREE]]


def test_a_rack_without_cold_plates_is_never_hot_there():
    nothing = [np.nan, np.nan]
    states = rack_states(history([30e3, 30e3], [25.0, 36.0], nothing, [0.8, 0.8]))
    assert states.tolist() == [[CAPPED, HOT]]


def test_smaller_batches_are_told_from_slower_clocks():
    nothing = [np.nan] * 3
    states = rack_states(history([3e4] * 3, [25.0] * 3, nothing, [0.7, 0.7, 1.0], [1.0, 0.4, 0.4]))
    assert states.tolist() == [[CAPPED, FEWER, FEWER]]


def test_an_incident_says_why_a_rack_was_off():
    """Off from 10 s on; a breaker of its row, heat, a stage of its site; then nothing that is known."""
    events = [
        {"time_s": 11.0, "until_s": 20.0, "cause": "breaker", "place": "a/h/r1"},
        {"time_s": 20.0, "until_s": 30.0, "cause": "heat", "place": "a/h/r1/k"},
        {"time_s": 30.0, "until_s": 40.0, "cause": "overload", "place": "a/ups"},
        {"time_s": 40.0, "until_s": 50.0, "cause": "blackout", "place": "a"},
        {"time_s": 50.0, "until_s": None, "cause": "heat", "place": "a/h/r1/k2"},  # another rack
    ]
    powers = [3e4, 0.0, 0.0, 0.0, 0.0, 0.0]
    ones = [1.0] * 6
    states = rack_states(history(powers, [25.0] * 6, [np.nan] * 6, ones, incidents=events))
    assert states.tolist() == [[FREE, TRIPPED, TOO_HOT, TRIPPED, UNFED, OFF]]


def test_a_run_without_a_facility_has_no_history(result):
    assert rack_history(result) is None


def test_the_history_has_every_rack_and_bin(facility_result):
    found = rack_history(facility_result)
    assert found.power_w.shape == (40, 360)
    assert found.width_s == 10.0
    assert found.of_site("edge-paris").sum() == 4
    states = rack_states(found)
    counts = [(states == state).sum() for state in (CAPPED, HOT, TOO_HOT)]
    assert counts == [30, 30, 30]
    assert (states[2:] == FREE).all()
