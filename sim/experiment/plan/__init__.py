"""Plans: the cheapest fleet that satisfies every constraint."""
