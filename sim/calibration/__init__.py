"""Fits step-time and power coefficients to measurements, and scores the simulator against them."""
