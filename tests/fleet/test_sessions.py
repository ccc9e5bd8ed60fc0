"""Sessions in closed loop: the next turn follows the answer, the load follows the latency."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import ScenarioError, TraceError
from sim.explain import explain
from sim.rng import Streams
from sim.scenario.schema.sessions import Dialogue
from sim.simulate import load_scenario
from sim.traffic.session_plans import DialogueLaw, RecordedSessions
from sim.traffic.trace import Labels, make_trace

DIALOGUE = {
    "turns": {"least": 3, "most": 3},
    "first_input": {"mean": "10 tokens", "cv": 0.001},
    "new_input": {"mean": "4 tokens", "cv": 0.001},
    "output": {"mean": "2 tokens", "cv": 0.001},
    "think": {"mean": "5 s", "cv": 0.001},
}


def dialogue(lab, **sessions):
    lab.pool("near", replicas=8)
    settings = {"dialogue": DIALOGUE, "deadline": "1 h", **sessions}
    lab.traffic("talk", sessions=settings)
    lab.scenario["run"]["duration"] = "100 s"


def one_start():
    return {
        "process": "table",
        "points": [
            {"at": "0 s", "rate": "0 req/s"},
            {"at": "1 s", "rate": "1000 req/s"},
            {"at": "1.001 s", "rate": "0 req/s"},
        ],
    }


def test_a_turn_starts_when_the_answer_to_the_last_one_was_read(lab):
    """Answers of 2 s, 5 s of thinking: turns every 7 s, whatever else; the context grows by 6."""
    dialogue(lab, concurrency=1)
    lab.scenario["run"]["duration"] = "24 s"
    run = lab.run()
    arrivals_s = np.array(run.column("arrival_s"))
    np.testing.assert_allclose(np.diff(arrivals_s), 7.0, atol=0.05)
    assert run.column("input_tokens")[:3] == [10, 16, 22]
    assert run.column("input_tokens")[3] == 10  # the next session
    assert run.summary["sessions"]["talk"]["completed"] == 1


def test_slow_service_delays_the_next_turn_and_not_only_the_answer(lab):
    dialogue(lab, concurrency=1)
    lab.scenario["pools"]["near"]["step_time"]["a"] = "4 s"
    run = lab.run()
    np.testing.assert_allclose(np.diff(run.column("arrival_s")), 13.0, atol=0.05)


def test_the_number_of_open_sessions_stays_what_it_is_to_be(lab):
    dialogue(lab, concurrency=6)
    run = lab.run()
    report = run.summary["sessions"]["talk"]
    assert 28 <= report["started"] <= 34  # 6 x 100 s / (16 s and 5 s before the next one)
    assert report["started"] - report["completed"] <= 6
    assert report["duration_p50_s"] == pytest.approx(2 * 3 + 5 * 2, abs=0.1)
    assert report["turns"] == len(run.result.requests)
    assert report["in_time"] == 1.0
    assert run.summary["requests"]["in_flight"] == 0


def test_sessions_start_at_the_times_of_a_process(lab):
    dialogue(lab, starts={"process": "poisson", "rate": "0.5 req/s"})
    run = lab.run()
    report = run.summary["sessions"]["talk"]
    assert 30 <= report["started"] <= 70
    assert report["completed"] > 20


def test_a_task_that_takes_too_long_misses_its_deadline(lab):
    dialogue(lab, concurrency=1, deadline="15 s")
    report = lab.run().summary["sessions"]["talk"]
    assert report["completed"] == 4
    assert report["in_time"] == 0.0
    assert report["deadline_s"] == 15.0


def test_a_session_ends_with_a_turn_that_fails(lab):
    dialogue(lab, concurrency=1)
    lab.pool("near", kv_cache="20 tokens")  # the third turn needs 22
    report = lab.run().summary["sessions"]["talk"]
    assert report["failed"] >= 5
    assert report["completed"] == 0


def test_an_agent_makes_5_to_50_calls_and_grows_its_context_up_to_a_limit():
    section = Dialogue.model_validate(
        {
            **DIALOGUE,
            "turns": {"least": 5, "most": 50},
            "first_input": {"mean": "2 ktokens", "cv": 1.0},
            "new_input": {"mean": "700 tokens", "cv": 2.0},
            "output": {"mean": "300 tokens", "cv": 1.0},
            "tool": {"mean": "1 s", "cv": 3.0},
            "tool_share": "80 %",
            "context_limit": "30 ktokens",
        }
    )
    plans = DialogueLaw(section).plans(Streams(1).generator("plans"))
    drawn = [next(plans) for _ in range(400)]
    turns = np.array([len(plan.pause_s) for plan in drawn])
    assert turns.min() == 5
    assert turns.max() == 50
    assert abs(turns.mean() - 27.5) < 2.0
    assert max(plan.input_tokens.max() for plan in drawn) <= 30_000
    pauses_s = np.concatenate([plan.pause_s for plan in drawn])
    assert pauses_s.mean() == pytest.approx(0.8 * 1.0 + 0.2 * 5.0, rel=0.1)
    grew = np.concatenate([np.diff(plan.input_tokens) for plan in drawn])
    assert (grew > 0).mean() > 0.9


def recorded():
    trace = make_trace([0.0, 5.0, 9.0, 20.0, 21.0], [10, 7, 20, 30, 9], [2, 1, 3, 1, 1])
    return trace.__class__(
        **{
            **{name: getattr(trace, name) for name in trace.__slots__},
            "labels": {"session": Labels(np.array([0, 1, 0, 0, -1], np.int32), ("a", "b"))},
            "extras": {"e2e_s": np.array([4.0, 1.0, 1.5, 2.0, 1.0])},
        }
    )


def test_recorded_sessions_keep_their_tokens_and_pauses_and_start_again():
    plans = RecordedSessions(recorded(), pause_limit_s=7.0).plans(Streams(0).generator("x"))
    first, second, again = next(plans), next(plans), next(plans)
    assert first.input_tokens.tolist() == [10, 20, 30]
    assert first.output_tokens.tolist() == [2, 3, 1]
    assert first.pause_s.tolist() == [0.0, 5.0, 7.0]  # 9 - (0 + 4), and 20 - (9 + 1.5) cut
    assert second.input_tokens.tolist() == [7]
    assert again is first


def test_a_trace_without_sessions_cannot_be_replayed_in_closed_loop():
    with pytest.raises(TraceError):
        next(RecordedSessions(make_trace([0.0], [1], [1])).plans(Streams(0).generator("x")))


def test_sessions_and_plain_traffic_share_the_books(lab):
    dialogue(lab, concurrency=2)
    lab.trace("plain", [(float(number), 3) for number in range(40)])
    run = lab.run()
    requests = run.result.requests
    assert requests["arrival_s"].is_monotonic_increasing
    assert run.summary["requests"]["completed"] == len(requests) > 60


def test_what_a_scenario_of_sessions_comes_to_is_explained(lab):
    dialogue(lab, concurrency=2)
    explanation = explain(load_scenario(lab.scenario))
    assert not explanation.loads
    assert any("rate of sessions follows" in warning for warning in explanation.warnings)


@pytest.mark.parametrize(
    ("sessions", "key"),
    [
        ({"dialogue": DIALOGUE}, "traffic.talk.sessions"),
        ({"dialogue": DIALOGUE, "concurrency": 1, "starts": one_start()}, "traffic.talk.sessions"),
        ({"concurrency": 1}, "traffic.talk.sessions"),
        (
            {"concurrency": 1, "dialogue": {**DIALOGUE, "turns": {"least": 4, "most": 2}}},
            "traffic.talk.sessions.dialogue.turns.most",
        ),
        (
            {"concurrency": 1, "dialogue": {**DIALOGUE, "tool_share": "10 %"}},
            "traffic.talk.sessions.dialogue",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(lab, sessions, key):
    lab.traffic("talk", sessions=sessions)
    lab.scenario["run"]["duration"] = "10 s"
    with pytest.raises(ScenarioError) as caught:
        load_scenario(lab.scenario)
    assert [problem.path for problem in caught.value.problems] == [key]
