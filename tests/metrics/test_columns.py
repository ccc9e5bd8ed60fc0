"""The request table: what each column says, and what it says when nothing has happened."""

from __future__ import annotations

import numpy as np
import pytest

from sim.interfaces import FAILED, IN_FLIGHT, NOT_YET, REJECTED, Request
from sim.metrics.columns import RECORD, RECORD_TYPE, REQUEST_TYPES, request_columns


def columns_of(pack, names, *requests, warmup_s=0.0):
    return request_columns(pack(requests), names.pool_site, warmup_s)


def test_struct_and_numpy_agree_on_the_record():
    assert RECORD_TYPE.itemsize == RECORD.size == 96
    offsets = [RECORD_TYPE.fields[name][1] for name in RECORD_TYPE.names]
    assert offsets == [*range(0, 72, 8), 68, 72, 76, 80, 82, 84, 86, 88]


def test_a_completed_request(pack, names, request_factory):
    request = request_factory(7, arrival_s=10.0, pool=2, tier=1, region=1, preemptions=2)
    columns = columns_of(pack, names, request)
    assert list(columns) == list(REQUEST_TYPES)
    row = {name: values[0] for name, values in columns.items()}
    assert (row["request"], row["arrival_s"], row["tier"], row["region"]) == (7, 10.0, 1, 1)
    assert (row["site"], row["pool"], row["replica"], row["status"]) == (1, 2, 3, 1)
    assert (row["input_tokens"], row["output_tokens"], row["preemptions"]) == (100, 11, 2)
    assert row["queue_s"] == pytest.approx(0.1)
    assert row["network_s"] == pytest.approx(0.05)
    assert row["ttft_s"] == pytest.approx(0.35)  # 0.02 up, 0.1 queue, 0.2 prefill, 0.03 down
    assert row["tpot_s"] == pytest.approx(0.04)
    assert row["e2e_s"] == pytest.approx(0.75)
    assert not row["warmup"]


def test_an_attempt_before_the_one_that_counted_is_no_network_time(pack, names, request_factory):
    request = request_factory(7, arrival_s=10.0)
    request.arrival_s, request.sent_s = 2.0, 10.0
    columns = columns_of(pack, names, request)
    assert columns["network_s"][0] == pytest.approx(0.05)
    assert columns["ttft_s"][0] == pytest.approx(8.35)


def test_ttft_and_the_tokens_after_it_make_up_e2e(pack, names, request_factory):
    columns = columns_of(pack, names, request_factory(output_tokens=200))
    after_first_s = columns["tpot_s"] * (columns["output_tokens"] - 1)
    np.testing.assert_allclose(columns["ttft_s"] + after_first_s, columns["e2e_s"])


def test_an_answer_of_one_token_has_no_time_per_token(pack, names, request_factory):
    columns = columns_of(pack, names, request_factory(output_tokens=1))
    assert np.isnan(columns["tpot_s"][0])
    assert columns["e2e_s"][0] == columns["ttft_s"][0]


def test_a_request_that_no_pool_took_has_neither_site_nor_times(pack, names):
    request = Request(0, 5.0, 10, 10)
    request.status = REJECTED
    columns = columns_of(pack, names, request)
    assert (columns["site"][0], columns["pool"][0], columns["replica"][0]) == (-1, -1, -1)
    for name in ("queue_s", "network_s", "ttft_s", "tpot_s", "e2e_s"):
        assert np.isnan(columns[name][0])


@pytest.mark.parametrize("status", [IN_FLIGHT, FAILED])
def test_an_unfinished_answer_has_a_first_token_but_no_end(pack, names, request_factory, status):
    finished_s = NOT_YET if status == IN_FLIGHT else 10.4
    columns = columns_of(pack, names, request_factory(status=status, finished_s=finished_s))
    assert columns["ttft_s"][0] == pytest.approx(0.35)
    assert columns["network_s"][0] == pytest.approx(0.05)
    assert np.isnan(columns["tpot_s"][0])
    assert np.isnan(columns["e2e_s"][0])


def test_warm_up_ends_with_the_first_request_at_its_end(pack, names, request_factory):
    requests = [request_factory(arrival_s=arrival_s) for arrival_s in (59.9, 60.0, 60.1)]
    columns = columns_of(pack, names, *requests, warmup_s=60.0)
    assert columns["warmup"].tolist() == [True, False, False]


def test_the_columns_of_one_record_are_no_view_of_it():
    """A recorder uses its buffer again; what it handed out before must not change with it."""
    raw = np.zeros(1, dtype=RECORD_TYPE)
    raw["number"] = 7
    columns = request_columns(raw, np.array([0]), 0.0)
    raw["number"] = 9
    assert columns["request"].tolist() == [7]
    assert not any(np.shares_memory(values, raw) for values in columns.values())
