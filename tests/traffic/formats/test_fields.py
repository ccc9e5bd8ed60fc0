"""Bytes to numbers: exactly the floats that Python reads, without a loop per row."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim.traffic.formats.fields import parse_labels, parse_number, parse_numbers, split_fields
from sim.traffic.formats.lines import LineChunk


def table_of(rows):
    text = "".join(",".join(row) + "\n" for row in rows)
    return split_fields(LineChunk(1, text.encode()), len(rows[0]))


@given(
    st.lists(
        st.one_of(
            st.integers(0, 10**15 - 1).map(str),
            st.decimals(0, 10**6, places=7).map(lambda number: f"{number:f}"),
            st.floats(-1e300, 1e300).map(repr),
            st.integers(0, 10**40).map(str),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_numbers_are_the_floats_that_python_reads(texts):
    numbers = parse_numbers(table_of([(text, "x") for text in texts]), 0)
    assert numbers.tolist() == [float(text) for text in texts]


def test_what_is_no_finite_number_is_nan():
    words = ["", ".", "1.2.3", "nan", "inf", "-inf", "1e999", "1_000", "0x10", "1e", "٣", "--1"]
    numbers = parse_numbers(table_of([("1", word) for word in words]), 1)
    assert np.isnan(numbers).all()


def test_odd_spellings_are_numbers_too():
    numbers = parse_numbers(table_of([(" 7 ", "x"), ("+1.5", "x"), (".5", "x"), ("2.", "x")]), 0)
    assert numbers.tolist() == [7.0, 1.5, 0.5, 2.0]
    assert math.isnan(parse_number("seven"))


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters=',\n\r"\0')), min_size=1))
def test_labels_come_back_as_written(names):
    codes, distinct = parse_labels(table_of([("0", name) for name in names]), 1)
    assert [distinct[code] for code in codes.tolist()] == [name.strip() for name in names]


def test_lines_with_another_number_of_columns_are_named():
    chunk = LineChunk(40, b"1,2\n1,2,3\n\n4,5\n6\n")
    table = split_fields(chunk, 2)
    assert table.line.tolist() == [40, 43]
    assert table.misfits == ((41, 3), (44, 1))


def test_quoted_fields_lose_their_quotes_and_inner_commas():
    table = split_fields(LineChunk(1, b'"1.5","a, b",3\n2,c,4\n'), 3)
    assert table.texts(1) == ["a  b", "c"]
    assert parse_numbers(table, 0).tolist() == [1.5, 2.0]
