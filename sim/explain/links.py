"""The links of a topology: what they are, and jitter that is hardly meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sim import units
from sim.scenario.schema.topology import Topology

MOST_JITTER = 10.0  # multiples of the latency; beyond, somebody probably mistook a unit


def link_views(topology: Topology) -> Iterator[Mapping[str, Any]]:
    """Yield each link as plain values, in SI units."""
    for link in topology.links:
        yield {
            "from": link.start,
            "to": link.end,
            "latency_s": link.latency_s,
            "jitter_s": link.jitter_s,
            "bandwidth_bps": link.bandwidth_bps,
            "shared": link.shared,
            "egress_usd_per_gb": link.egress_usd_per_gb,
        }


def link_warnings(topology: Topology) -> Iterator[str]:
    """Yield a warning for each link whose jitter is far above its latency."""
    for link in topology.links:
        if link.jitter_s > MOST_JITTER * link.latency_s:
            jitter, latency = (units.render(t, units.TIME) for t in (link.jitter_s, link.latency_s))
            yield (
                f"link from {link.start} to {link.end}: a jitter of {jitter} is more than "
                f"{MOST_JITTER:g} times its latency of {latency}"
            )
