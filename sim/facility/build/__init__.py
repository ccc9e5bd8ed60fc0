"""From a scenario to the facility of a run."""
