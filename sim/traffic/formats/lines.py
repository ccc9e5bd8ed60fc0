"""Text files as chunks of whole lines, gzip, zstd or plain, in bounded memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from sim.errors import Problem, TraceError
from sim.reasons import unreadable

CHUNK_BYTES = 1 << 19  # the columns of one chunk stay in the processor cache
LONGEST_LINE_BYTES = 1 << 24
HEAD_BYTES = 1 << 16

_WANTED = "a readable trace file"
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class LineChunk:
    """Whole lines of a file.

    Attributes:
        first_line: number of the first line, from 1.
        data: the lines, each ended by one newline (also the last one, and never CRLF).
    """

    first_line: int
    data: bytes


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for reading and see through gzip and zstd, whatever its name ends in.

    Raises:
        TraceError: the file does not exist or cannot be opened.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
        if start == _ZSTD_MAGIC:
            import pyarrow as pa

            return cast(BinaryIO, pa.CompressedInputStream(pa.OSFile(str(path)), "zstd"))
        packed = start.startswith(_GZIP_MAGIC)
        return cast(BinaryIO, gzip.open(path, "rb")) if packed else path.open("rb")
    except OSError as error:
        raise TraceError([unreadable(path, error, _WANTED)]) from error


def file_head(path: Path) -> str:
    """Return the first lines of a file as text, for telling formats apart.

    Raises:
        TraceError: the file cannot be read, or is not text.
    """
    with open_bytes(path) as stream:
        source = _Source(stream, path)
        data = source.read(HEAD_BYTES, line=1)
    if b"\0" in data:
        raise TraceError([_not_text(path)])
    return data.removeprefix(_BYTE_ORDER_MARK).decode("utf-8", errors="replace")


def line_chunks(path: Path) -> Iterator[LineChunk]:
    """Yield the lines of a file, half a MiB at a time.

    Raises:
        TraceError: the file cannot be read, is a damaged gzip, or has a line without an end.
    """
    with open_bytes(path) as stream:
        source = _Source(stream, path)
        line, rest = 1, b""
        while block := source.read(CHUNK_BYTES, line):
            if line == 1 and not rest:
                block = block.removeprefix(_BYTE_ORDER_MARK)
            whole, newline, tail = block.rpartition(b"\n")
            if not newline:
                rest += tail
                _check_line_length(rest, path, line)
                continue
            yield LineChunk(line, _unix_ends(rest + whole + b"\n"))
            line += whole.count(b"\n") + 1
            rest = tail
        if rest:
            yield LineChunk(line, _unix_ends(rest + b"\n"))


class _Source:
    """Bytes of a stream; of a gzip that ends too early, what is there is handed out first."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self._read1 = cast(BufferedReader, stream).read1
        self._path = path
        self._damage: EOFError | None = None

    def read(self, size: int, line: int) -> bytes:
        """Return about ``size`` bytes, fewer at the end; ``line`` is named if this fails."""
        parts: list[bytes] = []
        missing = size
        while missing > 0 and self._damage is None:
            try:
                part = self._read1(missing)
            except EOFError as error:
                self._damage = error
            except (zlib.error, OSError) as error:
                raise TraceError([_damaged(self._path, error, line)]) from error
            else:
                if not part:
                    break
                parts.append(part)
                missing -= len(part)
        if self._damage is not None and not parts:
            raise TraceError([_damaged(self._path, self._damage, line)]) from self._damage
        return b"".join(parts)


def _damaged(path: Path, error: Exception, line: int) -> Problem:
    packed = isinstance(error, gzip.BadGzipFile) or getattr(error, "errno", 0) is None
    if isinstance(error, OSError) and not packed:
        return unreadable(path, error, _WANTED)
    kind = "gzip" if isinstance(error, (EOFError, zlib.error, gzip.BadGzipFile)) else "zstd"
    return Problem(
        path="",
        got=f"a {kind} stream that ends or breaks here",
        expected=f"a complete {kind} file",
        file=str(path),
        line=line,
        hint="fetch or pack the file again",
    )


def _unix_ends(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n") if b"\r" in data else data


def _check_line_length(rest: bytes, path: Path, line: int) -> None:
    if len(rest) > LONGEST_LINE_BYTES:
        got = f"a line of more than {LONGEST_LINE_BYTES >> 20} MiB"
        raise TraceError([Problem("", got, "one request per line", str(path), line)])


def _not_text(path: Path) -> Problem:
    return Problem(
        path="", got="a binary file", expected="UTF-8 text, plain or gzip", file=str(path), line=1
    )
