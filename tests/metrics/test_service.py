"""Replicas in service over time, in bins."""

from __future__ import annotations

import pytest

from sim.metrics.service import ServiceLog


def test_replicas_are_counted_to_the_instant_at_which_they_come_and_go():
    """Two at first, none from 4 s to 7 s, then one: 10 s bins hold 2 x 4 + 3 = 11 and 10."""
    log = ServiceLog([2, 1], 10.0)
    log.changed(0, 4.0, 0)
    log.changed(0, 7.0, 1)
    found = log.integrals(20.0)
    assert found[0].tolist() == pytest.approx([11.0, 10.0])
    assert found[1].tolist() == pytest.approx([10.0, 10.0])
