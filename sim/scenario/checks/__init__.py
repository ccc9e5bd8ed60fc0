"""Checks of a scenario that go across its parts, one module per part."""
