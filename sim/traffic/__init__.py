"""Demand: trace readers, arrival processes, token lengths and the workloads made of them."""
