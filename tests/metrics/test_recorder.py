"""The recorder: nobody is lost, warm-up is left out, statistics are those of the rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.interfaces import COMPLETED, FAILED, IN_FLIGHT, NOT_YET, REJECTED, STATUS_NAMES, Request
from sim.metrics.columns import LATENCIES
from sim.metrics.recorder import CHUNK_ROWS, Recorder
from sim.metrics.sinks import MemorySink
from sim.metrics.sla import attains, limits_s


def rejected(number, arrival_s, tier=0):
    request = Request(number, arrival_s, 10, 10, tier=tier)
    request.status = REJECTED
    request.finished_s = arrival_s
    return request


def test_every_fate_is_counted_and_stays_in_the_denominator(record, request_factory):
    failed = request_factory(2, status=FAILED, finished_s=10.4)
    waiting = Request(3, 11.0, 10, 10)
    recorder, _ = record([request_factory(0), rejected(1, 10.0), failed], in_flight=[waiting])
    statistics = recorder.statistics
    assert dict(zip(STATUS_NAMES, statistics.fates[0].tolist(), strict=True)) == {
        "in_flight": 1,
        "completed": 1,
        "rejected": 1,
        "timed_out": 0,
        "failed": 1,
    }
    assert statistics.attained.tolist() == [1, 0]
    assert statistics.measured_fates.sum() == 4
    assert recorder.count == 4


def test_warm_up_requests_are_recorded_but_not_measured(record, request_factory):
    requests = [request_factory(0, arrival_s=5.0), request_factory(1, arrival_s=20.0)]
    requests.append(request_factory(2, arrival_s=9.9))  # completed after the warm-up
    recorder, chunks = record(requests, warmup_s=10.0)
    statistics = recorder.statistics
    assert chunks[0]["warmup"].tolist() == [True, False, True]
    assert statistics.fates.sum() == 3
    assert statistics.measured_fates.sum() == 1
    assert statistics.latencies[0]["e2e_s"].count == 1
    assert statistics.completed_in_window == 2
    assert statistics.attained_in_window == 2


def test_a_latency_counts_where_it_has_happened(record, request_factory):
    started = request_factory(1, status=IN_FLIGHT, finished_s=NOT_YET)
    recorder, _ = record([request_factory(0)], in_flight=[started, Request(2, 11.0, 10, 10)])
    counts = {name: recorder.statistics.latencies[0][name].count for name in LATENCIES}
    assert counts == {"ttft_s": 2, "tpot_s": 1, "e2e_s": 1, "queue_s": 2, "network_s": 2}


def test_chunks_are_full_but_the_last(record, request_factory):
    request = request_factory(0)
    recorder, chunks = record([request] * (2 * CHUNK_ROWS + 5))
    assert [len(chunk["request"]) for chunk in chunks] == [CHUNK_ROWS, CHUNK_ROWS, 5]
    assert recorder.count == 2 * CHUNK_ROWS + 5
    assert recorder.statistics.fates.sum() == 2 * CHUNK_ROWS + 5


def test_a_run_without_requests_has_no_chunk(record):
    recorder, chunks = record([])
    assert chunks == []
    assert recorder.statistics.fates.sum() == 0


def test_what_happens_to_a_request_after_its_end_is_not_recorded(names, tiers, request_factory):
    sink = MemorySink()
    recorder = Recorder(names, tiers, sink)
    request = request_factory(0)
    recorder.ended(request)
    request.finished_s = 999.0
    recorder.close([])
    assert sink.chunks[0]["e2e_s"][0] == pytest.approx(0.75)


def test_beyond_the_stated_number_all_quantiles_turn_into_histograms(record, request_factory):
    requests = [request_factory(n, tier=n % 2) for n in range(11)]
    exact, _ = record(requests, exact_up_to=11)
    rough, _ = record(requests, exact_up_to=10)
    for recorder, expected in ((exact, True), (rough, False)):
        for tier in recorder.statistics.latencies:
            assert {values.exact for values in tier.values()} == {expected}
        assert {values.exact for values in recorder.statistics.overall().values()} == {expected}


TIME = st.floats(0.0, 10.0)


@st.composite
def requests_strategy(draw):
    requests = []
    for number in range(draw(st.integers(1, 25))):
        request = Request(
            number, draw(TIME), 10, draw(st.integers(1, 50)), tier=draw(st.integers(0, 1))
        )
        request.status = draw(st.sampled_from([COMPLETED, COMPLETED, FAILED, REJECTED, IN_FLIGHT]))
        stages = 4 if request.status == COMPLETED else draw(st.integers(0, 3))
        moment_s = request.arrival_s
        for stage in ("queued_s", "admitted_s", "first_token_s", "finished_s")[:stages]:
            moment_s += draw(TIME)
            setattr(request, stage, moment_s)
        request.pool = draw(st.integers(0, 2)) if stages else -1
        requests.append(request)
    return requests


@settings(max_examples=50)
@given(requests=requests_strategy(), warmup_s=TIME)
def test_statistics_are_those_of_the_rows(record, requests, warmup_s):
    recorder, chunks = record(requests, warmup_s=warmup_s)
    rows, statistics = chunks[0], recorder.statistics
    assert statistics.fates.sum() == len(requests)
    for tier in range(2):
        mine = (rows["tier"] == tier) & (rows["arrival_s"] >= warmup_s)
        good = attains({n: v[mine] for n, v in rows.items()}, limits_s(statistics.tiers))
        assert statistics.measured_fates[tier].sum() == mine.sum()
        assert statistics.attained[tier] == good.sum()
        for name in LATENCIES:
            values = rows[name][mine]
            values = values[~np.isnan(values)]
            found = statistics.latencies[tier][name]
            assert found.count == len(values)
            if len(values):
                expected = np.quantile(values, [0.0, 0.5, 0.99])
                np.testing.assert_allclose(found.quantiles([0.0, 0.5, 0.99]), expected)
