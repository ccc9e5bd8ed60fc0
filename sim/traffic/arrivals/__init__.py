"""Arrival processes and rate profiles."""
