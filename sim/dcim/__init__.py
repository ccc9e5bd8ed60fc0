"""Inventories of real halls in, trend logs of simulated ones out."""
