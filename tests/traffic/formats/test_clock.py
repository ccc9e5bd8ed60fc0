"""Time stamps: exact nanoseconds, mixed forms, impossible dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.traffic.formats.clock import parse_clock
from sim.traffic.formats.fields import split_fields
from sim.traffic.formats.lines import LineChunk

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def parsed(*stamps):
    text = "".join(f"{stamp},x\n" for stamp in stamps)
    nanoseconds, valid = parse_clock(split_fields(LineChunk(1, text.encode()), 2), 0)
    return [n if ok else None for n, ok in zip(nanoseconds.tolist(), valid.tolist(), strict=True)]


zones = st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m)))
moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=zones)  # noqa: DTZ001


@given(st.lists(moments, min_size=1, max_size=10), st.sampled_from("T "))
def test_any_moment_in_iso_form_is_exact_to_the_microsecond(moments, separator):
    stamps = [moment.isoformat(separator) for moment in moments]
    expected = [(moment - EPOCH) // MICROSECOND * 1000 for moment in moments]
    assert parsed(*stamps) == expected


def test_forms_of_the_azure_traces_in_one_column():
    assert parsed(
        "1970-01-01 00:00:01.6805900",
        "1970-01-01 00:00:00.009930+00:00",
        "1970-01-01 00:00:02+00:00",
        "1970-01-01T00:00:00.269Z",
        "1970-01-01 02:00:00.000000001+02:00",
    ) == [1_680_590_000, 9_930_000, 2_000_000_000, 269_000_000, 1]


@pytest.mark.parametrize(
    "stamp",
    [
        "2023-02-29 00:00:00",
        "2023-13-01 00:00:00",
        "2023-00-10 00:00:00",
        "2023-01-32 00:00:00",
        "2023-01-01 24:00:00",
        "2023-01-01 00:60:00",
        "2023-01-01 00:00:60",
        "2023-01-01 00:00:00.",
        "2023-01-01 00:00:00.1234567890",
        "2023-01-01 00:00:00+24:00",
        "2023-01-01 00:00:00+01",
        "2023-01-01 00:00:00 PM",
        "2023-01-01 00:00",
        "01/02/2023 00:00:00",
        "2023-01-01x00:00:00",
        "",
        "1700158546.68",
    ],
)
def test_impossible_stamps_are_refused(stamp):
    assert parsed(stamp, "2024-02-29 23:59:59") == [None, 1_709_251_199_000_000_000]
