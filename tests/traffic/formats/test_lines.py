"""Lines of text files: gzip, line ends, numbering, and files that never end a line."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest

from sim.errors import TraceError
from sim.traffic.formats import lines
from sim.traffic.formats.lines import file_head, line_chunks

TEXT = b"".join(b"%d,%d\n" % (i, i * i) for i in range(200_000))


def test_chunks_join_to_the_file_and_count_its_lines(write):
    chunks = list(line_chunks(write(TEXT)))
    assert len(chunks) > 3
    assert b"".join(chunk.data for chunk in chunks) == TEXT
    counted = 1
    for chunk in chunks:
        assert chunk.first_line == counted
        counted += chunk.data.count(b"\n")


@pytest.mark.parametrize(
    "stored",
    [
        TEXT[:-1],
        TEXT.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + TEXT,
        gzip.compress(TEXT),
        gzip.compress(TEXT[:1000]) + gzip.compress(TEXT[1000:]),
    ],
    ids=["no final newline", "CRLF", "byte order mark", "gzip", "two gzip members"],
)
def test_the_same_lines_however_they_are_stored(write, stored):
    path = write(stored, name="any.name")
    assert b"".join(chunk.data for chunk in line_chunks(path)) == TEXT
    assert file_head(path).startswith("0,0")


def test_an_empty_file_has_no_lines(write):
    assert list(line_chunks(write(b""))) == []
    assert file_head(write(b"")) == ""


def test_a_truncated_gzip_gives_its_lines_and_then_names_where_it_breaks(write):
    packed = gzip.compress(TEXT)
    path = write(packed[: len(packed) // 2])
    chunks = []
    with pytest.raises(TraceError, match="a gzip stream that ends or breaks here") as caught:
        chunks.extend(line_chunks(path))
    seen = sum(chunk.data.count(b"\n") for chunk in chunks)
    assert seen > 1000
    assert caught.value.problems[0].line == seen + 1


def test_a_line_without_an_end_stops_in_bounded_memory(write):
    bomb = write(gzip.compress(b"7" * 300_000_000, compresslevel=1))
    tracemalloc.start()
    with pytest.raises(TraceError, match="got a line of more than 16 MiB, expected one request"):
        list(line_chunks(bomb))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * lines.LONGEST_LINE_BYTES


def test_a_missing_file_and_a_folder_are_told_in_one_line(tmp_path):
    with pytest.raises(TraceError, match=r"none\.csv: got no such file or directory, expected"):
        list(line_chunks(tmp_path / "none.csv"))
    with pytest.raises(TraceError, match=r"got is a directory, expected a readable trace file"):
        file_head(tmp_path)
