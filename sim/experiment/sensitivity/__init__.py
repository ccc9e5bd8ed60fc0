"""Sensitivity: which uncertain number moves the answer."""
