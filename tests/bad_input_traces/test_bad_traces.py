"""Broken trace files, each with the message that it has to give."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.errors import InputError
from sim.traffic.reader import read_trace

FILES = Path(__file__).parent / "files"
FORMATS = "one of the formats "
STAMP = "expected a time stamp, such as 2023-11-16 18:15:46.6805900"
TIME = "expected a time as in the other records"
COUNT = "expected a whole number of tokens"
BROKEN_GZIP = "got a gzip stream that ends or breaks here"

EXPECTED = {
    "azure-all-failed.csv": [
        (
            "azure-all-failed.csv: got no usable request (1 x zero input_tokens, 1 x zero "
            "output_tokens), expected at least one request"
        )
    ],
    "azure-dates.csv": [
        f"azure-dates.csv:3: TIMESTAMP: got '2023-02-30 18:15:46', {STAMP}",
        f"azure-dates.csv:4: TIMESTAMP: got '16/11/2023 18:15', {STAMP}",
    ],
    "azure-missing-column.csv": [
        "azure-missing-column.csv:1: got a file that starts 'TIMESTAMP,ContextTokens', expected",
        "(for azure it lacks 'GeneratedTokens')",
    ],
    "azure-zones.csv": [
        f"azure-zones.csv:2: TIMESTAMP: got '2023-11-16 18:15:46+25:00', {STAMP}",
        f"azure-zones.csv:3: TIMESTAMP: got '2023-11-16 18:15:46.1234567890', {STAMP}",
        f"azure-zones.csv:4: TIMESTAMP: got '2023-11-16 18:15:46.', {STAMP}",
    ],
    "bailian-negative.jsonl": [
        (
            "bailian-negative.jsonl:1: timestamp: got -3, expected a time at or after the start of "
            "the trace"
        )
    ],
    "burstgpt-goes-back.csv": [
        "burstgpt-goes-back.csv:3: Timestamp: got an arrival that goes back 1 s, expected rows in"
    ],
    "columns.csv": [
        "columns.csv:3: got 2, expected 3 columns as in the header",
        "columns.csv:4: got 4, expected 3 columns as in the header",
    ],
    "damaged.csv.gz": [f"damaged.csv.gz:1: {BROKEN_GZIP}", "fetch or pack the file again"],
    "doubled-column.csv": [
        "doubled-column.csv:1: output_tokens: got the column twice, expected each column once"
    ],
    "empty.csv": ["empty.csv:1: got an empty file, expected " + FORMATS],
    "endless-number.csv": [
        (
            "endless-number.csv:3: input_tokens: got '99999999999999999999999999', expected at most "
            "10,000,000 tokens"
        )
    ],
    "goes-back.csv": [
        (
            "goes-back.csv:4: arrival_s: got an arrival that goes back 3.2 s, expected rows in order "
            "of time (sort the file, or skip bad rows)"
        )
    ],
    "half-token.csv": [f"half-token.csv:2: input_tokens: got '10.5', {COUNT}"],
    "header-only.csv": ["header-only.csv: got no usable request, expected at least one request"],
    "huge-tokens.csv": [
        "huge-tokens.csv:3: input_tokens: got '1000000000', expected at most 10,000,000 tokens"
    ],
    "infinite-time.csv": [
        "infinite-time.csv:3: arrival_s: got 'inf', expected seconds, such as 12.5"
    ],
    "metrics.csv": [
        (
            "metrics.csv:1: got measurements over time, expected requests: take the request file of "
            "the same data set"
        )
    ],
    "mooncake-fields.jsonl": [
        f'mooncake-fields.jsonl:2: timestamp: got "later", {TIME}',
        f"mooncake-fields.jsonl:3: input_length: got true, {COUNT}",
    ],
    "mooncake-infinite.jsonl": [
        f"mooncake-infinite.jsonl:2: input_length: got Infinity, {COUNT}",
        f"mooncake-infinite.jsonl:3: output_length: got nothing, {COUNT}",
    ],
    "mooncake-no-json.jsonl": [
        "mooncake-no-json.jsonl:2: got 'not json', expected one JSON object per line",
        "mooncake-no-json.jsonl:3: got '[1, 2]', expected one JSON object per line",
    ],
    "misspelt-column.csv": [
        "misspelt-column.csv:1: got a file that starts 'arrival_s,input_token,output_tokens'",
        "(for loadbank-csv it lacks 'input_tokens')",
    ],
    "nan-time.csv": ["nan-time.csv:3: arrival_s: got 'nan', expected seconds, such as 12.5"],
    "negative-time.csv": [
        (
            "negative-time.csv:2: arrival_s: got '-1.5', expected a time at or after the start of the "
            "trace"
        )
    ],
    "negative-tokens.csv": [f"negative-tokens.csv:3: input_tokens: got '-3', {COUNT}"],
    "not-gzip.csv.gz": [f"not-gzip.csv.gz:1: {BROKEN_GZIP}"],
    "nul-bytes.csv": ["nul-bytes.csv:1: got a binary file, expected UTF-8 text, plain or gzip"],
    "open-quote.csv": ["open-quote.csv:3: got 1, expected 3 columns as in the header"],
    "semicolons.csv": [
        "semicolons.csv:1: got a file that starts 'arrival_s;input_tokens;output_tokens', expected",
        "(separate the columns by commas)",
    ],
    "session-fields.json": [
        f"session-fields.json:1: session-fields.requests[1].t: got null, {TIME}",
        f'session-fields.json:1: session-fields.requests[0].in: got "many", {COUNT}',
    ],
    "session-without-requests.json": [
        "session-without-requests.json:1: session-without-requests.json: got something else, expected"
    ],
    "snapshot.parquet": [
        "snapshot.parquet: got a damaged Parquet file, expected a complete one",
        "expected a complete one",
    ],
    "truncated.csv.gz": [f"truncated.csv.gz:145: {BROKEN_GZIP}"],
    "unknown-header.csv": [
        "unknown-header.csv:1: got a file that starts 'when,prompt,answer', expected " + FORMATS
    ],
    "utf16.csv": ["utf16.csv:1: got a binary file, expected UTF-8 text, plain or gzip"],
    "words.csv": [
        f"words.csv:2: input_tokens: got 'ten', {COUNT}",
        f"words.csv:3: input_tokens: got '', {COUNT}",
        f"words.csv:4: input_tokens: got '0x10', {COUNT}",
    ],
    "workbook.xlsx": ["workbook.xlsx:1: got a binary file, expected UTF-8 text, plain or gzip"],
    "zero-tokens.csv": [
        "zero-tokens.csv:3: input_tokens: got '0', expected at least 1 token",
        "zero-tokens.csv:4: output_tokens: got '0', expected at least 1 token",
    ],
}


@pytest.mark.parametrize("name", sorted(path.name for path in FILES.iterdir()))
def test_broken_file(name):
    with pytest.raises(InputError) as caught:
        read_trace(FILES / name)
    message = str(caught.value).replace(f"{FILES}/", "")
    for part in EXPECTED[name]:
        assert part in message


def test_every_expectation_has_its_file():
    assert sorted(EXPECTED) == sorted(path.name for path in FILES.iterdir())
