"""The activity log as packed rows: an eighth of the memory of boxed floats, and cheaper to fill."""

from __future__ import annotations

from struct import Struct

import numpy as np

from sim.interfaces import ACTIVITY_COLUMNS, FloatArray

_ROW = Struct(f"{len(ACTIVITY_COLUMNS)}d")
_KV_TOKENS = ACTIVITY_COLUMNS.index("kv_tokens")
pack_row = _ROW.pack


def add_kv_tokens(row: bytes, tokens: float) -> bytes:
    """Return a packed row with more tokens in KV memory [tokens]."""
    values = list(_ROW.unpack(row))
    values[_KV_TOKENS] += tokens
    return pack_row(*values)


class ActivityBuffer(bytearray):
    """Collects activity rows, packed by `pack_row`, until somebody takes them.

    It is a bytearray, so that a replica adds a row by a call into C.
    """

    def take(self) -> FloatArray:
        """Return the rows so far, shape (n, 8), and forget them."""
        rows = np.frombuffer(bytes(self)).reshape(-1, len(ACTIVITY_COLUMNS))
        self.clear()
        return rows
