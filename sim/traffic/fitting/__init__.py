"""A generator fitted to a trace, its statistics and goodness of fit."""
