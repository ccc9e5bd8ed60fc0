"""Cooling: from the heat of racks to chillers, fans and water, and what happens when it stops."""
