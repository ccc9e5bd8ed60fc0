"""What is told of a trace: rows left out, an end before that of the run, a warm-up that is too long."""

from __future__ import annotations

import pytest
from traffic_scenario import SYNTHETIC, replay, scenario_of

from sim.errors import ScenarioError
from sim.rng import Streams
from sim.traffic.build.build import build_workload

HEADER = "arrival_s,input_tokens,output_tokens\n"


def rows(times):
    return "".join(f"{time},5,5\n" for time in times)


def built(tmp_path, traffic, duration_s=None, **run):
    return build_workload(scenario_of(tmp_path, traffic, duration_s, **run), Streams(1))


def notes(tmp_path, entry, duration_s=None, **run):
    return list(built(tmp_path, {"chat": entry}, duration_s, **run).notes)


BAD = HEADER + rows(range(3)) + "x,5,5\n3,0,5\n4,5\n5,0,5\ny,5,5\n6,0,5\n7,0,5\n" + rows([8])


def test_rows_left_out_are_told_by_reason_with_their_first_lines(tmp_path, write):
    assert notes(tmp_path, replay(path=str(write(BAD)), bad_rows="skip")) == [
        "traffic chat: 2 rows of the trace were left out: unreadable time (lines 5, 9)",
        "traffic chat: 1 row of the trace was left out: wrong number of columns (line 7)",
        "traffic chat: 4 rows of the trace were left out: zero input_tokens (lines 6, 8, 10, ...)",
    ]


@pytest.mark.parametrize(
    ("from_s", "to_s", "told"),
    [
        (0.0, 3.0, ["1 row of the trace was left out: unreadable time (line 5)"]),
        (8.0, 9.0, []),
        (6.0, 9.0, ["2 rows of the trace were left out: zero input_tokens (lines 10, 11)"]),
    ],
)
def test_only_rows_of_the_window_count(tmp_path, write, from_s, to_s, told):
    """Line 5 stands between the rows of 2 s and of 3 s, line 9 between those of 5 s and 6 s."""
    entry = replay(path=str(write(BAD)), bad_rows="skip", from_s=from_s, to_s=to_s)
    assert notes(tmp_path, entry) == [f"traffic chat: {text}" for text in told]


def test_a_short_run_counts_only_the_rows_of_its_time(tmp_path, write):
    entry = replay(path=str(write(BAD)), bad_rows="skip")
    (note,) = notes(tmp_path, entry, 3.0)
    assert note.endswith("unreadable time (line 5)")


def test_a_file_without_order_is_counted_as_a_whole_and_says_so(tmp_path, write):
    line = '{"timestamp": %d, "input_length": %d, "output_length": 1}\n'
    text = "".join(line % (1000 * i, 5 if i != 7 else 0) for i in range(9))
    entry = replay(path=str(write(text, "t.jsonl")), bad_rows="skip", to_s=3.0)
    (note,) = notes(tmp_path, entry)
    assert "1 row of the trace in the whole file, not only in the window, was left out" in note
    assert note.endswith("(line 8)")


def test_a_fitted_generator_tells_what_it_did_not_see(tmp_path, write):
    entry = {key: SYNTHETIC[key] for key in ("model", "regions", "tiers")}
    path = str(write(HEADER + rows(range(50)) + "x,5,5\n"))
    fitted = {"path": path, "bad_rows": "skip", "stretch_s": 10.0, "cycle_s": 2.0}
    (note,) = notes(tmp_path, {**entry, "fitted": fitted}, 30.0)
    assert note.endswith("unreadable time (line 52)")


@pytest.fixture
def minute(write):
    """Return a trace of a request every second for a minute."""
    return str(write(HEADER + rows(range(60))))


def test_a_trace_that_ends_well_before_the_run_is_told(tmp_path, minute):
    (note,) = notes(tmp_path, replay(path=minute), 7200.0)
    assert note.startswith("traffic chat: its trace ends after 1 min, the run after 2 h")
    (note,) = notes(tmp_path, replay(path=minute, scale=2.0), 40.0, from_s=30.0)
    assert "its trace ends after 30 s, the run after 40 s" in note


def test_a_trace_that_ends_before_the_run_begins_is_told(tmp_path, minute):
    (note,) = notes(tmp_path, replay(path=minute, scale=2.0), 40.0, from_s=120.0)
    assert note.endswith("its trace ends before the run begins, which is at 2 min (run.from)")


def test_a_trace_that_ends_with_the_run_or_starts_again_is_no_note(tmp_path, minute):
    assert notes(tmp_path, replay(path=minute), 62.0) == []
    assert notes(tmp_path, replay(path=minute), 30.0) == []
    assert notes(tmp_path, replay(path=minute, loop=True), 7200.0) == []
    assert notes(tmp_path, replay(path=minute)) == []


@pytest.mark.parametrize(
    ("duration_s", "run", "end"),
    [
        (None, {"warmup_s": 60.0}, "1 min"),
        (7200.0, {"warmup_s": 3600.0}, "1 min"),
        (None, {"warmup_s": 20.0, "from_s": 40.0}, "20 s"),
    ],
)
def test_a_warm_up_that_outlasts_all_traces_is_refused(tmp_path, minute, duration_s, run, end):
    with pytest.raises(ScenarioError, match=rf"run\.warmup: got .*, expected less than {end}, "):
        notes(tmp_path, replay(path=minute), duration_s, **run)


def test_a_warm_up_may_last_while_requests_come(tmp_path, minute):
    notes(tmp_path, replay(path=minute), warmup_s=59.5)
    notes(tmp_path, replay(path=minute, loop=True), 7200.0, warmup_s=3600.0)
    both = {"trace": replay(path=minute), "other": SYNTHETIC}
    built(tmp_path, both, 7200.0, warmup_s=3600.0)


def test_a_scale_that_leaves_nothing_is_told(tmp_path, minute):
    (note,) = notes(tmp_path, replay(path=minute, scale=1e-9))
    assert note == "traffic chat: a scale of 1e-09 left none of 60 requests"
