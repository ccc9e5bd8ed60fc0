"""Messages on a pipe: a length, then as many bytes."""

from __future__ import annotations

from typing import BinaryIO

LENGTH_BYTES = 8


def write_frame(pipe: BinaryIO, content: bytes) -> None:
    """Write one message to a pipe."""
    pipe.write(len(content).to_bytes(LENGTH_BYTES, "little") + content)
    pipe.flush()


def read_frame(pipe: BinaryIO) -> bytes | None:
    """Return the next message of a pipe, or None where the other end is gone."""
    head = pipe.read(LENGTH_BYTES)
    length = int.from_bytes(head, "little")
    content = pipe.read(length) if len(head) == LENGTH_BYTES else b""
    return content if len(content) == length and head else None
