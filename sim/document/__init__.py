"""YAML text to data with positions and units; every mistake of a file has its place."""
