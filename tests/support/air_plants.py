"""Racks by method for tests of the physics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.facility.cooling.methods import AIR_METHODS, LIQUID_METHODS, NO_LIQUID, RackMethod
from sim.facility.cooling.racks import RackCooling, rack_cooling

SIX = ("perimeter", "contained", "in-row", "rear-door", "direct-to-chip", "immersion")


def rack_method(name, air="contained", share=None, **more):
    """Return how a rack is cooled by the name of a method."""
    if name in AIR_METHODS:
        return RackMethod(name, AIR_METHODS[name], **more)
    liquid = LIQUID_METHODS[name]
    if share is not None:
        liquid = replace(liquid, liquid_share=share)
    return RackMethod(name, AIR_METHODS["bath" if name == "immersion" else air], liquid, **more)


def by_share(share, **more):
    """Return how a rack is cooled that gives a share of its heat to liquid."""
    if share == 0.0:
        return RackMethod("contained", AIR_METHODS["contained"], NO_LIQUID, **more)
    return rack_method("direct-to-chip", share=share, **more)


def racks_of(methods, rated_w=40e3, accelerators=32.0, matrix=None) -> RackCooling:
    count = len(methods)
    row = np.zeros(count, int)
    full = np.full(count, float(rated_w))
    return rack_cooling(methods, full, np.full(count, float(accelerators)), row, matrix)
