"""Clients: time-outs, retries with back-off and budget, hedging; one entry in the books each."""

from __future__ import annotations

import numpy as np
import pytest

STEADY = {"first": "1 s", "factor": 2.0, "limit": "3 s", "jitter": False}


def test_a_client_that_times_out_comes_back_until_it_is_served(lab):
    """A 12 s answer is on the only replica. The client waits 2 s, then 1, 2, 3, 3 s between tries.

    It tries at 0.5, 3.5 and 7.5, giving up at 2.5, 5.5 and 9.5, and again at 12.5: served at once.
    """
    lab.trace("busy", [(0, 12)], tier="bulk")
    client = {"timeout": "2 s", "retries": 5, "backoff": STEADY}
    lab.trace("eager", [(0.5, 1)], client=client)
    run = lab.run()
    assert run.column("status") == ["completed", "completed"]
    assert run.ends_s() == [12.0, 13.5]
    assert run.column("queue_s") == [0.0, 0.0]  # that of the attempt that brought the answer
    assert run.summary["clients"]["attempts"] == 4
    assert run.summary["clients"]["retries"] == 3


def test_the_books_see_a_time_out_when_retries_are_used_up(lab):
    lab.trace("busy", [(0, 12)], tier="bulk")
    client = {"timeout": "2 s", "retries": 1, "backoff": STEADY}
    lab.trace("eager", [(0.5, 1)], client=client)
    run = lab.run()
    assert run.column("status") == ["completed", "timed_out"]
    assert run.world.clock.now == 12.0
    assert run.summary["clients"]["attempts"] == 2


def test_a_server_that_is_not_told_works_on_for_nobody(lab):
    client = {"timeout": "2 s", "retries": 1, "backoff": STEADY}
    lab.trace("eager", [(0, 4)], client=client)
    told = lab.run()
    assert told.summary["clients"]["wasted_tokens"] == 2 + 2
    lab.scenario["traffic"]["eager"]["client"]["tells_server"] = False
    untold = lab.run()
    assert untold.summary["clients"]["wasted_tokens"] == 4 + 4
    assert untold.world.clock.now == 8.0  # the second attempt waits for the first
    assert told.column("status") == untold.column("status") == ["timed_out"]


def pool_series(run, column):
    series = run.result.series
    return float(series[series["kind"] == "pool"][column].sum())  # times bins of equal width


def test_every_attempt_is_in_the_series_of_its_pool(lab):
    """The attempts of 0.5, 3.5 and 7.5 wait two seconds each, the one of 12.5 does not."""
    lab.trace("busy", [(0, 12)], tier="bulk")
    client = {"timeout": "2 s", "retries": 5, "backoff": STEADY}
    lab.trace("eager", [(0.5, 1)], client=client)
    run = lab.run("output.series_interval=500 ms")
    assert 0.5 * pool_series(run, "arrivals_per_s") == 1 + 4
    assert 0.5 * pool_series(run, "queue") == 3 * 2.0


@pytest.mark.parametrize(("tells_server", "waiting_s"), [(True, 0), (False, 1)])
def test_an_attempt_that_works_on_for_nobody_is_in_the_series(lab, tells_server, waiting_s):
    """Attempts at 0 and 3, each left after 2 s; untold, the second waits for the first's end."""
    client = {"timeout": "2 s", "retries": 1, "backoff": STEADY, "tells_server": tells_server}
    lab.trace("eager", [(0, 4)], client=client)
    run = lab.run("output.series_interval=1 s")
    assert pool_series(run, "arrivals_per_s") == 2
    assert pool_series(run, "queue") == waiting_s


def test_attempts_that_the_end_of_the_run_cuts_short_are_in_the_series(lab):
    lab.trace("busy", [(0, 12)], tier="bulk")
    lab.trace("eager", [(1, 1)], client={"hedge_after": "1 s"})
    run = lab.run("run.duration=4 s", "run.drain=false", "output.series_interval=1 s")
    assert run.summary["requests"]["in_flight"] == 2
    assert pool_series(run, "arrivals_per_s") == 1 + 2
    assert pool_series(run, "queue") == 3 + 2


def test_a_client_may_wait_for_the_first_token_only(lab):
    lab.trace("busy", [(0, 3)], tier="bulk")
    lab.trace("eager", [(0, 9), (0.1, 1)], client={"first_token_timeout": "4.5 s"})
    run = lab.run()
    assert run.column("status") == ["completed", "completed", "timed_out"]
    assert run.ends_s()[1] == 12.0


def test_a_rejected_request_is_tried_again(lab):
    lab.pool("near", queue={"limit": 1})
    lab.trace("busy", [(0, 3), (0, 1)], tier="bulk")
    lab.trace("eager", [(0.5, 1)], client={"retries": 3, "backoff": STEADY})
    run = lab.run()
    assert run.column("status") == ["completed"] * 3
    assert run.ends_s()[2] == 5.0  # rejected at 0.5 and 1.5, queued at 3.5 behind the second
    assert run.summary["clients"]["retries"] == 2


def test_a_budget_stops_a_retry_storm(lab):
    """Nobody is ever served: 40 requests may make 10 retries and one for every other request."""
    lab.pool("near", kv_cache="1 tokens")
    rows = [(number * 0.1, 5) for number in range(40)]
    client = {"retries": 9, "backoff": STEADY}
    lab.trace("eager", rows, client=client)
    storm = lab.run().summary["clients"]
    assert storm["retries"] == 40 * 9
    client["retry_budget"] = "50 %"
    held = lab.run().summary
    assert held["clients"]["retries"] == 10 + 20
    assert held["clients"]["refused_retries"] == 40
    assert held["requests"]["rejected"] == 40


def test_a_hedge_brings_the_answer_of_the_faster_pool(lab):
    """The near pool has room, but its batch runs until 20; 2 s later the far one is asked, too."""
    lab.pool("far", "far")
    lab.trace("busy", [(0, 20)], tier="bulk")
    lab.pool("near", batching={"mode": "static", "max_num_seqs": 2, "block_size": 1})
    lab.trace("eager", [(1, 2)], client={"hedge_after": "2 s"})
    run = lab.run()
    assert run.column("status") == ["completed", "completed"]
    assert run.column("site") == ["near", "far"]
    assert run.ends_s()[1] == 3.0 + 0.25 + 2.0 + 0.25
    assert run.summary["clients"]["hedges"] == run.summary["clients"]["hedges_won"] == 1
    assert run.world.clock.now == 20.0  # the first attempt left the queue


def test_waits_before_retries_are_drawn_between_nothing_and_the_back_off(lab):
    lab.pool("near", kv_cache="1 tokens")
    backoff = {"first": "1 s", "factor": 1.0}
    lab.trace("eager", [(0, 5)] * 400, client={"retries": 1, "backoff": backoff})
    network_s = np.sort(lab.run().result.requests["network_s"])
    assert np.isnan(network_s).all()  # refused twice, never served
    assert 0.98 < lab.run().world.clock.now < 1.0  # the longest of 400 waits of up to 1 s


def test_without_client_behaviour_nothing_stands_in_between(lab):
    lab.trace("plain", [(0, 1)])
    run = lab.run()
    assert run.world.users.clients is None
    assert run.world.users.log is run.world.recorder
