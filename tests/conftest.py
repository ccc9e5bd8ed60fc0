"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples each time, so that a failure is one of the change; fresh ones where asked for.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("fresh", deadline=None, print_blob=True)
settings.load_profile("fresh" if os.environ.get("LOADBANK_FRESH_EXAMPLES") else "same")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """Return the folder of real traces and measurements beside the checkout, or skip."""
    if not SHARED.is_dir():
        pytest.skip("real traces and measurements (../shared/data) are not beside this checkout")
    return SHARED
