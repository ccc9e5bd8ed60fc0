"""The facility: power from accelerator to grid, cooling, and what they do to serving."""
