"""Routing: network paths, placement policies, the router."""
