"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """Return the folder of real traces and measurements beside the checkout, or skip."""
    if not SHARED.is_dir():
        pytest.skip("real traces and measurements (../shared/data) are not beside this checkout")
    return SHARED
