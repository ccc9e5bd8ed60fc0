"""Errors from outside are told by their kind and place, whatever their own words are."""

from __future__ import annotations

import csv
import errno
import zlib

import pytest

from sim.errors import TraceError
from sim.reasons import json_value, reason, system_reason


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOENT, "no such file or directory"),
        (errno.ENOSPC, "no space left on device"),
        (errno.EACCES, "permission denied"),
        (9999, "error 9999 of the system"),
    ],
)
def test_the_system_is_told_by_its_number(number: int, told: str) -> None:
    assert system_reason(OSError(number, "mots d'une autre langue")) == told


@pytest.mark.parametrize(
    "error", [csv.Error("words"), zlib.error("words"), EOFError("words"), ValueError("words")]
)
def test_readers_are_told_by_their_kind(error: Exception) -> None:
    assert "words" not in reason(error)


def test_a_byte_that_is_no_text_is_shown() -> None:
    with pytest.raises(UnicodeDecodeError) as caught:
        b"ab\xff".decode()
    assert reason(caught.value) == "byte 0xff, which is not UTF-8"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "f.json:1:1: got no JSON, an empty text, expected JSON"),
        ('{"a": ', "f.json:1:7: got no JSON, it ends too early, expected JSON"),
        ('{"a": }', "f.json:1:7: got no JSON, '}', expected JSON"),
        ('{\n"a": 1,}', "f.json:2:8: got no JSON, "),
        ('{"a": "b}', "f.json:1:7: got no JSON, a text without its closing quote, expected JSON"),
        ("[" * 100_000, "f.json: got values nested too deep, expected JSON"),
        (b"\xff", "f.json: got byte 0xff, which is not UTF-8, expected text in UTF-8"),
    ],
)
def test_what_is_no_json_is_told_at_its_place(text: str | bytes, told: str) -> None:
    with pytest.raises(TraceError) as caught:
        json_value(text, "f.json", error=TraceError)
    assert str(caught.value).startswith(told)


def test_a_line_of_a_file_keeps_its_number() -> None:
    with pytest.raises(TraceError, match=r"^f\.jsonl:7:2: got no JSON"):
        json_value("{]", "f.jsonl", line=7, error=TraceError)
