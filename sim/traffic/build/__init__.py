"""From a scenario to its demand."""
