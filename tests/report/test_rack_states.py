import numpy as np

from sim.report.rack_states import CAPPED, FREE, HOT, OFF, RackHistory, rack_history, rack_states


def history(power_w, inlet_c, plate_c, clock):
    arrays = [np.array([values], dtype=float) for values in (power_w, inlet_c, plate_c, clock)]
    return RackHistory(("hall/r1/a",), np.arange(len(power_w)) * 10.0, 10.0, *arrays)


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


def test_a_run_without_a_facility_has_no_history(result):
    assert rack_history(result) is None


def test_the_history_has_every_rack_and_bin(facility_result):
    found = rack_history(facility_result)
    assert found.power_w.shape == (40, 360)
    assert found.width_s == 10.0
    assert found.of_site("edge-paris").sum() == 4
    states = rack_states(found)
    counts = [(states == state).sum() for state in (CAPPED, HOT, OFF)]
    assert counts == [30, 30, 30]
    assert (states[2:] == FREE).all()
