"""What to simulate, validated and frozen: the schema of a scenario, its checks and its sources."""
