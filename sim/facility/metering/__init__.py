"""Power meters: nodes, levels, limits and what is left under them."""
