"""Fixtures for traces and randomness."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sim.traffic.trace import Trace, make_trace

HEADER = "arrival_s,input_tokens,output_tokens\n"


@pytest.fixture
def generator() -> np.random.Generator:
    """Return a seeded generator."""
    return np.random.default_rng(20_240_917)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a file and gives its path."""

    def write_file(text: str | bytes, name: str = "trace.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_file


@pytest.fixture
def ten_seconds() -> Trace:
    """Return ten requests at 0.5, 1.5, ... 9.5 s with rising lengths, observed for 10 s."""
    index = np.arange(10)
    return make_trace(index + 0.5, 100 + index, 1 + index, span_s=10.0)
