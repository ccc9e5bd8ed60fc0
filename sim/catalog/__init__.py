"""Accelerators, nodes, racks, models, regions: each number with source, kind and range."""
